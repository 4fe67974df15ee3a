"""The wording of disputes, for the desk's screens and the agent's reports."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.domain.feed import FORK_REASON, DisputeRaised
from kiosk.domain.identifiers import number_in
from kiosk.labels import REMARK_REASONS


def dispute_line(raised: DisputeRaised, t: Callable[..., str]) -> str:
    """Which entry, whose, and why; an unknown reason is shown as received."""
    if raised.reason == FORK_REASON:
        return t("日志从第 {sequence} 条起与中心的不一样", sequence=raised.sequence)
    return t(
        "第 {sequence} 条，账号 {account}：{reason}（{subject}）",
        sequence=raised.sequence,
        account=raised.account or "-",
        reason=t(REMARK_REASONS.get(raised.reason, raised.reason)),
        subject=number_in(raised.subject),
    )
