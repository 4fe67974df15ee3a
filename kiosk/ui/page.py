"""The base of every screen: shared rows, calls to the desk in a thread, and recomposing in another language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events, messages
from textual.await_complete import AwaitComplete
from textual.message import Message
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Input

from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.people import FieldsRefused, LockedOut, WrongCredentials
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.text.wording import refusal
from kiosk.ui.key_bindings import LANGUAGE_KEYS, Keys
from kiosk.ui.shell import SlipPrinted, reported
from kiosk.ui.widgets.first_layout import FirstLayout
from kiosk.ui.widgets.rows import HeadRow, KeyHint, KeyRow, StatusRow, TitleRow
from kiosk.ui.widgets.touched_fields import TouchedFields

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.timer import Timer
    from textual.widget import Widget
    from textual.widgets import OptionList

    from kiosk.desk.views.status import DeskStatus
    from kiosk.settings import TouchTyping
    from kiosk.text.wording import LazyText
    from kiosk.ui.visit import Visit

ResultT = TypeVar("ResultT")

_REFUSING = (Refused, TokenRefused, WrongCredentials, LockedOut, FieldsRefused)
# The screen asks what to do, and goes on with what was typed.
_QUESTIONS = {TokenRefusal.SEVERAL, TokenRefusal.PIN_LAST_TRY}
# What a screen that is gone has still to hear; whoever has something called there may wait for it.
_LAST = (events.Callback, events.ScreenSuspend, messages.Prune, messages.CloseMessages, events.Unmount)

NOTICE_SECONDS = 4.0
ROOMY_WIDTH = 110
ROOMY_HEIGHT = 32


def _refuses(answer: object) -> bool:
    """Whether no secret may stay on the screen after that answer, so that the next is typed into an empty field."""
    asks = isinstance(answer, TokenRefused) and answer.reason in _QUESTIONS
    return isinstance(answer, _REFUSING) and not asks


class Answered(Message):
    """The desk's answer, posted by a thread and handled in the screen's message loop."""

    def __init__(self, then: Callable[[], None], visit: Visit, *, ends_busy: bool) -> None:
        super().__init__()
        self.then = then
        self.visit = visit
        self.ends_busy = ends_busy


class Page(FirstLayout[ScreenResultType], Keys[ScreenResultType], TouchedFields[ScreenResultType]):
    """A screen of the kiosk. Subclasses implement `compose`, and show their state in `update_content`."""

    # Whether an idle screen is hidden behind the privacy screen instead of being reset.
    KEEPS_WHEN_IDLE: ClassVar[bool] = False
    # Whether an idle screen stays; its fields are cleared all the same.
    NEVER_IDLE: ClassVar[bool] = False
    # Whether a member's visit is under way, which 暂存 can set aside.
    IN_VISIT: ClassVar[bool] = True

    # Whether what is typed fast is a scan, since nothing is typed here but single keys.
    HEARS_SCANNER: ClassVar[bool] = False

    busy = False
    _seen: int | None = None
    _looking = False
    _left = False
    _opened = False
    _rebuilding = False
    _rebuild_again = False
    _deferred: tuple[Callable[[], None], ...] = ()

    def touch_typing(self) -> TouchTyping:
        """When the on-screen keyboard is shown."""
        return self.shell.touch_typing

    def title_row(self) -> TitleRow:
        """The names of the system and the exchange."""
        settings = self.shell.settings
        called = self.t("已叫工作人员") if self.shell.staff_called else ""
        return TitleRow(self.t(settings.system), self.t(settings.name), called)

    def head_row(self, title: str, steps: Sequence[str] = (), current: int = 0) -> HeadRow:
        """The page's title, and the steps of its flow (`kiosk/text/flows.py`)."""
        return HeadRow(self.t, title, steps, current)

    def forgotten_hint(self, field: str, *, id: str | None = None) -> KeyHint:  # noqa: A002 - Textual's own name
        """「忘了？」, to stand beside that field."""
        return KeyHint("F4", self.t("忘了？"), f"screen.forgotten('{field}')", id=id)

    def last_rows(self, *extra: tuple[str, str, str]) -> Iterable[Widget]:
        """The status row and the function keys; `extra` adds the screen's own as (key, text, action)."""
        yield StatusRow()
        yield KeyRow(
            self.t,
            other_language=self.shell.other_language,
            demo=self.shell.is_demo,
            in_visit=self.IN_VISIT,
            extra=extra,
        )

    def show_status_row(self, notice: str, status: DeskStatus | None) -> None:
        """Show a notice in the status row, else the state of the devices."""
        for row in self.query(StatusRow):
            if notice:
                row.show_notice(notice)
            else:
                row.show_status(self.t, status)

    def update_content(self) -> None:
        """Show the state; called after every compose, and by the screen when its state changes."""

    def key_moved(self) -> None:
        """Clear the secrets, which were typed for the key before, and handle the insertion or removal."""
        if self.forget_secrets():
            again = self.t("key盘有插拔，密码和PIN码请重新输入。")
            self.shell.announce(again, for_seconds=NOTICE_SECONDS)
        self.token_changed()

    def token_changed(self) -> None:
        """Handle an insertion or removal of a token."""

    def status_changed(self) -> None:
        """Handle that the desk's status was read again."""

    def scanned(self, text: str) -> None:
        """Handle a scanned text."""

    def blocks_leaving(self) -> bool:
        """Whether the screen cannot be left at present."""
        return False

    def visit_ended(self) -> None:
        """Handle the end of the visit on this step, by the member or by the idle timeout."""

    def end_party(self) -> None:
        """Let the enterprise go whose operators came one after another; of several keys, print the one slip."""
        shell, party = self.shell, self.shell.visit.party
        shell.visit.party = None
        if party is None or len(party.orders) == 1:
            return

        def work() -> None:
            printed = shell.service.print_slip(party.orders)
            outcome = PrintOutcome.NOT_PRINTED if isinstance(printed, Refused) else printed
            shell.post_message(SlipPrinted(outcome))

        shell.in_thread(work, "receipt")

    def on_mount(self) -> None:
        """Show the state for the first time."""
        self.update_content()
        self.shell.show_status()
        self.opened()
        self._opened = True
        self._catch_up()

    def opened(self) -> None:
        """Request the screen's data from the desk and set the focus; called once, after the first update."""

    def on_compose(self) -> None:
        """Use the roomy layout on large terminals, before there are widgets to style."""
        self.set_class(self._is_roomy(self.app.size), "roomy", update=False)

    def on_resize(self, event: events.Resize) -> None:
        """Use the roomy layout on large terminals."""
        self.set_class(self._is_roomy(event.size), "roomy")
        self.call_after_refresh(self.update_keyboard)

    def _is_roomy(self, size: Size) -> bool:
        return size.width >= ROOMY_WIDTH and size.height >= ROOMY_HEIGHT

    async def rebuild(self) -> None:
        """Recompose in the current language, keeping the typed values, the marked rows and the focus.

        Messages that arrive while widgets are missing are deferred until the screen is complete.
        """
        self._rebuild_again = True
        if self._rebuilding or self._gone:
            return
        self._rebuilding = True
        try:
            while self._rebuild_again:
                self._rebuild_again = False
                await self._recompose()
        finally:
            self._rebuilding = False
        self._catch_up()

    def _catch_up(self) -> None:
        """Do what was put off until the screen is whole."""
        deferred, self._deferred = self._deferred, ()
        if self._remains:
            for action in deferred:
                action()

    async def _recompose(self) -> None:
        focused = self.focused.id if self.focused is not None else None
        typed = {field.id: field.value for field in self.query(Input) if field.id}
        marked = {rows.id: rows.highlighted for rows in self._lists()}
        self.forget_keyboard()
        await self.recompose()
        if not self._remains:
            return  # Textual removes its widgets and mounts no others
        for field in self.query(Input):
            if field.id in typed:
                field.value = typed[field.id]
        self.update_content()
        for rows in self._lists():
            rows.highlighted = marked.get(rows.id)
        self.shell.show_status()
        if focused is not None:
            self.focus_on(focused)
        self.call_after_refresh(self.update_keyboard)

    def _lists(self) -> list[OptionList]:
        """Its lists; their class is named and not imported, since the first screens have none."""
        return [cast("OptionList", rows) for rows in self.query("OptionList")]

    @property
    def _remains(self) -> bool:
        """Whether the screen is neither removed nor being removed."""
        return self.is_attached and self.display

    def leave(self) -> None:
        """Note that the visit goes on elsewhere, or is over: what still comes to this screen is of no use and may be another's."""
        self._left = True

    @property
    def _gone(self) -> bool:
        """Whether nothing that comes to the screen is for anybody: it was left, or it is being removed."""
        return self._left or not self.display

    def when_composed(self, action: Callable[[], None]) -> None:
        """Run `action` now, or once the screen is whole: it may not be composed yet, or be composed again just now."""
        if self._gone:
            return
        if self._rebuilding or not self._opened:
            self._deferred = (*self._deferred, action)
        else:
            action()

    def every(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` so often, whenever the screen is whole: a timer does not wait for the screen's other work."""
        return self.set_interval(seconds, lambda: self.when_composed(action))

    def takes(self, event: events.Event) -> bool:
        """Whether a key or a touch is for this screen: while it is composed again only F2 is, since its widgets are going."""
        return not self._rebuilding or (isinstance(event, events.Key) and event.key in LANGUAGE_KEYS)

    def focus_on(self, identity: str) -> None:
        """Focus that widget, if it exists and is focusable."""
        found = self.query(f"#{identity}")
        if found and found.first().focusable:
            self.set_focus(found.first())  # at once: Textual's `focus` does it after the next paint

    def localized(self, message: LazyText | None) -> str:
        """The message in the current language; empty for None."""
        return message(self.t) if message is not None else ""

    def refusal(self, refused: Refused) -> LazyText:
        """Why the desk refuses, and what the member can do."""
        support = self.shell.settings.support_line
        return lambda t: refusal(t, refused, support)

    def wipe(self) -> None:
        """Clear every field."""
        for field in self.query(Input):
            field.value = ""

    def spared(self, answer: object) -> frozenset[str]:
        """The fields of the secrets that a key's refusal leaves right, so that they need not be typed again; by default none.

        Asked of no other answer: where the desk refuses, every secret goes.
        """
        del answer
        return frozenset()

    def forget_secrets(self, spared: frozenset[str] = frozenset()) -> bool:
        """Clear every password and PIN but these; whether any was typed."""
        secrets = (field for field in self.query(Input) if field.password and field.id not in spared)
        typed = [field for field in secrets if field.value]
        for field in typed:
            field.value = ""
        return bool(typed)

    def ask(self, call: Callable[[], ResultT], then: Callable[[ResultT], None], busy: str) -> None:
        """Call the desk in a thread and show `busy` meanwhile; ignored while another such call runs.

        `then` receives the result in the screen's message loop, with refused secrets cleared.
        """
        if self.busy:
            return
        self.busy = True
        self.show_busy(busy)

        def answered(result: ResultT) -> None:
            if _refuses(result):
                self.forget_secrets(self.spared(result) if isinstance(result, TokenRefused) else frozenset())
            then(result)

        self._in_thread(call, answered, ends_busy=True)

    def fetch(self, call: Callable[[], ResultT], then: Callable[[ResultT], None]) -> None:
        """Call the desk in a thread in the background, without blocking input."""
        self._in_thread(call, then, ends_busy=False)

    def look_again(self, call: Callable[[], ResultT], then: Callable[[ResultT], bool]) -> None:
        """Fetch what the page shows once more, if anything was written since; to be called at every status.

        `then` receives it, and says whether it was taken in; if not, it is fetched again at the next status.
        """
        version = self._present_version()
        if version == self._seen or self._looking or self.busy:
            return
        self._looking = True

        def arrived(result: ResultT) -> None:
            self._looking = False
            if not self.busy and then(result):
                self._seen = version

        self.fetch(call, arrived)

    def seen(self) -> None:
        """Note that the page reads now what it shows."""
        self._seen = self._present_version()

    def _present_version(self) -> int | None:
        return None if self.shell.status is None else self.shell.status.version

    def _in_thread(
        self, call: Callable[[], ResultT], then: Callable[[ResultT], None], *, ends_busy: bool
    ) -> None:
        visit = self.shell.visit

        def work() -> None:
            result = call()
            self.post_message(Answered(lambda: then(result), visit, ends_busy=ends_busy))

        self.run_worker(work, thread=True, group="desk")

    def on_answered(self, message: Answered) -> None:
        """Handle the desk's answer, unless its visit has ended."""
        message.stop()
        self.when_composed(lambda: self._handle_answer(message))

    def _handle_answer(self, message: Answered) -> None:
        if message.ends_busy:
            self.busy = False
            self.show_busy("")
        if message.visit is self.shell.visit:
            message.then()

    def show_busy(self, text: str) -> None:
        """Show the running operation in the status row; empty when it has ended."""
        self.shell.announce(text)

    async def _dispatch_message(self, message: Message) -> None:
        # No public hook surrounds every handler; without this an error in one would end the screen's message loop.
        if self._gone and not isinstance(message, _LAST):
            return
        with reported(self.shell.report):
            await super()._dispatch_message(message)

    async def _flush_next_callbacks(self) -> None:
        # What a handler left to be awaited, which Textual also does outside of every handler.
        with reported(self.shell.report):
            await super()._flush_next_callbacks()


class Overlay(Page[ScreenResultType], ModalScreen[ScreenResultType], inherit_bindings=False):
    """A modal screen over the step."""

    BINDINGS = Keys.BINDINGS
    # Whether the overlay belongs to the step and closes with it; any other stays open over the next step.
    ENDS_WITH_STEP: ClassVar[bool] = False
    # Whether a scan is for the overlay and not for the step beneath.
    TAKES_SCANS: ClassVar[bool] = False
    # Whether it asks about the keys that are inserted, so that it closes without an answer when they change.
    about_keys = False
    outdated = False

    def key_moved(self) -> None:
        """Close a question about other keys, or remember to do so while another overlay is on top."""
        super().key_moved()
        if self.about_keys:
            self.outdated = True
            self.dismiss(None)

    def on_screen_resume(self) -> None:
        """Close if the keys changed while another overlay was on top."""
        if self.outdated:
            self.dismiss(None)

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close with a result, but only as the topmost screen, since Textual pops whichever is on top."""
        if self.app.screen is not self:
            return AwaitComplete()
        return super().dismiss(result)

    def step_changed(self) -> None:
        """Handle a change of the step beneath."""
