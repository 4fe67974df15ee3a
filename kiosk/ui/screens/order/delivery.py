"""「key盘在手里吗？」: bind now, or receive the key later."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.desk.views.orders import DeliveryOutcome
from kiosk.desk.views.refusals import Refused
from kiosk.domain.ledger import Delivery
from kiosk.domain.promises import PROMISED
from kiosk.text.flows import RECEIVE, binding
from kiosk.text.money import yuan
from kiosk.text.wording import DRIVER_WAY, KINDS
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.text.wording import LazyText


class DeliveryScreen(Page[None]):
    """The choice after a paid new or replacement order."""

    CSS_PATH = "delivery.tcss"
    KEEPS_WHEN_IDLE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "set_aside", show=False),
        Binding("1", "pick('bind')", show=False),
        Binding("2", "pick('counter')", show=False),
        Binding("3", "pick('mail')", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.message: LazyText | None = None

    def compose(self) -> ComposeResult:
        """The three answers."""
        order = self.shell.visit.order
        yield self.title_row()
        kind = self.shell.visit.kind
        yield self.head_row(self.t(KINDS[kind]), binding(kind), RECEIVE)
        with Vertical(classes="body"), Vertical(classes="column"):
            if order is not None:
                paid = self.t("已收到付款 {amount} 元", amount=yuan(order.total))
                number = self.t("订单号 {number}", number=order.order_number)
                yield Line(
                    f"{paid}   {self.t(KINDS[order.kind])}   {number}",
                    id="paid",
                )
            yield Line(self.t("key盘在手里吗？"), id="question")
            yield Action(self.t("1  在，现在绑定"), id="bind", main=True)
            yield Action(self.t("2  不在，到窗口领取"), id="counter")
            yield Action(self.t("3  不在，请邮寄给我"), id="mail")
            yield Prose(
                self.t(
                    "邮寄：付款后 {dispatch_days} 个工作日内寄出，请在微信公众号「{account}」的「我的订单」-「华商订单」里填写地址。",
                    account=self.shell.settings.official_account,
                    **PROMISED,
                ),
                classes="muted",
            )
            yield Prose(self.t(DRIVER_WAY), id="driver", classes="muted")
            yield Prose(id="message")
        yield from self.last_rows()

    def update_content(self) -> None:
        """Show why an answer was refused."""
        line = self.query_one("#message", Prose)
        line.say(self.localized(self.message))
        line.display = self.message is not None
        self.query_one("#driver", Prose).display = self.message is None

    def action_pick(self, answer: str) -> None:
        """Answer by number."""
        self._choose(answer)

    @on(Button.Pressed, ".column Action")
    def pick_pressed(self, event: Button.Pressed) -> None:
        """Answer by Enter or touch."""
        self._choose(str(event.button.id))

    def _choose(self, answer: str) -> None:
        visit = self.shell.visit
        if answer == "bind":
            self.shell.go(Route.BIND)
            return
        session, order = visit.session, visit.order
        if session is None or order is None:
            self.shell.go_home()
            return
        visit.delivery = Delivery(answer)
        choose = self.shell.service.choose_delivery
        reference, delivery = order.reference, visit.delivery
        self.ask(lambda: choose(session, reference, delivery), self._chosen, self.t("正在登记，请稍候"))

    def _chosen(self, outcome: DeliveryOutcome) -> None:
        if isinstance(outcome, Refused):
            self.message = self.refusal(outcome)
            self.update_content()
            return
        self.shell.visit.printed = outcome
        self.shell.go(Route.SLIP)
