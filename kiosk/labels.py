"""What orders, price lines, certificates and matters are called, once for screens, receipts, pages and console.

The centre imports these and not kiosk.text; the marker for the catalogue stands here for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kiosk.domain.feed_keys import RowName, name_in_key
from kiosk.domain.fees import FeeItem, OrderKind
from kiosk.domain.identifiers import number_in
from kiosk.domain.inapplicable import InapplicableReason, parse_problem
from kiosk.domain.ledger import CertificateStatus, OrderStatus, PaidHow
from kiosk.domain.nights import NightlyFinding, NightStep
from kiosk.domain.personal import PersonalKind
from kiosk.domain.remarks import RemarkReason
from kiosk.domain.requests import DeliveryState, InvoiceState, ProposalState


def N_(message: str) -> str:  # noqa: N802 - gettext's customary name for a marker
    """Mark a sentence for the catalogue without looking it up."""
    return message


ORDER_KINDS = {
    OrderKind.NEW: N_("新办key盘"),
    OrderKind.REPLACEMENT: N_("补办key盘"),
    OrderKind.RENEWAL: N_("key盘续期"),
}
FEE_ITEMS = {
    FeeItem.TOKEN: N_("国产密钥"),
    FeeItem.CERTIFICATE: N_("证书费用"),
    FeeItem.SERVICE: N_("服务费"),
}
ORDER_STATUSES = {
    OrderStatus.PLACED: N_("待付款"),
    OrderStatus.PAID: N_("已付款，待绑定"),
    OrderStatus.BOUND: N_("已绑定"),
    OrderStatus.CANCELLED: N_("已取消"),
    OrderStatus.EXPIRED: N_("已过期"),
    OrderStatus.REFUNDING: N_("退款中"),
    OrderStatus.REFUNDED: N_("已退款"),
}
PAID_HOW = {
    PaidHow.FEED: N_("扫码支付，已到账"),
    PaidHow.CODE: N_("扫码支付，凭确认码"),
    PaidHow.SCAN: N_("扫码支付，凭确认二维码"),
    PaidHow.DESK: N_("扫码支付，工作人员核实"),
}
CERTIFICATE_STATUSES = {
    CertificateStatus.ISSUED: N_("已签发，未绑定"),
    CertificateStatus.BOUND: N_("已绑定，待登记"),
    CertificateStatus.HELD: N_("暂缓登记"),
    CertificateStatus.VALID: N_("有效"),
    CertificateStatus.ON_HOLD: N_("已挂失"),
    CertificateStatus.REVOKED: N_("已吊销"),
    CertificateStatus.VOID: N_("已作废"),
}
DELIVERY_STATES = {
    DeliveryState.ASKED: N_("待寄出"),
    DeliveryState.MAILED: N_("已寄出"),
    DeliveryState.RETURNED: N_("已退回"),
}
INVOICE_STATES = {
    InvoiceState.ASKED: N_("待开票"),
    InvoiceState.WITHDRAWN: N_("已撤回"),
    InvoiceState.ISSUED: N_("已开票"),
}
PROPOSAL_STATES = {
    ProposalState.UNDER_REVIEW: N_("审核中"),
    ProposalState.WITHDRAWN: N_("已撤回"),
    ProposalState.APPROVED: N_("已通过"),
    ProposalState.REFUSED: N_("未通过"),
}
REMARK_REASONS: dict[str, str] = {
    RemarkReason.ORDER_EXISTS.value: N_("订单号已存在"),
    RemarkReason.ORDER_UNKNOWN.value: N_("终端机的日志里没有这个订单"),
    RemarkReason.ORDER_OPEN_ALREADY.value: N_("已有未完成的同类订单"),
    RemarkReason.ORDER_IN_ANOTHER_STATE.value: N_("订单状态不符"),
    RemarkReason.ORDER_OF_ANOTHER_KIOSK.value: N_("订单属于其他终端机"),
    RemarkReason.NOT_THE_OWNER.value: N_("订单已移交，原终端机又有记录"),
    RemarkReason.ASSIGNMENT_UNPROVEN.value: N_("接收订单，却没有移交记录"),
    RemarkReason.HANDOVER_DIFFERS.value: N_("移交次数不符"),
    RemarkReason.MONEY_TOLD_BY_ANOTHER.value: N_("收款不是订单所属的终端机报的"),
    RemarkReason.AMOUNT_DIFFERS.value: N_("金额不符"),
    RemarkReason.PRICE_DIFFERS.value: N_("价格与收费表不符"),
    RemarkReason.BINDING_IN_ANOTHER_STEP.value: N_("绑定步骤不符"),
    RemarkReason.ANOTHER_TOKEN.value: N_("不是登记的key盘"),
    RemarkReason.ECHO_DIFFERS.value: N_("与下发的资料不符"),
    RemarkReason.ECHOED_ALREADY.value: N_("下发的资料已入账过"),
    RemarkReason.CERTIFICATE_EXISTS.value: N_("证书号已存在"),
    RemarkReason.CERTIFICATE_DIFFERS.value: N_("证书与登记不符"),
    RemarkReason.CERTIFICATE_OF_ANOTHER_KIOSK.value: N_("证书号属于其他终端机"),
    RemarkReason.CERTIFICATE_UNKNOWN.value: N_("没有绑定过这张证书"),
    RemarkReason.CERTIFICATE_HELD.value: N_("暂缓登记"),
    RemarkReason.PREDECESSOR_SUCCEEDED.value: N_("原证书已被续期或补办"),
    RemarkReason.ANOTHER_CERTIFICATE_VALID.value: N_("已有其他有效证书"),
    RemarkReason.NOT_THE_EXCHANGE.value: N_("只有中心可以这样决定"),
    RemarkReason.BEYOND_POLICY.value: N_("超出策略"),
    RemarkReason.AMOUNT_BEYOND_POLICY.value: N_("未同步收款超出策略"),
    RemarkReason.LOSSES_BEYOND_POLICY.value: N_("一天内挂失过多"),
    RemarkReason.HOLD_KEPT.value: N_("解除挂失未生效"),
    RemarkReason.MONEY_RETURNED.value: N_("钱已退回，又办理绑定"),
    RemarkReason.SIGNATURE_WRONG.value: N_("证书不属实"),
    RemarkReason.REQUEST_OF_ANOTHER_KIOSK.value: N_("邮寄或发票申请的订单不属于这台终端机或这个账号"),
    RemarkReason.DELIVERY_SENT.value: N_("key盘已经寄出，又要更改邮寄"),
    RemarkReason.DELIVERY_NOT_SENT.value: N_("key盘没有寄出过，却退回了"),
    RemarkReason.INVOICE_ISSUED.value: N_("发票已经开出，又要更改"),
    RemarkReason.INVOICE_NOT_ASKED.value: N_("没有发票申请"),
    RemarkReason.PROPOSAL_EXISTS.value: N_("交易员申请已存在"),
    RemarkReason.PROPOSAL_UNKNOWN.value: N_("没有这个交易员申请"),
    RemarkReason.PROPOSAL_DECIDED.value: N_("交易员申请已有结果"),
    RemarkReason.UNREADABLE.value: N_("记录不可读"),
}
INAPPLICABLE_REASONS = {
    InapplicableReason.UNKNOWN_KIND: N_("终端机的程序不认识这种资料"),
    InapplicableReason.MALFORMED: N_("内容读不懂"),
    InapplicableReason.SIGNATURE_WRONG: N_("中心的签名不成立"),
    InapplicableReason.FOR_ANOTHER_KIOSK: N_("是给别的终端机的"),
    InapplicableReason.SUPERSEDED: N_("已有更新的"),
    InapplicableReason.ORDER_UNKNOWN: N_("终端机没有这笔订单"),
    InapplicableReason.ORDER_IN_ANOTHER_STATE: N_("订单状态不符"),
    InapplicableReason.ORDER_OF_ANOTHER_KIOSK: N_("订单属于其他终端机"),
    InapplicableReason.CONTRADICTS_RECORD: N_("与终端机的记录不符"),
    InapplicableReason.CERTIFICATE_UNKNOWN: N_("终端机没有这张证书"),
    InapplicableReason.ARRIVES_TOO_EARLY: N_("要先有的记录还没有到"),
    InapplicableReason.TOLD_OTHERWISE: N_("与先前下发的不一致"),
    InapplicableReason.STRICTER_HOLDS: N_("两份资料不一致，按较严的执行"),
}

ROW_NAMES = {
    RowName.ENTERPRISE: N_("会员企业"),
    RowName.OPERATOR: N_("操作员"),
    RowName.STAFF: N_("柜台人员"),
    RowName.SCHEDULE: N_("收费表"),
    RowName.POLICY: N_("策略"),
    RowName.KEY: N_("账号的key盘"),
    RowName.REGISTERED: N_("证书登记情况"),
    RowName.OPEN_ORDERS: N_("账号未完成的订单"),
    RowName.AUDIENCES: N_("接收范围"),
    RowName.ORDER_ASSIGNED: N_("分配订单"),
    RowName.ORDER_MOVED: N_("订单移交"),
    RowName.PAYMENT: N_("收款确认"),
    RowName.REFUND_ASKED: N_("要求退款"),
    RowName.REFUND_PAID: N_("已退款"),
    RowName.PAYMENT_RETURNED: N_("多付已退回"),
    RowName.REVOCATION: N_("吊销证书"),
    RowName.REGISTER_DECIDED: N_("证书处理决定"),
    RowName.MATTER: N_("待办事项"),
    RowName.DELIVERY: N_("邮寄情况"),
    RowName.INVOICE: N_("发票情况"),
    RowName.PROPOSAL: N_("添加的交易员"),
    RowName.ERASURE: N_("删除个人资料"),
}

NIGHT_STEPS: dict[str, str] = {
    NightStep.DRAIN.value: N_("上传和接收"),
    NightStep.PAGES.value: N_("数据页检查"),
    NightStep.VERIFY.value: N_("日志校验"),
    NightStep.BACKUP.value: N_("备份"),
    NightStep.PRUNE.value: N_("清理"),
    NightStep.EXPIRING.value: N_("快到期的key盘"),
}
NIGHT_FINDINGS: dict[str, str] = {
    NightlyFinding.CENTRE_NOT_REACHED.value: N_("没有连上中心"),
    NightlyFinding.CENTRE_REFUSES.value: N_("中心拒绝了本机"),
    NightlyFinding.STEP_FAILED.value: N_("「{step}」没有做成"),
    NightlyFinding.BACKLOG.value: N_("还有 {count} 条日志待上传"),
    NightlyFinding.PAGES_DAMAGED.value: N_("数据库有 {count} 处损坏"),
    NightlyFinding.JOURNAL_UNSOUND.value: N_("日志校验未通过"),
    NightlyFinding.TIPS_DIFFER.value: N_("本机日志与中心的不一致"),
    NightlyFinding.QUARANTINED.value: N_("本机已被中心停用"),
    NightlyFinding.MATTERS.value: N_("有 {count} 项待办事项"),
    NightlyFinding.UNAPPLIED.value: N_("有 {count} 项中心下发的资料未能应用"),
    NightlyFinding.RECEIPTS_WAITING.value: N_("有 {count} 张凭条待打印"),
    NightlyFinding.NAMES_REFUSED.value: N_("有 {count} 个登记的名称里有不能用的字"),
    NightlyFinding.PRUNING_HELD.value: N_("有订单超过日志的保留期还没有办完，更早的日志才能清理"),
    NightlyFinding.PRUNING_REFUSED.value: N_("旧日志没有清理：日志快照没有得到中心确认"),
    NightlyFinding.RECORDS_BROKEN.value: N_("有 {count} 份个人资料读不出来"),
}
PERSONAL_KINDS: dict[str, str] = {
    PersonalKind.DELIVERY.value: N_("收件地址"),
    PersonalKind.INVOICE.value: N_("发票资料"),
    PersonalKind.OPERATOR.value: N_("交易员资料"),
}

_STATUSES = {status.value: name for status, name in ORDER_STATUSES.items()}


def row_label(key: str, t: Callable[..., str]) -> str:
    """What the feed's row of that key is about: its name, and the order's number, certificate, account or person."""
    name, rest = name_in_key(key), key.split("/")[1:]
    if name is None:
        return key
    if name is RowName.MATTER and rest:
        rule, *subject = rest
        about = f"{_named(rule, REMARK_REASONS, t)} {number_in('/'.join(subject))}"
    else:
        about = number_in(rest[0]) if rest else ""
    return f"{t(ROW_NAMES[name])} {about}".rstrip()


def night_finding(kind: str, count: int, step: str, t: Callable[..., str]) -> str:
    """What a nightly run found; what has no name here stays as it came."""
    if kind not in NIGHT_FINDINGS:
        return kind
    # a run that could not read its own status has no step for it
    name = _named(step, NIGHT_STEPS, t) if step else t(N_("状态"))
    return t(NIGHT_FINDINGS[kind], count=count, step=name)


def why_unapplied(problem: str, t: Callable[..., str]) -> tuple[str, str]:
    """Why a row of the feed was not applied, and the detail, which may be empty; what has no name stays as it came."""
    reason, detail = parse_problem(problem)
    if reason is None:
        return t(N_("原因不明")), detail
    first, _, second = detail.partition(" ")
    match reason:
        case InapplicableReason.CONTRADICTS_RECORD:
            detail = f"{_named(first, REMARK_REASONS, t)} {number_in(second)}"
        case InapplicableReason.ORDER_IN_ANOTHER_STATE:
            detail = f"{number_in(first)} {_named(second, _STATUSES, t)}"
        case InapplicableReason.ORDER_OF_ANOTHER_KIOSK:
            detail = t(N_("{number}，{kiosk} 号终端机"), number=number_in(first), kiosk=second)
        case InapplicableReason.ORDER_UNKNOWN | InapplicableReason.ARRIVES_TOO_EARLY:
            detail = number_in(detail)
        case _:
            pass
    return t(INAPPLICABLE_REASONS[reason]), detail


def _named(value: str, names: Mapping[str, str], t: Callable[..., str]) -> str:
    return t(names[value]) if value in names else value
