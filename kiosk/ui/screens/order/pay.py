"""③ 缴纳费用: the payment QR code; where the payment does not arrive by itself, the ways to confirm it here.

With the network there is nothing to type: 「手机已付，本屏没反应？」 comes after a while, or when the network goes, and opens the
field for the confirmation code. Without it the field is open from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, assert_never

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Digits, Input

from kiosk.desk.orders.confirming import CodeAccepted, CodeOutcome, CodeRefusal, CodeRefused
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import Network
from kiosk.domain.ledger import OrderStatus
from kiosk.domain.scanned_confirmations import PREFIX
from kiosk.text.cells import wrap
from kiosk.text.flows import ORDERING
from kiosk.text.money import capitals, yuan
from kiosk.text.qr_cells import QrTooLarge
from kiosk.text.times import duration
from kiosk.text.wording import KINDS, STATUSES, code_refusal, validity_line
from kiosk.ui.page import Page
from kiosk.ui.routes import Route, step_of
from kiosk.ui.screens.common.confirm import ConfirmScreen, Question
from kiosk.ui.screens.order.amounts import bill_lines
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.code_entry import CodeEntry
from kiosk.ui.widgets.lines import Line, Prose, between
from kiosk.ui.widgets.qr_code import QrCode
from kiosk.ui.widgets.rows import StepRow

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from kiosk.text.wording import LazyText, Text

POLL_SECONDS = 0.5
# How long a payment usually takes to arrive, so that nobody doubts it before.
PATIENCE_SECONDS = 40.0
_COLUMN = 37
_LONG = 3
_MENDED_IN_PLACE = {CodeRefusal.MALFORMED, CodeRefusal.CHECK_DIGIT}


class PayScreen(Page[None]):
    """Shows one order until it is paid, it ends, or the member leaves."""

    CSS_PATH = "pay.tcss"
    KEEPS_WHEN_IDLE = True
    # Nothing, so that Enter never means the way back.
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("enter", "confirm_payment", show=False),
        Binding("f8,ctrl+x", "cancel_order", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.message: LazyText | None = None
        self._order: OrderView | None = None
        self._polling = False
        # Why the last poll could not read the order.
        self._unread: Refused | None = None
        self._left_for_next = False
        # Whether the code's field is open, and the line that opens it was shown; when the page came up.
        self._typing = False
        self._doubted = False
        self._since = 0.0

    @property
    def order(self) -> OrderView:
        """The order on display."""
        # a copy, since the visit may end before the screen is removed
        if self._order is None:
            self._order = self.shell.visit.order
        if self._order is None:
            raise LookupError("the pay screen was shown without an order")
        return self._order

    def compose(self) -> ComposeResult:
        """The QR code at the left, the bill and the instructions at the right."""
        yield self.title_row()
        yield self.head_row(self.t(KINDS[self.order.kind]), ORDERING, 2)
        with Horizontal(id="pay"):
            yield self._code()
            yield Prose(id="ended", classes="alert")
            with Vertical(id="side"):
                yield StepRow(self.t, ORDERING, 2)
                yield from self._bill()
                yield Line("-" * _COLUMN, classes="rule")
                yield from self._how()
                with ActionRow():
                    yield Action(self.t("Esc  上一步"), id="back")
                    yield Action(self.t("Enter  确认"), id="confirm", main=True)
        yield from self.last_rows(("F8", self.t("取消订单"), "screen.cancel_order"))

    def _code(self) -> Widget:
        try:
            return QrCode(self.order.link, id="qr")
        except QrTooLarge:
            return Prose(self.t("请用手机打开：{link}", link=self.order.link), id="address")

    def _bill(self) -> ComposeResult:
        order = self.order
        number = self.t("订单号 {number}", number=order.order_number)
        yield Line(between(self.t(KINDS[order.kind]), number, _COLUMN), classes="strong")
        yield Line("\n".join(bill_lines(self.t, order.lines, _COLUMN)), id="items")
        yield Digits(yuan(order.total), id="figure")
        due = self.t("应付 {amount} 元", amount=yuan(order.total))
        yield Line(between(due, capitals(order.total), _COLUMN), id="due")
        yield Prose(validity_line(self.t, order), id="validity")

    def _how(self) -> ComposeResult:
        yield Line(id="how")
        yield Line(id="wait")
        with Horizontal(id="entry"):
            yield CodeEntry(id="code")
            yield Line(id="tries")
        yield Prose(id="message")
        yield Line(id="left")
        yield Line(self.t("已付款的请勿重复支付"), id="again", classes="muted")
        yield Line(
            self.t("求助 {support}", support=self.shell.settings.support_line), id="help", classes="muted"
        )
        yield Action(self.t("Enter  手机已付，本屏没反应？"), id="doubt", line=True)

    def on_compose(self) -> None:
        """Open the code's field at once without the network; and count from now. Textual calls the base class's handler too."""
        self._since = self.shell.monotonic
        self._typing = self._offline
        self.set_class(self._typing, "typing", update=False)

    def opened(self) -> None:
        """Start polling for the payment."""
        if self._typing:
            self.focus_on("code")
        self.every(POLL_SECONDS, self._poll)

    @property
    def _offline(self) -> bool:
        status = self.shell.status
        return status is not None and status.network is not Network.ONLINE

    def _doubtful(self) -> bool:
        """Whether to offer the code's field; what was offered once stays."""
        waited = self.shell.monotonic - self._since >= PATIENCE_SECONDS
        self._doubted = self._doubted or waited or self._offline
        return self._doubted and not self._typing and self.order.status.is_open

    def update_content(self) -> None:
        """Show what to do next, the tries and the time left, and any error."""
        order = self.order
        doubtful = self._doubtful()
        self.query_one("#how", Line).update("\n".join(self._instructions()))
        self.query_one("#wait", Line).update(self._waiting())
        self.query_one("#wait").display = not self._typing and order.status.is_open
        entry = self.query_one("#code", CodeEntry)
        entry.disabled = not order.status.is_open
        tries = self.t("还可输错{tries}次", tries=order.tries_left)
        self.query_one("#tries", Line).update(self.t("只可扫码") if order.typing_locked else tries)
        self._update_message()
        now = self.shell.status.now if self.shell.status is not None else order.placed_at
        left = duration(order.deadline - now)
        self.query_one("#left", Line).update(self.t("剩余 {left}（已付的钱不会作废）", left=left))
        self.query_one("#doubt").display = doubtful
        confirm = self.query_one("#confirm", Action)
        confirm.display = self._typing or not order.status.is_open
        self._update_ended()

    def _instructions(self) -> tuple[str, ...]:
        status = self.shell.status
        if not self._typing:
            return (self.t("请用微信扫码"),)
        if not self._offline:
            return (
                self.t("付款后本屏自动进入下一步"),
                self.t("没有反应的，手机上有 11 位确认码，"),
                self.t("可以输在这里："),
            )
        refused = status is not None and status.network is Network.REFUSED
        return (
            self.t("中心暂时不接本机，仍可办理：") if refused else self.t("[离线] 本机暂无网络，仍可办理："),
            self.t("1 请用微信扫左边的码，在手机上付款"),
            self.t("2 付完手机显示 11 位确认码，输这里"),
        )

    def _waiting(self) -> str:
        status = self.shell.status
        if not self._offline:
            return self.t("等待付款…")
        if status is not None and status.network is Network.REFUSED:
            return self.t("中心暂时不接本机，付过的款照样有效")
        return self.t("[离线] 网络断了，付过的款照样有效")

    def _update_message(self) -> None:
        """The last error, else that a code can be scanned."""
        hint = self.t("或把手机上的确认二维码给扫码器扫") if self._typing else ""
        unread = self.refusal(self._unread) if self._unread is not None else None
        text = self.localized(self.message or unread) or self._ended()
        message = self.query_one("#message", Prose)
        message.say(text or hint)
        message.set_class(bool(text), "alert")
        # a long refusal, which ends with the telephone number, needs the rows below
        rows = len(wrap(text, _COLUMN))
        self.query_one("#again").display = self.order.status.is_open and rows < _LONG
        self.query_one("#help").display = rows <= _LONG

    def _update_ended(self) -> None:
        """Remove the QR code and the instructions once the order has ended; Enter then goes home."""
        over = not self.order.status.is_open
        for name in ("#qr", "#address", "#how", "#left"):
            for widget in self.query(name):
                widget.display = not over
        self.query_one("#entry").display = self._typing and not over
        self.query_one("#f8").display = not over
        ended = self.query_one("#ended", Prose)
        ended.display = over
        ended.say(self.t("这个付款码已作废，请不要再付款。") if over else "")
        confirm = self.query_one("#confirm", Action)
        confirm.label = self.t("Enter  回首页") if over else self.t("Enter  确认")
        if over:
            confirm.focus()

    def _ended(self) -> str:
        order = self.order
        if order.status.is_open:
            return ""
        return self.t("订单{status}。付过的钱会退还。", status=self.t(STATUSES[order.status]))

    def _poll(self) -> None:
        if self._polling or self._left_for_next:
            return
        self._polling = True
        reference, due = self.order.reference, self._is_due()

        def look() -> OrderView | Refused | None:
            if due:
                self.shell.service.expire_due()
            return self.shell.service.order(reference)

        self.fetch(look, self._order_arrived)

    def _is_due(self) -> bool:
        status = self.shell.status
        return (
            self.order.status is OrderStatus.PLACED
            and status is not None
            and status.now > self.order.deadline
        )

    def _order_arrived(self, order: OrderView | Refused | None) -> None:
        self._polling = False
        if isinstance(order, Refused):
            self._unread = order
            self.update_content()
        elif order is not None:
            self._unread = None
            self._show(order)

    def _show(self, order: OrderView) -> None:
        if self._left_for_next:
            return
        self._order = self.shell.visit.order = order
        if order.status is OrderStatus.PAID:
            self._left_for_next = True
            self.shell.go(step_of(order))
            return
        if order.status is OrderStatus.BOUND:
            self._left_for_next = True
            self.shell.go_home()
            return
        self.update_content()

    @on(Button.Pressed, "#confirm")
    @on(Input.Submitted)
    def action_confirm_payment(self) -> None:
        """Confirm with Enter, wherever the focus is; go home once the order has ended."""
        if not self.order.status.is_open:
            self.shell.go_home()
            return
        entry = self.query_one("#code", CodeEntry)
        if not self._typing and self._doubted:
            self.open_entry()
        elif not entry.value.strip():
            self._say(lambda t: t("还没有收到付款。请先用手机扫码付款。"))
        elif entry.is_scan:
            self.scanned(entry.value)
        else:
            reference, digits = self.order.reference, entry.value
            confirm = self.shell.service.confirm_typed
            self.ask(lambda: confirm(reference, digits), self._confirmed, self.t("正在核对，请稍候"))

    @on(Button.Pressed, "#doubt")
    def open_entry(self) -> None:
        """Open the code's field."""
        self._typing, self.message = True, None
        self.add_class("typing")
        self.update_content()
        self.set_focus(self.query_one("#code", CodeEntry))

    def on_key(self, event: events.Key) -> None:
        """Open the code's field for who types a code, and for a scanner that acts as a keyboard.

        What follows quickly comes here too, since it was pressed before the field had the cursor.
        """
        character = event.character if event.is_printable and event.character else ""
        starts = character.isdigit() or character.upper() == PREFIX[0]
        if not character or not self.order.status.is_open or not (starts or self._typing):
            return
        event.stop()
        if not self._typing:
            self.open_entry()
        self.query_one("#code", CodeEntry).insert_text_at_cursor(character)

    def scanned(self, text: str) -> None:
        """Handle a scanned confirmation."""
        reference = self.order.reference
        confirm = self.shell.service.confirm_scanned
        self.query_one("#code", CodeEntry).value = ""
        self.ask(lambda: confirm(reference, text.strip()), self._confirmed, self.t("正在核对，请稍候"))

    def _confirmed(self, outcome: CodeOutcome) -> None:
        match outcome:
            case CodeAccepted(order):
                self._show(order)
            case CodeRefused():
                now = self.shell.status.now if self.shell.status is not None else self.order.placed_at
                if outcome.reason not in _MENDED_IN_PLACE:
                    self.query_one(
                        "#code", CodeEntry
                    ).value = ""  # so that a second Enter does not use another try
                self._say(lambda t: code_refusal(t, outcome, now))
            case Refused():
                self._say(self.refusal(outcome))
            case _:
                assert_never(outcome)

    def _say(self, message: LazyText) -> None:
        self.message = message
        self.update_content()

    def wipe(self) -> None:
        """Clear the typed digits and their message."""
        super().wipe()
        self.message = None

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go back; the order stays open."""
        self.shell.go(Route.VERIFY)

    def action_cancel_order(self) -> None:
        """Cancel the order, after a confirmation."""
        session = self.shell.visit.session
        if session is None or self.order.status is not OrderStatus.PLACED:
            return
        number, reference = self.order.order_number, self.order.reference

        def question(t: Text) -> Question:
            return Question(
                title=t("取消订单"),
                text=t("确定取消订单 {number} 吗？已经付过款的请不要取消。", number=number),
                yes=t("取消订单"),
                no=t("不取消"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                cancel = self.shell.service.cancel
                self.ask(lambda: cancel(session, reference), self._cancelled, self.t("正在取消，请稍候"))

        if not isinstance(self.app.screen, ConfirmScreen):
            self.app.push_screen(ConfirmScreen(question), answered)

    def _cancelled(self, outcome: OrderView | Refused) -> None:
        if isinstance(outcome, Refused):
            self._say(self.refusal(outcome))
            return
        self._show(outcome)
