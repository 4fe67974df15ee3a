"""Text that is laid out by cells: one line, or prose that breaks as Chinese does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Size

from kiosk.text.cells import pad, width, wrap
from kiosk.ui.widgets.steady import SteadyText

if TYPE_CHECKING:
    from textual.app import RenderResult


class Line(SteadyText):
    """Plain text of one or more given lines; brackets are brackets."""

    DEFAULT_CSS = "Line { width: 1fr; height: auto; }"

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(text, id=id, classes=classes, markup=False)


class Prose(SteadyText):
    """Text wrapped by our own rules: no full stop begins a line, no number is broken."""

    DEFAULT_CSS = "Prose { width: 1fr; height: auto; }"

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__("", id=id, classes=classes, markup=False)
        self.text = text

    def say(self, text: str) -> None:
        """Show another text."""
        if text != self.text:
            self.text = text
            self.refresh_content()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's own signature
        """As many rows as the wrapped text takes; none when it is empty."""
        return len(wrap(self.text, max(2, width))) if self.text else 0

    def render(self) -> RenderResult:
        """The wrapped lines."""
        return Content("\n".join(wrap(self.text, max(2, self.content_size.width))))


def between(left: str, right: str, cells: int) -> str:
    """Two texts at the ends of a line of so many cells; at least a space between them."""
    return left + pad(right, max(1 + width(right), cells - width(left)), "right")
