"""The overlay for a terminal window below the minimum size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.ui.page import Overlay
from kiosk.ui.widgets.lines import Prose

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult


class TooSmallScreen(Overlay[None]):
    """Shows 「窗口太小：现在 78×22，需要 80×24」 until the window is large enough."""

    CSS_PATH = "too_small.tcss"

    def compose(self) -> ComposeResult:
        """The sentence."""
        yield Prose(id="sentence")

    def update_content(self) -> None:
        """Show the current and the required size."""
        width, height = self.app.size
        self.query_one("#sentence", Prose).say(
            self.t("窗口太小：现在 {width}×{height}，需要 80×24", width=width, height=height)
        )

    def on_resize(self, event: events.Resize) -> None:
        """Show the new size."""
        super().on_resize(event)
        self.update_content()
