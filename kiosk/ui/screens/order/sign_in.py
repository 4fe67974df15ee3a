"""Sign in to continue an order, to query key and orders, or to use a key service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import Field
from kiosk.desk.views.refusals import Refused
from kiosk.text.flows import CONTINUING, KEY_SERVICE, QUERYING
from kiosk.ui.routes import Route, step_of
from kiosk.ui.screens.common.credentials import CredentialsPage
from kiosk.ui.screens.key.key_services import SERVICES
from kiosk.ui.visit import KeyService, Purpose
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views.people import Session


class SignInScreen(CredentialsPage[None]):
    """Account and password."""

    CSS_PATH = "sign_in.tcss"

    def compose(self) -> ComposeResult:
        """The purpose and the fields."""
        yield self.title_row()
        if self.shell.visit.purpose is Purpose.QUERY:
            yield self.head_row(self.t("用户中心"), QUERYING, 0)
            why = self.t("请输入登录账号和密码，查看key盘状态、有效期和订单，也能添加交易员。")
        elif self._service is not None:
            yield self.head_row(self.t(SERVICES[self._service][0]), KEY_SERVICE, 1)
            why = self.t("请输入登录账号和密码。")
        else:
            yield self.head_row(self.t("继续办理"), CONTINUING, 0)
            why = self._why_to_continue()
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Prose(why, id="why")
            yield from self.credentials(self._account)
        with ActionRow():
            yield Action(self.t("Esc  上一步"), id="back")
            yield Action(self.t("Enter  下一步"), id="next", main=True)
        yield from self.last_rows()

    def opened(self) -> None:
        """Focus what is still to be typed."""
        if self._account:
            self.focus_on("password")

    @property
    def _account(self) -> str:
        """The account that the key told on the home screen."""
        return self.shell.visit.typed.get(Field.ACCOUNT, "")

    def _why_to_continue(self) -> str:
        visit = self.shell.visit
        if not visit.scan:
            return self.t("请输入下单时的登录账号和密码，回到没办完的那一步。")
        if not visit.scanned_number:
            return self.t("已读到key盘的标签。请输入登录账号和密码，打开它的订单。")
        return self.t(
            "已读到订单 {number}。请输入下单时的登录账号和密码，打开这笔订单。", number=visit.scanned_number
        )

    @property
    def _service(self) -> KeyService | None:
        """The key service that needs the sign-in."""
        visit = self.shell.visit
        return visit.service if visit.purpose is Purpose.KEY_SERVICE else None

    def welcome(self, session: Session) -> None:
        """Continue an order, open the key service, or show key and orders."""
        if self.shell.visit.purpose is Purpose.QUERY:
            self.shell.visit.session = session
            self.shell.go(Route.USER_CENTRE)
        elif self._service is not None:
            self.shell.visit.session = session
            self.shell.go(Route.KEY_SERVICES)
        elif self.shell.visit.scan:
            self._open_scanned(session)
        else:
            self.continue_with(session)

    def _open_scanned(self, session: Session) -> None:
        """Open the order that was scanned, if it is the account's."""
        scanned, text = self.shell.service.scanned_orders, self.shell.visit.scan
        self.ask(
            lambda: scanned(session, text),
            lambda outcome: self._scanned_found(session, outcome),
            self.t("正在查找订单"),
        )

    def _scanned_found(self, session: Session, outcome: tuple[OrderView, ...] | Refused) -> None:
        """One that is open goes on where it was; 查询 opens any other."""
        if isinstance(outcome, Refused):
            self.say(self.refusal(outcome))
            return
        visit = self.shell.visit
        visit.session = session
        if len(outcome) == 1 and outcome[0].status.is_open:
            visit.order, visit.kind = outcome[0], outcome[0].kind
            self.shell.go(step_of(outcome[0]))
        else:
            visit.scanned_orders = tuple(order.reference for order in outcome)
            self.shell.go(Route.USER_CENTRE)

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go home, or back to the menu of key services."""
        if self._service is not None:
            self.shell.visit.service = None
            self.shell.go(Route.KEY_SERVICES)
        else:
            self.shell.go_home()
