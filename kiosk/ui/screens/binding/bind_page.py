"""The bind screen's layout: the order and its kind, the form, the inserted key, and the binding's progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.content import Content

from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import (
    STEPS_SHOWN,
    BindingProgress,
    TokenOutcome,
    TokenRefusal,
    TokenRefused,
    TokenView,
)
from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import N_
from kiosk.text.flows import BIND, binding
from kiosk.text.money import yuan
from kiosk.text.pin_rules import initial_pin
from kiosk.text.times import duration
from kiosk.text.wording import BINDING_KINDS, UNCHANGED_PIN, token_refusal
from kiosk.ui.page import Page
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.fields import Field, show_beside
from kiosk.ui.widgets.key_facts import PLAIN_REFUSALS, KeyFacts, token_status
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.rows import KeyHint, StepRow
from kiosk.ui.widgets.steady import SteadyText
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from kiosk.desk.views.orders import OrderView
    from kiosk.text.wording import LazyText, Text


# After these the binding waits for the key to be inserted again, or to come free, and resumes by itself.
_WAITS_FOR_KEY = {TokenRefusal.REMOVED, TokenRefusal.ABSENT, TokenRefusal.HELD}


@dataclass
class BindingRun:
    """The running binding, or the one that stopped. `done` and `current` are steps from 1, 0 for none.

    `serial` is the key chosen among several; `token_stale` whether a key was inserted or removed meanwhile;
    `began` when the current step began, UTC seconds.
    """

    running: bool = False
    done: int = 0
    current: int = 0
    began: int = 0
    waits_for_key: bool = False
    token_stale: bool = False
    serial: str | None = None

    def begin(self, now: int) -> None:
        """Start or resume."""
        self.running, self.waits_for_key, self.token_stale = True, False, False
        self.done, self.current, self.began = 0, 1, now

    def begun_before(self, order: OrderView) -> None:
        """Show the steps that an earlier attempt on the order has behind it."""
        self.done = STEPS_SHOWN.get(order.binding_step, 0) if order.binding_step is not None else 0

    def step_reported(self, progress: BindingProgress, now: int) -> None:
        """Apply a progress report."""
        if progress.done:
            self.done = max(self.done, progress.step)
            self.current = min(progress.step + 1, len(STEPS))
        else:
            self.current = progress.step
        self.began = now

    def ended(self) -> None:
        """Stop: the desk has answered."""
        self.running, self.current = False, 0

    def stopped_by(self, refused: TokenRefused) -> None:
        """Record why it stopped; it resumes by itself if the key was only removed."""
        self.waits_for_key = refused.reason in _WAITS_FOR_KEY

    def seconds(self, now: int) -> int:
        """The seconds since the current step began."""
        return now - self.began if self.began and now else 0

    @property
    def key_must_stay(self) -> bool:
        """Whether the key must not be removed, since a certificate is being issued or written."""
        return self.current >= FIRST_UNINTERRUPTIBLE_STEP


LONGEST_PIN = 16


class BindForm(Vertical):
    """The fields with their errors; a signed-in member types only the PIN, and only where the key asks for one."""

    def __init__(self, t: Text, account: str, hint: Callable[[str], KeyHint]) -> None:
        super().__init__(id="form", classes="known" if account else None)
        self._t = t
        self._account = account
        self._hint = hint

    def compose(self) -> ComposeResult:
        """Three fields and the key's facts."""
        t = self._t
        with Horizontal(classes="row", id="row-account"):
            yield Line(t("*账号"), classes="label")
            yield Field(self._account, id="account", maximum=20, board=Board.DIGITS)
            yield self._hint("account")
        with Horizontal(classes="row", id="row-password"):
            yield Line(t("*密码"), classes="label")
            yield Field(id="password", password=True, submits=True)
            yield self._hint("password")
        yield Prose(id="password-problem", classes="problem")
        with Horizontal(classes="row", id="row-pin"):
            yield Line(t("PIN码"), classes="label")
            yield Field(id="pin", password=True, maximum=LONGEST_PIN, board=Board.DIGITS)
            yield self._hint("pin")
        yield Prose(id="pin-hint", classes="muted")
        yield Prose(id="pin-problem", classes="problem")
        yield KeyFacts(t)

    def show(self, *, known: bool, running: bool, pin_hint: str) -> None:
        """Enable the fields that can be typed into; who is signed in is asked for no password."""
        self.query_one("#account", Field).disabled = known or running
        self.query_one("#password", Field).disabled = known or running
        self.set_class(known, "known")
        self.query_one("#pin", Field).disabled = running
        self.query_one("#pin-hint", Prose).say(pin_hint)

    def show_error(self, password: str, pin: str) -> None:
        """Show the errors of the password and the PIN."""
        account, secret, field = (
            self.query_one(f"#{name}", Field) for name in ("account", "password", "pin")
        )
        show_beside(password, self.query_one("#password-problem", Prose), account, secret)
        show_beside(pin, self.query_one("#pin-problem", Prose), field)
        self.query_one("#pin-problem").display = bool(pin)
        self.query_one("#pin-hint").display = not pin


STEPS = (
    N_("读取key盘"),
    N_("在key盘内生成密钥"),
    N_("签发证书"),
    N_("写入证书"),
    N_("读回并验证签名"),
    N_("绑定完成"),
)
# From this step on the key must not be removed and the member cannot leave.
FIRST_UNINTERRUPTIBLE_STEP = 3


