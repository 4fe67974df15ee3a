"""修改PIN码: asks for the old PIN (unless a new key still has the factory PIN) and twice for the new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kiosk.desk.keys.views import KeyView
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenOutcome, TokenRefusal, TokenRefused, TokenView
from kiosk.text.catalogue import N_
from kiosk.text.flows import DONE, KEY_SERVICE, binding
from kiosk.text.pin_rules import initial_pin, rules_for
from kiosk.text.wording import UNCHANGED_PIN
from kiosk.ui.screens.common.key_page import KeyPage
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.fields import Field, FieldRow
from kiosk.ui.widgets.lines import Prose
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

LONGEST = 16
_OLD_PIN_REFUSALS = {
    TokenRefusal.PIN_WRONG,
    TokenRefusal.PIN_LAST_TRY,
    TokenRefusal.PIN_WANTED,
}


class ChangePinScreen(KeyPage):
    """Returns whether the PIN was changed. `bound` is the serial of a key that was just bound for the first time."""

    TITLE_TEXT = N_("修改PIN码")
    STEPS = (KEY_SERVICE, 2)

    def __init__(self, session: Session, bound: str | None = None) -> None:
        super().__init__()
        self.session = session
        self.bound = bound
        self.asks_old = bound is None

    def steps(self) -> tuple[Sequence[str], int]:
        """The end of the binding, or a service of its own."""
        return self.STEPS if self.bound is None else (binding(self.shell.visit.kind), DONE)

    def content(self) -> ComposeResult:
        """The rules and the fields."""
        yield Prose(id="why")
        yield FieldRow(
            self.t("*原PIN码"),
            Field(id="old", password=True, maximum=LONGEST, board=Board.DIGITS),
            self.forgotten_hint("old"),
        )
        yield FieldRow(
            self.t("*新PIN码"), Field(id="new", password=True, maximum=LONGEST, board=Board.DIGITS)
        )
        yield FieldRow(
            self.t("*再输一遍新PIN码"), Field(id="again", password=True, maximum=LONGEST, board=Board.DIGITS)
        )

    def actions(self) -> Iterable[Widget]:
        """The back and the confirm button."""
        yield Action(self.t("Esc  返回"), id="back")
        yield Action(self.t("Enter  修改"), id="next", main=True)

    def opened(self) -> None:
        """Focus the first field."""
        super().opened()
        self.focus_on("old" if self.asks_old else "new")

    def token_changed(self) -> None:
        """Read the inserted key; after a first binding it stays the key just bound."""
        super().token_changed()
        if not (self.busy or self.finished):
            self.serial = self.bound

    def update_content(self) -> None:
        """Show the rules and the fields that are still needed."""
        super().update_content()
        self.show_form(rules_for(self.token).sentence(self.t), "" if self.asks_old else "old")
        old = self.query_one("#old", Field)
        unchanged = self.t(UNCHANGED_PIN, pin=initial_pin(self.token, self.shell.settings.initial_pin))
        old.placeholder = self.t("初始PIN码可不填") if self._may_leave_old_out() else unchanged

    def _token_read(self, token: TokenOutcome) -> None:
        """Ask for the old PIN of a key that does not say that it is the one it came with."""
        if isinstance(token, TokenView) and token.factory_pin is not True and not self.asks_old:
            self.asks_old = True
            self.call_after_refresh(self.focus_on, "old")
        super()._token_read(token)

    def begin(self) -> None:
        """Validate the fields, then change the PIN."""
        if self.finished:
            self.action_back()
            return
        old = self.typed("old") if self.asks_old else ""
        new, again = self.typed("new"), self.typed("again")
        if self.asks_old and not old and not self._may_leave_old_out():
            self.show_error("old", lambda t: t("请填写"))
            return
        problem = rules_for(self.token).problem(new, again)
        if problem is None and old and old == new:
            problem = "new", lambda t: t("和原PIN码一样")
        if problem is not None:
            self.show_error(*problem)
            return
        service, session = self.shell.service, self.session

        def change(serial: str | None, *, confirmed: bool) -> KeyView | TokenRefused | Refused:
            return service.change_pin(session, old or None, new, confirmed, serial)

        self.use_key(change, self._changed, self.t("正在修改，请不要拔出key盘"))

    def _may_leave_old_out(self) -> bool:
        return isinstance(self.token, TokenView) and self.token.factory_pin is True

    def _changed(self, view: KeyView) -> None:
        del view
        self.empty("old", "new", "again")
        self.finished = True
        self.shell.visit.pin_settled = self.bound is not None
        self.say(lambda t: t("PIN码已修改。以后登录、续期都用新PIN码。"), good=True)
        self.focus_on("next")

    def spared(self, answer: object) -> frozenset[str]:
        """The new PIN, where the old one is refused."""
        old = isinstance(answer, TokenRefused) and answer.reason in _OLD_PIN_REFUSALS
        return frozenset({"new", "again"} if old else ())

    def key_refused(self, refused: TokenRefused) -> None:
        """Ask for the old PIN again; also where the factory PIN was assumed and is wrong."""
        if refused.reason in _OLD_PIN_REFUSALS:
            self.asks_old = True
        super().key_refused(refused)
        # Shown for the first time only by the next refresh.
        self.call_after_refresh(self.focus_on, "old" if self.asks_old else "new")
