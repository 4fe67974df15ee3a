"""查询: the member's key and orders; an open order can be continued."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, OptionList
from textual.widgets.option_list import Option

from kiosk.desk.views import Refused
from kiosk.domain.decisions import KeyState
from kiosk.text.cells import pad, width
from kiosk.text.flows import CONTINUING, QUERYING
from kiosk.text.money import yuan
from kiosk.text.times import minute, period
from kiosk.text.wording import KEY_STATES, KINDS, STATUSES, feed_age, surplus_notes
from kiosk.ui.page import Page
from kiosk.ui.routes import step_of
from kiosk.ui.visit import Purpose
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views import AccountView, OrderView
    from kiosk.text.wording import LazyText

_NAME = 12


class AccountScreen(Page[None]):
    """The account's record, after the sign-in."""

    CSS_PATH = "account.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self.view: AccountView | None = None
        self.message: LazyText | None = None

    def compose(self) -> ComposeResult:
        """Key facts, then the orders."""
        yield self.title_row()
        if self.shell.visit.purpose is Purpose.QUERY:
            yield self.head_row(self.t("查询key盘和订单"), QUERYING, 1)
        else:
            yield self.head_row(self.t("继续办理"), CONTINUING, 1)
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(id="who", classes="strong")
            yield Line(id="key")
            yield Prose(id="age", classes="muted")
            yield Prose(id="surplus", classes="notable")
            yield Line(
                self.t("订单（选中待付款或待绑定的订单按 Enter 接着办）"), classes="strong", id="label"
            )
            yield OptionList(id="orders", markup=False)
        with ActionRow():
            yield Action(self.t("Esc  回首页"), id="back")
        yield from self.last_rows()

    def opened(self) -> None:
        """Read the account."""
        session = self.shell.visit.session
        if session is not None:
            account = self.shell.service.account
            self.seen()
            self.ask(lambda: account(session), self._arrived, self.t("正在查询，请稍候"))

    def _arrived(self, view: AccountView | Refused) -> None:
        if isinstance(view, Refused):
            self.message = self.refusal(view)
            self.update_content()
            self.focus_on("back")
            return
        self.view = view
        self.update_content()
        self.query_one("#orders", OptionList).action_first()
        self.focus_on("orders" if view.orders else "back")

    def update_content(self) -> None:
        """Show the account."""
        view = self.view
        notes = self.query_one("#surplus", Prose)
        notes.say(self.localized(self.message))
        notes.set_class(view is None, "alert")
        if view is None:
            return
        session = view.session
        self.query_one("#who", Line).update(f"{session.account}  {session.enterprise}  {session.operator}")
        facts = [pad(self.t("key盘状态"), _NAME) + self.t(KEY_STATES[view.key_state])]
        if view.key is not None:
            facts += [
                pad(self.t("序列号"), _NAME) + view.key.token_serial,
                pad(self.t("证书"), _NAME) + view.key.number,
                pad(self.t("有效期"), _NAME) + period(view.key.not_before, view.key.not_after),
            ]
        key = self.query_one("#key", Line)
        key.update("\n".join(facts))
        key.set_class(view.key_state is not KeyState.VALID, "alert")
        age = feed_age(self.t, view.feed_as_of) if view.feed_as_of is not None else ""
        self.query_one("#age", Prose).say(age)
        notes.say(surplus_notes(self.t, view.orders))
        orders = self.query_one("#orders", OptionList)
        orders.clear_options()
        if not view.orders:
            orders.add_option(Option(self.t("没有订单"), disabled=True))
        cells = max((width(order.order_number) for order in view.orders), default=0)
        for order in view.orders:
            orders.add_option(
                Option(self._row(order, cells), id=order.reference, disabled=not order.status.is_open)
            )

    def status_changed(self) -> None:
        """Read the account again once something was written, as where a payment came."""
        session, account = self.shell.visit.session, self.shell.service.account
        if session is not None and self.view is not None:
            self.look_again(lambda: account(session), self._looked)

    def _looked(self, view: AccountView | Refused) -> bool:
        """Show what changed; the order that was marked stays so."""
        if isinstance(view, Refused):
            return False
        if view == self.view:
            return True
        orders = self.query_one("#orders", OptionList)
        marked = orders.highlighted
        reference = None if marked is None else orders.get_option_at_index(marked).id
        self.view = view
        self.update_content()
        orders.highlighted = next(
            (place for place, each in enumerate(orders.options) if each.id == reference), None
        )
        return True

    def _row(self, order: OrderView, cells: int) -> str:
        return "  ".join(
            (
                pad(order.order_number, max(_NAME, cells)),
                pad(self.t(KINDS[order.kind]), 15),
                pad(yuan(order.total), 8, "right"),
                minute(order.placed_at),
                self.t(STATUSES[order.status]),
            )
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Continue an open order."""
        orders = self.view.orders if self.view is not None else ()
        order = next((order for order in orders if order.reference == event.option.id), None)
        if order is not None:
            self.shell.visit.order = order
            self.shell.visit.kind = order.kind
            self.shell.go(step_of(order))

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go home."""
        self.shell.go_home()
