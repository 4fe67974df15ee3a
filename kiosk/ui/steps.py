"""The step on display and the overlays above it: how one step follows another, is hidden, and is shown again."""

from __future__ import annotations

from abc import abstractmethod
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import App

from kiosk.ui.page import NOTICE_SECONDS, Overlay, Page
from kiosk.ui.routes import Layer, Route, beginning
from kiosk.ui.screen_table import layer_of, screen_of
from kiosk.ui.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.driver import Driver
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

    async def begin(self, route: Route) -> None:
        """Show the first step; from now on whatever comes up is covered while the window is too small."""
        self.screen_change_signal.subscribe(self, self._check_size)
        await self.push_screen(screen_of(route))

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

    async def _go(self, route: Route, visit: Visit, *, alone: bool = False) -> None:
        if visit is not self.visit:
            return  # the visit that requested it has ended
        if self._step_hidden:
            self._route_once_shown = route
            return
        self.step_comes(route)
        await self._put(screen_of(route), alone=alone)
        self.idle_begins()

    async def _put(self, step: Page[None], *, alone: bool) -> None:
        """Put a step in the place of the one before it, beneath the overlays that stay open.

        Help, the staff's view and the drawer stay when the step changes by itself; otherwise an Esc meant for them would
        leave the new step. Over a step that is to be `alone` stays nothing but the one of a window too small.
        """
        stack, before = self._screen_stack, self.step
        if before is not None:
            before.leave()
        place = len(stack) if before is None else stack.index(before)
        above = stack[place + 1 :]
        stay: list[Screen[Any]] = list(dropwhile(_ends_with_step, above))
        if alone:
            stay = [each for each in above if each is self._too_small]
        gone = [each for each in stack[place:] if each not in stay]
        # What follows is Textual's `switch_screen`, which can only switch the topmost screen: the overlays would have to be
        # taken off for that long, and the step beneath would show.
        self.capture_mouse(None)
        _, mounted = self._get_screen(step)
        self._load_screen_css(step)
        step._push_result_callback(step, None)  # noqa: SLF001 - see above
        stack[place:] = [step, *stay]
        for screen in gone:
            screen._pop_result_callback()  # noqa: SLF001 - see above
        step.post_message(events.ScreenResume())
        if not stay:
            self.screen_change_signal.publish(step)
        await mounted()
        for screen in reversed(gone):
            await self._replace_screen(screen)
        for overlay in stay:
            if isinstance(overlay, Overlay):
                overlay.step_changed()

    async def _go_home(self, notice: str = "", following: Visit | None = None) -> None:
        if self.step is not None:
            self.step.visit_ended()
            self.step.end_party()
        self.visit = following or Visit()
        self.clear_clipboard_text()
        self.discard_hidden_step()
        first = Route.TAKE_KEY if self.key_to_take else beginning(self.visit)
        await self._go(first, self.visit, alone=True)
        if notice:
            self.announce(notice, for_seconds=NOTICE_SECONDS)

    async def show_error(self) -> None:
        """End the visit, and show the number of the last unexpected error."""
        self.visit = Visit()
        self.discard_hidden_step()
        await self._go(Route.ERROR, self.visit, alone=True)

    def clear_clipboard_text(self) -> None:
        """Clear Textual's own copy of the clipboard."""
        # The public `copy_to_clipboard` would also overwrite the terminal's clipboard.
        self._clipboard = ""

    def takes(self, event: events.Event) -> bool:
        """Whether the screen on top stays, was shown when this key was pressed, and has its widgets."""
        top = self.screen
        goes_home = any(route is None for route, _ in self._asked)
        stays = not self._asked or (isinstance(top, Overlay) and not top.ENDS_WITH_STEP and not goes_home)
        return stays and (not isinstance(top, Page) or (top.was_shown(event.time) and top.takes(event)))

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

    def show_hidden_step(self) -> None:
        """Close the privacy screen and show the hidden step, or the step it has moved on to."""
        self.call_later(self._show_hidden_step)

    async def _show_hidden_step(self) -> None:
        route = self._route_once_shown
        self._step_hidden, self._route_once_shown = False, None
        if route is not None:
            await self._go(route, self.visit, alone=True)
        else:
            await self._close_overlays()
            self.idle_begins()

    async def _close_overlays(self) -> None:
        while isinstance(self.screen, Overlay):
            await self.pop_screen()

    def discard_hidden_step(self) -> None:
        """Discard the hidden step, because another member signed in on the privacy screen."""
        if self._step_hidden and self.step is not None:
            self.step.leave()
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

    def on_resize(self) -> None:
        """Check whether the window is large enough, once its size is known."""
        self.call_later(self._check_size)

    async def _check_size(self, _: Screen[object] | None = None) -> None:
        """Cover everything as long as the window is too small, also what came up over the cover meanwhile."""
        cover = self._too_small
        if cover is not None and (self.fits or self.screen is not cover):
            self._too_small = None
            await self._take_off(cover)
        if self.pages and not self.fits and self._too_small is None:
            self._too_small = layer_of(Layer.TOO_SMALL)
            await self.push_screen(self._too_small)

    async def _take_off(self, overlay: Overlay[None]) -> None:
        if overlay is self.screen:
            await self.pop_screen()
        elif overlay in self._screen_stack:
            # Textual can only pop the topmost.
            self._screen_stack.remove(overlay)
            overlay._pop_result_callback()  # noqa: SLF001 - see above
            await self._replace_screen(overlay)


def _ends_with_step(screen: Screen[Any]) -> bool:
    return isinstance(screen, Overlay) and screen.ENDS_WITH_STEP
