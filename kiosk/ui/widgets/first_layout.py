"""A single layout for a newly opened screen.

Textual lays a new screen out several times: the first layout sets the screen's own size, every widget whose size it
sets requests another layout, and so do mounting the new screen and removing the old one. The first layout already
takes all of that into account and paints the whole screen, so the later requests are dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events, messages, on
from textual.screen import Screen, ScreenResultType
from textual.widget import Widget

if TYPE_CHECKING:
    from typing import Self

    from textual.geometry import Region
    from textual.message import Message


class FirstLayout(Screen[ScreenResultType]):
    """A screen whose first layout satisfies every layout and repaint request made before it ends."""

    _shape_laid_out: tuple[object, ...] | None = None
    _answered: tuple[type[Message], ...] = ()
    _shown_at: float | None = None

    def shown(self) -> None:
        """Note that the screen is on display from now on."""
        self._shown_at = events.Event().time

    def was_shown(self, time: float) -> bool:
        """Whether the screen was on display at that time of an event, so that a key pressed then was meant for it."""
        return self._shown_at is not None and time >= self._shown_at

    @on(events.Mount)
    def _await_layout(self) -> None:
        self.screen_layout_refresh_signal.subscribe(self, self._after_layout, immediate=True)

    def _shape(self) -> tuple[object, ...]:
        return (*self.children, self.styles.get_rules())

    def _after_layout(self, _: object) -> None:
        first = self._shape_laid_out is None
        self._shape_laid_out = self._shape()
        if self._shown_at is None and self.app.screen is self:
            self.shown()
        if first:
            self._answer_requests(painted=self.app.screen is self)

    def _answer_requests(self, *, painted: bool) -> None:
        for widget in self.walk_children(Widget, with_self=True):
            # Textual has no public way to withdraw a request. A scrollbar that has appeared leaves less room for the
            # other widgets, so that one does need a second layout.
            if not any(widget.scrollbars_enabled):
                widget._layout_required = False  # noqa: SLF001 - see above
            if painted:
                widget._repaint_required = False  # noqa: SLF001 - see above
        self._answered = (messages.Layout, messages.Update) if painted else (messages.Layout,)
        self.call_later(self._all_answered)  # runs after the requests that are already queued

    def _all_answered(self) -> None:
        self._answered = ()

    def update_node_styles(self, animate: bool = True) -> None:  # noqa: FBT001, FBT002 - Textual's own signature
        """Restyle the whole screen; requests made by that are not satisfied yet."""
        self._all_answered()
        super().update_node_styles(animate)

    @on(messages.Layout)
    @on(messages.Update)
    def _drop_answered(self, message: Message) -> None:
        if isinstance(message, self._answered):
            message.stop()
            message.prevent_default()

    @on(events.Resize)
    def _drop_known_size(self, event: events.Resize) -> None:
        # The first layout tells the screen its own size. A window that was resized sends the same event later. A size that
        # the window has no longer is dropped: Textual tells a screen its new size again after each layout, so that two sizes
        # on their way would replace each other for ever.
        again = messages.Layout in self._answered and event.size == self.outer_size
        if again or event.size != self.app.size:
            event.stop()
            event.prevent_default()

    @on(events.ScreenResume)
    def _keep_styles(self, event: events.ScreenResume) -> None:
        # The widgets were styled when they were mounted, but the screen itself before its style sheet was read.
        event.refresh_styles = False
        if self._shape_laid_out is None:
            self.app.stylesheet.apply(self)
        elif self._shown_at is None:
            self.shown()

    @on(events.ScreenSuspend)
    def _note_covered(self) -> None:
        self._shown_at = None

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Refresh, unless the first layout has just painted everything or a layout would not change anything."""
        if not (regions or recompose):
            if layout and self._shape() == self._shape_laid_out:
                return self
            if not layout and messages.Update in self._answered:
                return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
