"""Account and password: for 「继续办理」, 「查询」 and the privacy screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, assert_never

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import ScreenResultType
from textual.widgets import Button, Input

from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import LockedOut, Session, SignedIn, SignInOutcome, WrongCredentials
from kiosk.desk.views.refusals import Refused
from kiosk.text.wording import locked_out, wrong_credentials
from kiosk.ui.page import Page
from kiosk.ui.routes import Route, step_of
from kiosk.ui.widgets.fields import Field, FieldRow
from kiosk.ui.widgets.lines import Prose
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.text.wording import LazyText


class CredentialsPage(Page[ScreenResultType]):
    """A page with account, password and a message; subclasses define what follows the sign-in."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]
    message: LazyText | None = None

    def credentials(self, account: str = "") -> ComposeResult:
        """The two fields and the message."""
        yield FieldRow(
            self.t("*登录账号"),
            Field(account, id="account", maximum=20, board=Board.DIGITS),
            self.forgotten_hint("account"),
        )
        yield FieldRow(
            self.t("*登录密码"), Field(id="password", password=True), self.forgotten_hint("password")
        )
        yield Prose(id="message", classes="alert")

    def update_content(self) -> None:
        """Show the message."""
        self.query_one("#message", Prose).say(self.localized(self.message))

    @on(Button.Pressed, "#next")
    @on(Input.Submitted)
    def sign_in(self) -> None:
        """Check the password with the desk, unless a field is empty."""
        account = self.query_one("#account", Field).value.strip()
        password = self.query_one("#password", Field).value
        self.query_one("#row-account", FieldRow).show_error("" if account else self.t("请填写"))
        self.query_one("#row-password", FieldRow).show_error("" if password else self.t("请填写"))
        if not account or not password:
            self.focus_on("password" if account else "account")
            return
        self.say(None)
        ask = self.shell.service.sign_in
        self.ask(lambda: ask(account, password), self._signed_in, self.t("正在核对，请稍候"))

    def say(self, message: LazyText | None) -> None:
        """Show a message."""
        self.message = message
        self.update_content()

    def _signed_in(self, outcome: SignInOutcome) -> None:
        support = self.shell.settings.support_line
        match outcome:
            case SignedIn(session):
                self.query_one("#password", Field).value = ""
                self.welcome(session)
            case WrongCredentials():
                self.say(lambda t: wrong_credentials(t, outcome))
                self.focus_on("password")
            case LockedOut():
                self.say(lambda t: locked_out(t, outcome, support))
            case Refused():
                self.say(self.refusal(outcome))
            case _:
                assert_never(outcome)

    def welcome(self, session: Session) -> None:
        """Continue after the right password, by default with the open order."""
        self.continue_with(session)

    def continue_with(self, session: Session) -> None:
        """Go to the open order, or to the list when there are several or none."""
        self.shell.visit.session = session
        orders = self.shell.service.open_orders
        self.ask(lambda: orders(session), self._orders_found, self.t("正在查找订单"))

    def _orders_found(self, orders: tuple[OrderView, ...] | Refused) -> None:
        if isinstance(orders, Refused):
            self.say(self.refusal(orders))
        elif len(orders) == 1:
            self.shell.visit.order = orders[0]
            self.shell.visit.kind = orders[0].kind
            self.shell.go(step_of(orders[0]))
        else:
            self.shell.go(Route.ACCOUNT)
