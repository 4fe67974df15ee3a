"""Where the on-screen keyboard stands: never over the field that it types into, and over nothing else to be read if it can be helped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from textual.geometry import Region, Size

from kiosk.ui.widgets.touch_boards import LAYOUTS, Board

_TALLEST, _TALLEST_ROOMY = 2, 3
_ROOMY_WIDTH, _ROOMY_HEIGHT = 110, 32


class Place(msgspec.Struct, frozen=True):
    """The keyboard's rows and columns on the screen, and the cells of one unit of its keys.

    `ruled` is whether a row for a line is left above the keys.
    """

    x: int
    y: int
    width: int
    height: int
    key_width: int
    key_height: int
    ruled: bool

    @property
    def region(self) -> Region:
        """The cells that it covers."""
        return Region(self.x, self.y, self.width, self.height)


def place(
    board: Board, screen: Size, free: tuple[int, int], field: Region, others: Iterable[Region]
) -> Place:
    """Where the board stands on the screen.

    `free` is the column from which a board of digits may begin, which is narrow, and the row at which every board ends.
    `field` is what it types into; `others` are what should stay in sight besides.
    """
    layout = LAYOUTS[board]
    left, bottom = free
    x = left if board is Board.DIGITS else 0
    width = screen.width - x
    seen = [each for each in others if each and each.right > x]
    roomy = screen.width >= _ROOMY_WIDTH and screen.height >= _ROOMY_HEIGHT
    tallest = _TALLEST_ROOMY if roomy else _TALLEST
    y, room = _room((field, *seen), (field,), layout.rows, bottom)
    key_height = max(1, min(tallest, room // layout.rows))
    keys = key_height * layout.rows
    ruled = room > keys
    height = keys + int(ruled)
    return Place(
        x=x,
        y=y if y == 0 else bottom - height,
        width=width,
        height=height,
        key_width=width // layout.units,
        key_height=key_height,
        ruled=ruled,
    )


def _room(wanted: Sequence[Region], needed: Sequence[Region], rows: int, bottom: int) -> tuple[int, int]:
    """The first row of the room and how many rows it has: below all that is wanted, above it, else beside what is needed."""
    for regions in (wanted, needed):
        below = max(each.bottom for each in regions)
        if bottom - below >= rows:
            return below, bottom - below
        above = min(each.y for each in regions)
        if above >= rows:
            return 0, above
    below = max(each.bottom for each in needed)
    return below, bottom - below
