"""The desk's verbs gathered for the screens: whatever ends a verb early becomes an outcome here.

Every method may be called from any thread. A store that is busy, full or unreadable ends every verb with the same
outcome, Refused. What is left to raise is a fault of the program, and goes to the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, assert_never

import structlog
from msgspec.structs import replace

from hardware.ports import ScannerUnavailable
from kiosk.desk import status
from kiosk.desk.binding import saga
from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.keys import erase, first_password, holds, login_check
from kiosk.desk.keys import pin as key_pin
from kiosk.desk.keys import status as key_status
from kiosk.desk.keys.views import (
    FoundOutcome,
    IntroducedOutcome,
    KeyIntroduced,
    KeyOutcome,
    LiftOutcome,
    LoginCheckOutcome,
    LoginCheckView,
    LossOutcome,
)
from kiosk.desk.member import user_centre
from kiosk.desk.orders import finding, ordering, payment, receipts, visit_papers
from kiosk.desk.orders.confirming import CodeOutcome
from kiosk.desk.people import staff as staff_verbs
from kiosk.desk.people import verification
from kiosk.desk.requests import delivery as delivery_verbs
from kiosk.desk.requests import forms, operators
from kiosk.desk.requests import invoice as invoice_verbs
from kiosk.desk.status import feed_age
from kiosk.desk.tokens import selection
from kiosk.desk.views import (
    AccountView,
    BindingProgress,
    BindOutcome,
    DeliveryOutcome,
    DeskStatus,
    FeeTable,
    Field,
    KeyAnswer,
    OrderView,
    PlaceOutcome,
    PrintOutcome,
    QuoteOutcome,
    Refusal,
    Refused,
    ScanRead,
    SecondAllowed,
    Session,
    SignInOutcome,
    StaffSession,
    StaffSignInOutcome,
    TokenOutcome,
    TokenRefusal,
    TokenRefused,
    VerifyOutcome,
)
from kiosk.domain.errors import EntryRefused
from kiosk.domain.payment_codes import orders_page
from kiosk.store.errors import (
    DatabaseError,
    DescriptorsUsedUp,
    DiskFull,
    DiskReadOnly,
    InodesUsedUp,
    NotEnrolled,
    StoreBusy,
    StoreUnavailable,
)
from kiosk.store.shortage import refused_by_system

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.keys.first_password import FirstPasswordOutcome
    from kiosk.desk.member.views import OrderStoryOutcome, UserCentreOutcome
    from kiosk.desk.requests.forms import FormsOutcome
    from kiosk.desk.requests.views import ProposalOutcome, ProposalsOutcome, RequestsOutcome, RequestsView
    from kiosk.domain.entries import InvoiceKind
    from kiosk.domain.feed import MatterPublished, RegisteredState
    from kiosk.domain.feed_rows import UnappliedRow
    from kiosk.domain.fees import OrderKind
    from kiosk.domain.ledger import Delivery
    from kiosk.domain.nights import NightReport
    from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, OperatorDetails


_LOG = structlog.get_logger()
_Outcome = TypeVar("_Outcome")

# Whose key a token is, and whether it is on hold, comes from the feed unless this kiosk bound it.
_RESTS_ON_FEED = {TokenRefusal.NOT_THE_KEY_ON_RECORD, TokenRefusal.ANOTHER_MEMBERS, TokenRefusal.NOT_ON_HOLD}


class Outcomes:
    """The desk, and its verbs' early ends as outcomes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _outcome(self, verb: Callable[[], _Outcome]) -> _Outcome | Refused:
        """The verb's result, or why it was refused; what the disk or the system lacks fails it whole, wherever that shows."""
        try:
            return self._unless_refused(verb)
        except (EntryRefused, NotEnrolled, DatabaseError) as error:
            return self._failed(error)
        except OSError as error:
            missing = refused_by_system(self._desk.database.path, error)
            if type(missing) is StoreUnavailable:  # no more is known of it
                raise
            return self._failed(missing)

    def _failed(self, error: EntryRefused | NotEnrolled | DatabaseError) -> Refused:
        reason = _reason(error)
        _LOG.warning("refused", reason=reason.value, problem=str(error))
        return Refused(reason)

    def _unless_refused(self, verb: Callable[[], _Outcome]) -> _Outcome | Refused:
        try:
            return verb()
        except DeskRefused as refused:
            return Refused(refused.reason, self._feed_age() if refused.rests_on_feed else None)

    def _or(self, nothing: _Outcome, verb: Callable[[], _Outcome]) -> _Outcome | Refused:
        """The verb's result, or `nothing` when the desk refuses; failures of the store are reported all the same."""
        outcome = self._outcome(verb)
        refused = isinstance(outcome, Refused) and outcome.reason not in _STORE_FAILS
        return nothing if refused else outcome

    def _token_outcome(
        self, name: str, verb: Callable[[], _Outcome], **facts: str
    ) -> _Outcome | TokenRefused | Refused:
        """The same for a verb on a token, whose end is logged."""

        def unless_unusable() -> _Outcome | TokenRefused:
            try:
                return verb()
            except TokenUnusable as unusable:
                _LOG.info("stopped", verb=name, trouble=unusable.refused.reason.value, **facts)
                return self._token_refused(unusable)

        return self._outcome(unless_unusable)

    def _token_refused(self, unusable: TokenUnusable) -> TokenRefused:
        """What is wrong with the token, with the feed's age where it rests on that."""
        refused = unusable.refused
        return replace(refused, feed_as_of=self._feed_age()) if refused.reason in _RESTS_ON_FEED else refused

    def _feed_age(self) -> int | None:
        with self._desk.database.read() as tx:
            return feed_age(tx, self._desk.clock.wall())


