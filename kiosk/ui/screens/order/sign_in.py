"""Sign in to continue an order, to query key and orders, or to use a key service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.desk.views import Field
from kiosk.text.flows import CONTINUING, KEY_SERVICE, QUERYING
from kiosk.ui.routes import Route
from kiosk.ui.screens.common.credentials import CredentialsPage
from kiosk.ui.screens.key.key_services import SERVICES
from kiosk.ui.visit import KeyService, Purpose
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views import Session


class SignInScreen(CredentialsPage[None]):
    """Account and password."""

    CSS_PATH = "sign_in.tcss"

    def compose(self) -> ComposeResult:
        """The purpose and the fields."""
        yield self.title_row()
        if self.shell.visit.purpose is Purpose.QUERY:
            yield self.head_row(self.t("查询key盘和订单"), QUERYING, 0)
            why = self.t("请输入登录账号和密码，查看key盘状态、有效期和订单。")
        elif self._service is not None:
            yield self.head_row(self.t(SERVICES[self._service][0]), KEY_SERVICE, 1)
            why = self.t("请输入登录账号和密码。")
        else:
            yield self.head_row(self.t("继续办理"), CONTINUING, 0)
            why = self.t("请输入下单时的登录账号和密码，回到没办完的那一步。")
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

    @property
    def _service(self) -> KeyService | None:
        """The key service that needs the sign-in."""
        visit = self.shell.visit
        return visit.service if visit.purpose is Purpose.KEY_SERVICE else None

    def welcome(self, session: Session) -> None:
        """Continue an order, open the key service, or show key and orders."""
        if self.shell.visit.purpose is Purpose.QUERY:
            self.shell.visit.session = session
            self.shell.go(Route.ACCOUNT)
        elif self._service is not None:
            self.shell.visit.session = session
            self.shell.go(Route.KEY_SERVICES)
        else:
            self.continue_with(session)

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go home, or back to the menu of key services."""
        if self._service is not None:
            self.shell.visit.service = None
            self.shell.go(Route.KEY_SERVICES)
        else:
            self.shell.go_home()
