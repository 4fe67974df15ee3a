"""解除挂失: the owner proves possession of the key with account, password and the key's PIN."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, assert_never

from textual.timer import Timer

from kiosk.desk.keys.views import LiftedView
from kiosk.desk.views.people import (
    LockedOut,
    Session,
    SignedIn,
    SignInOutcome,
    StaffSession,
    WrongCredentials,
)
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenRefused
from kiosk.text.catalogue import N_
from kiosk.text.times import day
from kiosk.text.wording import locked_out, wrong_credentials
from kiosk.ui.screens.staff.staff_key_page import StaffKeyPage
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.fields import Field, FieldRow
from kiosk.ui.widgets.lines import Prose
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from kiosk.text.wording import Text

LONGEST_PIN = 16
_LOOK_SECONDS = 0.5


class LiftHoldScreen(StaffKeyPage):
    """The member types, while staff are signed in."""

    TITLE_TEXT = N_("解除挂失")

    def __init__(self, staff: StaffSession) -> None:
        super().__init__(staff)
        self.lifted: LiftedView | None = None
        self._account = ""
        self._password_right = False
        self._timer: Timer | None = None

    def content(self) -> ComposeResult:
        """The instructions and the fields."""
        yield Prose(id="why")
        yield FieldRow(self.t("*登录账号"), Field(id="account", maximum=20, board=Board.DIGITS))
        yield FieldRow(self.t("*登录密码"), Field(id="password", password=True))
        yield FieldRow(
            self.t("*PIN码"), Field(id="pin", password=True, maximum=LONGEST_PIN, board=Board.DIGITS)
        )

    def actions(self) -> Iterable[Widget]:
        """The back and the confirm button."""
        yield Action(self.t("Esc  返回"), id="back")
        yield Action(self.t("Enter  解除挂失"), id="next", main=True)

    def opened(self) -> None:
        """Focus the account."""
        super().opened()
        self.focus_on("account")

    def update_content(self) -> None:
        """Show the instructions and, until it is done, the fields."""
        super().update_content()
        how = self.t("核对会员本人和证件，插入找到的key盘，再请会员输入账号、密码和这把key盘的PIN码。")
        self.show_form(how)

    def begin(self) -> None:
        """Check the password, then lift the hold."""
        if self.finished:
            self.action_back()
            return
        if self.busy:
            return
        empty = [field for field in ("account", "password", "pin") if not self.typed(field).strip()]
        if empty:
            self.show_error(empty[0], lambda t: t("请填写"))
            return
        self.problems = {}
        self._password_right = False
        self.say(None)
        account, password, sign_in = (
            self.typed("account").strip(),
            self.typed("password"),
            self.shell.service.sign_in,
        )
        self.ask(lambda: sign_in(account, password), self._signed_in, self.t("正在核对，请稍候"))

    def _signed_in(self, outcome: SignInOutcome) -> None:
        support = self.shell.settings.support_line
        match outcome:
            case SignedIn(session):
                self._password_right = True
                self._lift(session)
            case WrongCredentials():
                self.say(lambda t: wrong_credentials(t, outcome))
                self.focus_on("password")
            case LockedOut():
                self.say(lambda t: locked_out(t, outcome, support))
            case Refused():
                self.refused(outcome)
            case _:
                assert_never(outcome)

    def _lift(self, session: Session) -> None:
        pin, service, staff = self.typed("pin"), self.shell.service, self.staff
        self._account = session.account

        def lift(serial: str | None, *, confirmed: bool) -> LiftedView | TokenRefused | Refused:
            return service.lift_hold(session, staff, pin, confirmed, serial)

        self.use_key(lift, self._done, self.t("正在解除挂失，请不要拔出key盘"))

    def _done(self, lifted: LiftedView) -> None:
        self.empty("account", "password", "pin")
        self.lifted = lifted
        self.finished = True
        self._show_result(registered=lifted.registered)
        self.focus_on("next")
        if not lifted.registered:
            self._timer = self.every(_LOOK_SECONDS, self._look)

    def _show_result(self, *, registered: bool) -> None:
        key = self.lifted.key if self.lifted is not None else None
        ends = day(key.not_after) if key is not None else "-"

        def sentence(t: Text) -> str:
            effect = t("中心已登记，现在可以登录。") if registered else t("联网登记后可登录。")
            return t("已解除挂失，有效期到 {ends}。{effect}", ends=ends, effect=effect)

        self.say(sentence, good=registered)

    def _look(self) -> None:
        """Check whether the lifting has reached the centre."""
        registered, account = self.shell.service.loss_registered, self._account
        self.fetch(lambda: registered(account), self._looked)

    def _looked(self, registered: bool | Refused) -> None:  # noqa: FBT001 - the desk's own answer
        if registered is True and self._timer is not None:
            self._timer.stop()
            self._timer = None
            self._show_result(registered=True)

    def spared(self, answer: object) -> frozenset[str]:
        """The password, once it was right."""
        del answer
        return frozenset({"password"} if self._password_right else ())

    def key_refused(self, refused: TokenRefused) -> None:
        """Ask for the PIN again."""
        super().key_refused(refused)
        self.focus_on("pin")
