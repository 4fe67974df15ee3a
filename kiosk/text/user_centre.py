"""用户中心 in words: rows and facts of enterprise, operators, keys, payments and orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.member.views import MoneyKind, StoryStep
from kiosk.domain.feed import RegisteredState
from kiosk.domain.ledger import Delivery
from kiosk.domain.members import Review
from kiosk.domain.requests import DeliveryState, InvoiceState, ProposalState
from kiosk.labels import (
    DELIVERY_STATES,
    INVOICE_STATES,
    ORDER_KINDS,
    ORDER_STATUSES,
    PAID_HOW,
    PROPOSAL_STATES,
)
from kiosk.text.catalogue import N_
from kiosk.text.key_wording import days_line
from kiosk.text.money import yuan
from kiosk.text.proposals import DOCUMENTS
from kiosk.text.times import day, minute, period
from kiosk.text.wording import DELIVERIES, KEY_STATES, sentences

if TYPE_CHECKING:
    from kiosk.desk.member.views import (
        EnterpriseView,
        KeyValidity,
        MemberOrder,
        MoneyLine,
        OperatorView,
        OwnKey,
        StoryLine,
        UserCentreView,
    )
    from kiosk.desk.requests.views import ProposalView
    from kiosk.domain.feed import OpenOrder
    from kiosk.text.wording import Text

REVIEWS = {
    Review.APPROVED: N_("已通过"),
    Review.UNDER_REVIEW: N_("审核中"),
    Review.REFUSED: N_("未通过"),
}
_NOT_TOLD = N_("本机没有，请看网站")
_STEPS = {
    StoryStep.PLACED: N_("下单"),
    StoryStep.ASSIGNED: N_("转到本机办理"),
    StoryStep.PAID: N_("付款 {amount} 元"),
    StoryStep.RETURNED: N_("多付的 {amount} 元已原路退回"),
    StoryStep.ABANDONED: N_("这次绑定作废，key盘 {detail}"),
    StoryStep.ISSUED: N_("签发证书 {detail}"),
    StoryStep.BOUND: N_("绑定完成，key盘 {detail}"),
    StoryStep.DELIVERY_ASKED: N_("申请邮寄 {detail}"),
    StoryStep.MAILED: N_("寄出 {detail}"),
    StoryStep.MAILED_BACK: N_("退回 {detail}"),
    StoryStep.INVOICE_ASKED: N_("申请发票"),
    StoryStep.INVOICE_WITHDRAWN: N_("撤回发票申请"),
    StoryStep.INVOICE_ISSUED: N_("开出发票 {detail}"),
    StoryStep.CANCELLED: N_("订单取消"),
    StoryStep.EXPIRED: N_("订单过期"),
    StoryStep.REFUNDING: N_("正在退款 {amount} 元 {detail}"),
    StoryStep.REFUNDED: N_("已退款 {amount} 元 {detail}"),
    StoryStep.MOVED: N_("转到 {detail} 号终端机办理"),
}
_MONEY = {
    MoneyKind.PAID: N_("缴费"),
    MoneyKind.RETURNED: N_("多付退回"),
    MoneyKind.REFUNDING: N_("退款中"),
    MoneyKind.REFUNDED: N_("已退款"),
}
_REGISTRATIONS = {
    None: N_("联网登记后可登录"),
    RegisteredState.LISTED: N_("证书已登记，现在就可以登录。"),
}
_ASK_STAFF = N_("证书暂时不能用来登录，请找工作人员。")

Fact = tuple[str, str]


def validity_words(t: Text, key: KeyValidity) -> str:
    """The state of a key, until when it is valid, and how long that is."""
    state = t(KEY_STATES[key.state])
    if key.ends_at is None:
        return state
    words = t("{state}，到期日 {end}", state=state, end=day(key.ends_at))
    return (
        words
        if key.days_left is None
        else t("{words}，{left}", words=words, left=days_line(t, key.days_left))
    )


def enterprise_summary(t: Text, enterprise: EnterpriseView) -> str:
    """The enterprise in a line."""
    waiting = sum(each.review is Review.UNDER_REVIEW for each in enterprise.operators)
    waiting += sum(each.state is ProposalState.UNDER_REVIEW for each in enterprise.proposals)
    words = t(
        "{review}，{count} 位交易员", review=t(REVIEWS[enterprise.review]), count=len(enterprise.operators)
    )
    return t("{words}，{waiting} 位审核中", words=words, waiting=waiting) if waiting else words


def money_summary(t: Text, money: tuple[MoneyLine, ...]) -> str:
    """The payments in a line."""
    paid = [each for each in money if each.kind is MoneyKind.PAID]
    times = [each.time for each in paid if each.time is not None]
    if not times:
        return t("没有缴费记录")
    return t("{count} 笔，最近一笔 {day}", count=len(paid), day=day(max(times)))


def orders_summary(t: Text, view: UserCentreView) -> str:
    """The orders in a line."""
    going_on = sum(each.can_go_on for each in view.orders)
    words = t("{count} 笔", count=len(view.orders)) if view.orders else t("没有订单")
    return t("{words}，{going_on} 笔没办完", words=words, going_on=going_on) if going_on else words


def operator_row(t: Text, operator: OperatorView, own: str) -> tuple[str, ...]:
    """An operator in a row of columns."""
    name = t("{name}（本人）", name=operator.name) if operator.account == own else operator.name
    key = operator.key
    left = "" if key.days_left is None else days_line(t, key.days_left)
    end = "" if key.ends_at is None else day(key.ends_at)
    validity = "  ".join(filter(None, (t(KEY_STATES[key.state]), end, left)))
    return operator.account, name, t(REVIEWS[operator.review]), validity


def operator_facts(t: Text, operator: OperatorView) -> list[Fact]:
    """What any operator of the enterprise may see of another."""
    missing = t(_NOT_TOLD)
    return [
        (t("登录账号"), operator.account),
        (t("姓名"), operator.name),
        (t("审核"), t(REVIEWS[operator.review])),
        (t("有效证件类型"), missing if operator.document is None else t(DOCUMENTS[operator.document])),
        (t("有效证件号码"), operator.document_number or missing),
        (t("绑定手机"), operator.phone or missing),
        (t("法人授权书"), t("已交") if operator.authorised else missing),
        (t("key盘状态"), validity_words(t, operator.key)),
    ]


def own_key_facts(t: Text, own: OwnKey) -> list[Fact]:
    """What only its owner sees of a key."""
    if own.key is None:
        return []
    return [
        (t("序列号"), own.key.token_serial),
        (t("证书"), own.key.number),
        (t("有效期"), period(own.key.not_before, own.key.not_after)),
    ]


def own_key_notes(t: Text, own: OwnKey) -> str:
    """What was renewed, and whether the key works already."""
    if own.key is None or not own.issued_here:
        return ""
    renewed = ""
    if own.former_end is not None:
        renewed = t(
            "续期成功后请核验有效期：原到期日 {old}，现在到 {end}。",
            old=day(own.former_end),
            end=day(own.key.not_after),
        )
    return sentences(renewed, t(_REGISTRATIONS.get(own.registration, _ASK_STAFF)))


def proposal_row(t: Text, proposal: ProposalView) -> str:
    """A proposed operator in a line."""
    state = t(PROPOSAL_STATES[proposal.state])
    about = "  ".join(filter(None, (proposal.name, proposal.document, proposal.phone)))
    return t("申请添加的交易员：{state}  {about}", state=state, about=about)


def proposal_facts(t: Text, proposal: ProposalView) -> list[Fact]:
    """A proposed operator."""
    facts = [
        (t("审核"), t(PROPOSAL_STATES[proposal.state])),
        (t("姓名"), proposal.name or t(_NOT_TOLD)),
        (t("有效证件号码"), proposal.document or t(_NOT_TOLD)),
        (t("绑定手机"), proposal.phone or t(_NOT_TOLD)),
    ]
    if proposal.new_account:
        facts.append((t("登录账号"), proposal.new_account))
    return facts


def money_row(t: Text, line: MoneyLine) -> tuple[str, str]:
    """A payment in two lines: day, kind and amount by what; order and transaction."""
    goes_back = line.kind is not MoneyKind.PAID
    amount = yuan(-line.amount if goes_back else line.amount)
    how = "" if line.how is None else t(PAID_HOW[line.how])
    first = (
        "----------" if line.time is None else day(line.time),
        t(ORDER_KINDS[line.order_kind]),
        t("{amount} 元", amount=amount),
        t(_MONEY[line.kind]),
        how,
    )
    second = t("订单 {number}", number=line.order_number)
    if line.transaction:
        second = t("{order}  交易单号 {transaction}", order=second, transaction=line.transaction)
    return "  ".join(filter(None, first)), f"            {second}"


def delivery_words(t: Text, shown: MemberOrder) -> str:
    """Where the key's way to the member stands; empty where nothing is delivered."""
    delivery = shown.requests.delivery
    if delivery is None:
        chosen = shown.order.delivery
        if chosen is None:
            return ""
        return t("邮寄，还没有填地址") if chosen is Delivery.MAIL else t(DELIVERIES[chosen])
    words = t(DELIVERY_STATES[delivery.state])
    if delivery.state is DeliveryState.ASKED:
        return "  ".join(filter(None, (words, delivery.recipient, delivery.region)))
    sent = "  ".join(filter(None, (words, delivery.carrier, delivery.tracking)))
    return "  ".join(filter(None, (sent, delivery.reason)))


