"""Textual's style sheets, parsed once a process: every app of a test would parse the same texts again."""

from __future__ import annotations

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation

_parse = Stylesheet._parse_rules
_parsed: dict[tuple[object, ...], list[RuleSet]] = {}


def _parse_once(
    sheet: Stylesheet,
    css: str,
    read_from: CSSLocation,
    is_default_rules: bool = False,  # noqa: FBT001, FBT002 - Textual's own signature
    tie_breaker: int = 0,
    scope: str = "",
) -> list[RuleSet]:
    """Parse a text, or give what the same text with the same variables gave before; errors are not kept."""
    key = (css, read_from, is_default_rules, tie_breaker, scope, *sheet._variables.items())
    if key not in _parsed:
        _parsed[key] = _parse(sheet, css, read_from, is_default_rules, tie_breaker, scope)
    return _parsed[key]


def parse_once() -> None:
    """Keep what any style sheet of this process parses; nothing changes rules that are parsed."""
    Stylesheet._parse_rules = _parse_once  # type: ignore[assignment, method-assign]
