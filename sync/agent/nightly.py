"""The nightly run: everything up, everything down, the journal proved, and a report of what is left for people."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, assert_never

import msgspec

from kiosk.store.verify import Verification, verify
from sync.agent.alignment import NothingMissing
from sync.agent.context import Agent, contact_failed
from sync.agent.errors import AgentError, HistoryForked, RequestRefused
from sync.agent.heartbeat import heartbeat
from sync.agent.positions import compared
from sync.agent.pull import PullReport, pull, retry_kept
from sync.agent.push import PushReport, push
from sync.agent.status import Status, status, status_lines

if TYPE_CHECKING:
    from kiosk.domain.journal import Tip


class Trouble(enum.StrEnum):
    """What the night leaves for people."""

    CENTRE_NOT_REACHED = "centre-not-reached"
    CENTRE_REFUSES = "centre-refuses"
    BACKLOG = "backlog"
    JOURNAL_UNSOUND = "journal-unsound"
    TIPS_DIFFER = "tips-differ"
    QUARANTINED = "quarantined"
    DISPUTES = "disputes"
    KEPT_ITEMS = "kept-items"
    RECEIPTS_WAITING = "receipts-waiting"


class Night(msgspec.Struct, frozen=True):
    """The report; `same_tip` None when the centre was not reached."""

    sent: int
    received: int
    kept: int
    retried: int
    journal_sound: bool
    journal_problem: str
    same_tip: bool | None
    status: Status
    troubles: tuple[Trouble, ...]
    error: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing is left for people."""
        return not self.troubles


class _Exchange(msgspec.Struct, frozen=True):
    pushed: PushReport = PushReport()
    pulled: PullReport = PullReport()
    retried: int = 0
    centre: Tip | None = None
    error: AgentError | None = None


def exchange(agent: Agent) -> tuple[PushReport, PullReport]:
    """One full exchange: positions, entries up, feed down, and up again what the feed made.

    Raises ExchangeFailed, RequestRefused, HistoryForked, StoreError.
    """
    heartbeat(agent)
    first = push(agent)
    if first.tail_lost:
        heartbeat(agent)
    pulled = pull(agent)
    second = push(agent)
    return PushReport(first.sent + second.sent, second.tail_lost), pulled


def nightly(agent: Agent) -> Night:
    """Do it all and say what is left. Raises StoreError."""
    done = _exchanged(agent)
    found = verify(agent.database)
    with agent.database.read() as tx:
        now = status(tx)
        same = None if done.error else isinstance(compared(tx, done.centre), NothingMissing)
    return Night(
        sent=done.pushed.sent,
        received=done.pulled.applied,
        kept=done.pulled.kept,
        retried=done.retried,
        journal_sound=found.sound,
        journal_problem=_problem(found),
        same_tip=same,
        status=now,
        troubles=tuple(_troubles(done, now, same_tip=same, sound=found.sound)),
        error="" if done.error is None else str(done.error),
    )


def _exchanged(agent: Agent) -> _Exchange:
    try:
        pushed, pulled = exchange(agent)
        retried = retry_kept(agent)
        more = push(agent)
        answer = heartbeat(agent)
    except AgentError as error:
        agent.log.warning("the night's exchange failed", error=str(error))
        contact_failed(agent, error)
        return _Exchange(error=error)
    return _Exchange(PushReport(pushed.sent + more.sent), pulled, retried, answer.high_water)


def _problem(found: Verification) -> str:
    if found.damaged_pages:
        return found.damaged_pages[0]
    if found.broken is not None:
        return f"{found.broken.sequence}: {found.broken.reason}"
    return "" if found.sound else "; ".join(found.differences[:3])


def _troubles(done: _Exchange, now: Status, *, same_tip: bool | None, sound: bool) -> list[Trouble]:
    refused = isinstance(done.error, RequestRefused | HistoryForked)
    found = {
        Trouble.CENTRE_NOT_REACHED: done.error is not None and not refused,
        Trouble.CENTRE_REFUSES: refused,
        Trouble.BACKLOG: now.backlog > 0,
        Trouble.JOURNAL_UNSOUND: not sound,
        Trouble.TIPS_DIFFER: same_tip is False,
        Trouble.QUARANTINED: now.quarantined,
        Trouble.DISPUTES: bool(now.disputes),
        Trouble.KEPT_ITEMS: bool(now.kept_items),
        Trouble.RECEIPTS_WAITING: now.receipts_waiting > 0,
    }
    return [trouble for trouble, holds in found.items() if holds]


def night_lines(night: Night) -> list[str]:
    """The report in Chinese, one fact a line; the last says whether all is well."""
    tip = {True: "一致", False: "不一致", None: "未能核对"}[night.same_tip]
    lines = [
        f"本次上传  {night.sent} 条",
        f"本次接收  {night.received} 项，未能应用 {night.kept} 项，补应用 {night.retried} 项",
        f"日志校验  {'通过' if night.journal_sound else f'未通过（{night.journal_problem}）'}",
        f"与中心    {tip}",
        *status_lines(night.status),
    ]
    if night.well:
        return [*lines, "结果      一切正常"]
    return [*lines, *(f"需处理    {_wording(trouble, night)}" for trouble in night.troubles)]


def _wording(trouble: Trouble, night: Night) -> str:  # noqa: PLR0911 - one sentence a trouble
    match trouble:
        case Trouble.CENTRE_NOT_REACHED:
            return f"未连上中心（{night.error}），请检查网络"
        case Trouble.CENTRE_REFUSES:
            return f"中心拒绝了本终端（{night.error}），请联系中心"
        case Trouble.BACKLOG:
            return f"还有 {night.status.backlog} 条日志待上传"
        case Trouble.JOURNAL_UNSOUND:
            return "日志校验未通过，请停用本终端并联系技术支持"
        case Trouble.TIPS_DIFFER:
            return "本机日志与中心不一致，请联系技术支持"
        case Trouble.QUARANTINED:
            return "本终端已被中心停用"
        case Trouble.DISPUTES:
            return f"有 {len(night.status.disputes)} 项争议等待人工裁决"
        case Trouble.KEPT_ITEMS:
            return f"有 {len(night.status.kept_items)} 项下发资料未能应用"
        case Trouble.RECEIPTS_WAITING:
            return f"有 {night.status.receipts_waiting} 张凭条待打印"
        case _:
            assert_never(trouble)
