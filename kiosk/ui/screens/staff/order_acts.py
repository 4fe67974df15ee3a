"""What staff do to an order at their desk: confirm its payment, give its binding up, refund it, print its receipt."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Button

from kiosk.desk.views.orders import OrderView, PrintOutcome
from kiosk.desk.views.refusals import Refused
from kiosk.text.money import yuan
from kiosk.text.times import minute
from kiosk.text.wording import PRINTED, STATUSES
from kiosk.ui.page import Overlay
from kiosk.ui.screens.common.confirm import ConfirmScreen, Question
from kiosk.ui.screens.common.reason import ReasonScreen

if TYPE_CHECKING:
    from kiosk.desk.views.people import StaffSession
    from kiosk.text.wording import LazyText, Text


def _named(order: OrderView, t: Text) -> str:
    """An order as staff tell it from another of the same number."""
    return t(
        "订单 {number}（账号 {account}，{time}）",
        number=order.order_number,
        account=order.account,
        time=minute(order.placed_at),
    )


def _choose_one(t: Text) -> str:
    return t("请先在「订单」里选中一笔。")


class OrderActs(Overlay[None]):
    """The buttons below a list of orders, for the one that is marked; some are for supervisors only."""

    def __init__(self, staff: StaffSession) -> None:
        super().__init__()
        self.staff = staff

    @abstractmethod
    def marked(self) -> OrderView | None:
        """The order that is marked."""

    @abstractmethod
    def wants_one(self) -> bool:
        """Whether it takes an order to be marked before a receipt is printed; else all that wait are."""

    @abstractmethod
    def say(self, message: LazyText) -> None:
        """Show a sentence."""

    @abstractmethod
    def order_changed(self) -> None:
        """Read the lists again."""

    def chosen(self) -> OrderView | None:
        """The marked order; asks to choose one if there is none."""
        order = self.marked()
        if order is None:
            self.say(_choose_one)
        return order

    @on(Button.Pressed, "#vouch")
    def vouch(self) -> None:
        """Confirm the payment of the highlighted order."""
        order = self.chosen()
        if order is not None:
            self._vouch(order)

    @on(Button.Pressed, "#abandon")
    def abandon(self) -> None:
        """Abandon the binding of the highlighted order."""
        order = self.chosen()
        if order is not None:
            self._with_reason(order, refund=False)

    @on(Button.Pressed, "#refund")
    def refund(self) -> None:
        """Refund the highlighted order."""
        order = self.chosen()
        if order is not None:
            self._with_reason(order, refund=True)

    @on(Button.Pressed, "#print")
    def print_receipt(self) -> None:
        """Print the receipt of the highlighted order, or without one all waiting receipts."""
        service, order = self.shell.service, self.marked()
        if order is not None:
            self.ask(lambda: service.print_receipt(order.reference), self._printed, self.t("正在打印凭条"))
        elif self.wants_one():
            self.say(_choose_one)
        else:
            self.ask(service.print_again, self._printed_waiting, self.t("正在打印凭条"))

    def _printed(self, outcome: PrintOutcome | Refused) -> None:
        if isinstance(outcome, Refused):
            self.say(self.refusal(outcome))
            return
        self.say(lambda t: t(PRINTED[outcome]))

    def _printed_waiting(self, count: int | Refused) -> None:
        if isinstance(count, Refused):
            self.say(self.refusal(count))
            return
        self.say(lambda t: t("打印了 {count} 张凭条。", count=count))

    def _vouch(self, order: OrderView) -> None:

        def question(t: Text) -> Question:
            return Question(
                title=t("确认收款"),
                text=t(
                    "您已核实 {order} 的 {amount} 元到账吗？确认后由您负责。",
                    order=_named(order, t),
                    amount=yuan(order.total),
                ),
                yes=t("已到账，确认"),
                no=t("返回"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                vouch = self.shell.service.vouch
                self._do(lambda: vouch(self.staff, order.reference))

        self.app.push_screen(ConfirmScreen(question), answered)

    def _with_reason(self, order: OrderView, *, refund: bool) -> None:

        def question(t: Text) -> Question:
            title = t("退款") if refund else t("作废绑定")
            text = (
                t("退款后 {order} 不能再绑定，已签发的证书作废。", order=_named(order, t))
                if refund
                else t(
                    "作废 {order} 这次的绑定，已签发的证书作废，可换一把key盘再绑。",
                    order=_named(order, t),
                )
            )
            return Question(title=title, text=text, yes=title, no=t("返回"))

        verb = self.shell.service.grant_refund if refund else self.shell.service.abandon

        def answered(reason: str | None) -> None:
            if reason:
                self._do(lambda: verb(self.staff, order.reference, reason))

        self.app.push_screen(ReasonScreen(question), answered)

    def _do(self, verb: Callable[[], OrderView | Refused]) -> None:
        self.ask(verb, self._verb_done, self.t("正在办理，请稍候"))

    def _verb_done(self, outcome: OrderView | Refused) -> None:
        if isinstance(outcome, Refused):
            self.say(self.refusal(outcome))
            return
        status = STATUSES[outcome.status]
        self.say(lambda t: t("{order}：{status}", order=_named(outcome, t), status=t(status)))
        self.order_changed()