def invoice_words(t: Text, shown: MemberOrder) -> str:
    """Where the invoice stands; empty where none was asked for."""
    invoice = shown.requests.invoice
    if invoice is None:
        return ""
    about = invoice.number if invoice.state is InvoiceState.ISSUED else invoice.email
    return "  ".join(filter(None, (t(INVOICE_STATES[invoice.state]), about)))


def order_row(t: Text, shown: MemberOrder) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """An order in a row of columns, and lines below it for delivery and invoice, where there is anything to say."""
    order = shown.order
    first = (
        order.order_number,
        t(ORDER_KINDS[order.kind]),
        yuan(order.total),
        day(order.placed_at),
        t(ORDER_STATUSES[order.status]),
    )
    delivery, invoice = delivery_words(t, shown), invoice_words(t, shown)
    second = (
        t("邮寄：{words}", words=delivery) if shown.requests.delivery is not None else "",
        t("发票：{words}", words=invoice) if invoice else "",
    )
    return first, tuple(filter(None, second))


def elsewhere_row(t: Text, order: OpenOrder, number: str) -> str:
    """An open order at another kiosk."""
    state = t("已付款，待绑定") if order.paid or order.centre_holds_money else t("待付款")
    return t(
        "{number}  {kind}  {state}，在 {kiosk} 号终端机办理",
        number=number,
        kind=t(ORDER_KINDS[order.order_kind]),
        state=state,
        kiosk=order.kiosk,
    )


def story_row(t: Text, line: StoryLine) -> str:
    """A step of an order's story."""
    words = t(_STEPS[line.step], amount=yuan(line.amount), detail=line.detail).rstrip()
    if line.how is not None:
        words = f"{words}  {t(PAID_HOW[line.how])}"
    return f"{day(line.time)} {minute(line.time)[-5:]}  {words}" if line.time else f"{'':18}{words}"
