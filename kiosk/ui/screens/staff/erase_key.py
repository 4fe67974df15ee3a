"""清空key盘: shows the key's contents and erases it after two confirmations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kiosk.desk.keys.erase import Eraser, may_erase
from kiosk.desk.keys.views import KeyOutcome, KeyView
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.text.catalogue import N_
from kiosk.ui.screens.common.confirm import ConfirmScreen, Question
from kiosk.ui.screens.common.reason import TypedConfirmationScreen
from kiosk.ui.screens.key.key_status import StaffKeyStatusScreen
from kiosk.ui.widgets.actions import Action

if TYPE_CHECKING:
    from textual.widget import Widget

    from kiosk.text.wording import Text

LAST_CHARACTERS = 4


class EraseKeyScreen(StaffKeyStatusScreen):
    """Shows the key's status; erases exactly the key on display, by its serial number."""

    TITLE_TEXT = N_("清空key盘")

    def actions(self) -> Iterable[Widget]:
        """The back and the confirm button."""
        yield Action(self.t("Esc  返回"), id="back", main=True)
        yield Action(self.t("清空"), id="next")

    def update_content(self) -> None:
        """Show the key's facts; disable erasing without a key."""
        super().update_content()
        self.query_one("#next", Action).disabled = self.view is None or self.busy

    def token_changed(self) -> None:
        """Read the new key; a confirmation for another key does not apply to it."""
        if not self.defer_reading():
            super().token_changed()

    def begin(self) -> None:
        """Ask for the first confirmation."""
        view = self.view
        if view is None or self.busy:
            return
        if not self.staff.supervisor and may_erase(view.status, unexpired_member=False) is Eraser.SUPERVISOR:
            self.say(lambda t: t("这把key盘要由主管登录后才能清空。"))
            return
        serial, prepares = view.token.serial, view.status is KeyStatus.NOT_PREPARED

        def question(t: Text) -> Question:
            text = (
                t("key盘 {serial} 没有初始化。初始化后是空白key盘，用初始PIN码。", serial=serial)
                if prepares
                else t(
                    "key盘 {serial} 里的密钥和证书会删掉，不能恢复；PIN码回到初始的。别家的应用不动。",
                    serial=serial,
                )
            )
            return Question(title=t("清空key盘"), text=text, yes=t("清空"), no=t("返回"))

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                self._ask_again(serial)

        self.app.push_screen(ConfirmScreen(question), answered)

    def _ask_again(self, serial: str) -> None:
        def question(t: Text) -> Question:
            return Question(
                title=t("再确认一次"),
                text=t("要清空 {serial}，请输入序列号的末四位。", serial=serial),
                yes=t("清空"),
                no=t("返回"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                self._erase(serial)

        self.app.push_screen(TypedConfirmationScreen(question, serial[-LAST_CHARACTERS:]), answered)

    def _erase(self, serial: str) -> None:
        erase, staff = self.shell.service.erase, self.staff
        self.ask(lambda: erase(staff, serial), self._erased, self.t("正在清空，请不要拔出key盘"))

    def _erased(self, outcome: KeyOutcome) -> None:
        if isinstance(outcome, KeyView):
            self.view = outcome
            self.stale = False
            serial = outcome.token.serial
            self.say(lambda t: t("{serial} 已清空，是空白key盘，可以绑定。", serial=serial), good=True)
            self.focus_on("back")
        elif isinstance(outcome, TokenRefused):
            self._not_erased(outcome)
        else:
            self.refused(outcome)

    def _not_erased(self, refused: TokenRefused) -> None:
        if refused.reason in {TokenRefusal.REMOVED, TokenRefusal.ABSENT}:
            self.view, self.stale = None, False
            self.say(lambda t: t("key盘被拔出了，可能没有清完。请重新插入同一把，再清空一次。"))
        else:
            self.key_refused(refused)
