"""Text measured in terminal cells: plain lines, or prose wrapped by the rules of Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Size

from kiosk.text.cells import pad, width, wrap
from kiosk.ui.widgets.steady import SteadyText

if TYPE_CHECKING:
    from textual.app import RenderResult


class Line(SteadyText):
    """Plain text of one or more lines, without markup."""

    DEFAULT_CSS = "Line { width: 1fr; height: auto; }"

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(text, id=id, classes=classes, markup=False)


class Prose(SteadyText):
    """Text wrapped so that no line begins with a full stop and no number is broken."""

    DEFAULT_CSS = "Prose { width: 1fr; height: auto; }"

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__("", id=id, classes=classes, markup=False)
        self.text = text

    def say(self, text: str) -> None:
        """Replace the text."""
        if text != self.text:
            self.text = text
            self.refresh_content()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's own signature
        """The number of wrapped lines; zero for an empty text."""
        return len(wrap(self.text, max(2, width))) if self.text else 0

    def render(self) -> RenderResult:
        """The wrapped lines."""
        return Content("\n".join(wrap(self.text, max(2, self.content_size.width))))


def between(left: str, right: str, cells: int) -> str:
    """Two texts justified to the ends of a line of that many cells, at least one space apart."""
    return left + pad(right, max(1 + width(right), cells - width(left)), "right")
