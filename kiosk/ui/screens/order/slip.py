"""The key is received later: the recorded choice and the printed slip."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.domain.ledger import Delivery
from kiosk.text.flows import DONE, binding
from kiosk.text.wording import DELIVERIES, DRIVER_WAY, KINDS, PRINTED
from kiosk.ui.page import Page
from kiosk.ui.screens.member.orders_on_phone import OrdersOnPhoneScreen
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult


class SlipScreen(Page[None]):
    """The end of a visit without a binding."""

    CSS_PATH = "done.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("f7,ctrl+r", "on_phone", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """The recorded choice and the next step."""
        visit = self.shell.visit
        yield self.title_row()
        yield self.head_row(self.t(KINDS[visit.kind]), binding(visit.kind), DONE)
        with Vertical(classes="body"), Vertical(classes="column"):
            way = self.t(DELIVERIES[visit.delivery or Delivery.COUNTER])
            yield Line(self.t("已登记：{way}", way=way), id="title")
            if visit.order is not None:
                yield Line(self.t("订单号 {number}", number=visit.order.order_number))
            if visit.printed is not None:
                yield Line(self.t(PRINTED[visit.printed]), id="printed")
            yield Prose(self.t("拿到key盘后，在首页选「绑定key盘」，输入账号和密码就能绑定，不再收费。"))
            yield Prose(self.t(DRIVER_WAY), classes="muted")
        with ActionRow():
            mails = visit.delivery is Delivery.MAIL
            yield Action(self.t("F7  地址和发票") if mails else self.t("F7  要发票"), id="phone", main=mails)
            yield Action(self.t("Esc  回首页"), id="home", main=not mails)
        yield from self.last_rows()

    def opened(self) -> None:
        """Let Enter do what comes next: a key that is mailed needs an address."""
        self.focus_on("phone" if self.shell.visit.delivery is Delivery.MAIL else "home")

    @on(Button.Pressed, "#phone")
    def action_on_phone(self) -> None:
        """F7: show the phone's way to address and invoice."""
        self.app.push_screen(OrdersOnPhoneScreen())

    @on(Button.Pressed, "#home")
    def action_back(self) -> None:
        """Go home."""
        self.shell.go_home()
