"""The staff's view 夜间检查: the newest report in plain words, the keys that end soon, and the older reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from textual.widgets.option_list import Option

from kiosk.domain.nights import ALARMING, NightReport
from kiosk.text.nights import (
    expiring_line,
    expiring_rest,
    expiring_title,
    finding_words,
    missed_words,
    report_line,
    step_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kiosk.text.wording import Text

_BACK = "night-back"
_KEYS = "night-keys"
_REPORT = "night-report-"


class NightShown(msgspec.Struct, frozen=True):
    """Which older report is shown, None for the newest whichever that is, and whether it is its keys that end soon."""

    older: NightReport | None = None
    keys: bool = False


def night_chosen(option: str | None, shown: NightShown, reports: tuple[NightReport, ...]) -> NightShown:
    """What is shown once that row was chosen among those of `reports`."""
    if option == _BACK:
        return NightShown(shown.older if shown.keys else None)
    if option == _KEYS:
        return NightShown(shown.older, keys=True)
    if option is not None and option.startswith(_REPORT):
        return NightShown(reports[int(option.removeprefix(_REPORT))])
    return shown


def night_rows(reports: tuple[NightReport, ...], missed: int, shown: NightShown, t: Text) -> list[Option]:
    """The rows of the view."""
    rows = []
    if missed >= ALARMING and not shown.keys:
        found, advice = missed_words(missed, t)
        rows += [Option(found), Option(f"  → {advice}")]
    if not reports:
        return rows or [Option(t("还没有做过"))]
    report = shown.older or reports[0]
    if shown != NightShown():
        rows.append(Option(t("← 返回（Enter）"), id=_BACK))
    if shown.keys:
        return [*rows, *map(Option, _keys(report, t))]
    rows += map(Option, _lines(report, t))
    if report.expiring_count:
        rows.append(
            Option(t("{title}（Enter 查看）", title=expiring_title(report.expiring_count, t)), id=_KEYS)
        )
    if shown.older is not None:
        return rows
    older = enumerate(reports[1:], start=1)
    rows += [Option(report_line(each, t), id=f"{_REPORT}{place}") for place, each in older]
    return rows


def _lines(report: NightReport, t: Text) -> Iterator[str]:
    yield report_line(report, t)
    for finding in report.findings:
        found, advice = finding_words(finding, t)
        yield f"  {found}"
        if advice:
            yield f"  → {advice}"
    for step in report.steps:
        yield f"  {step_line(step, t)}"


def _keys(report: NightReport, t: Text) -> Iterator[str]:
    yield expiring_title(report.expiring_count, t)
    for key in report.expiring:
        yield f"  {expiring_line(key, t)}"
    if rest := report.expiring_count - len(report.expiring):
        yield f"  {expiring_rest(rest, t)}"
