"""叫工作人员: staff sign in; and their view: orders that are open or need attention, matters, unapplied rows, receipts and key services."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Input, OptionList
from textual.widgets.option_list import Option

from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import StaffSession
from kiosk.desk.views.refusals import Refused
from kiosk.domain.feed import MatterPublished
from kiosk.domain.feed_rows import UnappliedRow
from kiosk.text.catalogue import N_
from kiosk.text.cells import columns, pad, wrap
from kiosk.text.hindrances import hindrances
from kiosk.text.matters import matter_line
from kiosk.text.money import yuan
from kiosk.text.times import minute
from kiosk.text.unapplied import unapplied_line
from kiosk.text.wording import BINDING_STEPS, KINDS, STATUSES
from kiosk.ui.screens.common.staff_sign_in import StaffSignIn
from kiosk.ui.screens.staff.network import TRY_NOW, network_rows
from kiosk.ui.screens.staff.nights import NightShown, night_chosen, night_rows
from kiosk.ui.screens.staff.order_acts import OrderActs
from kiosk.ui.screens.staff.requests import RequestsScreen
from kiosk.ui.screens.staff.staff_keys import StaffKeyService, may, page, row
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.fields import Choice, Field
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.service import DeskService
    from kiosk.domain.nights import NightReport
    from kiosk.text.wording import LazyText, Text

VIEWS = (
    N_("订单"), N_("待办事项"), N_("未处理的消息"), N_("待打凭条"), N_("夜间检查"), N_("网络"), N_("key盘"),
)  # fmt: skip
_ORDERS = 0
_NIGHTS = 4
_NETWORK = 5
_LONGEST_NUMBER = 100  # a receipt's code, should a scanner type it
_AMOUNT = 7
_SCROLLBAR = 2
_NARROWEST = 20


class Gathered(msgspec.Struct, frozen=True):
    """Everything the staff see, read at once; `orders` are those of `number`, where one was typed."""

    number: str
    orders: tuple[OrderView, ...]
    matters: tuple[MatterPublished, ...]
    kept: tuple[UnappliedRow, ...]
    nights: tuple[NightReport, ...]


def gather(service: DeskService, staff: StaffSession, number: str) -> Gathered | Refused:
    """Read everything the staff see."""
    orders = service.find_orders(staff, number) if number else service.staff_orders()
    matters, kept, nights = service.matters(), service.unapplied_rows(), service.night_reports()
    if isinstance(orders, Refused):
        return orders
    if isinstance(matters, Refused):
        return matters
    if isinstance(kept, Refused):
        return kept
    if isinstance(nights, Refused):
        return nights
    return Gathered(number, orders, matters, kept, nights)


def _none_here(t: Text) -> str:
    return t("本机没有这个号的订单。别的终端机的订单，请到那台终端机，或到中心的控制台查。")


def _several_here(t: Text, count: int) -> str:
    return t("这个号有 {count} 笔订单：先问清账号和下单时间，再选中办理。", count=count)


def _broken(row: str, room: int) -> str:
    """A row in lines that break by the rules of Chinese, indented alike; as it is before there is any room."""
    text = row.lstrip()
    indent = " " * (len(row) - len(text))
    if room < _NARROWEST + len(indent):
        return row
    return "\n".join(indent + line for line in wrap(text, room - len(indent)))


def _marked_in(rows: OptionList) -> str | None:
    """The name of the row that is marked; None where none is, or where it has none."""
    return None if rows.highlighted is None else rows.get_option_at_index(rows.highlighted).id


class StaffScreen(StaffSignIn[None]):
    """Staff were called; it leads to their desk."""

    CSS_PATH = "../common/staff_sign_in.tcss"
    _staff: StaffSession | None = None

    def banner(self) -> str:
        """What the member reads."""
        return self.t("已叫工作人员，请稍候")

    def welcome(self, staff: StaffSession) -> None:
        """Open the staff's desk."""
        self._staff = staff
        self._open_desk()

    def on_screen_resume(self) -> None:
        """Open it now if the password was right while something else was on top, or the step beneath changed. Textual calls the base class's handler too."""
        self._open_desk()

    def _open_desk(self) -> None:
        """Put the desk in this screen's place: Textual switches whichever screen is on top."""
        staff = self._staff
        if staff is not None and self.app.screen is self:
            self._staff = None
            self.app.switch_screen(StaffDeskScreen(staff))


class Rows(OptionList):
    """The list, which says when it has another width: what it shows is laid out for it."""

    class Resized(Message):
        """It has its place, or another one."""

    def on_resize(self) -> None:
        """Say so."""
        self.post_message(self.Resized())


