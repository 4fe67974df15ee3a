"""A desk in memory with the desk's own structs, a clock that stands, and an app on top of both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import msgspec
import pytest
from textual.app import App

from kiosk.demo.drawer import DrawerScreen
from kiosk.demo.ports import DemoAccount, DemoStaff, DemoToken, PhonePage
from kiosk.desk.keys.views import (
    Check,
    CheckResult,
    FoundOutcome,
    FoundView,
    KeyOutcome,
    KeyView,
    LiftedView,
    LiftOutcome,
    LoginCheckOutcome,
    LoginCheckView,
    LossOutcome,
    LossView,
)
from kiosk.desk.service import DeskService
from kiosk.desk.views import (
    AccountView,
    BindingProgress,
    BindOutcome,
    BoundView,
    CodeAccepted,
    CodeOutcome,
    CodeProblem,
    CodeRefused,
    DeliveryOutcome,
    DeskStatus,
    FeeTable,
    Field,
    FieldErrors,
    FieldProblem,
    KeyStatus,
    Network,
    OrderOpen,
    OrderView,
    Placed,
    PlaceOutcome,
    PrinterState,
    PrintOutcome,
    Quote,
    Refusal,
    Refused,
    Session,
    SignedIn,
    SignInOutcome,
    StaffSession,
    StaffSignedIn,
    StaffSignInOutcome,
    TokenOutcome,
    TokenRefused,
    TokenStatus,
    TokenTrouble,
    TokenView,
    Verified,
    VerifyOutcome,
    WrongCredentials,
    WrongKind,
)
from kiosk.domain.base32 import encode_base32
from kiosk.domain.decisions import KeyOnRecord, OfferKind, Proceed, decide, key_state
from kiosk.domain.feed import DisputeRaised
from kiosk.domain.fees import FeeSchedule, OrderKind, total
from kiosk.domain.ledger import BindingStep, Delivery, OrderStatus
from kiosk.domain.validity import add_years
from kiosk.settings import Display, Exchange
from kiosk.ui.app import KeydeskApp

NOW = 1795327531  # 2026-11-22 14:05:31 in China
YEAR = 365 * 24 * 3600
SCHEDULE = FeeSchedule(number=1, effective_from=0, token=11000, certificate=8000, service=15000)
CODE = "48210917335"
SCAN = "KDESK1:" + "A" * 122
BLANK = TokenView(
    serial="E8AD652202221F03",
    blank=True,
    certificate=None,
    not_before=None,
    not_after=None,
    tries_left=6,
    pin_blocked=False,
)
KEY = KeyOnRecord("3000000000023B1A", "E8AD652202221F03", NOW - YEAR + 8_640_000, NOW + 8_640_000)
SMS_CODE = "482913"
USED = msgspec.structs.replace(
    BLANK,
    blank=False,
    certificate=KEY.number,
    not_before=KEY.not_before,
    not_after=KEY.not_after,
    tries_left=5,
    tries_allowed=6,
    factory_pin=False,
    driver="gmt",
    application="KEYDESK",
    reader="Virtual reader",
)
MEMBERS = {
    "11000001": ("Keydesk-1", "北京示例粮油贸易有限公司", "王建国", "李晓梅", None),
    "11000002": ("Keydesk-2", "河南中原储备粮有限公司（郑州）", "赵志强", "陈静", KEY),
}


class FakeKeys:
    """The key's own services: `outcomes` holds what the next calls of a verb answer, `calls` what was asked."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[Any]] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.standing = KeyStatus.IN_USE
        self.loss_reaches_centre = True
        self.login = LoginCheckView(
            serial=KEY.token_serial,
            certificate=KEY.number,
            not_after=KEY.not_after,
            results=tuple(
                (check, CheckResult.WAITS if check is Check.SMS else CheckResult.PASSED) for check in Check
            ),
            check="c-1",
            phone="138****5678",
            code_expires=NOW + 300,
            tries_left=5,
        )

    def next_of(self, verb: str, *asked: Any) -> Any:
        self.calls.append((verb, *asked))
        waiting = self.outcomes.get(verb)
        return waiting.pop(0) if waiting else None

    def named(self, token: TokenOutcome) -> Any:
        """The key with what the record says of it; without a key what the desk says then."""
        if not isinstance(token, TokenView):
            return token
        certificate = None if token.blank else KEY.number
        return KeyView(
            msgspec.structs.replace(token, certificate=certificate),
            KeyStatus.BLANK if token.blank else self.standing,
            account=None if token.blank else "11000002",
            enterprise=None if token.blank else "河南中原储备粮有限公司（郑州）",
            operator=None if token.blank else "陈静",
            days_left=None if token.blank else 100,
        )


