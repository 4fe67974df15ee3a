"""「华商订单」 on the member's own phone: the QR code of the centre's page, where address and invoice are typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from kiosk.desk.views.status import Network
from kiosk.text.contact_faults import page_flaw
from kiosk.text.qr_cells import QrTooLarge
from kiosk.ui.page import Overlay
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.qr_code import QrCode

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget


class OrdersOnPhoneScreen(Overlay[None]):
    """The code while the centre can be reached; else what to do instead."""

    CSS_PATH = "orders_on_phone.tcss"
    ENDS_WITH_STEP = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def compose(self) -> ComposeResult:
        """The code at the left, what to do at the right."""
        page = self.shell.service.orders_page
        yield self.title_row()
        with Horizontal(id="phone"):
            if page_flaw(page, self.t) is None:
                yield self._code(page)
            with Vertical(id="side"):
                yield Line(self.t("收件地址和发票"), id="title")
                yield Prose(id="how")
                yield Prose(id="whose")
                yield Prose(
                    self.t(
                        "以后也能填：微信公众号「{account}」-「我的订单」-「华商订单」，或扫凭条上的二维码。",
                        account=self.shell.settings.official_account,
                    ),
                    classes="muted",
                )
                with ActionRow():
                    yield Action(self.t("Enter  返回"), id="back", main=True)
        yield from self.last_rows()

    def _code(self, page: str) -> Widget:
        try:
            return QrCode(page, id="qr")
        except QrTooLarge:
            return Prose(self.t("请用手机打开：{link}", link=page), id="qr")

    def opened(self) -> None:
        """Let Enter lead back."""
        self.focus_on("back")

    def status_changed(self) -> None:
        """Show the code once the centre can be reached, and not while it cannot."""
        if self.query("#how"):  # none on a screen that is being closed
            self.update_content()

    def update_content(self) -> None:
        """Show the code, or why there is none."""
        flawed = page_flaw(self.shell.service.orders_page, self.t) is not None
        online = self.shell.status is not None and self.shell.status.network is Network.ONLINE
        for code in self.query("#qr"):
            code.display = online
        how, whose = self.query_one("#how", Prose), self.query_one("#whose", Prose)
        if flawed:
            how.say(self.t("本机还没有设好中心的地址，做不出二维码。请叫工作人员代您登记（F6）。"))
        elif not online:
            how.say(
                self.t(
                    "现在没有联网，手机上还看不到这笔订单。联网后扫凭条上的二维码就能填；要现在登记，请叫工作人员（F6）。"
                )
            )
        else:
            how.say(self.t("请用微信扫码，在手机上填收件地址、申请发票。"))
        whose.say(self.t("付款的手机直接看到订单；别的手机要输账号、密码和短信验证码。"))
        whose.display = online and not flawed

    @on(Button.Pressed, "#back")
    def go_back(self) -> None:
        """Close."""
        self.dismiss(None)
