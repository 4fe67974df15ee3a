"""The kiosk's app: the language, staff, the desk's status, idle timeouts and unexpected errors."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

import structlog
from textual import events
from textual.message import Message

from kiosk.desk.service import DeskService
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.settings import Colours, Display, Exchange
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.wording import REFUSALS, SLIP, paper_printed
from kiosk.ui.page import NOTICE_SECONDS, Overlay, Page
from kiosk.ui.presence import IdleMonitor, KeyWait
from kiosk.ui.routes import Route, beginning
from kiosk.ui.screen_table import question_about, question_before_leaving
from kiosk.ui.shell import Scanned, SlipPrinted, StatusArrived, TokensChanged, reported
from kiosk.ui.status_watch import StatusWatch
from kiosk.ui.steps import Steps
from kiosk.ui.terminal.driver import KeyboardLost, KioskDriver
from kiosk.ui.terminal.wedge import WedgeScanner
from kiosk.ui.theme import THEMES, free_painted_lines

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kiosk.configuration import Configuration
    from kiosk.desk.context import Desk
    from kiosk.desk.views.status import DeskStatus
    from kiosk.text.forgotten import Forgotten
    from kiosk.ui.shell import Shell

_SCREENS = Path(__file__).parent / "screens"
_MAX_ERRORS = 5
_ERRORS_SECONDS = 600.0
_SOFTWARE, _INPUT_LOST = 70, 74  # EX_SOFTWARE and EX_IOERR of sysexits.h
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_SIGNALLED = 128
_USER_EVENTS = (events.Key, events.MouseDown, events.MouseScrollUp, events.MouseScrollDown, events.Paste)
_OWN_NAME = {Language.CHINESE: "中文", Language.ENGLISH: "English"}


class KeydeskApp(Steps, inherit_bindings=False):
    """The kiosk's app. `drawer` creates the demo's drawer and enables leaving; a real kiosk has neither."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    # The screens' own, too: a style sheet that is read later has all of them parsed again.
    CSS_PATH: ClassVar[list[str | PurePath]] = ["keydesk.tcss", *sorted(_SCREENS.glob("**/*.tcss"))]
    TITLE = "Keydesk"
    BINDINGS: ClassVar[list[object]] = []  # type: ignore[assignment]

    def __init__(
        self,
        service: DeskService,
        drawer: Callable[[], Overlay[None]] | None = None,
        display: Display | None = None,
        settings: Exchange | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        opening: Callable[[Shell], None] | None = None,
    ) -> None:
        super().__init__(KioskDriver)
        self._opening = opening
        self.service = service
        self._drawer = drawer
        self.settings = settings or Exchange()
        self.status: DeskStatus | None = None
        self._unreadable = False
        self.staff_called = False
        self.error_code = ""
        display = display or Display()
        self._own_language = display.language
        self._catalogue = Catalogue(display.language)
        self._monotonic = monotonic
        self._idle_monitor = IdleMonitor(self, display.idle, display.countdown, monotonic)
        self._key_wait = KeyWait(self, monotonic, lambda: self.go(beginning(self.visit)))
        self._notice = ""
        self._notice_until: float | None = None
        self._stops: list[Callable[[], None]] = []
        self._status_watch = StatusWatch(self, monotonic)
        self._errors: list[float] = []
        self._wedge = WedgeScanner(
            self._press_kept,
            self._post_scanned,
            lambda wait: self.run_worker(wait, group="wedge"),
            self.call_later,
        )
        self._ended_by = ""
        free_painted_lines()
        for theme in THEMES.values():
            self.register_theme(theme)
        self._own_colours = self.theme = display.theme
        self.touch_typing = display.keyboard

    # Wording

    def text(self, message: str, /, **parameters: object) -> str:
        """The text in the current language."""
        return self._catalogue.text(message, **parameters)

    @property
    def language(self) -> Language:
        """The current language."""
        return self._catalogue.language

    @property
    def other_language(self) -> str:
        """The other language's own name."""
        return _OWN_NAME[self._other()]

    def _other(self) -> Language:
        return Language.ENGLISH if self.language is Language.CHINESE else Language.CHINESE

    def change_language(self) -> None:
        """Switch every screen to the other language, keeping the typed values."""
        self.call_later(self._change_language)

    async def _change_language(self) -> None:
        self._catalogue = Catalogue(self._other())
        self._notice, self._notice_until = "", None
        for page in self.pages:
            page.call_later(page.rebuild)  # in order with the messages of the screen itself

    def change_theme(self) -> None:
        """Change between the usual colours and high contrast."""
        standard = self.theme == Colours.STANDARD
        self.theme = Colours.HIGH_CONTRAST if standard else Colours.STANDARD

    @property
    def monotonic(self) -> float:
        """The seconds of a clock that nobody sets."""
        return self._monotonic()

    # Over the step

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo, with its drawer and a key to leave."""
        return self._drawer is not None

    def open_drawer(self) -> None:
        """Open the demo's drawer, if there is one."""
        if self._drawer is not None:
            self.lay_over(self._drawer())

    def explain_forgotten(self, what: Forgotten) -> None:
        """Say what to do about something forgotten, and offer to call staff."""
        question = question_about(what, self.settings.initial_pin)
        self.ask_over(question, self._call_staff_there)

    def _call_staff_there(self) -> None:
        self.pages[-1].action_call_staff()

    def leave_demo(self) -> None:
        """Leave the demo after a confirmation; does nothing on a real kiosk."""
        if self.is_demo:
            self.ask_over(question_before_leaving(), lambda: self.end(0, "the person before it"))

    # From step to step

    @property
    def key_to_take(self) -> bool:
        """Whether a key is in that has to be taken away before the next visit."""
        return self.status is not None and self.status.key_to_take

    def idle_begins(self) -> None:
        """Count the idle time from now on."""
        self._idle_monitor.touch()

    def step_comes(self, route: Route) -> None:
        """Wait for no key any longer, where the step is another."""
        if route is not Route.TAKE_KEY:
            self._key_wait.end()

    def _leaving_blocked(self) -> bool:
        return any(page.blocks_leaving() for page in self.pages)

    def set_aside(self) -> None:
        """Leave without cancelling anything, unless a page blocks leaving."""
        if self._leaving_blocked():
            return
        kept = self.visit.order is not None and self.visit.order.status.is_open
        notice = self.text("已暂存。凭账号和密码用「继续办理」接着办。") if kept else ""
        self.go_home(notice)

    def await_key(self) -> None:
        """Wait from now on for the key that is in to be taken, unless that is awaited already."""
        self._key_wait.begin()

    def leave_key(self) -> None:
        """Go home although the readers tell of a key: it is said to be gone, and no member finds it should it be there."""
        self._key_wait.believe()

    # Staff

    def call_staff(self) -> None:
        """Ring and say so on every page, unless they are called already."""
        self._key_wait.forget_call()
        if not self.staff_called:
            self.staff_called = True
            self.bell()
            structlog.get_logger().info("staff called")

    def staff_came(self) -> None:
        """A member of the staff signed in: they see to whatever they were called for."""
        self.staff_called = False
        self._key_wait.staff_came()

    def dismiss_staff(self) -> None:
        """Take the call back, also from the pages that are shown."""
        self.staff_called = False
        for page in self.pages:
            page.call_later(page.rebuild)

    # Status and idle time

    async def on_mount(self) -> None:
        """Show the home screen and start watching the desk."""
        await self.begin(Route.HOME)
        self._stops = [
            self.service.watch_tokens(self._post_tokens_changed),
            self.service.watch_scans(self._post_scanned),
        ]
        # In the app's own loop: a step that is changed there must not be changed by a timer's task meanwhile.
        self.set_interval(1.0, lambda: self.call_later(self._tick))
        self._status_watch.read()
        if self._opening is not None:
            self._opening(self)

    def in_thread(self, work: Callable[[], object], group: str) -> None:
        """Run `work` in a thread that outlives the screen."""
        self.run_worker(work, thread=True, group=group)

    def _post_tokens_changed(self) -> None:
        self.post_message(TokensChanged())

    def _post_scanned(self, text: str) -> None:
        self.post_message(Scanned(text))

    def on_unmount(self) -> None:
        """Stop watching the desk."""
        for stop in self._stops:
            stop()
        self._stops = []

    async def _tick(self) -> None:
        self._status_watch.read()
        if self._notice_until is not None and self._monotonic() >= self._notice_until:
            self.announce("")
        self._key_wait.check()
        await self._idle_monitor.check()

    def on_status_arrived(self, message: StatusArrived) -> None:
        """Show the desk's status in the status row; the last known one while it cannot be read."""
        self._status_watch.arrived()
        self._unreadable = isinstance(message.status, Refused)
        if not isinstance(message.status, Refused):
            self.status = message.status
            self._key_wait.status_arrived(message.status)
            for page in self.pages:
                page.when_composed(page.status_changed)
        self.show_status()

    def on_slip_printed(self, message: SlipPrinted) -> None:
        """Say what became of the slip of an enterprise's keys."""
        self.announce(paper_printed(self.text, SLIP, message.outcome), for_seconds=NOTICE_SECONDS)

    def on_tokens_changed(self) -> None:
        """Notify the pages and update the status row."""
        self._status_watch.read()
        for page in self.pages:
            page.when_composed(page.key_moved)

    def on_scanned(self, message: Scanned) -> None:
        """Pass a scanned text to the overlay on top if that takes one, else to the current step."""
        top = self.screen
        page = top if isinstance(top, Overlay) and top.TAKES_SCANS else self.step
        if page is not None and not self._step_hidden:
            page.when_composed(lambda: page.scanned(message.text))

    def announce(self, text: str, *, for_seconds: float | None = None) -> None:
        """Show a notice in the status row, for some time or until the next one; an empty text removes it."""
        self._notice = text
        self._notice_until = self._monotonic() + for_seconds if text and for_seconds else None
        self.show_status()

    def show_status(self) -> None:
        """Update every status row: with the countdown, else a notice, else the state of the devices."""
        unreadable = self.text(REFUSALS[Refusal.STORE_UNREADABLE]) if self._unreadable else ""
        notice = self._idle_monitor.countdown() or self._notice or unreadable
        for page in self.pages:
            page.show_status_row(notice, self.status)

    async def on_event(self, event: events.Event) -> None:
        """Restart the idle count on input; pass it to the screen unless it was meant for one before."""
        if isinstance(event, _USER_EVENTS):
            counting = self._idle_monitor.counting
            self._idle_monitor.touch()
            if counting:
                self.show_status()
            # Also where it comes back from a screen that has gone since, to be tried on the one on top.
            if not self.takes(event):
                return
            if isinstance(event, events.Key) and await self._wedge.takes(event, listening=self._hears()):
                return
        await super().on_event(event)

    def _hears(self) -> bool:
        """Whether a scanner that acts as a keyboard is listened for."""
        return isinstance(self.screen, Page) and self.screen.HEARS_SCANNER

    async def _press_kept(self, key: events.Key) -> None:
        if self.takes(key):
            await super().on_event(key)

    @property
    def needs_reset(self) -> bool:
        """Whether a member changed the language or the colours, called staff, or left a key in."""
        changed = self.language is not self._own_language or self.theme != self._own_colours
        return self.staff_called or changed or self.key_to_take

    async def reset(self) -> None:
        """Discard the visit, the chosen language and colours, and the call for staff unless a key that was left waits for them."""
        self.staff_called = self._key_wait.keeps_call()
        self.theme = self._own_colours
        self._notice, self._notice_until = "", None
        self._catalogue = Catalogue(self._own_language)
        await self._go_home()

    # Unexpected errors

    def report(self, error: BaseException) -> None:
        """Log an unexpected error under a number and show only the number."""
        self.error_code = secrets.token_hex(2).upper()
        now = self._monotonic()
        self._errors = [*(each for each in self._errors if now - each < _ERRORS_SECONDS), now]
        structlog.get_logger().error("unexpected error", code=self.error_code, exc_info=error)
        shown = self.is_running and bool(self.pages)
        if shown and self.step is not None:
            self.step.end_party()  # whose slip would go with the visit
        if len(self._errors) > _MAX_ERRORS or not shown:
            self._give_up()
        else:
            self.call_later(self._show_error)

    async def _show_error(self) -> None:
        self._status_watch.arrived()
        self._notice, self._notice_until = "", None
        await self.show_error()

    def _give_up(self) -> None:
        """Exit with the number and without a traceback; the service manager restarts the program."""
        self._ended_by = f"error {self.error_code}"
        self.exit(return_code=_SOFTWARE, message=self.text("错误编号 {code}", code=self.error_code))

    def on_keyboard_lost(self, message: KeyboardLost) -> None:
        """End: nobody could do anything here any more."""
        self.end(_INPUT_LOST, f"a terminal that is gone: {message.why}")

    def panic(self, *renderables: RenderableType) -> None:
        """Textual's own end, with exit status 0 and a traceback on the terminal: log it and give up."""
        with self.console.capture() as said:
            self.console.print(*renderables)
        self.error_code = secrets.token_hex(2).upper()
        structlog.get_logger().error("panic", code=self.error_code, said=said.get())
        self._give_up()

    def end(self, status: int, by: str) -> None:
        """Exit with that status; the log tells by what."""
        self._ended_by = by
        self.exit(return_code=status)

    def ended(self) -> int:
        """The exit status, 0 only where somebody left the demo; logged with what ended the app."""
        left = self.is_demo and self.return_code == 0 and self._ended_by
        status = 0 if left else self.return_code or _SOFTWARE
        structlog.get_logger().warning("the app ended", by=self._ended_by or "nobody knows", status=status)
        return status

    def _handle_exception(self, error: Exception) -> None:
        # Textual has no public hook for unexpected errors; it would print a traceback to the terminal and exit.
        self.report(error)

    async def _dispatch_message(self, message: Message) -> None:
        # No public hook surrounds every handler; without this an error in one would end the message loop.
        with reported(self.report):
            await super()._dispatch_message(message)

    async def _flush_next_callbacks(self) -> None:
        # What a handler left to be awaited, which Textual also does outside of every handler.
        with reported(self.report):
            await super()._flush_next_callbacks()


def run_app(
    desk: Desk,
    configuration: Configuration,
    drawer: Callable[[], Overlay[None]] | None = None,
    leave_when: Callable[[Callable[[], None]], None] | None = None,
    opening: Callable[[Shell], None] | None = None,
) -> int:
    """Run the app; its exit status.

    `drawer` makes the demo's drawer, `leave_when` gets what closes the app, and `opening` leads from the first screen to another.
    """
    app = KeydeskApp(DeskService(desk), drawer, configuration.screen, configuration.exchange, opening=opening)

    def leave() -> None:
        app.call_from_thread(app.end, _SOFTWARE, "the end of the program that started it")

    def signalled(number: int, _: object) -> None:
        app.end(_SIGNALLED + number, signal.Signals(number).name)

    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signalled)
    if leave_when is not None:
        leave_when(leave)
    try:
        app.run()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever ends the app is in the log
        app.report(error)
    return app.ended()
