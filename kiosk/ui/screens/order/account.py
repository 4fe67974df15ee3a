"""继续办理, of several orders or none: the member's key, orders and what was asked for them; an open order can be continued."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, OptionList
from textual.widgets.option_list import Option

from kiosk.desk.requests.views import RequestsView
from kiosk.desk.views.orders import AccountView
from kiosk.desk.views.refusals import Refused
from kiosk.domain.decisions import KeyState
from kiosk.text.cells import pad, width
from kiosk.text.flows import CONTINUING
from kiosk.text.money import yuan
from kiosk.text.request_wording import request_lines
from kiosk.text.times import minute, period
from kiosk.text.wording import KEY_STATES, KINDS, STATUSES, feed_age, surplus_notes
from kiosk.ui.page import Page
from kiosk.ui.routes import step_of
from kiosk.ui.screens.member.orders_on_phone import OrdersOnPhoneScreen
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.service import DeskService
    from kiosk.desk.views.orders import OrderView
    from kiosk.desk.views.people import Session
    from kiosk.text.wording import LazyText

_NAME = 12


class Found(msgspec.Struct, frozen=True):
    """The account, and what was asked for its orders."""

    account: AccountView
    requests: tuple[RequestsView, ...]


def look_up(service: DeskService, session: Session) -> Found | Refused:
    """Read both."""
    account, requests = service.account(session), service.requests_of(session)
    if isinstance(account, Refused):
        return account
    return requests if isinstance(requests, Refused) else Found(account, requests)


class AccountScreen(Page[None]):
    """The account's record, after the sign-in."""

    CSS_PATH = "account.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("f7,ctrl+r", "on_phone", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.found: Found | None = None
        self.message: LazyText | None = None

    def compose(self) -> ComposeResult:
        """Key facts, then the orders."""
        yield self.title_row()
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
            yield Action(self.t("F7  地址和发票"), id="phone")
        yield from self.last_rows()

    def opened(self) -> None:
        """Read the account."""
        session = self.shell.visit.session
        if session is not None:
            service = self.shell.service
            self.seen()
            self.ask(lambda: look_up(service, session), self._arrived, self.t("正在查询，请稍候"))

    def _arrived(self, found: Found | Refused) -> None:
        if isinstance(found, Refused):
            self.message = self.refusal(found)
            self.update_content()
            self.focus_on("back")
            return
        self.found = found
        self.update_content()
        self.query_one("#orders", OptionList).action_first()
        self.focus_on("orders" if found.account.orders else "back")

    def update_content(self) -> None:
        """Show the account."""
        found = self.found
        notes = self.query_one("#surplus", Prose)
        notes.say(self.localized(self.message))
        notes.set_class(found is None, "alert")
        if found is None:
            return
        view, asked = found.account, {each.reference: each for each in found.requests}
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
            lines = [self._row(order, cells)]
            if order.reference in asked:
                lines += [f"  {line}" for line in request_lines(self.t, asked[order.reference])]
            orders.add_option(Option("\n".join(lines), id=order.reference, disabled=not order.status.is_open))

    def status_changed(self) -> None:
        """Read the account again once something was written, as where a payment came."""
        session, service = self.shell.visit.session, self.shell.service
        if session is not None and self.found is not None:
            self.look_again(lambda: look_up(service, session), self._looked)

    def _looked(self, found: Found | Refused) -> bool:
        """Show what changed; the order that was marked stays so."""
        if isinstance(found, Refused):
            return False
        if found == self.found:
            return True
        orders = self.query_one("#orders", OptionList)
        marked = orders.highlighted
        reference = None if marked is None else orders.get_option_at_index(marked).id
        self.found = found
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
        orders = self.found.account.orders if self.found is not None else ()
        order = next((order for order in orders if order.reference == event.option.id), None)
        if order is not None:
            self.shell.visit.order = order
            self.shell.visit.kind = order.kind
            self.shell.go(step_of(order))

    @on(Button.Pressed, "#phone")
    def action_on_phone(self) -> None:
        """F7: show the phone's way to address and invoice."""
        self.app.push_screen(OrdersOnPhoneScreen())

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go home."""
        self.shell.go_home()
