"""绑定或更新key盘: the bind screen's behaviour, from sign-in to the six steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, assert_never

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Button, Input

from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import LockedOut, Session, SignedIn, SignInOutcome, WrongCredentials
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import (
    BindingProgress,
    BindOutcome,
    BoundView,
    TokenOutcome,
    TokenRefusal,
    TokenRefused,
    TokenView,
)
from kiosk.domain.fees import OrderKind
from kiosk.text.wording import locked_out, token_refusal, wrong_credentials
from kiosk.ui.routes import Route
from kiosk.ui.screens.binding.bind_page import BindPage
from kiosk.ui.screens.common.confirm import ConfirmScreen, last_try_question
from kiosk.ui.screens.common.key_choice import KeyChoiceScreen
from kiosk.ui.widgets import fields as widgets

if TYPE_CHECKING:
    from kiosk.text.wording import Text

_PIN_REFUSALS = {
    TokenRefusal.PIN_WRONG,
    TokenRefusal.PIN_LAST_TRY,
    TokenRefusal.PIN_BLOCKED,
    TokenRefusal.PIN_INVALID,
    TokenRefusal.PIN_WANTED,
}


class BindingProgressed(Message):
    """A step of the binding, reported by its thread."""

    def __init__(self, progress: BindingProgress) -> None:
        super().__init__()
        self.progress = progress


class BindScreen(BindPage):
    """Binds for the visit's order, or for one that the account paid earlier."""

    KEEPS_WHEN_IDLE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("enter", "begin", show=False),
    ]

    def on_mount(self) -> None:
        """Begin with the kind of the order, and with what was done for it before."""
        order = self.shell.visit.order
        if order is not None:
            self.shell.visit.kind = order.kind
            self.run.begun_before(order)

    def opened(self) -> None:
        """Read the inserted key and focus the first field to fill in."""
        self._focus_first()
        self.token_changed()
        self.every(1.0, self._tick)

    def _focus_first(self) -> None:
        """Focus the first field to fill in, or the button."""
        if self.shell.visit.session is None:
            self.focus_on("account")
        else:
            self.focus_on("pin" if self.shell.visit.kind is OrderKind.RENEWAL else "bind")

    def _tick(self) -> None:
        if self.run.running:
            self.update_progress()

    # The key

    def token_changed(self) -> None:
        """Read the inserted key, now or after the running binding."""
        if self.run.running:
            self.run.token_stale = True
            return
        self.run.serial = None
        self._read_token()

    def _read_token(self) -> None:
        order, serial, read = self.shell.visit.order, self.run.serial, self.shell.service.read_token
        reference = order.reference if order is not None else None
        self.fetch(lambda: read(reference, serial), self._token_arrived)

    def _token_arrived(self, token: TokenOutcome) -> None:
        waits = self.run.waits_for_key
        if isinstance(token, TokenView) and not waits and token != self.token:
            self.message = self.pin_problem = None  # the messages were about the previous key
        self.token = token
        self.update_content()
        if waits and isinstance(token, TokenView) and not self.run.running:
            self._bind()

    # The member

    @on(Button.Pressed, "#bind")
    @on(Input.Submitted)
    def action_begin(self) -> None:
        """Bind with Enter, wherever the focus is."""
        self._begin()

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go home and keep the order, unless a binding is running."""
        if not self.blocks_leaving():
            self.shell.set_aside()

    def blocks_leaving(self) -> bool:
        """Block leaving while a binding is running."""
        return self.run.running

    def wipe(self) -> None:
        """Clear password and PIN; the session stays for the member who comes back."""
        super().wipe()
        self.password_problem = self.pin_problem = None

    def _begin(self) -> None:
        if self.run.running or self.busy:
            return
        self.message = self.password_problem = self.pin_problem = None
        self.run.waits_for_key = False
        if self.shell.visit.session is not None:
            self._find_order(self.shell.visit.session)
            return
        account = self.query_one("#account", widgets.Field).value.strip()
        password = self.query_one("#password", widgets.Field).value
        if not account or not password:
            self.password_problem = lambda t: t("请填写账号和密码")
            self.update_content()
            self.focus_on("password" if account else "account")
            return
        sign_in = self.shell.service.sign_in
        self.ask(lambda: sign_in(account, password), self._signed_in, self.t("正在核对，请稍候"))

    def _signed_in(self, outcome: SignInOutcome) -> None:
        support = self.shell.settings.support_line
        match outcome:
            case SignedIn(session):
                self.shell.visit.session = session
                self.query_one("#password", widgets.Field).value = ""
                self._find_order(session)
                return
            case WrongCredentials():
                self.password_problem = lambda t: wrong_credentials(t, outcome)
                self.focus_on("password")
            case LockedOut():
                self.message = lambda t: locked_out(t, outcome, support)
            case Refused():
                self.message = self.refusal(outcome)
            case _:
                assert_never(outcome)
        self.update_content()

    def _find_order(self, session: Session) -> None:
        if self.shell.visit.order is not None:
            self._bind()
            return
        bindable = self.shell.service.bindable
        self.ask(lambda: bindable(session), self._orders_found, self.t("正在查找订单"))

    def _orders_found(self, orders: tuple[OrderView, ...] | Refused) -> None:
        """Bind for the only one; of several kinds the member chooses on the page that lists them."""
        if isinstance(orders, Refused):
            self.message = self.refusal(orders)
            self.update_content()
            return
        if len(orders) > 1:
            self.shell.go(Route.ACCOUNT)
            return
        (order,) = orders
        self.shell.visit.order, self.shell.visit.kind = order, order.kind
        self._bind()

    # The binding

    def _bind(self, *, last_try_confirmed: bool = False) -> None:
        session, order = self.shell.visit.session, self.shell.visit.order
        if session is None or order is None or self.run.running or self.busy:
            return
        pin = self.query_one("#pin", widgets.Field).value or None
        serial = self.run.serial
        if pin is not None and serial is None and isinstance(self.token, TokenView):
            # A PIN is for the key on display, and for no other that is inserted meanwhile.
            serial = self.token.serial
        self.run.begin(self.now())
        self.message = self.pin_problem = None
        self.update_content()
        bind, reference = self.shell.service.bind, order.reference

        def report(progress: BindingProgress) -> None:
            self.post_message(BindingProgressed(progress))

        self.ask(lambda: bind(session, reference, pin, last_try_confirmed, report, serial), self._bound, "")

    def on_binding_progressed(self, message: BindingProgressed) -> None:
        """Show the progress of the binding."""
        self.run.step_reported(message.progress, self.now())
        self.update_progress()

    def _bound(self, outcome: BindOutcome) -> None:
        self.run.ended()
        match outcome:
            case BoundView():
                self.shell.visit.receive(outcome)
                self.shell.go(Route.DONE)
                return
            case TokenRefused():
                self._token_refused(outcome)
            case Refused():
                self.message = self.refusal(outcome)
            case _:
                assert_never(outcome)
        self.update_content()
        self._look_at_order()
        if self.focused is None:
            self._focus_first()
        if self.run.token_stale or not isinstance(self.token, TokenView):
            self.token_changed()

    def _look_at_order(self) -> None:
        """See how far the binding came, and on which key."""
        order, visit = self.shell.visit.order, self.shell.visit
        if order is None:
            return

        def arrived(now: OrderView | Refused | None) -> None:
            if (
                isinstance(now, OrderView)
                and visit.order is not None
                and visit.order.reference == now.reference
            ):
                visit.order = now
                if not self.run.running:
                    self.run.begun_before(now)
                self.update_content()

        look, reference = self.shell.service.order, order.reference
        self.fetch(lambda: look(reference), arrived)

    def _token_refused(self, refused: TokenRefused) -> None:
        support = self.shell.settings.support_line

        def sentence(t: Text) -> str:
            return token_refusal(t, refused, support)

        if refused.reason in _PIN_REFUSALS:
            self.query_one("#pin", widgets.Field).disabled = False
            if refused.reason is TokenRefusal.PIN_LAST_TRY:
                self._ask_for_last_try()
            else:
                self.call_after_refresh(self.focus_on, "pin")
            self.pin_problem = sentence
            return
        self.run.stopped_by(refused)
        if refused.reason is TokenRefusal.SEVERAL and refused.candidates:
            self._ask_which(refused.candidates)
        self.message = sentence

    def _ask_which(self, candidates: tuple[TokenView, ...]) -> None:
        """Ask which of several keys to bind, when the order does not determine it."""

        def chosen(serial: str | None) -> None:
            if serial is not None:
                self.run.serial = serial
                self._read_token()
                self._bind()

        self.app.push_screen(KeyChoiceScreen(candidates), chosen)

    def _ask_for_last_try(self) -> None:
        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                self._bind(last_try_confirmed=True)
            else:
                self.forget_secrets()
                self.focus_on("pin")

        self.app.push_screen(ConfirmScreen(last_try_question, about_keys=True), answered)
