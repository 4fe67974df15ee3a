"""A QR code in half blocks, black on white whatever the terminal's colours."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from kiosk.text.qr_cells import half_blocks, matrix

_INK = Style(color="#000000", bgcolor="#ffffff", bold=False)


class QrCode(Widget):
    """The QR code of a text with its quiet zone; the widget has the code's size."""

    DEFAULT_CSS = "QrCode { width: auto; height: auto; }"

    def __init__(self, text: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._rows = half_blocks(matrix(text))
        self.styles.width = len(self._rows[0])
        self.styles.height = len(self._rows)

    def render_line(self, y: int) -> Strip:
        """One row of cells, two modules each."""
        if y >= len(self._rows):
            return Strip.blank(self.size.width, _INK)
        return Strip([Segment(self._rows[y], _INK)], len(self._rows[y]))
