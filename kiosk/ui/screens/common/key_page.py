"""The base of the key services' screens: runs an operation on the inserted key and asks what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, Input

from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenOutcome, TokenRefusal, TokenRefused, TokenView
from kiosk.text.wording import token_refusal
from kiosk.ui.page import Answered, Overlay
from kiosk.ui.screens.common.confirm import ConfirmScreen, last_try_question
from kiosk.ui.screens.common.key_choice import KeyChoiceScreen
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.fields import Field, FieldRow
from kiosk.ui.widgets.key_facts import token_status
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.types import CSSPathType
    from textual.widget import Widget

    from kiosk.text.wording import LazyText, Text

DoneT_co = TypeVar("DoneT_co", covariant=True)
DoneT = TypeVar("DoneT")


# An absolute path: Textual resolves a relative one against the module of the subclass.
KEY_PAGE_CSS = Path(__file__).with_name("key_page.tcss")


class KeyVerb(Protocol[DoneT_co]):
    """An operation of the desk on the token with that serial, or on the only one."""

    def __call__(self, serial: str | None, *, confirmed: bool) -> DoneT_co | TokenRefused | Refused:
        """Run it; `confirmed` when the member agreed to use the last PIN try."""
        ...


class KeyPage(Overlay[bool]):
    """A key service, shown over the menu or the step that opened it; returns whether it was done.

    With several keys inserted the member chooses one; before the last PIN try the member confirms. Either way the
    operation runs again with the answer.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = KEY_PAGE_CSS
    ENDS_WITH_STEP = True
    # Nothing, so that Enter never means the way back until the key is read.
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]
    # The heading, for the catalogue.
    TITLE_TEXT: ClassVar[str] = ""
    # Whether to show a line with the inserted key and keep it up to date.
    SHOWS_KEY: ClassVar[bool] = True
    # The steps of its flow and the one it is; staff's own have none.
    STEPS: ClassVar[tuple[Sequence[str], int]] = ((), 0)

    def __init__(self) -> None:
        super().__init__()
        self.message: LazyText | None = None
        self.good = False
        self.finished = False
        self.serial: str | None = None
        self.token: TokenOutcome | None = None
        self.problems: dict[str, LazyText] = {}
        # Whether a key was inserted or removed during an operation.
        self.stale = False
        # The message that another program holds the key, until the key is free.
        self.held: LazyText | None = None

    def compose(self) -> ComposeResult:
        """The heading, the service's own content, the message and the buttons."""
        yield self.title_row()
        yield self.head_row(self.t(self.TITLE_TEXT), *self.steps())
        with Vertical(classes="body"), Vertical(classes="column"):
            yield from self.content()
            yield Prose(id="message", classes="alert")
            if self.SHOWS_KEY:
                yield Line(id="key-in")
        with ActionRow():
            yield from self.actions()
        yield from self.last_rows()

    def steps(self) -> tuple[Sequence[str], int]:
        """The steps of its flow and the one it is."""
        return self.STEPS

    def content(self) -> ComposeResult:
        """The service's own content; none by default."""
        return ()

    def actions(self) -> Iterable[Widget]:
        """The buttons; none by default."""
        return ()

    def opened(self) -> None:
        """Read the inserted key."""
        if self.SHOWS_KEY:
            self.token_changed()

    def update_content(self) -> None:
        """Show the message, the error of each field, and the inserted key."""
        message = self.query_one("#message", Prose)
        message.say(self.localized(self.message))
        message.set_class(self.good, "good")
        for row in self.query(FieldRow):
            row.show_error(self.localized(self.problems.get(str(row.field.id))))
        if self.SHOWS_KEY:
            self.query_one("#key-in", Line).update(self._key_in())

    def show_form(self, why: str, left_out: str = "") -> None:
        """Show instructions and fields, but the one that is left out, until the service is done; then what closes the page alone."""
        self.query_one("#why", Prose).say("" if self.finished else why)
        for row in self.query(FieldRow):
            row.display = not self.finished and row.field.id != left_out
        self.query_one("#back", Action).display = not self.finished
        if self.finished:
            self.query_one("#next", Action).label = self.t("Enter  完成")

    def _key_in(self) -> str:
        if isinstance(self.token, TokenView):
            return self.t("key盘已插入：{serial}", serial=self.token.serial)
        if isinstance(self.token, Refused):
            return self.localized(self.refusal(self.token))
        return token_status(self.t, self.token)

    def say(self, message: LazyText | None, *, good: bool = False) -> None:
        """Show a message."""
        self.message, self.good = message, good
        self.update_content()

    def blocks_leaving(self) -> bool:
        """Block leaving during an operation on the key."""
        return self.busy

    # The key

    def token_changed(self) -> None:
        """Forget the chosen key and read the inserted one."""
        if self.finished or self.defer_reading():
            return
        self.serial = None
        if self.token is not None:
            self.token = None
            self.update_content()
        self.fetch(self.read_token, self._token_read)

    def read_token(self) -> TokenOutcome:
        """Read the inserted key. Called in a thread."""
        return self.shell.service.read_token()

    def defer_reading(self) -> bool:
        """Whether an operation is running; the key is then read when it ends."""
        self.stale = self.stale or self.busy
        return self.busy

    def on_answered(self, message: Answered) -> None:
        """Read the key after the answer if it was deferred. Textual calls the base class's handler as well."""
        del message
        self.call_later(self._read_deferred_key)

    def _read_deferred_key(self) -> None:
        if self.stale and not self.busy:
            self.stale = False
            self.token_changed()

    def _token_read(self, token: TokenOutcome) -> None:
        self.token = token
        if self.held is not None and self.message is self.held and isinstance(token, TokenView):
            self.message = self.held = None
        self.update_content()

    def use_key(
        self, verb: KeyVerb[DoneT], then: Callable[[DoneT], None], busy: str, *, confirmed: bool = False
    ) -> None:
        """Run an operation on the key in a thread; `then` receives its result."""
        if self.busy:
            return
        self.problems = {}
        self.say(None)
        # What was typed is for the key on display, and for no other that is inserted meanwhile.
        shown = self.token.serial if isinstance(self.token, TokenView) else None
        serial = self.serial or shown

        def again(*, confirmed: bool) -> None:
            self.use_key(verb, then, busy, confirmed=confirmed)

        def answered(outcome: DoneT | TokenRefused | Refused) -> None:
            if isinstance(outcome, TokenRefused):
                self._token_refused(outcome, again)
            elif isinstance(outcome, Refused):
                self.refused(outcome)
            else:
                then(outcome)

        self.ask(lambda: verb(serial, confirmed=confirmed), answered, busy)

    def _token_refused(self, refused: TokenRefused, again: Callable[..., None]) -> None:
        if refused.reason is TokenRefusal.SEVERAL and refused.candidates:
            self.choose_key(refused.candidates, lambda: again(confirmed=False))
        elif refused.reason is TokenRefusal.PIN_LAST_TRY:
            self._ask_for_last_try(refused, again)
        else:
            self.serial = None
            self.key_refused(refused)

    def choose_key(self, candidates: tuple[TokenView, ...], again: Callable[[], None]) -> None:
        """Ask which of several keys to use, and continue with it."""
        question = KeyChoiceScreen(candidates)

        def chosen(serial: str | None) -> None:
            if serial is None:
                self.say(lambda t: t("没有选key盘，什么都没有做。"))
                if question.outdated:
                    self.token_changed()
                return
            self.serial = serial
            self.token = next(token for token in candidates if token.serial == serial)
            again()

        self.app.push_screen(question, chosen)

    def _ask_for_last_try(self, refused: TokenRefused, again: Callable[..., None]) -> None:
        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                again(confirmed=True)
            else:
                self.forget_secrets(self.spared(refused))
                self.key_refused(refused)

        self.app.push_screen(ConfirmScreen(last_try_question, about_keys=True), answered)

    def key_refused(self, refused: TokenRefused) -> None:
        """Show why the key cannot be used."""
        support = self.shell.settings.support_line

        def sentence(t: Text) -> str:
            return token_refusal(t, refused, support)

        if refused.reason is TokenRefusal.HELD:
            self.held = sentence
        self.say(sentence)

    def refused(self, refused: Refused) -> None:
        """Show why the desk refuses."""
        self.say(self.refusal(refused))

    # The member

    def show_error(self, field: str, problem: LazyText) -> None:
        """Show the error of one field and focus it."""
        self.problems = {field: problem}
        self.say(None)
        self.focus_on(field)

    def on_field_corrected(self, message: Field.Corrected) -> None:
        """Forget the error of a field that is being corrected."""
        self.problems = {name: each for name, each in self.problems.items() if name != message.field.id}

    def typed(self, field: str) -> str:
        """The value of a field."""
        return self.query_one(f"#{field}", Field).value

    def empty(self, *fields: str) -> None:
        """Clear these fields."""
        for field in fields:
            self.query_one(f"#{field}", Field).value = ""

    def wipe(self) -> None:
        """Clear every field and its error."""
        super().wipe()
        self.problems = {}

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Close, unless an operation is running."""
        if not self.busy:
            self.dismiss(self.finished)

    def begin(self) -> None:
        """Start the service's operation; does nothing by default."""

    # Textual registers the decorated function itself, not an override of it, so `begin` is called from here.

    @on(Button.Pressed, "#next")
    @on(Input.Submitted)
    def _begin_pressed(self) -> None:
        self.begin()
