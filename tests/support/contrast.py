"""The contrast ratios of what a screen shows, by WCAG 2.2: every cell of text, every border, every field."""

from __future__ import annotations

import functools
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from textual.app import App
from textual.pilot import Pilot

from kiosk.settings import Colours
from kiosk.ui.widgets.fields import Field
from tests.support.screens import settle

TEXT, CONTROL = 7.0, 3.0


class Faint(NamedTuple):
    """Something that does not stand out enough, by its row and column."""

    row: int
    column: int
    what: str
    ratio: float


@functools.cache
def _luminance(color: Color) -> float:
    parts = [part / 255 for part in color.get_truecolor()]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@functools.cache
def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of two colours, from 1 to 21."""
    lower, higher = sorted((_luminance(one), _luminance(other)))
    return (higher + 0.05) / (lower + 0.05)


def _colours(style: Style) -> tuple[Color, Color]:
    assert style.color is not None
    assert style.bgcolor is not None
    assert not style.dim
    return (style.bgcolor, style.color) if style.reverse else (style.color, style.bgcolor)


def _ground(style: Style) -> Color:
    ground = style.color if style.reverse else style.bgcolor
    assert ground is not None
    return ground


def _is_drawn(character: str) -> bool:
    """Whether it is a part of a border, a rule, a scrollbar or a code."""
    return "─" <= character <= "▟"


Cell = tuple[str, Style]


def _cells(app: App[None]) -> list[list[Cell]]:
    """The characters of each row, a wide one once for each of its cells."""
    return [
        [cell for segment in strip for cell in _spread(segment.text, segment.style or Style.null())]
        for strip in app.screen._compositor.render_strips()
    ]


@functools.lru_cache(4096)
def _spread(text: str, style: Style) -> tuple[Cell, ...]:
    return tuple((character, style) for character in text for _ in range(cell_len(character)))


@functools.lru_cache(4096)
def _ratios(style: Style) -> tuple[float, bool, bool]:
    """The contrast of what is written so, and whether that is too little for text and for what is drawn."""
    ratio = contrast(*_colours(style))
    return ratio, ratio < TEXT, ratio < CONTROL


def faint(app: App[None]) -> list[Faint]:
    """Every cell of the screen that is too faint, and every field that its ground hides."""
    rows, found = _cells(app), []
    for number, row in enumerate(rows):
        for column, (character, style) in enumerate(row):
            if character.isspace():
                continue
            ratio, is_faint_text, is_faint_drawing = _ratios(style)
            if is_faint_drawing if _is_drawn(character) else is_faint_text:
                found.append(Faint(number, column, character, round(ratio, 2)))
    for field in app.screen.query(Field):
        if field.display and not field.disabled and field.region:
            left, top = field.region.offset
            beside, within = rows[top][left - 1][1], rows[top][left][1]
            ratio = contrast(_ground(beside), _ground(within))
            if ratio < CONTROL:
                found.append(Faint(top, left, f"field {field.id}", round(ratio, 2)))
    return found


async def faint_in_any_theme(app: App[None], pilot: Pilot[None]) -> list[tuple[Colours, Faint]]:
    """The same in every theme; the screen is shown in the usual one again."""
    found = []
    for theme in (Colours.HIGH_CONTRAST, Colours.STANDARD):
        app.theme = theme
        await settle(pilot)
        found += [(theme, each) for each in faint(app)]
    return found
