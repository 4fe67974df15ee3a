"""What every screen has: the wording, the keys, questions to the desk in a thread, and a rebuild in the other language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual import events
from textual.await_complete import AwaitComplete
from textual.message import Message
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Input

from kiosk.text.wording import refusal
from kiosk.ui.key_bindings import Keys
from kiosk.ui.widgets.first_layout import FirstLayout
from kiosk.ui.widgets.rows import KeyRow, StatusRow, TitleRow

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.screen import Screen
    from textual.widget import Widget

    from kiosk.desk.views import Refused
    from kiosk.text.wording import Said
    from kiosk.ui.visit import Visit

ResultT = TypeVar("ResultT")

ROOMY_WIDTH = 110
ROOMY_HEIGHT = 32


class Answered(Message):
    """A thread has the desk's answer; the screen's own loop goes on with it."""

    def __init__(self, then: Callable[[], None], visit: Visit, *, ends_busy: bool) -> None:
        super().__init__()
        self.then = then
        self.visit = visit
        self.ends_busy = ends_busy


class Page(FirstLayout[ScreenResultType], Keys[ScreenResultType]):
    """A screen of the desk. Subclasses compose, and `fill` what they show from their own state."""

    # Whether the screen is only hidden, and not wiped, when nobody uses it.
    KEEPS_WHEN_IDLE: ClassVar[bool] = False
    # Whether the screen stays when nobody uses it; its fields are emptied all the same.
    NEVER_IDLE: ClassVar[bool] = False

    busy = False
    _rebuilding = False
    _rebuild_again = False
    _put_off: tuple[Callable[[], None], ...] = ()

    def title_row(self) -> TitleRow:
        """The system's and the exchange's name."""
        settings = self.shell.settings
        called = self.t("已叫工作人员") if self.shell.staff_called else ""
        return TitleRow(self.t(settings.system), self.t(settings.name), called)

    def last_rows(self, *extra: tuple[str, str, str]) -> Iterable[Widget]:
        """The status row and the keys, the screen's own (key, text, action) among them."""
        yield StatusRow()
        yield KeyRow(
            self.t,
            other_language=self.shell.other_language,
            demo=self.shell.is_demo,
            extra=extra,
        )

    def fill(self) -> None:
        """Show the state; called after every composing, and by the screens when their state changes."""

    def token_changed(self) -> None:
        """A token went in or out."""

    def scanned(self, text: str) -> None:
        """The scanner read `text`."""

    def holds_still(self) -> bool:
        """Whether leaving is not possible just now."""
        return False

    def left(self) -> None:
        """The visit ends on this step, by the member or because nobody is there."""

    def on_mount(self) -> None:
        """Show the state for the first time."""
        self.fill()
        self.shell.show_status()
        self.opened()

    def opened(self) -> None:
        """Ask the desk for what the screen shows, and set the focus. Called once, when the screen has been filled."""

    def on_compose(self) -> None:
        """Use the roomy layout on large terminals, before there are widgets to style."""
        self.set_class(self._is_roomy(self.app.size), "roomy", update=False)

    def on_resize(self, event: events.Resize) -> None:
        """Use the roomy layout on large terminals."""
        self.set_class(self._is_roomy(event.size), "roomy")

    def _is_roomy(self, size: Size) -> bool:
        return size.width >= ROOMY_WIDTH and size.height >= ROOMY_HEIGHT

    async def rebuild(self) -> None:
        """Compose again, in the language of the moment, keeping what was typed and where the cursor was.

        What comes meanwhile, when the screen has only some of its widgets, is put off until it is whole.
        """
        self._rebuild_again = True
        if self._rebuilding:
            return
        self._rebuilding = True
        try:
            while self._rebuild_again:
                self._rebuild_again = False
                await self._compose_again()
        finally:
            self._rebuilding = False
        put_off, self._put_off = self._put_off, ()
        for do in put_off:
            do()

    async def _compose_again(self) -> None:
        focused = self.focused.id if self.focused is not None else None
        typed = {field.id: field.value for field in self.query(Input) if field.id}
        await self.recompose()
        for field in self.query(Input):
            if field.id in typed:
                field.value = typed[field.id]
        self.fill()
        self.shell.show_status()
        if focused is not None:
            self.focus_on(focused)

    def when_whole(self, do: Callable[[], None]) -> None:
        """Do it now, or once the screen is composed again."""
        if self._rebuilding:
            self._put_off = (*self._put_off, do)
        else:
            do()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Textual's question: nothing is done by key on a screen that is being composed again, but by F2 again."""
        if self._rebuilding and action != "other_language":
            return False
        return super().check_action(action, parameters)

    def focus_on(self, identity: str) -> None:
        """Put the cursor on that widget, when it can take it."""
        found = self.query(f"#{identity}")
        if found and found.first().focusable:
            found.first().focus()

    def worded(self, said: Said | None) -> str:
        """What is to be said, in the language of the moment; nothing for None."""
        return said(self.t) if said is not None else ""

    def refusal(self, refused: Refused) -> Said:
        """Why the desk does not go on, and what to do."""
        support = self.shell.settings.support_line
        return lambda t: refusal(t, refused, support)

    def wipe(self) -> None:
        """Empty every field."""
        for field in self.query(Input):
            field.value = ""

    def ask(self, call: Callable[[], ResultT], then: Callable[[ResultT], None], busy: str) -> None:
        """Ask the desk in a thread, saying what goes on; a second question meanwhile is not asked.

        `then` runs in the screen's own loop.
        """
        if self.busy:
            return
        self.busy = True
        self.show_busy(busy)
        self._in_thread(call, then, ends_busy=True)

    def fetch(self, call: Callable[[], ResultT], then: Callable[[ResultT], None]) -> None:
        """Ask the desk in a thread without holding the member up."""
        self._in_thread(call, then, ends_busy=False)

    def _in_thread(
        self, call: Callable[[], ResultT], then: Callable[[ResultT], None], *, ends_busy: bool
    ) -> None:
        visit = self.shell.visit

        def work() -> None:
            result = call()
            self.post_message(Answered(lambda: then(result), visit, ends_busy=ends_busy))

        self.run_worker(work, thread=True, group="desk")

    def on_answered(self, message: Answered) -> None:
        """Go on with the desk's answer, unless the visit in which it was asked for is over."""
        message.stop()
        self.when_whole(lambda: self._take_up(message))

    def _take_up(self, message: Answered) -> None:
        if message.ends_busy:
            self.busy = False
            self.show_busy("")
        if message.visit is self.shell.visit:
            message.then()

    def show_busy(self, text: str) -> None:
        """Say in the status row what goes on, nothing when it is over."""
        self.shell.announce(text)

    async def _dispatch_message(self, message: Message) -> None:
        # An error in a handler must not end the screen's loop, nor reach the terminal.
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - the last resort: it is logged under a number and shown as one
            self.shell.report(error)


