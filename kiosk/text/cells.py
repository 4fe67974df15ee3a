"""Laying out text by the cells it takes on a terminal, where a Han character takes two.

Widths are Textual's, so that lines made here and its widgets agree: Han and fullwidth punctuation
take 2 cells. `…` “ ” `·` `①` `→` `℃` count as 1, but some terminals draw them 2 wide: keep them out of columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len

from kiosk.text.breaking import Measure, beginning, break_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

Align = Literal["left", "right", "centre"]


def width(text: str) -> int:
    """How many cells the text takes on one line."""
    return cell_len(text)


def pad(text: str, cells: int, align: Align = "left") -> str:
    """The text filled up with spaces to so many cells; one that is wider is returned as it is."""
    gap = max(0, cells - width(text))
    if align == "left":
        return text + " " * gap
    if align == "right":
        return " " * gap + text
    return " " * (gap // 2) + text + " " * (gap - gap // 2)


def columns(rows: Sequence[Sequence[str]], room: int, gap: int = 1) -> list[str]:
    """Rows of as many cells each as lines of text whose columns line up, `gap` apart.

    Where a line is wider than `room`, the last column is left out of all of them, and then what does not fit is cut off.
    """
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + gap * (len(widths) - 1) > room:
        widths.pop()
    lines = ((" " * gap).join(map(pad, row, widths)).rstrip() for row in rows)
    return [truncate(line, room) for line in lines]


def truncate(text: str, cells: int, marker: str = "..") -> str:
    """The text cut to at most so many cells, ending with the marker where something was cut off."""
    if width(text) <= cells:
        return text
    if width(marker) > cells:
        return beginning(text, cells, width)
    return beginning(text, cells - width(marker), width) + marker


def wrap(text: str, cells: float, measure: Measure = width) -> list[str]:
    """The text in lines of at most so many cells (`kiosk/text/breaking.py`).

    For paper, `measure` tells widths in dots and `cells` is in dots as well.
    Raises ValueError when a line is too narrow for one Han character.
    """
    return break_lines(text, cells, measure)
