"""key盘服务: the services for a key outside an order."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, assert_never

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.text.catalogue import N_
from kiosk.text.cells import pad
from kiosk.text.flows import KEY_SERVICE
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.visit import KeyService, Purpose
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views.people import Session
    from kiosk.ui.screens.common.key_page import KeyPage

SERVICES = {
    KeyService.STATUS: (N_("key盘状态"), N_("序列号、证书、到期日、PIN码还可试几次")),
    KeyService.CHANGE_PIN: (N_("修改PIN码"), N_("把初始的或旧的PIN码换成自己的")),
    KeyService.LOGIN_CHECK: (N_("登录验证"), N_("试一试这把key盘能不能登录")),
    KeyService.REPORT_LOSS: (N_("挂失（key盘丢失）"), N_("马上停用丢失的key盘，不收费")),
    KeyService.FIRST_PASSWORD: (N_("设置登录密码"), N_("新交易员凭审核通过的短信，不用登录")),
}
_NAME_CELLS = 24


class KeyServicesScreen(Page[None]):
    """The menu; a service chosen before the sign-in opens after it."""

    CSS_PATH = "key_services.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(1, len(SERVICES) + 1)),
    ]

    def compose(self) -> ComposeResult:
        """The services with their descriptions."""
        yield self.title_row()
        yield self.head_row(self.t("key盘服务"), KEY_SERVICE, 0)
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Prose(id="how", classes="muted")
            for number, (service, (title, hint)) in enumerate(SERVICES.items(), start=1):
                label = f" {number}  {pad(self.t(title), _NAME_CELLS)}{self.t(hint)}"
                yield Action(label, id=service.value)
        with ActionRow():
            yield Action(self.t("Esc  回首页"), id="back")
        yield from self.last_rows()

    def opened(self) -> None:
        """Open the service for which the member signed in."""
        visit = self.shell.visit
        if visit.session is not None and visit.service is not None:
            self._open(visit.service, visit.session)

    def update_content(self) -> None:
        """Show who is signed in, or that a sign-in comes first."""
        session = self.shell.visit.session
        said = self.t("请选择一项，都不收费。先要输入登录账号和密码。")
        if session is not None:
            said = self.t("已登录：{account} {operator}", account=session.account, operator=session.operator)
        self.query_one("#how", Prose).say(said)

    def action_pick(self, index: int) -> None:
        """Choose by number."""
        self._choose(list(SERVICES)[index])

    @on(Button.Pressed, ".column Action")
    def pick_pressed(self, event: Button.Pressed) -> None:
        """Choose by Enter or touch."""
        self._choose(KeyService(str(event.button.id)))

    def _choose(self, service: KeyService) -> None:
        visit = self.shell.visit
        if visit.session is not None or service is KeyService.FIRST_PASSWORD:
            self._open(service, visit.session)
            return
        visit.service = service
        visit.purpose = Purpose.KEY_SERVICE
        self.shell.go(Route.SIGN_IN)

    def _open(self, service: KeyService, session: Session | None) -> None:
        self.shell.visit.service = None
        self.focus_on(service.value)
        self.app.push_screen(_page(service, session))

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go home."""
        self.shell.go_home()


def _page(service: KeyService, session: Session | None) -> KeyPage:
    """The screen of a service, imported on first use; the one without a sign-in is for who has no password yet."""
    if service is KeyService.FIRST_PASSWORD or session is None:
        from kiosk.ui.screens.key.first_password import (  # noqa: PLC0415 - imported on first use
            FirstPasswordScreen,
        )

        return FirstPasswordScreen()
    match service:
        case KeyService.STATUS:
            from kiosk.ui.screens.key.key_status import KeyStatusScreen  # noqa: PLC0415 - imported on first use

            return KeyStatusScreen(session)
        case KeyService.CHANGE_PIN:
            from kiosk.ui.screens.key.change_pin import ChangePinScreen  # noqa: PLC0415 - imported on first use

            return ChangePinScreen(session)
        case KeyService.LOGIN_CHECK:
            from kiosk.ui.screens.key.login_check import LoginCheckScreen  # noqa: PLC0415 - imported on first use

            return LoginCheckScreen(session)
        case KeyService.REPORT_LOSS:
            from kiosk.ui.screens.key.report_loss import ReportLossScreen  # noqa: PLC0415 - imported on first use

            return ReportLossScreen(session)
        case _:
            assert_never(service)