def _reason(error: EntryRefused | NotEnrolled | DatabaseError) -> Refusal:
    match error:
        case EntryRefused():
            return Refusal.RECORD_DISAGREES
        case NotEnrolled():
            return Refusal.NOT_ENROLLED
        case DatabaseError():
            return next(reason for kind, reason in _STORE_REASONS if isinstance(error, kind))
        case _:
            assert_never(error)


# The narrower kind first.
_STORE_REASONS: tuple[tuple[type[DatabaseError], Refusal], ...] = (
    (InodesUsedUp, Refusal.INODES_USED_UP),
    (DiskFull, Refusal.DISK_FULL),
    (DiskReadOnly, Refusal.DISK_READ_ONLY),
    (DescriptorsUsedUp, Refusal.DESCRIPTORS_USED_UP),
    (StoreBusy, Refusal.STORE_BUSY),
    (DatabaseError, Refusal.STORE_UNREADABLE),
)
_STORE_FAILS = {reason for _, reason in _STORE_REASONS}


class KeyVerbs(Outcomes):
    """状态, 修改PIN, 解锁PIN, 清空, 挂失, 拾获登记, 解除挂失, 登录验证; all slow but `loss_registered`."""

    def key_status(self, who: Session | StaffSession, serial: str | None = None) -> KeyOutcome:
        """状态 of the token that is in."""
        return self._token_outcome("key status", lambda: key_status.key_status(self._desk, who, serial))

    def introduce(self) -> IntroducedOutcome:
        """What the token that is in is, without a password; nobody asked for it, so that no failure of it is logged."""

        def unless_unusable() -> KeyIntroduced | TokenRefused:
            try:
                return key_status.introduce(self._desk)
            except TokenUnusable as unusable:
                return self._token_refused(unusable)

        return self._outcome(unless_unusable)

    def change_pin(
        self,
        session: Session,
        old: str | None,
        new: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the screens' contract
        serial: str | None = None,
    ) -> KeyOutcome:
        """修改PIN; without an old one the factory PIN is taken, once, where all tries are left."""
        return self._token_outcome(
            "change PIN",
            lambda: key_pin.change_pin(
                self._desk, session, old, new, last_try_confirmed=last_try_confirmed, serial=serial
            ),
            account=session.account,
        )

    def skip_pin_change(self, session: Session, serial: str) -> Refused | None:
        """Record that the factory PIN was not changed."""
        return self._outcome(lambda: key_pin.skip_pin_change(self._desk, session, serial))

    def unblock_pin(
        self, staff: StaffSession, unblocking_pin: str | None, new: str, serial: str | None = None
    ) -> KeyOutcome:
        """解锁PIN, by a supervisor."""
        return self._token_outcome(
            "unblock PIN",
            lambda: key_pin.unblock_pin(self._desk, staff, unblocking_pin, new, serial),
            staff=staff.name,
        )

    def erase(self, staff: StaffSession, serial: str) -> KeyOutcome:
        """清空 the token of that very serial."""
        return self._token_outcome(
            "erase", lambda: erase.erase(self._desk, staff, serial), staff=staff.name, serial=serial
        )

    def report_loss(self, session: Session) -> LossOutcome:
        """挂失: place the account's certificate on hold."""
        return self._outcome(lambda: holds.report_loss(self._desk, session))

    def loss_registered(self, account: str) -> bool | Refused:
        """Whether the centre has the account's last report of a loss, or its lifting."""
        return self._or(False, lambda: holds.loss_registered(self._desk, account))  # noqa: FBT003 - the answer

    def key_found(self, staff: StaffSession, serial: str | None = None) -> FoundOutcome:
        """拾获登记 of the token that is in."""
        return self._token_outcome(
            "key found", lambda: holds.key_found(self._desk, staff, serial), staff=staff.name
        )

    def lift_hold(
        self,
        session: Session,
        staff: StaffSession,
        pin: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the screens' contract
        serial: str | None = None,
    ) -> LiftOutcome:
        """解除挂失: the owner is back with the key."""
        return self._token_outcome(
            "lift hold",
            lambda: holds.lift_hold(
                self._desk, session, staff, pin, last_try_confirmed=last_try_confirmed, serial=serial
            ),
            account=session.account,
            staff=staff.name,
        )

    def login_check(
        self,
        session: Session,
        pin: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the screens' contract
        serial: str | None = None,
    ) -> LoginCheckOutcome:
        """登录验证 up to the SMS code."""
        return self._token_outcome(
            "login check",
            lambda: login_check.login_check(
                self._desk, session, pin, last_try_confirmed=last_try_confirmed, serial=serial
            ),
            account=session.account,
        )

    def login_code(self, view: LoginCheckView, code: str) -> LoginCheckView | Refused:
        """登录验证 with the SMS code."""
        return self._or(view, lambda: login_check.login_code(self._desk, view, code))

    def choose_first_password(self, account: str, code: str, password: str) -> FirstPasswordOutcome:
        """设置登录密码 with the code from the message. Slow: Argon2id."""
        return self._outcome(
            lambda: first_password.choose_first_password(self._desk, account, code, password)
        )