class StaffDeskScreen(OrderActs):
    """The lists by view, and what is done to the order that is marked."""

    CSS_PATH = "staff_desk.tcss"
    TAKES_SCANS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("f7,ctrl+r", "requests", show=False, priority=True),
    ]

    def __init__(self, staff: StaffSession) -> None:
        super().__init__(staff)
        self.gathered: Gathered | None = None
        self.message: LazyText | None = None
        self.view = _ORDERS
        self.number = ""
        self.night = NightShown()

    def compose(self) -> ComposeResult:
        """The views, the list, the buttons."""
        yield self.title_row()
        with Vertical(classes="body"):
            role = self.t("主管") if self.staff.supervisor else self.t("工作人员")
            with Horizontal(id="head"):
                yield Line(f"{role} {self.staff.name}", classes="heading")
                yield Line(self.t("按订单号查，Enter"), id="number-label")
                yield Field(id="number", maximum=_LONGEST_NUMBER, board=Board.DIGITS, placeholder="3-0147-6")
            yield Prose(id="hindrances", classes="alert")
            yield Choice(tuple(self.t(view) for view in VIEWS), self.view, id="view")
            yield Rows(id="rows", markup=False)
            yield Prose(id="message", classes="alert")
        with Horizontal(id="verbs"):
            yield Action(self.t("Esc 返回"), id="back")
            yield Action(self.t("确认收款"), id="vouch")
            yield Action(self.t("作废绑定"), id="abandon")
            yield Action(self.t("退款"), id="refund")
            yield Action(self.t("打印凭条"), id="print")
        yield from self.last_rows(("F7", self.t("邮寄和发票"), "screen.requests"))

    def opened(self) -> None:
        """Read the lists."""
        for verb in ("vouch", "abandon", "refund"):
            self.query_one(f"#{verb}").disabled = not self.staff.supervisor
        self.seen()
        self._gather()
        self.focus_on("rows")

    @on(Input.Submitted, "#number")
    def find(self) -> None:
        """Show the orders of the typed number; without one all that are open."""
        self.number = self.query_one("#number", Field).value.strip()
        self.query_one("#view", Choice).choose(_ORDERS)
        self.message = None
        self._gather(found=True)

    def scanned(self, text: str) -> None:
        """Show the order of a scanned receipt."""
        self.query_one("#number", Field).value = text
        self.find()

    def _gather(self, *, found: bool = False) -> None:
        service, staff, number = self.shell.service, self.staff, self.number
        arrived = self._found if found else self._arrived
        self.ask(lambda: gather(service, staff, number), arrived, self.t("正在查询，请稍候"))

    def _found(self, gathered: Gathered | Refused) -> None:
        """Say how many orders have the number; of several none is chosen before a person does."""
        if isinstance(gathered, Refused):
            self.number = "" if self.gathered is None else self.gathered.number
            self._arrived(gathered)
            return
        count = len(gathered.orders)
        if gathered.number and count != 1:
            self.message = _none_here if count == 0 else partial(_several_here, count=count)
        self.query_one("#rows", OptionList).highlighted = None
        self._arrived(gathered)
        if count:
            self.focus_on("rows")

    def _arrived(self, gathered: Gathered | Refused) -> None:
        if isinstance(gathered, Refused):
            self.say(self.refusal(gathered))
            return
        self.gathered = gathered
        self.update_content()

    def on_choice_changed(self, message: Choice.Changed) -> None:
        """Switch the view."""
        self.view = message.index
        self.night = NightShown()
        self.query_one("#rows", OptionList).highlighted = None
        self.update_content()

    def update_content(self) -> None:
        """Show the view."""
        self._say_hindrances()
        self.query_one("#message", Prose).say(self.localized(self.message))
        if self.gathered is not None:
            self._show(self.query_one("#rows", OptionList), self.gathered)

    @on(Rows.Resized)
    def lay_out(self) -> None:
        """Lay the rows out for the width that the list has by now; the same one stays marked, or none."""
        for rows in self.query("#rows").results(OptionList):  # none on a screen that is being closed
            if self.gathered is not None:
                marked = rows.highlighted
                self._show(rows, self.gathered)
                rows.highlighted = marked

    def _show(self, rows: OptionList, gathered: Gathered) -> None:
        """Show the rows; what was marked stays so, wherever it stands now, and nothing is where it is gone."""
        marked, place = _marked_in(rows), rows.highlighted
        rows.clear_options()
        rows.add_options(self._options(gathered))
        several = self.view == _ORDERS and gathered.number and len(gathered.orders) > 1
        if marked is not None:
            rows.highlighted = next(
                (place for place, each in enumerate(rows.options) if each.id == marked), None
            )
        elif place is not None or not several:
            rows.highlighted = min(place or 0, rows.option_count - 1)

    def _options(self, gathered: Gathered) -> list[Option]:
        room = self.query_one("#rows", OptionList).content_size.width - _SCROLLBAR
        rows = self._rows(gathered) or [Option(self.t("没有"), disabled=True)]
        return [Option(_broken(str(each.prompt), room), id=each.id, disabled=each.disabled) for each in rows]

    def _rows(self, gathered: Gathered) -> list[Option]:
        views: tuple[Callable[[], list[Option]], ...] = (
            lambda: self._order_rows(gathered),
            lambda: [Option(matter_line(matter, self.t)) for matter in gathered.matters],
            lambda: [Option(unapplied_line(each.row.key, each.problem, self.t)) for each in gathered.kept],
            self._receipt_rows,
            lambda: self._night_rows(gathered),
            lambda: [] if self.shell.status is None else network_rows(self.shell.status, self.t),
            self._key_rows,
        )
        return views[self.view]()

    def _receipt_rows(self) -> list[Option]:
        waiting = self.shell.status.receipts_waiting if self.shell.status is not None else 0
        text = self.t("有 {count} 张凭条等待打印，按「打印凭条」重打", count=waiting)
        return [Option(text)] if waiting else []

    def _night_rows(self, gathered: Gathered) -> list[Option]:
        missed = 0 if self.shell.status is None else self.shell.status.nights_missed
        return night_rows(gathered.nights, missed, self.night, self.t)

    def _key_rows(self) -> list[Option]:
        return [
            Option(
                f" {row(self.t, self.staff, service)}",
                id=service.value,
                disabled=not may(self.staff, service),
            )
            for service in StaffKeyService
        ]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the chosen key service, show another report, or have the centre tried now."""
        if event.option.id == TRY_NOW:
            self.ask(self.shell.service.ask_centre_now, self._asked_now, self.t("正在办理，请稍候"))
        if self.view == _NIGHTS and self.gathered is not None:
            self.night = night_chosen(event.option.id, self.night, self.gathered.nights)
            event.option_list.highlighted = None
            self._show(event.option_list, self.gathered)
        if self.view == _ORDERS:
            self.action_requests()
        if event.option.id in set(StaffKeyService):
            self.message = None
            self.app.push_screen(page(StaffKeyService(event.option.id), self.staff))

    def status_changed(self) -> None:
        """Show the machine as it is by now, and read the lists again once something was written."""
        self._say_hindrances()
        if self.view in {_NIGHTS, _NETWORK} and self.gathered is not None:
            self._show_what_changed(self.gathered)
        if self.gathered is not None:
            service, staff, number = self.shell.service, self.staff, self.gathered.number
            self.look_again(
                lambda: gather(service, staff, number), lambda gathered: self._looked(gathered, number)
            )

    def _looked(self, gathered: Gathered | Refused, number: str) -> bool:
        """Take in what others wrote, unless it cannot be read, or other orders were asked for meanwhile."""
        if isinstance(gathered, Refused) or self.number != number:
            return False
        self.gathered = gathered
        self._show_what_changed(gathered)
        return True

    def _say_hindrances(self) -> None:
        status = self.shell.status
        for prose in self.query("#hindrances").results(Prose):  # none on a screen that is being closed
            prose.say("" if status is None else "\n".join(hindrances(status, self.t)))

    def _show_what_changed(self, gathered: Gathered) -> None:
        for rows in self.query("#rows").results(OptionList):  # none on a screen that is being closed
            shown = [(each.id, each.prompt) for each in rows.options]
            if shown != [(each.id, each.prompt) for each in self._options(gathered)]:
                self._show(rows, gathered)

    def _asked_now(self, outcome: Refused | None) -> None:
        if isinstance(outcome, Refused):
            self.say(self.refusal(outcome))
        else:
            self.say(lambda t: t("已让同步程序现在就试。"))

    def _order_rows(self, gathered: Gathered) -> list[Option]:
        """A row for each order: number, account, time and the rest, in columns, as far as the window is wide."""
        room = self.query_one("#rows", OptionList).content_size.width - _SCROLLBAR
        lines = columns([self._order_cells(order) for order in gathered.orders], room)
        return [Option(line, id=order.reference) for line, order in zip(lines, gathered.orders, strict=True)]

    def _order_cells(self, order: OrderView) -> tuple[str, ...]:
        step = f" {self.t(BINDING_STEPS[order.binding_step])}" if order.binding_step is not None else ""
        return (
            order.order_number,
            order.account,
            minute(order.placed_at),
            self.t(KINDS[order.kind]),
            pad(yuan(order.total), _AMOUNT, "right"),
            self.t(STATUSES[order.status]) + step,
            order.operator,
        )

    def marked(self) -> OrderView | None:
        """The order that is highlighted in the view of orders."""
        rows = self.query_one("#rows", OptionList)
        if self.gathered is None or rows.highlighted is None or self.view != _ORDERS:
            return None
        reference = rows.get_option_at_index(rows.highlighted).id
        return next((order for order in self.gathered.orders if order.reference == reference), None)

    @on(Button.Pressed, "#back")
    def go_back(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_requests(self) -> None:
        """F7: show what was asked for the highlighted order after its payment."""
        order = self.chosen()
        if order is not None:
            self.app.push_screen(RequestsScreen(self.staff, order))

    def wants_one(self) -> bool:
        """A number alone says nothing of all the receipts that wait."""
        return self.view == _ORDERS and bool(self.number)

    def order_changed(self) -> None:
        """Read the lists again."""
        self._gather()

    def say(self, message: LazyText) -> None:
        """Show a sentence below the list."""
        self.message = message
        self.update_content()