class Progress(SteadyText):
    """A list of `[v]`, `[>]` and `[ ]`."""

    DEFAULT_CSS = "Progress { width: 1fr; height: 6; }"

    def show(self, t: Text, *, done: int, current: int) -> None:
        """Mark the steps up to `done`, and `current` (0 for none)."""
        parts: list[Content | str | tuple[str, str]] = []
        for number, step in enumerate(STEPS, start=1):
            name = f"{number} {t(step)}"
            if number <= done:
                parts.append((f"[v] {name}", "$success"))
            elif number == current:
                parts.append((f"[>] {name}", "bold $accent"))
            else:
                parts.append((f"[ ] {name}", "$muted"))
            parts.append("\n" if number < len(STEPS) else "")
        self.update(Content.assemble(*parts))


class BindPage(Page[None]):
    """The layout, and the methods that show its state."""

    CSS_PATH = "bind.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.token: TokenOutcome | None = None
        self.run = BindingRun()
        self.password_problem: LazyText | None = None
        self.pin_problem: LazyText | None = None
        self.message: LazyText | None = None

    def compose(self) -> ComposeResult:
        """The order and its kind, the form and the progress."""
        yield self.title_row()
        yield self.head_row(self.t("绑定或更新key盘"), binding(self.shell.visit.kind), BIND)
        yield Line(id="order", classes="strong")
        with Horizontal(id="middle"):
            session = self.shell.visit.session
            yield BindForm(self.t, session.account if session is not None else "", self.forgotten_hint)
            with Vertical(id="side"):
                yield Line(id="progress-title", classes="strong")
                yield Progress(id="progress")
                yield Prose(
                    self.t("中断了就重新插好key盘接着办，已付款的请勿重复支付。"),
                    classes="muted",
                    id="resume",
                )
        yield Prose(id="message")
        yield Line(id="token-status", classes="pad")
        with ActionRow():
            yield Action(self.t("Esc  回首页"), id="back")
            yield Action(self.t("Enter  绑定"), id="bind", main=True)
        yield from self.last_rows()

    def update_content(self) -> None:
        """Show the order, the form, the key, and the progress."""
        visit = self.shell.visit
        order = visit.order
        self.query_one("#order", Line).update(self._order_line(order))
        self.query_one(StepRow).show(self.t, binding(visit.kind), BIND)
        running = self.run.running
        form = self.query_one(BindForm)
        form.show(known=visit.session is not None, running=running, pin_hint=self._pin_hint())
        form.show_error(self.localized(self.password_problem), self.localized(self.pin_problem))
        self.query_one("#bind", Action).disabled = running
        back = self.query_one("#back", Action)
        back.disabled = running
        back.label = self.t("Esc  回首页") if order is None else self.t("Esc  暂存")
        self.query_one(KeyFacts).show(self.token, order)
        self.query_one("#token-status", Line).update(token_status(self.t, self.token))
        self.update_progress()

    def _order_line(self, order: OrderView | None) -> str:
        """What is bound: the kind is the order's, and nobody chooses it."""
        if order is None:
            return self.t("绑定类型  按已缴费的订单，登录后显示")
        kind = self.t(BINDING_KINDS[order.kind])
        number = self.t("订单号 {number}", number=order.order_number)
        paid = self.t("已缴费 {amount} 元", amount=yuan(order.total))
        return "  ".join((self.t("绑定类型"), kind, number, paid))

    def _pin_hint(self) -> str:
        """Whether the PIN is needed, what it was at first, and how often it may be wrong."""
        order = self.shell.visit.order
        usual = initial_pin(self.token, self.shell.settings.initial_pin)
        if order is None:
            return self.t("续期要填，没改过的是 {pin}", pin=usual)
        if order.kind is not OrderKind.RENEWAL:
            return self.t("新key盘不用填")
        tries = self.token.tries_left if isinstance(self.token, TokenView) else None
        left = "" if tries is None else self.t("还可输错{tries}次", tries=tries)
        return "  ".join(filter(None, (self.t(UNCHANGED_PIN, pin=usual), left)))

    def on_field_corrected(self, message: Field.Corrected) -> None:
        """Remove the error of what is being corrected."""
        if message.field.id == "pin":
            self.pin_problem = None
        else:
            self.password_problem = None
        self.update_content()

    def now(self) -> int:
        """The desk's clock, UTC seconds; 0 before its first status."""
        return self.shell.status.now if self.shell.status is not None else 0

    def update_progress(self) -> None:
        """Show the progress and the last message."""
        run, title = self.run, self.t("进度")
        timed = f"{title}  {duration(run.seconds(self.now()))}" if run.current else title
        self.query_one("#progress-title", Line).update(timed)
        self.query_one("#progress", Progress).show(self.t, done=run.done, current=run.current)
        message = self.query_one("#message", Prose)
        if run.running:
            hold = self.t("!! 正在发放证书，请不要拔出key盘（约 10 秒）")
            start = self.t("正在读取key盘，请不要拔出")
            message.say(hold if run.key_must_stay else start)
            wrong = ""
        else:
            wrong = self.localized(self.message) or self._wrong_with_key()
            message.say(wrong or self._what_to_do())
        message.set_class(bool(wrong), "alert")

    def _what_to_do(self) -> str:
        """Insert the key; where a binding was begun, that very one."""
        order = self.shell.visit.order
        if order is None or order.binding_step is None or order.binding_serial is None:
            return self.t("请插好key盘，办完前不要拔出")
        serial = order.binding_serial
        if isinstance(self.token, TokenView):
            return self.t(
                "接着绑定序列号 {serial} 的key盘，打勾的已办好，不再收费；办完前不要拔出", serial=serial
            )
        return self.t("请插入序列号 {serial} 的key盘接着办，打勾的已办好，不再收费", serial=serial)

    def _wrong_with_key(self) -> str:
        token = self.token
        if isinstance(token, Refused):
            return self.localized(self.refusal(token))
        if not isinstance(token, TokenRefused) or token.reason in PLAIN_REFUSALS:
            return ""
        return token_refusal(self.t, token, self.shell.settings.support_line)
