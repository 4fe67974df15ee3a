"""The page of one order: its facts, what happened, the receipt again, and going on where it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Button
from textual.widgets.option_list import Option

from kiosk.desk.member.views import OrderStory
from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.refusals import Refused
from kiosk.labels import ORDER_KINDS, ORDER_STATUSES
from kiosk.text.money import yuan
from kiosk.text.times import day
from kiosk.text.user_centre import delivery_words, invoice_words, story_row
from kiosk.text.wording import PRINTED, surplus_notes
from kiosk.ui.routes import step_of
from kiosk.ui.screens.member.member_page import MemberPage
from kiosk.ui.widgets.actions import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from kiosk.desk.member.views import OrderStoryOutcome, UserCentreView
    from kiosk.text.user_centre import Fact
    from kiosk.text.wording import LazyText

_OUT = {PrintOutcome.PRINTED, PrintOutcome.UNCONFIRMED}


class OrderPage(MemberPage):
    """An order of the member's; a receipt is printed again once a visit to the page."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("p", "print", show=False)]

    def __init__(self, view: UserCentreView, reference: str) -> None:
        super().__init__(view)
        self._reference = reference
        self._story: OrderStory | None = None
        self._message: LazyText | None = None
        self._printed = False

    def heading(self) -> str:
        """The page's title."""
        return self.t("订单详情")

    def actions(self) -> Iterable[Widget]:
        """The receipt again, and going on."""
        yield Action(self.t("P  再打一张凭条"), id="print")
        yield Action(self.t("Enter  继续办理"), id="go-on", main=True)

    def facts(self) -> Sequence[Fact]:
        """The order, and where delivery and invoice stand."""
        if self._story is None:
            return ()
        shown, order = self._story.shown, self._story.shown.order
        kind = f"{self.t(ORDER_KINDS[order.kind])}  {self.t('{amount} 元', amount=yuan(order.total))}"
        return [
            (self.t("订单号"), f"{order.order_number}  {kind}"),
            (self.t("状态"), self.t(ORDER_STATUSES[order.status])),
            *([(self.t("有效期至"), day(order.ends_at))] if order.certificate else []),
            (self.t("领取"), delivery_words(self.t, shown) or self.t("没有邮寄")),
            (self.t("发票"), invoice_words(self.t, shown) or self.t("没有申请")),
        ]

    def label(self) -> str:
        """What the list is."""
        return self.t("办理经过") if self._story is not None else ""

    def rows(self) -> Sequence[Option]:
        """The story, oldest first."""
        lines = self._story.lines if self._story is not None else ()
        return [Option(story_row(self.t, line), id=str(place)) for place, line in enumerate(lines)]

    def said(self) -> str:
        """What became of the receipt, or why there is nothing to show; else what was paid twice."""
        if self._message is not None:
            return self.localized(self._message)
        return surplus_notes(self.t, [self._story.shown.order]) if self._story is not None else ""

    def opened(self) -> None:
        """Read the order."""
        self.seen()
        session, reference, read = self.view.session, self._reference, self.shell.service.order_story
        self.ask(lambda: read(session, reference), self._arrived, self.t("正在查询，请稍候"))

    def _arrived(self, outcome: OrderStoryOutcome) -> None:
        if isinstance(outcome, OrderStory):
            self._story = outcome
        else:
            self._message = self.refusal(outcome)
        self.update_content()
        wanted = ("go-on", "print", "back")
        self.focus_on(next(name for name in wanted if not self.query_one(f"#{name}").disabled))

    def update_content(self) -> None:
        """Show the order, and what can be done."""
        super().update_content()
        story = self._story
        self.query_one("#go-on", Action).disabled = story is None or not story.shown.can_go_on
        self.query_one("#print", Action).disabled = story is None or not story.has_receipt or self._printed

    def status_changed(self) -> None:
        """Read the order again once something was written."""
        session, reference, read = self.view.session, self._reference, self.shell.service.order_story
        if self._story is not None:
            self.look_again(lambda: read(session, reference), self._story_looked)

    def _story_looked(self, outcome: OrderStoryOutcome) -> bool:
        if not isinstance(outcome, OrderStory):
            return False
        if outcome != self._story:
            self._story = outcome
            self.update_content()
        return True

    @on(Button.Pressed, "#print")
    def action_print(self) -> None:
        """Print a copy of the receipt."""
        if self.busy or self.query_one("#print", Action).disabled:
            return
        reference, print_it = self._reference, self.shell.service.print_receipt
        self.ask(lambda: print_it(reference), self._print_ended, self.t("正在打印凭条"))

    def _print_ended(self, outcome: PrintOutcome | Refused) -> None:
        if isinstance(outcome, Refused):
            self._message = self.refusal(outcome)
        else:
            self._message = lambda t: t(PRINTED[outcome])
            self._printed = outcome in _OUT
        self.update_content()
        if self._printed:
            self.focus_on("go-on" if not self.query_one("#go-on").disabled else "back")

    @on(Button.Pressed, "#go-on")
    def go_on(self) -> None:
        """Continue the order where it was."""
        if self._story is None or not self._story.shown.can_go_on:
            return
        order, visit = self._story.shown.order, self.shell.visit
        visit.order, visit.kind = order, order.kind
        self.shell.go(step_of(order))
