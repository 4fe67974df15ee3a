"""What the bind screen shows: the order, the form, the key that is in, and how far the binding has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical

from kiosk.desk.views import TokenOutcome, TokenRefused
from kiosk.domain.fees import OrderKind
from kiosk.text.money import yuan
from kiosk.text.times import duration
from kiosk.ui.binding_run import BindingRun
from kiosk.ui.page import Page
from kiosk.ui.widgets import fields as widgets
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.bind_form import BindForm
from kiosk.ui.widgets.key_facts import PLAIN_TROUBLES, KeyFacts, token_status
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.progress import Progress
from kiosk.ui.wording import BINDING_KINDS, KINDS, token_trouble

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.ui.wording import Said

ORDER_KINDS = tuple(OrderKind)


class BindPage(Page[None]):
    """The layout, filled from the state below."""

    CSS_PATH = "bind.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.token: TokenOutcome | None = None
        self.run = BindingRun()
        self.password_problem: Said | None = None
        self.pin_problem: Said | None = None
        self.message: Said | None = None

    def compose(self) -> ComposeResult:
        """Notes, type, form and progress."""
        yield self.title_row()
        with Horizontal(id="head"):
            yield Line(self.t("绑定或更新key盘"), id="name")
            yield Line(id="order")
        yield Line(
            self.t("绑定须知 1驱动已装 2已收到并插好key盘，勿拔 3已缴费 4绑定类型选对"), classes="muted pad"
        )
        yield Line(classes="rule line")
        with Horizontal(id="kinds"):
            yield Line(self.t("*绑定类型"), classes="label")
            yield widgets.Choice(
                tuple(self.t(BINDING_KINDS[kind]) for kind in ORDER_KINDS),
                ORDER_KINDS.index(self.desk.visit.kind),
                id="kind",
            )
        yield Line(classes="rule line")
        with Horizontal(id="middle"):
            session = self.desk.visit.session
            yield BindForm(self.t, session.account if session is not None else "")
            with Vertical(id="side"):
                yield Line(id="progress-title", classes="strong")
                yield Progress(id="progress")
                yield Prose(self.t("中断后重新插入，接着办，不再收费"), classes="muted")
        yield Prose(id="message")
        yield Line(id="token-status", classes="pad")
        with ActionRow():
            yield Action(self.t("Esc  回首页"), id="back")
            yield Action(self.t("Enter  绑定"), id="bind", main=True)
        yield from self.last_rows()

    def fill(self) -> None:
        """Show the order, the form's state, the key, and how far the binding has come."""
        visit = self.desk.visit
        order = visit.order
        head = ""
        if order is not None:
            head = "  ".join(
                (
                    self.t("订单号 {number}", number=order.number),
                    self.t(KINDS[order.kind]),
                    self.t("已缴费 {amount} 元", amount=yuan(order.total)),
                )
            )
        self.query_one("#order", Line).update(head)
        running = self.run.running
        hint = self.t("续期要填") if visit.kind is OrderKind.RENEWAL else self.t("新key盘不用填")
        form = self.query_one(BindForm)
        form.show(known=visit.session is not None, running=running, pin_hint=hint)
        form.complain(self.worded(self.password_problem), self.worded(self.pin_problem))
        self.query_one("#kind", widgets.Choice).disabled = running
        self.query_one("#bind", Action).disabled = running
        back = self.query_one("#back", Action)
        back.disabled = running
        back.label = self.t("Esc  回首页") if order is None else self.t("Esc  暂存")
        self.query_one(KeyFacts).show(self.token, order)
        self.query_one("#token-status", Line).update(token_status(self.t, self.token))
        self.fill_progress()

    def now(self) -> int:
        """The desk's clock, UTC seconds; 0 before its first status."""
        return self.desk.status.now if self.desk.status is not None else 0

    def fill_progress(self) -> None:
        """Show how far the binding has come, and what was said last."""
        run, title = self.run, self.t("进度")
        timed = f"{title}  {duration(run.seconds(self.now()))}" if run.current else title
        self.query_one("#progress-title", Line).update(timed)
        self.query_one("#progress", Progress).show(self.t, done=run.done, current=run.current)
        message = self.query_one("#message", Prose)
        if run.running:
            hold = self.t("!! 正在发放证书，请不要拔出key盘（约 10 秒）")
            start = self.t("正在读取key盘，请不要拔出")
            message.say(hold if run.must_stay else start)
        else:
            message.say(self.worded(self.message) or self._wrong_with_key())

    def _wrong_with_key(self) -> str:
        token = self.token
        if not isinstance(token, TokenRefused) or token.trouble in PLAIN_TROUBLES:
            return ""
        return token_trouble(self.t, token, self.desk.settings.support_line)
