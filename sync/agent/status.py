"""What the agent knows of its dealings with the centre, from the database alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.journal import short_hash
from kiosk.domain.validity import CHINA_TIME
from kiosk.store.agent_state import LinkTrouble
from sync.agent.push import backlog

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction


class Status(msgspec.Struct, frozen=True):
    """Times in UTC seconds; `tip` is the journal's last sequence, `tip_hash` eight hex digits of its hash."""

    kiosk: int | None
    epoch: int | None
    tip: int
    tip_hash: str
    high_water: int
    backlog: int
    last_contact: int | None
    last_attempt: int | None
    error: str
    trouble: LinkTrouble | None
    quarantined: bool
    feed_cursor: int
    policy: int | None
    policy_valid_until: int | None
    disputes: tuple[str, ...]
    kept_items: tuple[str, ...]
    receipts_waiting: int


def status(tx: Transaction) -> Status:
    """The agent's status. Raises StoreCorrupt."""
    identity, tip, state = tx.identity, tx.journal.tip(), tx.agent.get()
    signed = tx.feed.signed_policy()
    policy = None if signed is None else signed.read()
    return Status(
        kiosk=None if identity is None else identity.kiosk,
        epoch=None if identity is None else identity.epoch,
        tip=0 if tip is None else tip.sequence,
        tip_hash="" if tip is None else short_hash(tip.hash),
        high_water=state.high_water,
        backlog=backlog(tx),
        last_contact=state.last_contact,
        last_attempt=state.last_attempt,
        error=state.error,
        trouble=state.trouble,
        quarantined=state.quarantined,
        feed_cursor=tx.feed.cursor(),
        policy=None if policy is None else policy.number,
        policy_valid_until=None if policy is None else policy.valid_until,
        disputes=tuple(
            f"{each.raised.sequence} {each.raised.account} {each.raised.reason} {each.raised.subject}"
            for each in tx.feed.disputes()
        ),
        kept_items=tuple(f"{each.number} {each.problem}" for each in tx.feed.kept()),
        receipts_waiting=len(tx.print_queue.waiting()),
    )


_TROUBLES = {
    LinkTrouble.UNKNOWN_AUTHORITY: "中心的TLS证书不是本机信任的机构签发的，检查 [centre] 的 certificate_authority",
    LinkTrouble.EXPIRED: "中心的TLS证书已过期，请中心更换；也可能是本机时钟不对",
    LinkTrouble.NOT_YET_VALID: "中心的TLS证书还没有生效；也可能是本机时钟不对",
    LinkTrouble.ANOTHER_HOST: "中心的TLS证书不是这个地址的，检查 [centre] 的 url",
    LinkTrouble.NO_TLS: "那个地址不是 https，检查 [centre] 的 url",
    LinkTrouble.REFUSED: "中心的TLS证书不成立",
}


def _why(report: Status) -> str:
    return report.error if report.trouble is None else _TROUBLES[report.trouble]


def china_time(time: int | None) -> str:
    """A time (UTC seconds) as people read it: China time to the second."""
    if time is None:
        return "从未"
    return datetime.fromtimestamp(time, UTC).astimezone(CHINA_TIME).strftime("%Y-%m-%d %H:%M:%S")


def status_lines(report: Status) -> list[str]:
    """The status in Chinese, one fact a line."""
    lines = [
        f"终端      {'未登记' if report.kiosk is None else f'{report.kiosk} 号，第 {report.epoch} 期'}",
        f"日志      第 {report.tip} 条 {report.tip_hash}",
        f"已上传    到第 {report.high_water} 条，待上传 {report.backlog} 条",
        f"最近联网  {china_time(report.last_contact)}",
        f"资料游标  {report.feed_cursor}",
        f"授权策略  {'无' if report.policy is None else f'{report.policy} 号，至 {china_time(report.policy_valid_until)}'}",
        f"待打凭条  {report.receipts_waiting} 张",
    ]
    if report.error:
        lines.append(f"网络      {china_time(report.last_attempt)} 未连上：{_why(report)}")
    if report.quarantined:
        lines.append("注意      本终端已被中心停用，上传的内容另行存放")
    lines += [f"争议      {each}" for each in report.disputes]
    lines += [f"未能应用  {each}" for each in report.kept_items]
    return lines
