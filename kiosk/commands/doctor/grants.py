"""What lets an enrolled desk take orders and issue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kiosk.commands.doctor.checks import Check, Level
from kiosk.desk.authority import amount_left, certificates_left, issuer_end, policy_of
from kiosk.desk.errors import DeskRefused
from kiosk.domain.fees import OrderKind, schedule_at, total
from kiosk.domain.members import Role
from kiosk.domain.validity import add_years
from kiosk.text.failures import Text
from kiosk.text.hindrances import OUT_OF_USE
from kiosk.text.money import yuan
from kiosk.text.times import moment

if TYPE_CHECKING:
    from kiosk.domain.policy import Policy
    from kiosk.store.transaction import Transaction


def grants(tx: Transaction, now: int, text: Text) -> Iterator[Check]:
    """What lets an enrolled desk take orders and issue at `now` (UTC seconds)."""
    if tx.agent.get().is_out_of_use:
        found, advice = OUT_OF_USE
        yield Check(text("授权"), Level.FAILED, text(found), text(advice))
        return
    try:
        policy = policy_of(tx)
    except DeskRefused:
        yield Check(text("授权"), Level.FAILED, text("没有中心的授权"), text("联网，运行 keydesk-sync run"))
        return
    yield _policy(tx, policy, now, text)
    yield _issuer(tx, policy, now, text)
    yield _prices(tx, now, text)
    yield _members(tx, text)
    yield _supervisors(tx, text)


def _policy(tx: Transaction, policy: Policy, now: int, text: Text) -> Check:
    name, until = text("授权"), moment(policy.valid_until)
    if now > policy.valid_until:
        found = text("第 {number} 号已于 {until} 到期", number=policy.number, until=until)
        return Check(name, Level.FAILED, found, text("联网更新；中心没有续期的，请联系中心"))
    certificates, amount = certificates_left(tx, policy), amount_left(tx, policy)
    found = text(
        "第 {number} 号，至 {until}；上传前还可发证 {certificates} 张、收款 {amount} 元",
        number=policy.number,
        until=until,
        certificates=certificates,
        amount=yuan(max(0, amount)),
    )
    if certificates == 0 or amount < _least_price(tx, now):
        return Check(name, Level.FAILED, found, text("离线额度用完了，联网上传后恢复"))
    return Check(name, Level.WORKS, found)


def _least_price(tx: Transaction, now: int) -> int:
    schedule = schedule_at(tx.feed.schedules(), now)
    return 0 if schedule is None else min(total(schedule.lines(kind)) for kind in OrderKind)


def _issuer(tx: Transaction, policy: Policy, now: int, text: Text) -> Check:
    name = text("本机签发CA")
    try:
        end = issuer_end(tx)
    except DeskRefused:
        return Check(name, Level.FAILED, text("没有"), text("运行 keydesk-sync enrol --token 令牌"))
    if add_years(now, policy.certificate_years) > end:
        found = text(
            "至 {until}，不够再发 {years} 年的证书", until=moment(end), years=policy.certificate_years
        )
        return Check(name, Level.FAILED, found, text("请中心换发本机的签发证书"))
    return Check(name, Level.WORKS, text("至 {until}", until=moment(end)))


def _prices(tx: Transaction, now: int, text: Text) -> Check:
    name, schedule = text("收费标准"), schedule_at(tx.feed.schedules(), now)
    if schedule is None:
        advice = text("在中心的控制台增加「收费表」；中心已有的，联网，运行 keydesk-sync run")
        return Check(name, Level.FAILED, text("没有生效的收费标准"), advice)
    return Check(name, Level.WORKS, text("第 {number} 号", number=schedule.number))


def _members(tx: Transaction, text: Text) -> Check:
    name, operators = text("会员"), tx.members.counts().operators
    if not operators:
        advice = text("在中心的控制台增加「会员企业」和「操作员」；中心已有的，看它服务哪些终端机")
        return Check(name, Level.MISSING, text("没有操作员，谁也不能办理"), advice)
    return Check(name, Level.WORKS, text("操作员 {operators} 名", operators=operators))


def _supervisors(tx: Transaction, text: Text) -> Check:
    name = text("主管")
    able = [
        each.name for each in tx.members.all_staff() if each.role is Role.SUPERVISOR and each.verifier.strip()
    ]
    if not able:
        advice = text("在中心的控制台增加「柜台人员」，岗位选「主管」，设好密码")
        return Check(name, Level.MISSING, text("没有能登录的主管，谁也不能担保收款、退款"), advice)
    return Check(name, Level.WORKS, text("{count} 名", count=len(able)))