class FakeDesk(FakeKeys):
    """Answers as the desk does; tests move it by its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.network = Network.ONLINE
        self.token: TokenOutcome = TokenRefused(TokenTrouble.ABSENT)
        self.printer = PrintOutcome.PRINTED
        self.refuses_delivery: Refused | None = None
        self.orders: dict[str, OrderView] = {}
        self.placed = 0
        self.binds: list[tuple[str, str | None, bool]] = []
        self.bind_outcomes: list[TokenRefused | Refused] = []
        self.tries = 5
        self.printed: list[str] = []
        self.receipts_waiting = 0
        self.gate: threading.Event | None = None
        self.binding_gate: threading.Event | None = None
        self.fails: Exception | None = None
        self.token_watchers: list[Callable[[], None]] = []
        self.scan_watchers: list[Callable[[str], None]] = []
        self.refusal: Refused | None = None
        self.confirmation_refusal: Refused | None = None
        self.staff_did: list[tuple[str, str, str]] = []

    # what tests do

    def insert(self, token: TokenOutcome) -> None:
        self.token = token
        for changed in self.token_watchers:
            changed()

    def pay(self, number: str) -> None:
        self.change(number, status=OrderStatus.PAID)

    def change(self, number: str, **values: Any) -> OrderView:
        self.orders[number] = msgspec.structs.replace(self.orders[number], **values)
        return self.orders[number]

    def wait(self) -> None:
        if self.fails is not None:
            raise self.fails
        if self.gate is not None:
            self.gate.wait(5)

    # what the screens ask

    def status(self) -> DeskStatus:
        inserted = isinstance(self.token, TokenView)
        return DeskStatus(
            token=TokenStatus.PRESENT if inserted else TokenStatus.ABSENT,
            printer=PrinterState.READY,
            network=self.network,
            backlog=12,
            now=self.now,
            feed_as_of=self.now - 600,
            receipts_waiting=self.receipts_waiting,
        )

    def fees(self) -> FeeTable | None:
        return tuple((kind, SCHEDULE.lines(kind)) for kind in OrderKind)

    def _session(self, account: str) -> Session:
        _, enterprise, _, operator, _ = MEMBERS[account]
        return Session(account, operator, enterprise, self.now)

    def verify(self, kind: OrderKind, fields: Mapping[Field, str]) -> VerifyOutcome:
        self.wait()
        if self.refusal is not None:
            return self.refusal
        account = fields[Field.ACCOUNT]
        if account not in MEMBERS or MEMBERS[account][0] != fields[Field.PASSWORD]:
            return WrongCredentials(4, self.feed_age())
        wanted = {
            Field.ENTERPRISE: MEMBERS[account][1],
            Field.LEGAL_PERSON: MEMBERS[account][2],
            Field.OPERATOR: MEMBERS[account][3],
        }
        problems = {
            field: FieldProblem.DOES_NOT_MATCH
            for field, name in wanted.items()
            if field in fields and fields[field] != name
        }
        if problems:
            return FieldErrors(problems, self.feed_age())
        return self.quote(self._session(account), kind)

    def feed_age(self) -> int | None:
        return self.now - 600 if self.network is Network.OFFLINE else None

    def sign_in(self, account: str, password: str) -> SignInOutcome:
        self.wait()
        if account not in MEMBERS or MEMBERS[account][0] != password:
            return WrongCredentials(4)
        return SignedIn(self._session(account))

    def quote(self, session: Session, kind: OrderKind) -> Verified | WrongKind | OrderOpen | Refused:
        key = MEMBERS[session.account][4]
        state = key_state(key, self.now)
        open_orders = [order for order in self.open_orders(session) if order.kind is kind]
        if open_orders:
            return OrderOpen(session, open_orders[0].number)
        decision = decide(kind, state, None)
        if isinstance(decision, OfferKind):
            return WrongKind(session, decision.kind, decision.because, self.feed_age())
        assert isinstance(decision, Proceed)
        lines = SCHEDULE.lines(kind)
        ends = add_years(max(self.now, key.not_after if key else 0), 1)
        return Verified(session, Quote(kind, lines, total(lines), key, ends, decision.declares_loss))

    def place_order(self, session: Session, kind: OrderKind) -> PlaceOutcome:
        self.wait()
        self.placed += 1
        return Placed(self.add_order(session.account, kind))

    def add_order(self, account: str, kind: OrderKind, status: OrderStatus = OrderStatus.PLACED) -> OrderView:
        number = f"3-{146 + len(self.orders) + 1:04d}-6"
        key = MEMBERS[account][4]
        lines = SCHEDULE.lines(kind)
        self.orders[number] = OrderView(
            number=number,
            kind=kind,
            account=account,
            enterprise=MEMBERS[account][1],
            operator=MEMBERS[account][3],
            lines=lines,
            total=total(lines),
            status=status,
            placed_at=self.now,
            deadline=self.now + 900,
            previous=key,
            ends_at=add_years(max(self.now, key.not_after if key else 0), 1),
            link="HTTP://127.0.0.1:8000/P/" + encode_base32(bytes(range(38))),
            tries_left=self.tries,
            typing_locked=False,
            delivery=None,
            binding_step=None,
            binding_serial=None,
            certificate=None,
        )
        return self.orders[number]

    def order(self, number: str) -> OrderView | None:
        order = self.orders.get(number)
        return order and msgspec.structs.replace(order, tries_left=self.tries)

    def open_orders(self, session: Session) -> tuple[OrderView, ...]:
        return tuple(
            order
            for order in self.orders.values()
            if order.account == session.account and order.status.is_open
        )

    def bindable(self, session: Session, kind: OrderKind) -> OrderView | Refused:
        paid = [
            order
            for order in self.open_orders(session)
            if order.kind is kind and order.status is OrderStatus.PAID
        ]
        return paid[0] if paid else Refused(Refusal.NO_ORDER)

    def confirm_typed(self, number: str, digits: str) -> CodeOutcome:
        self.wait()
        if self.confirmation_refusal is not None:
            return self.confirmation_refusal
        if digits.replace("-", "") == CODE:
            self.pay(number)
            return CodeAccepted(self.orders[number])
        self.tries -= 1
        return CodeRefused(CodeProblem.WRONG, self.tries)

    def confirm_scanned(self, number: str, text: str) -> CodeOutcome:
        if text != SCAN:
            return CodeRefused(CodeProblem.ANOTHER_ORDER, self.tries)
        self.pay(number)
        return CodeAccepted(self.orders[number])

    def cancel(self, session: Session, number: str) -> OrderView | Refused:
        return self.change(number, status=OrderStatus.CANCELLED)

    def expire_due(self) -> int:
        due = [o for o in self.orders.values() if o.status is OrderStatus.PLACED and self.now > o.deadline]
        for order in due:
            self.change(order.number, status=OrderStatus.EXPIRED)
        return len(due)

    def choose_delivery(self, session: Session, number: str, delivery: Delivery) -> DeliveryOutcome:
        if self.refuses_delivery is not None:
            return self.refuses_delivery
        self.change(number, delivery=delivery)
        return self.printer

    def read_token(self, number: str | None = None, serial: str | None = None) -> TokenOutcome:
        if serial is not None and isinstance(self.token, TokenRefused):
            return next((token for token in self.token.candidates if token.serial == serial), self.token)
        return self.token

    def bind(
        self,
        session: Session,
        number: str,
        pin: str | None,
        last_try_confirmed: bool,  # noqa: FBT001 - the desk's own signature
        progress: Callable[[BindingProgress], None],
        serial: str | None = None,
    ) -> BindOutcome:
        self.binds.append((number, pin, last_try_confirmed))
        progress(BindingProgress(1, done=False))
        token = self.read_token(number, serial)
        if not isinstance(token, TokenView):
            return token
        progress(BindingProgress(1, done=True))
        progress(BindingProgress(2, done=True))
        progress(BindingProgress(3, done=False))
        if self.binding_gate is not None:
            self.binding_gate.wait(5)
        if self.bind_outcomes:
            return self.bind_outcomes.pop(0)
        for step in range(3, 7):
            progress(BindingProgress(step, done=True))
        order = self.change(
            number,
            status=OrderStatus.BOUND,
            binding_step=BindingStep.BOUND,
            binding_serial=token.serial,
            certificate="0003000001000019",
        )
        return BoundView(
            order=order,
            serial=token.serial,
            certificate="0003000001000019",
            not_before=self.now,
            not_after=order.ends_at,
            registered=False,
        )

    # the key's own services

    def key_status(self, who: Session | StaffSession, serial: str | None = None) -> KeyOutcome:
        outcome: KeyOutcome = self.next_of("key_status", serial) or self.named(self.read_token(None, serial))
        return outcome

    def change_pin(
        self,
        session: Session,
        old: str | None,
        new: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the desk's own signature
        serial: str | None = None,
    ) -> KeyOutcome:
        self.wait()
        asked = (old, new, last_try_confirmed, serial)
        outcome: KeyOutcome = self.next_of("change_pin", *asked) or self.named(self.read_token(None, serial))
        return outcome

    def skip_pin_change(self, session: Session, serial: str) -> None:
        self.calls.append(("skip_pin_change", session.account, serial))

    def unblock_pin(
        self, staff: StaffSession, unblocking_pin: str | None, new: str, serial: str | None = None
    ) -> KeyOutcome:
        asked = (staff.name, unblocking_pin, new, serial)
        outcome: KeyOutcome = self.next_of("unblock_pin", *asked) or self.named(self.read_token(None, serial))
        return outcome

    def erase(self, staff: StaffSession, serial: str) -> KeyOutcome:
        outcome: KeyOutcome = self.next_of("erase", staff.name, serial) or self.named(BLANK)
        return outcome

    def report_loss(self, session: Session) -> LossOutcome:
        outcome: LossOutcome = self.next_of("report_loss", session.account) or LossView(KEY, registered=False)
        return outcome

    def loss_registered(self, account: str) -> bool:
        return self.loss_reaches_centre

    def key_found(self, staff: StaffSession, serial: str | None = None) -> FoundOutcome:
        found = FoundView(self.named(self.token), held=True)
        outcome: FoundOutcome = self.next_of("key_found", staff.name, serial) or found
        return outcome

    def lift_hold(
        self,
        session: Session,
        staff: StaffSession,
        pin: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the desk's own signature
        serial: str | None = None,
    ) -> LiftOutcome:
        asked = (session.account, staff.name, pin, last_try_confirmed, serial)
        outcome: LiftOutcome = self.next_of("lift_hold", *asked) or LiftedView(KEY, registered=False)
        return outcome

    def login_check(
        self,
        session: Session,
        pin: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the desk's own signature
        serial: str | None = None,
    ) -> LoginCheckOutcome:
        asked = (pin, last_try_confirmed, serial)
        outcome: LoginCheckOutcome = self.next_of("login_check", *asked) or self.login
        return outcome

    def login_code(self, view: LoginCheckView, code: str) -> LoginCheckView:
        self.calls.append(("login_code", code))
        if code != SMS_CODE:
            left = view.tries_left - 1
            return msgspec.structs.replace(view, tries_left=left)
        passed = tuple((check, CheckResult.PASSED) for check, _ in view.results)
        return msgspec.structs.replace(view, results=passed, check="")

    def account(self, session: Session) -> AccountView:
        key = MEMBERS[session.account][4]
        mine = tuple(order for order in self.orders.values() if order.account == session.account)
        return AccountView(session, key, key_state(key, self.now), mine, None)

    def registered(self, number: str) -> bool:
        return self.network is Network.ONLINE

    def print_receipt(self, number: str) -> PrintOutcome:
        self.printed.append(number)
        return self.printer

    def print_waiting(self) -> int:
        printed, self.receipts_waiting = self.receipts_waiting, 0
        return printed

    def watch_tokens(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.token_watchers.append(changed)
        return lambda: self.token_watchers.remove(changed)

    def watch_scans(self, scanned: Callable[[str], None]) -> Callable[[], None]:
        self.scan_watchers.append(scanned)
        return lambda: self.scan_watchers.remove(scanned)

    def staff_sign_in(self, name: str, password: str) -> StaffSignInOutcome:
        staff = {("张华", "Staff-1"): False, ("林涛", "Super-1"): True}
        if (name, password) not in staff:
            return WrongCredentials(4)
        return StaffSignedIn(StaffSession(name, staff[name, password]))

    def abandon(self, staff: StaffSession, number: str, reason: str) -> OrderView | Refused:
        self.staff_did.append(("abandon", number, reason))
        return self.orders[number]

    def vouch(self, staff: StaffSession, number: str) -> OrderView | Refused:
        self.staff_did.append(("vouch", number, ""))
        return self.change(number, status=OrderStatus.PAID)

    def grant_refund(self, staff: StaffSession, number: str, reason: str) -> OrderView | Refused:
        self.staff_did.append(("refund", number, reason))
        return self.change(number, status=OrderStatus.REFUNDING)

    def staff_orders(self) -> tuple[OrderView, ...]:
        return tuple(self.orders.values())

    def unapplied_items(self) -> tuple[str, ...]:
        return ("17: kind not known",)

    def disputes(self) -> tuple[DisputeRaised, ...]:
        return (DisputeRaised("11000002", 41, "amount-differs", "3-0100-1"),)


class FakeDemo:
    """The demo's hand on the fake desk."""

    receipts_folder = "receipts"
    centre_address = "http://127.0.0.1:8000"

    def __init__(self, desk: FakeDesk) -> None:
        self.desk = desk
        self.network_cut = False
        self.paper_is_out = False
        self.clock_shift = 0
        self.name: str | None = None

    def tokens(self) -> tuple[DemoToken, ...]:
        return (DemoToken("A", "E8AD652202221F03"), DemoToken("B", "E8AD652202221F04"))

    def inserted(self) -> str | None:
        return self.name

    def insert(self, name: str) -> None:
        self.name = name
        self.desk.insert(BLANK)

    def remove(self) -> None:
        self.name = None
        self.desk.insert(TokenRefused(TokenTrouble.ABSENT))

    def swap(self) -> None:
        self.name = "B" if self.name == "A" else "A"

    def phone_open(self, link: str) -> PhonePage:
        return PhonePage("3-0147-6", 34000, "待付款", link)

    def phone_pay(self, link: str) -> PhonePage:
        if not self.network_cut:
            number = next(iter(self.desk.orders))
            self.desk.pay(number)
        return PhonePage("3-0147-6", 34000, "已付款", link, "4821-0917-335", SCAN)

    def phone_decline(self, link: str) -> PhonePage:
        return self.phone_open(link)

    def phone_messages(self, account: str) -> tuple[str, ...]:
        return (f"【国储竞价】{account} 的验证码 {SMS_CODE}，5 分钟内有效。", "older")

    def scan(self, text: str) -> None:
        for scanned in self.desk.scan_watchers:
            scanned(text)

    def cut_network(self) -> None:
        self.network_cut = True
        self.desk.network = Network.OFFLINE

    def restore_network(self) -> None:
        self.network_cut = False
        self.desk.network = Network.ONLINE

    def paper_out(self) -> None:
        self.paper_is_out = True
        self.desk.printer = PrintOutcome.PAPER_OUT

    def paper_in(self) -> None:
        self.paper_is_out = False
        self.desk.printer = PrintOutcome.PRINTED

    def shift_clock(self, seconds: int) -> None:
        self.clock_shift += seconds
        self.desk.now += seconds

    def accounts(self) -> tuple[DemoAccount, ...]:
        return tuple(
            DemoAccount(
                account,
                member[0],
                member[1],
                member[2],
                member[3],
                "可新办" if member[4] is None else "快到期",
            )
            for account, member in MEMBERS.items()
        )

    def staff(self) -> tuple[DemoStaff, ...]:
        return (DemoStaff("林涛", "Super-1", supervisor=True),)