class RequestVerbs(Outcomes):
    """邮寄, 发票, 添加交易员: what is asked for after paying."""

    def requests(self, session: Session, reference: str) -> RequestsOutcome:
        """What was asked for one of the member's orders."""
        return self._outcome(lambda: delivery_verbs.requests(self._desk, session, reference))

    @property
    def orders_page(self) -> str:
        """The address of 「我的订单」→「华商订单」 for a phone; empty where no centre is configured."""
        page = self._desk.settings.payment_page
        return orders_page(page) if page else ""

    def requests_of(self, session: Session) -> tuple[RequestsView, ...] | Refused:
        """What was asked for each of the member's orders."""
        return self._outcome(lambda: delivery_verbs.requests_of(self._desk, session))

    def request_forms(self, staff: StaffSession, reference: str) -> FormsOutcome:
        """What staff can do for an order after the payment, and what is known for their forms."""
        return self._outcome(lambda: forms.request_forms(self._desk, staff, reference))

    def ask_delivery(
        self, who: Session | StaffSession, reference: str, address: DeliveryAddress
    ) -> RequestsOutcome:
        """Have the key mailed; again, to another address. Staff type it for the member."""
        return self._outcome(lambda: delivery_verbs.ask_delivery(self._desk, who, reference, address))

    def key_mailed(self, staff: StaffSession, reference: str, carrier: str, tracking: str) -> RequestsOutcome:
        """The desk's staff mailed the key."""
        return self._outcome(
            lambda: delivery_verbs.key_mailed(self._desk, staff, reference, carrier, tracking)
        )

    def key_received_back(
        self, staff: StaffSession, reference: str, reason: str, serial: str = ""
    ) -> RequestsOutcome:
        """A mailed key came back."""
        return self._outcome(
            lambda: delivery_verbs.key_received_back(self._desk, staff, reference, reason, serial)
        )

    def ask_invoice(
        self,
        who: Session | StaffSession,
        reference: str,
        invoice: InvoiceKind,
        details: InvoiceDetails,
    ) -> RequestsOutcome:
        """Ask for an invoice; again, for another one."""
        return self._outcome(lambda: invoice_verbs.ask_invoice(self._desk, who, reference, invoice, details))

    def withdraw_invoice(self, who: Session | StaffSession, reference: str) -> RequestsOutcome:
        """Ask for no invoice after all."""
        return self._outcome(lambda: invoice_verbs.withdraw_invoice(self._desk, who, reference))

    def proposals(self, session: Session) -> ProposalsOutcome:
        """The operators that the account proposed."""
        return self._outcome(lambda: operators.proposals(self._desk, session))

    def propose_operator(
        self,
        session: Session,
        details: OperatorDetails,
        authorised: bool,  # noqa: FBT001 - the screens' contract
        staff: StaffSession | None = None,
    ) -> ProposalOutcome:
        """提交审核 of one more operator."""
        return self._outcome(
            lambda: operators.propose_operator(self._desk, session, details, authorised, staff)
        )

    def withdraw_operator(
        self, session: Session, proposal: str, staff: StaffSession | None = None
    ) -> ProposalOutcome:
        """Take a proposal back."""
        return self._outcome(lambda: operators.withdraw_operator(self._desk, session, proposal, staff))


