"""① 缴费须知: the fees and what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.desk.views.refusals import Refused
from kiosk.domain.promises import PROMISED
from kiosk.text.catalogue import N_
from kiosk.text.flows import ORDERING
from kiosk.text.wording import KINDS
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.screens.order.amounts import fee_table
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views.orders import FeeTable
    from kiosk.text.wording import LazyText

SHORT = (
    N_(
        "1 还没有key盘的会员，缴费并绑定key盘后才能登录。第一次选「新办key盘」，丢失选「补办key盘」，快到期或已到期选「key盘续期」。"
    ),
    N_(
        "2 补办的有效期与原密钥累计；续期从原到期日往后加一年，剩下的时间不会损失。续期要填PIN码，没改过的是 {pin}。"
    ),
    N_("3 用微信扫码付款，付款前请先核对金额。没有网络也能办理。收款单位：{payee}。"),
    N_("4 绑定之前可以退款；key盘收到并绑定之后不退。"),
)
LONG = (
    N_("5 续期不用换key盘。新办和补办的key盘可在窗口当场领取，或在付款后 {dispatch_days} 个工作日内寄出。"),
    N_("6 付款后请在微信公众号「{account}」的「我的订单」-「华商订单」里填写收件地址、申请发票。"),
    N_(
        "7 电子发票有专票和普票，{first_invoice_day} 至 {last_invoice_day} 个工作日内发到邮箱；每月 {invoicing_closes} 日前后停开，次月 {invoicing_goes_on} 日前后恢复，这期间的申请会顺延。"
    ),
)

# How often the fees are read again while there are none: the first feed may bring them at any moment.
READ_AGAIN_SECONDS = 2.0


class NoticeScreen(Page[None]):
    """The fee table and the notes to read before paying."""

    CSS_PATH = "notice.tcss"
    # Focus "next" from the start, so that a quick Enter cannot go back.
    AUTO_FOCUS = "#next"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]
    fees: FeeTable | None = None
    message: LazyText | None = None

    def compose(self) -> ComposeResult:
        """The table, the notice, back and next."""
        settings = self.shell.settings
        names = {
            "payee": settings.payee,
            "account": settings.official_account,
            "pin": settings.initial_pin,
            **PROMISED,
        }
        yield self.title_row()
        kind = self.t(KINDS[self.shell.visit.kind])
        yield self.head_row(kind, ORDERING, 0)
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(self.t("您要办理：{kind}", kind=kind), classes="strong")
            yield Line(id="fees")
            for text in SHORT:
                yield Prose(self.t(text, **names), classes="point")
            for text in LONG:
                last = " last" if text is LONG[-1] else ""
                yield Prose(self.t(text, **names), classes=f"point long{last}")
        with ActionRow():
            yield Action(self.t("Esc  上一步"), id="back")
            yield Action(self.t("Enter  下一步"), id="next", main=True)
        yield from self.last_rows()

    def opened(self) -> None:
        """Read the fees."""
        self._read_fees()

    def _read_fees(self) -> None:
        self.fetch(self.shell.service.fees, self._fees_arrived)

    def _fees_arrived(self, fees: FeeTable | Refused | None) -> None:
        if isinstance(fees, Refused):
            self.message = self.refusal(fees)
        elif fees is None:
            self.message = lambda t: t("本机还没有收费标准，请联网后再办。")
        else:
            self.fees = fees
        waited = self.query_one("#next").disabled
        self.query_one("#next").disabled = self.fees is None
        if self.fees is None:
            self.set_timer(READ_AGAIN_SECONDS, self._read_fees)
        elif waited and self.focused is None:
            self.focus_on("next")
        self.update_content()

    def update_content(self) -> None:
        """Show the fee table, or why there is none."""
        table = "\n".join(fee_table(self.t, self.fees)) if self.fees is not None else ""
        self.query_one("#fees", Line).update(table or self.localized(self.message))

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go back to the home screen, or to what the next operator of the enterprise may choose."""
        if self.shell.visit.party is None:
            self.shell.go_home()
        else:
            self.shell.go(Route.NEXT_OPERATOR)

    @on(Button.Pressed, "#next")
    def go_on(self) -> None:
        """Go on to the member's data."""
        self.shell.go(Route.VERIFY)
