"""Sign in, to go on with an order or to ask about key and orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical

from kiosk.ui.routes import Route
from kiosk.ui.screens.credentials import CredentialsPage
from kiosk.ui.visit import Purpose
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widgets import Button

    from kiosk.desk.views import Session


class SignInScreen(CredentialsPage[None]):
    """Account and password."""

    CSS_PATH = "sign_in.tcss"

    def compose(self) -> ComposeResult:
        """What for, and the fields."""
        yield self.title_row()
        with Vertical(classes="body"), Vertical(classes="column"):
            if self.desk.visit.purpose is Purpose.QUERY:
                yield Line(self.t("查询key盘和订单"), classes="heading")
                yield Prose(self.t("请输入登录账号和密码，查看key盘状态、有效期和订单。"), id="why")
            else:
                yield Line(self.t("继续办理"), classes="heading")
                yield Prose(self.t("请输入下单时的登录账号和密码，回到没办完的那一步。"), id="why")
            yield from self.credentials()
        with ActionRow():
            yield Action(self.t("Esc  上一步"), id="back")
            yield Action(self.t("Enter  下一步"), id="next", main=True)
        yield from self.last_rows()

    def welcome(self, session: Session) -> None:
        """Go on with an order, or show key and orders."""
        if self.desk.visit.purpose is Purpose.QUERY:
            self.desk.visit.session = session
            self.desk.go(Route.ACCOUNT)
        else:
            self.continue_with(session)

    def action_back(self) -> None:
        """Home."""
        self.desk.go_home()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Back or on."""
        if event.button.id == "next":
            self.sign_in()
        else:
            self.action_back()
