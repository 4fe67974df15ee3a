"""The wording of rows of the feed that could not be applied, for the desk's screens and the agent's reports."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.labels import row_label, why_unapplied


def unapplied_line(key: str, problem: str, t: Callable[..., str]) -> str:
    """What the row is about, why it was not applied, and the detail where there is one."""
    said, detail = why_unapplied(problem, t)
    what = row_label(key, t)
    if not detail:
        return t("{what}：{reason}", what=what, reason=said)
    return t("{what}：{reason}（{detail}）", what=what, reason=said, detail=detail)