class Ticker:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def blank() -> TokenView:
    """A blank token."""
    return BLANK


@pytest.fixture
def used() -> TokenView:
    """The key of 11000002."""
    return USED


@pytest.fixture
def sms_code() -> str:
    """The SMS code that the fake desk takes."""
    return SMS_CODE


@pytest.fixture
def code() -> str:
    """The confirmation that the fake desk takes."""
    return CODE


@pytest.fixture
def scan() -> str:
    """The scanned confirmation that the fake desk takes."""
    return SCAN


@pytest.fixture
def cut_off() -> Callable[[App[None]], list[str]]:
    """A function that names what the screen on top shows only in part."""
    kinds = "Action, Field, Line, Prose, StatusRow, KeyHint, Choice, Static"

    def find(app: App[None]) -> list[str]:
        shown = [widget for widget in app.screen.query(kinds) if widget.display and widget.size]
        places = [(widget, app.screen.find_widget(widget)) for widget in shown]
        return [repr(widget) for widget, place in places if place.visible_region != place.region]

    return find


@pytest.fixture
def ticker() -> Ticker:
    return Ticker()


@pytest.fixture
def app(desk: FakeDesk, ticker: Ticker) -> Iterator[KeydeskApp]:
    """A kiosk's app; no unexpected error may have happened in it."""
    app = KeydeskApp(cast("DeskService", desk), None, Display(), Exchange(), monotonic=ticker)
    yield app
    assert app.error_code == ""


@pytest.fixture
def demo(desk: FakeDesk) -> FakeDemo:
    """The demo's hand on everything around the desk."""
    return FakeDemo(desk)


@pytest.fixture
def demo_app(desk: FakeDesk, demo: FakeDemo, ticker: Ticker) -> Iterator[KeydeskApp]:
    """The demo's app."""
    app = KeydeskApp(
        cast("DeskService", desk), lambda: DrawerScreen(demo), Display(), Exchange(), monotonic=ticker
    )
    yield app
    assert app.error_code == ""
