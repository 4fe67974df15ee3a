"""Text that changes in place: the screen is laid out again only if the text needs another height."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.visual import VisualType


class SteadyText(Static):
    """A text that asks for a layout only when its size changes."""

    # Only a layout sets it. As Textual declares it, setting it asks for another layout.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0))

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Show another content."""
        super().update(content, layout=False)
        if layout:
            self.refresh_content()

    def refresh_content(self) -> None:
        """Repaint the text after a change, with a layout only if it needs another height than it has."""
        self.refresh(layout=not self._fits())

    def _fits(self) -> bool:
        room, styles = self.content_size, self.styles
        if not room.width or styles.is_auto_width:
            return False
        if not styles.is_auto_height:
            return True
        height = self.get_content_height(self.container_size, self.screen.size, room.width)
        return height == room.height
