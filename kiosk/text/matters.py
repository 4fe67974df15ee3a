"""The wording of matters, for the desk's screens and the agent's reports."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.domain.feed import FORK_RULE, MISSING_RULE, PUT_BACK_RULE, MatterPublished
from kiosk.domain.identifiers import number_in
from kiosk.labels import REMARK_REASONS


def matter_line(matter: MatterPublished, t: Callable[..., str]) -> str:
    """Which entry, whose, and why; an unknown reason is shown as received."""
    if matter.rule == FORK_RULE:
        return t("日志从第 {sequence} 条起与中心的不一样", sequence=matter.sequence)
    if matter.rule == PUT_BACK_RULE:
        return t("中心从备份恢复过，记录正在重新上传；照常办理，等中心核对")
    if matter.rule == MISSING_RULE:
        return t(
            "中心恢复后缺第 {entries} 条，本机已不留；没有上传，请中心恢复更新的备份", entries=matter.subject
        )
    return t(
        "第 {sequence} 条，账号 {account}：{reason}（{subject}）",
        sequence=matter.sequence,
        account=matter.account or "-",
        reason=t(REMARK_REASONS.get(matter.rule, matter.rule)),
        subject=number_in(matter.subject),
    )
