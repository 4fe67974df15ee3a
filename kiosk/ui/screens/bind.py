"""绑定或更新key盘: type, account, PIN, what the key holds, and the six steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, assert_never

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from kiosk.desk.views import (
    BindingProgress,
    BindOutcome,
    BoundView,
    LockedOut,
    OrderView,
    Refused,
    Session,
    SignedIn,
    SignInOutcome,
    TokenOutcome,
    TokenRefused,
    TokenTrouble,
    TokenView,
    WrongCredentials,
)
from kiosk.domain.fees import OrderKind
from kiosk.text.money import yuan
from kiosk.text.times import duration
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.screens.confirm import ConfirmScreen, Question
from kiosk.ui.widgets import fields as widgets
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.key_facts import KeyFacts, token_status
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.progress import FIRST_STEP_TO_WAIT_FOR, STEPS, Progress
from kiosk.ui.wording import (
    BINDING_KINDS,
    KINDS,
    locked_out,
    refusal,
    token_trouble,
    wrong_credentials,
)

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widgets import Button, Input

    from kiosk.ui.wording import Said, Text

_KINDS = tuple(OrderKind)
_PIN_TROUBLES = {
    TokenTrouble.PIN_WRONG,
    TokenTrouble.PIN_LAST_TRY,
    TokenTrouble.PIN_BLOCKED,
    TokenTrouble.PIN_INVALID,
    TokenTrouble.PIN_WANTED,
}
# The binding waits for the same key to come back, and goes on by itself.
_WAITS_FOR_KEY = {TokenTrouble.REMOVED, TokenTrouble.ABSENT}


class BindingMoved(Message):
    """A thread reports a step of the binding."""

    def __init__(self, progress: BindingProgress) -> None:
        super().__init__()
        self.progress = progress


class BindScreen(Page[None]):
    """Binds for the order of the visit, or for one that the account has paid earlier."""

    CSS_PATH = "bind.tcss"
    KEEPS_WHEN_IDLE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("enter", "begin", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.token: TokenOutcome | None = None
        self.running = False
        self.done = 0
        self.current = 0
        self.password_problem: Said | None = None
        self.pin_problem: Said | None = None
        self.message: Said | None = None
        self._step_began = 0
        self._waits_for_key = False
        self._stale = False

    # What is shown

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
                tuple(self.t(BINDING_KINDS[kind]) for kind in _KINDS),
                _KINDS.index(self.desk.visit.kind),
                id="kind",
            )
        yield Line(classes="rule line")
        with Horizontal(id="middle"):
            with Vertical(id="form"):
                yield from self._form()
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

    def _form(self) -> ComposeResult:
        account = self.desk.visit.session.account if self.desk.visit.session else ""
        with Horizontal(classes="row"):
            yield Line(self.t("*账号"), classes="label")
            yield widgets.Field(account, id="account", maximum=20)
        with Horizontal(classes="row"):
            yield Line(self.t("*密码"), classes="label")
            yield widgets.Field(id="password", password=True)
        yield Prose(id="password-problem", classes="problem")
        with Horizontal(classes="row"):
            yield Line(self.t("PIN 码"), classes="label")
            yield widgets.Field(id="pin", password=True, maximum=16)
            yield Line(id="pin-hint", classes="muted")
        yield Prose(id="pin-problem", classes="problem")
        yield KeyFacts(self.t)

    def on_mount(self) -> None:
        """Read the key that is in, and put the cursor where it is wanted."""
        if self.desk.visit.order is not None:
            self.desk.visit.kind = self.desk.visit.order.kind
        super().on_mount()
        self._focus_first()
        self.token_changed()
        self.set_interval(1.0, self._tick)

    def _focus_first(self) -> None:
        """Put the cursor where the member goes on."""
        if self.desk.visit.session is None:
            self.focus_on("account")
        else:
            self.focus_on("pin" if self.desk.visit.kind is OrderKind.RENEWAL else "bind")

    def _tick(self) -> None:
        if self.running:
            self._fill_progress()

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
        known = visit.session is not None
        self.query_one("#account", widgets.Field).disabled = known or self.running
        password = self.query_one("#password", widgets.Field)
        password.disabled = known or self.running
        password.placeholder = self.t("已登录") if known else ""
        self.query_one("#pin", widgets.Field).disabled = self.running
        renews = visit.kind is OrderKind.RENEWAL
        hint = self.t("续期要填") if renews else self.t("新key盘不用填")
        self.query_one("#pin-hint", Line).update(hint)
        self.query_one("#kind", widgets.Choice).disabled = self.running
        self.query_one("#bind", Action).disabled = self.running
        back = self.query_one("#back", Action)
        back.disabled = self.running
        back.label = self.t("Esc  回首页") if order is None else self.t("Esc  暂存")
        self.query_one("#password-problem", Prose).say(self.worded(self.password_problem))
        self.query_one("#pin-problem", Prose).say(self.worded(self.pin_problem))
        self.query_one(KeyFacts).show(self.token, order)
        status = token_status(self.t, self.token, self.desk.settings.support_line)
        self.query_one("#token-status", Line).update(status)
        self._fill_progress()

    def _fill_progress(self) -> None:
        status = self.desk.status
        seconds = status.now - self._step_began if status is not None and self._step_began else 0
        title = self.t("进度")
        running = f"{title}  {duration(seconds)}" if self.current else title
        self.query_one("#progress-title", Line).update(running)
        self.query_one("#progress", Progress).show(self.t, done=self.done, current=self.current)
        message = self.query_one("#message", Prose)
        if self.running:
            hold = self.t("!! 正在发放证书，请不要拔出key盘（约 10 秒）")
            start = self.t("正在读取key盘，请不要拔出")
            message.say(hold if self.current >= FIRST_STEP_TO_WAIT_FOR else start)
        else:
            message.say(self.worded(self.message))

    # The key

    def token_changed(self) -> None:
        """Read the key; once the binding that runs is over, when one runs."""
        if self.running:
            self._stale = True
            return
        self.fetch(self.desk.service.read_token, self._token_arrived)

    def _token_arrived(self, token: TokenOutcome) -> None:
        if isinstance(token, TokenView) and not self._waits_for_key and token != self.token:
            self.message = self.pin_problem = (
                None  # what was said of the key before does not hold for this one
            )
        self.token = token
        self.fill()
        if self._waits_for_key and isinstance(token, TokenView) and not self.running:
            self._bind()

    # The member

    def on_choice_changed(self, message: widgets.Choice.Changed) -> None:
        """Another type: the order is looked up again."""
        visit = self.desk.visit
        visit.kind = _KINDS[message.index]
        if visit.order is not None and visit.order.kind is not visit.kind:
            visit.order = None
        self._waits_for_key = False
        self.message = None
        self.fill()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on to the password, else it binds."""
        if event.input.id == "account":
            self.focus_on("password")
        else:
            self._begin()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Back or bind."""
        if event.button.id == "back":
            self.action_back()
        else:
            self._begin()

    def action_begin(self) -> None:
        """Bind, wherever the cursor is."""
        self._begin()

    def action_back(self) -> None:
        """Home; nothing is lost. Not while a binding runs."""
        if not self.holds_still():
            self.desk.set_aside()

    def holds_still(self) -> bool:
        """While the binding runs nobody leaves."""
        return self.running

    def wipe(self) -> None:
        """Forget password and PIN; the account of the session stays for the one who comes back."""
        super().wipe()
        self.password_problem = self.pin_problem = None

    def _begin(self) -> None:
        if self.running or self.busy:
            return
        self.message = self.password_problem = self.pin_problem = None
        self._waits_for_key = False
        if self.desk.visit.session is not None:
            self._find_order(self.desk.visit.session)
            return
        account = self.query_one("#account", widgets.Field).value.strip()
        password = self.query_one("#password", widgets.Field).value
        if not account or not password:
            self.password_problem = lambda t: t("请填写账号和密码")
            self.fill()
            self.focus_on("password" if account else "account")
            return
        sign_in = self.desk.service.sign_in
        self.ask(lambda: sign_in(account, password), self._signed_in, self.t("正在核对，请稍候"))

    def _signed_in(self, outcome: SignInOutcome) -> None:
        support = self.desk.settings.support_line
        match outcome:
            case SignedIn(session):
                self.desk.visit.session = session
                self.query_one("#password", widgets.Field).value = ""
                self._find_order(session)
                return
            case WrongCredentials():
                self.password_problem = lambda t: wrong_credentials(t, outcome)
                self.query_one("#password", widgets.Field).value = ""
                self.focus_on("password")
            case LockedOut():
                self.message = lambda t: locked_out(t, outcome, support)
                self.query_one("#password", widgets.Field).value = ""
            case Refused():
                self.message = lambda t: refusal(t, outcome, support)
            case _:
                assert_never(outcome)
        self.fill()

    def _find_order(self, session: Session) -> None:
        visit = self.desk.visit
        if visit.order is not None and visit.order.kind is visit.kind:
            self._bind()
            return
        kind = visit.kind
        bindable = self.desk.service.bindable
        self.ask(lambda: bindable(session, kind), self._order_found, self.t("正在查找订单"))

    def _order_found(self, outcome: OrderView | Refused) -> None:
        if isinstance(outcome, Refused):
            support = self.desk.settings.support_line
            self.message = lambda t: refusal(t, outcome, support)
            self.fill()
            return
        self.desk.visit.order = outcome
        self._bind()

    # The binding

    def _bind(self, *, last_try_confirmed: bool = False) -> None:
        session, order = self.desk.visit.session, self.desk.visit.order
        if session is None or order is None or self.running or self.busy:
            return
        pin = self.query_one("#pin", widgets.Field).value or None
        self.running, self._waits_for_key, self._stale = True, False, False
        self.done, self.current = 0, 1
        self._mark_step()
        self.message = self.pin_problem = None
        self.fill()
        bind, number = self.desk.service.bind, order.number

        def moved(progress: BindingProgress) -> None:
            self.post_message(BindingMoved(progress))

        self.ask(lambda: bind(session, number, pin, last_try_confirmed, moved), self._bound, "")

    def _mark_step(self) -> None:
        self._step_began = self.desk.status.now if self.desk.status is not None else 0

    def on_binding_moved(self, message: BindingMoved) -> None:
        """Mark the step."""
        progress = message.progress
        if progress.done:
            self.done = max(self.done, progress.step)
            self.current = min(progress.step + 1, len(STEPS))
        else:
            self.current = progress.step
        self._mark_step()
        self._fill_progress()

    def _bound(self, outcome: BindOutcome) -> None:
        self.running = False
        support = self.desk.settings.support_line
        match outcome:
            case BoundView():
                self.desk.visit.bound = outcome
                self.desk.visit.order = outcome.order
                self.desk.go(Route.DONE)
                return
            case TokenRefused():
                self._token_refused(outcome)
            case Refused():
                self.message = lambda t: refusal(t, outcome, support)
            case _:
                assert_never(outcome)
        self.current = 0
        self.fill()
        if self.focused is None:
            self._focus_first()
        if self._stale or not isinstance(self.token, TokenView):
            self.token_changed()

    def _token_refused(self, refused: TokenRefused) -> None:
        support = self.desk.settings.support_line

        def sentence(t: Text) -> str:
            return token_trouble(t, refused, support)

        if refused.trouble in _PIN_TROUBLES:
            self.query_one("#pin", widgets.Field).disabled = False
            if refused.trouble is TokenTrouble.PIN_LAST_TRY:
                self._ask_for_last_try()
            else:
                self.query_one("#pin", widgets.Field).value = ""
                self.call_after_refresh(self.focus_on, "pin")
            self.pin_problem = sentence
            return
        self._waits_for_key = refused.trouble in _WAITS_FOR_KEY
        self.message = sentence

    def _ask_for_last_try(self) -> None:
        def question(t: Text) -> Question:
            return Question(
                title=t("最后一次机会"),
                text=t("PIN 再输错一次，这把key盘就会锁死，不能再用。确定刚才输入的 PIN 没有错吗？"),
                yes=t("确定，再试一次"),
                no=t("不试，重新输入"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                self._bind(last_try_confirmed=True)
            else:
                self.query_one("#pin", widgets.Field).value = ""
                self.focus_on("pin")

        self.app.push_screen(ConfirmScreen(question), answered)