class MemberVerbs(Outcomes):
    """用户中心."""

    def user_centre(self, session: Session) -> UserCentreOutcome:
        """Enterprise, operators, key, payments and orders."""
        return self._outcome(lambda: user_centre.user_centre(self._desk, session))

    def order_story(self, session: Session, reference: str) -> OrderStoryOutcome:
        """One of the member's orders, with what happened to it."""
        return self._outcome(lambda: user_centre.order_story(self._desk, session, reference))


class DeskService(KeyVerbs, RequestVerbs, MemberVerbs):
    """The desk as the screens see it; each verb is documented where it is defined."""

    def status(self) -> DeskStatus | Refused:
        """The status row; cheap enough for every second."""
        return self._outcome(lambda: status.status(self._desk))

    def ask_centre_now(self) -> Refused | None:
        """Have the agent try the centre at once."""
        return self._outcome(lambda: status.ask_centre_now(self._desk))

    def fees(self) -> FeeTable | Refused | None:
        """The notice's fee table; None without a schedule."""
        return self._outcome(lambda: status.fees(self._desk))

    def verify(self, kind: OrderKind, fields: Mapping[Field, str]) -> VerifyOutcome:
        """② 验证信息. Slow: Argon2id."""
        return self._outcome(lambda: verification.verify(self._desk, kind, dict(fields)))

    def sign_in(self, account: str, password: str) -> SignInOutcome:
        """Account and password alone. Slow: Argon2id."""
        return self._outcome(lambda: verification.sign_in(self._desk, account, password))

    def quote(self, session: Session, kind: OrderKind, allowed: SecondAllowed | None = None) -> QuoteOutcome:
        """What that kind costs and gives; a supervisor may have allowed it beside an order that was paid elsewhere."""
        return self._outcome(lambda: ordering.quote(self._desk, session, kind, allowed))

    def place_order(
        self, session: Session, kind: OrderKind, allowed: SecondAllowed | None = None
    ) -> PlaceOutcome:
        """Place the order; a replacement that declares the loss reports it too."""
        return self._outcome(lambda: ordering.place_order(self._desk, session, kind, allowed))

    def order(self, reference: str) -> OrderView | Refused | None:
        """The order's present state; None where there is none of that reference."""
        return self._outcome(lambda: ordering.order(self._desk, reference))

    def open_orders(self, session: Session) -> tuple[OrderView, ...] | Refused:
        """The member's orders that wait for payment or binding here."""
        return self._or((), lambda: ordering.open_orders(self._desk, session))

    def read_scan(self, text: str) -> ScanRead | Refused:
        """Whether there is an order for what was scanned; no more, before anybody signed in."""
        return self._outcome(lambda: finding.read_scan(self._desk, text))

    def scanned_orders(self, session: Session, text: str) -> tuple[OrderView, ...] | Refused:
        """The member's orders among those of what was scanned."""
        return self._outcome(lambda: finding.scanned_orders(self._desk, session, text))

    def bindable(self, session: Session) -> tuple[OrderView, ...] | Refused:
        """The paid orders that a key can be bound for, one of each kind."""
        return self._outcome(lambda: ordering.bindable(self._desk, session))

    def confirm_typed(self, reference: str, digits: str) -> CodeOutcome:
        """Take a typed confirmation."""
        return self._outcome(lambda: payment.confirm_typed(self._desk, reference, digits))

    def confirm_scanned(self, reference: str, text: str) -> CodeOutcome:
        """Take a scanned confirmation."""
        return self._outcome(lambda: payment.confirm_scanned(self._desk, reference, text))

    def cancel(self, session: Session, reference: str) -> OrderView | Refused:
        """Give an unpaid order up."""
        return self._outcome(lambda: ordering.cancel(self._desk, session, reference))

    def expire_due(self) -> int | Refused:
        """Expire the orders that were not paid in time; the result is how many."""
        return self._or(0, lambda: ordering.expire_due(self._desk))

    def choose_delivery(self, session: Session, reference: str, delivery: Delivery) -> DeliveryOutcome:
        """Record that the token is collected later or mailed, and print the slip; NOT_PRINTED where only that failed."""
        outcome = self._outcome(lambda: ordering.choose_delivery(self._desk, session, reference, delivery))
        if isinstance(outcome, Refused):
            return outcome
        printed = self.print_receipt(reference)
        return PrintOutcome.NOT_PRINTED if isinstance(printed, Refused) else printed

    def read_token(
        self,
        reference: str | None = None,
        serial: str | None = None,
        by_staff: bool = False,  # noqa: FBT001, FBT002 - the screens' contract
    ) -> TokenOutcome:
        """Read the token that is meant; takes up to a second, longer while one is being bound."""
        return self._token_outcome(
            "read token",
            lambda: selection.read_token(self._desk, reference, serial, by_staff=by_staff),
        )

    def key_answer(self) -> KeyAnswer:
        """Whether the key that is to be taken away is still in; as long as a key takes to answer."""
        return selection.key_answer(self._desk)

    def leave_keys(self) -> None:
        """Keep the keys that are in from every later visit until they are pulled; asks no device."""
        self._desk.left_keys.leave()

    def see_to_left_keys(self) -> None:
        """Ask for those no longer: staff know of them, or they are said to be gone."""
        self._desk.left_keys.see_to()

    def bind(
        self,
        session: Session,
        reference: str,
        pin: str | None,
        last_try_confirmed: bool,  # noqa: FBT001 - the screens' contract
        progress: Callable[[BindingProgress], None],
        serial: str | None = None,
    ) -> BindOutcome:
        """Bind the token that is meant, from wherever an earlier call stopped. Takes seconds."""
        return self._token_outcome(
            "bind",
            lambda: saga.bind(
                self._desk,
                session,
                reference,
                pin,
                progress,
                last_try_confirmed=last_try_confirmed,
                serial=serial,
            ),
            order=reference,
        )

    def account(self, session: Session) -> AccountView | Refused:
        """查询: the key and the orders."""
        return self._outcome(lambda: verification.account_view(self._desk, session))

    def print_receipt(self, reference: str) -> PrintOutcome | Refused:
        """Print the order's receipt, or a copy of it; without paper it waits."""
        return self._or(PrintOutcome.NO_RECEIPT, lambda: receipts.print_receipt(self._desk, reference))

    def print_label(self, reference: str) -> PrintOutcome | Refused:
        """Print the label of the order's key; without paper it waits."""
        return self._or(PrintOutcome.NO_RECEIPT, lambda: visit_papers.print_label(self._desk, reference))

    def print_slip(self, references: tuple[str, ...]) -> PrintOutcome | Refused:
        """Print one slip of the keys of one enterprise; without paper it waits."""
        return self._or(PrintOutcome.NO_RECEIPT, lambda: visit_papers.print_slip(self._desk, references))

    def registration(self, reference: str) -> RegisteredState | Refused | None:
        """Where the certificate that was bound for that order stands at the centre; None while it told nothing."""
        return self._outcome(lambda: receipts.registration(self._desk, reference))

    def print_waiting(self) -> int | Refused:
        """Print what is queued and not out; the result is how many receipts were printed."""
        return self._or(0, lambda: receipts.print_waiting(self._desk))

    def print_again(self) -> int | Refused:
        """Print all that is queued, also what a printer that tells nothing may have printed; the result as above."""
        return self._or(0, lambda: receipts.print_again(self._desk))

    def watch_tokens(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` from another thread when a token is inserted or removed; returns a function that stops it."""
        return self._desk.tokens.watch(changed)

    def watch_scans(self, scanned: Callable[[str], None]) -> Callable[[], None]:
        """Call `scanned` from another thread with every scan; returns a function that stops it. Without a scanner it does nothing."""
        if self._desk.scanner is None:
            return _nothing
        try:
            return self._desk.scanner.watch(scanned)
        except ScannerUnavailable as error:
            _LOG.warning("no scanner", problem=str(error))
            return _nothing

    def staff_sign_in(self, name: str, password: str) -> StaffSignInOutcome:
        """Check a staff member's password. Slow: Argon2id."""
        return self._outcome(lambda: staff_verbs.staff_sign_in(self._desk, name, password))

    def abandon(self, staff: StaffSession, reference: str, reason: str) -> OrderView | Refused:
        """Give up a binding whose token died."""
        return self._outcome(lambda: staff_verbs.abandon(self._desk, staff, reference, reason))

    def vouch(self, staff: StaffSession, reference: str) -> OrderView | Refused:
        """Confirm a payment that the supervisor has seen."""
        return self._outcome(lambda: staff_verbs.vouch(self._desk, staff, reference))

    def grant_refund(self, staff: StaffSession, reference: str, reason: str) -> OrderView | Refused:
        """Give the money back."""
        return self._outcome(lambda: staff_verbs.grant_refund(self._desk, staff, reference, reason))

    def staff_orders(self) -> tuple[OrderView, ...] | Refused:
        """The open orders and those with money to pay back."""
        return self._outcome(lambda: staff_verbs.staff_orders(self._desk))

    def find_orders(self, staff: StaffSession, text: str) -> tuple[OrderView, ...] | Refused:
        """The orders of a typed number, or of a scanned receipt."""
        return self._outcome(lambda: staff_verbs.find_orders(self._desk, staff, text))

    def unapplied_rows(self) -> tuple[UnappliedRow, ...] | Refused:
        """Rows of the feed that could not be applied."""
        return self._outcome(lambda: staff_verbs.unapplied_rows(self._desk))

    def matters(self) -> tuple[MatterPublished, ...] | Refused:
        """What the centre could not accept."""
        return self._outcome(lambda: staff_verbs.matters(self._desk))

    def night_reports(self) -> tuple[NightReport, ...] | Refused:
        """The last reports of the nightly run, newest first."""
        return self._outcome(lambda: staff_verbs.night_reports(self._desk))


def _nothing() -> None:
    """The stop of a watch that was never begun."""