class Overlay(Page[ScreenResultType], ModalScreen[ScreenResultType], inherit_bindings=False):
    """A screen over the step, which stays as it is beneath."""

    BINDINGS = Keys.BINDINGS
    # Whether the step itself asked for it, so that it goes when the step does; any other stays over the next step.
    ENDS_WITH_STEP: ClassVar[bool] = False

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close with an answer, once, and only as the uppermost: Textual takes away whatever lies on top."""
        if self.app.screen is not self:
            return AwaitComplete()
        return super().dismiss(result)

    def step_changed(self) -> None:
        """Another step lies beneath."""


def lift_overlays(stack: list[Screen[Any]], step: Screen[Any] | None) -> list[Overlay[object]]:
    """Take the overlays off the screen stack while the step beneath changes, all but those that the step opened.

    Help, the staff's view and the drawer stay when the step moves on by itself: were they closed, the Esc meant for
    them would leave the new step. Textual can only replace the topmost screen, so they are taken off for a moment.
    """
    place = stack.index(step) + 1 if step is not None else len(stack)
    while place < len(stack) and cast("Overlay[object]", stack[place]).ENDS_WITH_STEP:
        place += 1
    lifted = cast("list[Overlay[object]]", stack[place:])
    del stack[place:]
    return lifted


def put_overlays_back(stack: list[Screen[Any]], lifted: list[Overlay[object]]) -> None:
    """Put the overlays over the new step."""
    stack.extend(lifted)
    stack[-1].post_message(events.ScreenResume())
    for screen in lifted:
        screen.step_changed()
