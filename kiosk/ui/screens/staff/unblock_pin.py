"""解锁PIN码: a supervisor resets a forgotten or blocked PIN to a value that the member types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kiosk.desk.keys.views import KeyView
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.text.catalogue import N_
from kiosk.text.pin_rules import rules_for
from kiosk.text.wording import sentences
from kiosk.ui.screens.staff.staff_key_page import StaffKeyPage
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.fields import Field, FieldRow
from kiosk.ui.widgets.lines import Prose
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

LONGEST = 16
_UNBLOCKING_REFUSALS = {
    TokenRefusal.UNBLOCKING_PIN_WRONG,
    TokenRefusal.UNBLOCKING_PIN_BLOCKED,
    TokenRefusal.NOT_SUPPORTED,
}


class UnblockPinScreen(StaffKeyPage):
    """The administrator PIN or PUK may be left empty where one is configured."""

    TITLE_TEXT = N_("解锁PIN码")

    def content(self) -> ComposeResult:
        """The instructions and the fields."""
        yield Prose(id="why")
        yield FieldRow(
            self.t("管理员PIN（PUK）"),
            Field(
                id="unblocking",
                password=True,
                maximum=LONGEST,
                board=Board.DIGITS,
                placeholder=self.t("空着用本机配置的"),
            ),
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
        yield Action(self.t("Enter  解锁"), id="next", main=True)

    def opened(self) -> None:
        """Focus the administrator PIN."""
        super().opened()
        self.focus_on("unblocking")

    def update_content(self) -> None:
        """Show the instructions and, until it is done, the fields."""
        super().update_content()
        rules = rules_for(self.token).sentence(self.t)
        how = self.t("先核对会员本人和证件，再请会员自己输两遍新PIN码。")
        self.show_form(sentences(how, rules))

    def begin(self) -> None:
        """Validate the fields, then unblock."""
        if self.finished:
            self.action_back()
            return
        unblocking, new = self.typed("unblocking") or None, self.typed("new")
        problem = rules_for(self.token).problem(new, self.typed("again"))
        if problem is not None:
            self.show_error(*problem)
            return
        service, staff = self.shell.service, self.staff

        def unblock(serial: str | None, *, confirmed: bool) -> KeyView | TokenRefused | Refused:
            del confirmed
            return service.unblock_pin(staff, unblocking, new, serial)

        self.use_key(unblock, self._unblocked, self.t("正在解锁，请不要拔出key盘"))

    def _unblocked(self, view: KeyView) -> None:
        self.empty("unblocking", "new", "again")
        self.finished = True
        serial = view.token.serial
        self.say(lambda t: t("{serial} 的PIN码已解锁，用会员刚才输的新PIN码。", serial=serial), good=True)
        self.focus_on("next")

    def spared(self, answer: object) -> frozenset[str]:
        """The member's new PIN, where the administrator PIN is refused."""
        unblocking = isinstance(answer, TokenRefused) and answer.reason in _UNBLOCKING_REFUSALS
        return frozenset({"new", "again"} if unblocking else ())

    def key_refused(self, refused: TokenRefused) -> None:
        """Ask again for what was cleared."""
        super().key_refused(refused)
        self.focus_on("unblocking")
