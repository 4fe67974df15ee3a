"""Text that changes in place: a new layout only happens when the text needs another height."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.visual import VisualType


class SteadyText(Static):
    """A static text that requests a layout only when its size changes and it is on display."""

    # Set only by a layout. As Textual declares it, setting it requests another layout.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0))

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Replace the content."""
        super().update(content, layout=False)
        if layout:
            self.refresh_content()

    def refresh_content(self) -> None:
        """Repaint after a change, with a new layout only if the height changes."""
        self.refresh(layout=not self._fits())

    def _is_hidden(self) -> bool:
        """Whether it or what it stands in is not displayed: it is laid out with the rest once that is."""
        return any(isinstance(each, Widget) and not each.display for each in self.ancestors_with_self)

    def _fits(self) -> bool:
        if self._is_hidden():
            return True
        room, styles = self.content_size, self.styles
        if not room.width or styles.is_auto_width:
            return False
        if not styles.is_auto_height:
            return True
        height = self.get_content_height(self.container_size, self.screen.size, room.width)
        return height == room.height
