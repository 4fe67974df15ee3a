"""The step on display and the overlays above it: how one step follows another, is hidden, and is shown again."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual.app import App

from kiosk.ui.page import NOTICE_SECONDS, Overlay, Page
from kiosk.ui.routes import Layer, Route, beginning
from kiosk.ui.screen_table import layer_of, screen_of
from kiosk.ui.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.driver import Driver
    from textual.geometry import Size
    from textual.screen import Screen

MIN_WIDTH = 80
MIN_HEIGHT = 24


class Steps(App[None], inherit_bindings=False):
    """The app as far as it shows one step of the visit, beneath any overlays.

    A screen cannot await its own removal, so changes are queued and run in the app's message loop, each once however
    often its key was pressed.
    """

    def __init__(self, driver_class: type[Driver]) -> None:
        super().__init__(driver_class=driver_class)
        self.visit = Visit()
        self._step_hidden = False
        self._route_once_shown: Route | None = None
        self._too_small: Overlay[None] | None = None
        # The steps that were asked for and are not shown yet, each with its visit.
        self._asked: list[tuple[Route | None, Visit]] = []

    @property
    @abstractmethod
    def key_to_take(self) -> bool:
        """Whether a key is in that has to be taken away before the next visit."""

    @abstractmethod
    def idle_begins(self) -> None:
        """Count the idle time from now on."""

    @abstractmethod
    def step_comes(self, route: Route) -> None:
        """Handle that this step is about to be shown."""

    @abstractmethod
    def show_status(self) -> None:
        """Update every status row."""

    @abstractmethod
    def announce(self, text: str, *, for_seconds: float | None = None) -> None:
        """Show a notice in the status row, for some time or until the next one."""

    @property
    def pages(self) -> list[Page[object]]:
        """The open pages, the lowest first."""
        return [screen for screen in self.screen_stack if isinstance(screen, Page)]

    @property
    def step(self) -> Page[object] | None:
        """The page of the current step, beneath any overlays."""
        return next((page for page in self.pages if not isinstance(page, Overlay)), None)

    # From step to step

    def go(self, route: Route) -> None:
        """Replace the current step, beneath any overlays; while a step is hidden, wait until it is shown again."""
        visit = self.visit
        self._ask_once((route, visit), lambda: self._go(route, visit))

    def go_home(self, notice: str = "", following: Visit | None = None) -> None:
        """End the visit, discard its state, and show the home screen or where the following one begins; first a key that is in is taken."""
        self._ask_once((None, self.visit), lambda: self._go_home(notice, following))

    def _ask_once(
        self, step: tuple[Route | None, Visit], change: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        async def changed() -> None:
            try:
                await change()
            finally:
                self._asked = [each for each in self._asked if each is not step]

        if not any(route is step[0] and visit is step[1] for route, visit in self._asked):
            self._asked.append(step)
            self.call_later(changed)

    async def _go(self, route: Route, visit: Visit) -> None:
        if visit is not self.visit:
            return  # the visit that requested it has ended
        if self._step_hidden:
            self._route_once_shown = route
            return
        self.step_comes(route)
        detached = detach_overlays(self._screen_stack, self.step)
        await self._close_overlays()
        await self.switch_screen(screen_of(route))
        self._reattach_overlays(detached)
        self.idle_begins()
        self._check_size(self.size)

    async def _close_overlays(self) -> None:
        while isinstance(self.screen, Overlay):
            await self.pop_screen()

    def _reattach_overlays(self, detached: list[Overlay[object]]) -> None:
        if detached:
            # The stack itself: the public `push_screen` would put a new result callback over the screen's own.
            reattach_overlays(self._screen_stack, detached)
            self.show_status()

    async def _go_home(self, notice: str = "", following: Visit | None = None) -> None:
        if self.step is not None:
            self.step.visit_ended()
            self.step.end_party()
        self.visit = following or Visit()
        self.clear_clipboard_text()
        self.discard_hidden_step()
        await self._close_overlays()
        await self._go(Route.TAKE_KEY if self.key_to_take else beginning(self.visit), self.visit)
        if notice:
            self.announce(notice, for_seconds=NOTICE_SECONDS)

    async def show_error(self) -> None:
        """End the visit, and show the number of the last unexpected error."""
        self.visit = Visit()
        self.discard_hidden_step()
        await self._close_overlays()
        await self._go(Route.ERROR, self.visit)

    def clear_clipboard_text(self) -> None:
        """Clear Textual's own copy of the clipboard."""
        # The public `copy_to_clipboard` would also overwrite the terminal's clipboard.
        self._clipboard = ""

    def takes(self, event: events.Event) -> bool:
        """Whether the screen on top stays, and was shown when this key was pressed."""
        top = self.screen
        goes_home = any(route is None for route, _ in self._asked)
        stays = not self._asked or (isinstance(top, Overlay) and not top.ENDS_WITH_STEP and not goes_home)
        return stays and (not isinstance(top, Page) or top.was_shown(event.time))

    def on_ready(self) -> None:
        """The very first layout has been painted, of which Textual tells nobody else."""
        for page in self.pages:
            page.shown()

    # A step that is hidden

    async def hide_step(self) -> None:
        """Show the privacy screen over the step and keep its order."""
        await self._close_overlays()
        if self.step is not None:
            self.step.wipe()
        self.idle_begins()
        self._step_hidden = True
        await self.push_screen(layer_of(Layer.PRIVACY))
        self._check_size(self.size)

    def show_hidden_step(self) -> None:
        """Close the privacy screen and show the hidden step, or the step it has moved on to."""
        self.call_later(self._show_hidden_step)

    async def _show_hidden_step(self) -> None:
        self._step_hidden = False
        await self._close_overlays()
        self.idle_begins()
        route, self._route_once_shown = self._route_once_shown, None
        if route is not None:
            await self._go(route, self.visit)

    def discard_hidden_step(self) -> None:
        """Discard the hidden step, because another member signed in on the privacy screen."""
        self._step_hidden, self._route_once_shown = False, None

    # Overlays

    def show_layer(self, layer: Layer) -> None:
        """Show that overlay over the step, unless it is open already or overlays are not allowed now."""
        self.lay_over(layer_of(layer))

    def lay_over(self, overlay: Overlay[None]) -> None:
        """Show an overlay over the step, under the same conditions."""
        is_open = any(type(page) is type(overlay) for page in self.pages)
        if not is_open and not self._step_hidden and self.fits:
            self.push_screen(overlay)

    def ask_over(self, question: Overlay[bool], then: Callable[[], None]) -> None:
        """Ask something over whatever is shown, unless that is asked already; `then` is called after a yes."""

        def answered(answer: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if answer:
                then()

        if self.fits and not isinstance(self.screen, type(question)):
            self.push_screen(question, answered)

    # A window that is too small

    @property
    def fits(self) -> bool:
        """Whether the terminal window is large enough."""
        return self.size.width >= MIN_WIDTH and self.size.height >= MIN_HEIGHT

    def on_resize(self, event: events.Resize) -> None:
        """Check whether the window is large enough."""
        self._check_size(event.size)

    def _check_size(self, size: Size) -> None:
        small = size.width < MIN_WIDTH or size.height < MIN_HEIGHT
        shown = self.screen is self._too_small
        if small and not shown:
            self._too_small = layer_of(Layer.TOO_SMALL)
            self.push_screen(self._too_small)
        elif shown and not small:
            self.pop_screen()


def detach_overlays(stack: list[Screen[Any]], step: Screen[Any] | None) -> list[Overlay[object]]:
    """Remove the overlays above the step from the screen stack, except those that end with the step.

    Help, the staff's view and the drawer stay open when the step changes by itself; otherwise an Esc meant for them
    would leave the new step. Textual can only switch the topmost screen, so they are detached during the change.
    """
    place = stack.index(step) + 1 if step is not None else len(stack)
    while place < len(stack) and cast("Overlay[object]", stack[place]).ENDS_WITH_STEP:
        place += 1
    detached = cast("list[Overlay[object]]", stack[place:])
    del stack[place:]
    for screen in detached:
        screen.detach()
    return detached


def reattach_overlays(stack: list[Screen[Any]], detached: list[Overlay[object]]) -> None:
    """Put the overlays back above the new step."""
    stack.extend(detached)
    stack[-1].post_message(events.ScreenResume())
    for screen in reversed(detached):
        screen.reattach()
