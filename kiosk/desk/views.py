"""What the screens are given: frozen snapshots of the desk, and the outcomes of its verbs.

An outcome is data: the screen words it. Amounts are fen, times UTC seconds.
"""

from __future__ import annotations

import enum

import msgspec

from hardware import ports
from kiosk.domain.decisions import KeyOnRecord, KeyState
from kiosk.domain.feed import OpenOrder, RegisteredState
from kiosk.domain.fees import OrderKind, PriceLine
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import BindingStep, Delivery, OrderStatus
from kiosk.store.agent_state import ContactFault, LinkFault

# The screens may not import the devices; they take the printer's states from here.
PrinterState = ports.PrinterState


class Network(enum.StrEnum):
    """Whether the agent reached the centre lately."""

    ONLINE = "online"
    OFFLINE = "offline"
    REFUSED = "refused"
    """It was reached, and refused what this machine asked."""
    NOT_ENROLLED = "not-enrolled"
    AWAITING_ROOT = "awaiting-root"


class TokenStatus(enum.StrEnum):
    """驱动未加载 / 驱动已加载，请插入KEY / key盘已插入 / more than one, so that the member has to choose."""

    NO_DRIVER = "no-driver"
    ABSENT = "absent"
    PRESENT = "present"
    SEVERAL = "several"


class ClockFault(enum.StrEnum):
    """Why nothing is issued at present."""

    BEHIND_LAST_ENTRY = "behind-last-entry"
    FAR_FROM_SERVER = "far-from-server"
    SERVER_TIME_TOO_OLD = "server-time-too-old"


class Contact(msgspec.Struct, frozen=True):
    """Why the last attempt to reach the centre failed, as in AgentState; all empty when it did not."""

    error: str = ""
    failure: ContactFault | None = None
    trouble: LinkFault | None = None
    retry_at: int | None = None
    refusal: str = ""


class DeskStatus(msgspec.Struct, frozen=True):
    """The status row: `backlog` counts entries the centre has not yet; `feed_as_of` when the feed was last current.

    `nights_missed` counts the nights in a row without a nightly run. `fingerprint` is that of the machine's key while the
    centre's root, or its staff, have to look at it; `out_of_use` once the centre took this machine out of use.
    `version` changes with every commit to the database, whoever makes it. `key_to_take` while a key is in that no visit left
    there, `key_left` while one that was left waits for staff.
    """

    token: TokenStatus
    printer: PrinterState
    network: Network
    backlog: int
    now: int
    feed_as_of: int | None
    version: int
    clock: ClockFault | None = None
    receipts_waiting: int = 0
    matters: int = 0
    unapplied_rows: int = 0
    contact: Contact = Contact()
    agent_runs: bool = True
    nights_missed: int = 0
    fingerprint: str = ""
    out_of_use: bool = False
    key_to_take: bool = False
    key_left: bool = False


class KeyAnswer(enum.StrEnum):
    """Whether the key that is to be taken away is in a reader: told by the key itself, where it can be reached."""

    IN = "in"
    GONE = "gone"
    UNKNOWN = "unknown"
    """The readers say that one is in, or say nothing, and none answers: it is broken, or away and nobody noticed."""


class Field(enum.StrEnum):
    """The fields of 验证信息; `fields_of` says which of them a kind has."""

    LEGAL_PERSON = "legal-person"
    ENTERPRISE = "enterprise"
    ACCOUNT = "account"
    OPERATOR = "operator"
    PASSWORD = "password"  # noqa: S105 - a field's name


def fields_of(kind: OrderKind) -> tuple[Field, ...]:
    """The fields of that kind, in the guide's order."""
    if kind is OrderKind.NEW:
        return (Field.LEGAL_PERSON, Field.ENTERPRISE, Field.ACCOUNT, Field.OPERATOR, Field.PASSWORD)
    return (Field.ACCOUNT, Field.PASSWORD, Field.ENTERPRISE)


class FieldRefusal(enum.StrEnum):
    """What is wrong with one field."""

    EMPTY = "empty"
    MALFORMED = "malformed"
    ORDER_NUMBER = "order-number"
    """An order number was typed where the account belongs."""
    DOES_NOT_MATCH = "does-not-match"


class Session(msgspec.Struct, frozen=True):
    """A member who gave the right password; held by the screens only while that member is there."""

    account: str
    operator: str
    enterprise: str
    since: int


class Quote(msgspec.Struct, frozen=True):
    """What the chosen service will cost and give; `ends_at` as it would be if bound now.

    `open_elsewhere` are open orders of that kind at other kiosks, of which the member is told.
    """

    kind: OrderKind
    lines: tuple[PriceLine, ...]
    total: int
    previous: KeyOnRecord | None
    ends_at: int
    declares_loss: bool
    open_elsewhere: tuple[OpenOrder, ...] = ()


class Verified(msgspec.Struct, frozen=True, tag="verified"):
    """The member may order: show the quote, then `place_order`."""

    session: Session
    quote: Quote


class FieldsRefused(msgspec.Struct, frozen=True, tag="field-errors"):
    """All that is wrong with what was typed, by field; `feed_as_of` when offline and what does not match is the feed's.

    `operator` is the name on record, to be picked where it alone is wrong: the password has opened the account.
    """

    reasons: dict[Field, FieldRefusal]
    feed_as_of: int | None = None
    operator: str | None = None


class WrongCredentials(msgspec.Struct, frozen=True, tag="wrong-credentials"):
    """Unknown account or wrong password: one message. `tries_left` before the lock-out, `feed_as_of` when offline."""

    tries_left: int
    feed_as_of: int | None = None


class LockedOut(msgspec.Struct, frozen=True, tag="locked-out"):
    """Too many wrong passwords for the account, until that time."""

    until: int


class Refusal(enum.StrEnum):
    """Why the desk refuses, each with a message of its own."""

    OPERATOR_UNDER_REVIEW = "operator-under-review"
    OPERATOR_REFUSED = "operator-refused"
    NO_FEE_SCHEDULE = "no-fee-schedule"
    FEED_INCOMPLETE = "feed-incomplete"
    """The kiosk reads what the centre told from the beginning and is not through."""
    NOT_ENROLLED = "not-enrolled"
    OUT_OF_USE = "out-of-use"
    """The centre said that this machine was retired, reported lost or revoked: it may only upload."""
    POLICY_ENDED = "policy-ended"
    POLICY_CERTIFICATES_REACHED = "policy-certificates-reached"
    POLICY_AMOUNT_REACHED = "policy-amount-reached"
    ISSUER_ENDS_TOO_SOON = "issuer-ends-too-soon"
    CLOCK_BEHIND = "clock-behind"
    CLOCK_FAR_FROM_SERVER = "clock-far-from-server"
    SERVER_TIME_TOO_OLD = "server-time-too-old"
    NO_ORDER = "no-order"
    ORDER_UNPAID = "order-unpaid"
    ORDER_EXPIRED = "order-expired"
    ORDER_CANCELLED = "order-cancelled"
    ORDER_REFUNDING = "order-refunding"
    ORDER_BOUND = "order-bound"
    ORDER_PAID_ALREADY = "order-paid-already"
    ORDER_ELSEWHERE = "order-elsewhere"
    DISK_FULL = "disk-full"
    INODES_USED_UP = "inodes-used-up"
    DISK_READ_ONLY = "disk-read-only"
    DESCRIPTORS_USED_UP = "descriptors-used-up"
    STORE_BUSY = "store-busy"
    STORE_UNREADABLE = "store-unreadable"
    NOT_ALLOWED = "not-allowed"
    KEY_STATE_CHANGED = "key-state-changed"
    RECORD_DISAGREES = "record-disagrees"
    NAME_UNUSABLE = "name-unusable"
    """No certificate can hold the enterprise's name as it is on record."""
    NO_KEY = "no-key"
    """The account has no key on record: nothing can be reported lost, lifted or checked."""
    KEY_REVOKED = "key-revoked"
    """The account's key is revoked for good; only a replacement helps, its hold is not lifted."""
    REPLACEMENT_OPEN = "replacement-open"
    """A replacement is ordered or paid: the hold of the old key is not lifted. An unpaid order can be given up."""
    ANOTHER_BINDING_UNFINISHED = "another-binding-unfinished"
    """A certificate was issued for another order of the account, a renewal of a key that was lost meanwhile."""
    NO_ORDER_NUMBER = "no-order-number"
    """What was typed has not the form of an order number."""
    ORDER_NUMBER_MISTYPED = "order-number-mistyped"
    """It has, with a wrong check digit."""
    NUMBER_IS_NO_ACCOUNT = "number-is-no-account"
    """An order number was typed where an account belongs: nothing is done for a number alone."""
    BEGUN_ON_REPLACED_KEY = "begun-on-replaced-key"
    """The renewal was begun on a key that was replaced since: only a supervisor's abandoning leads on to the new one."""
    MALFORMED = "malformed"
    """A form has a field that is empty, too long or wrong, which the screen judges before."""
    NOTHING_TO_MAIL = "nothing-to-mail"
    """A renewal needs no new key."""
    DELIVERY_SENT = "delivery-sent"
    DELIVERY_NOT_SENT = "delivery-not-sent"
    INVOICE_ISSUED = "invoice-issued"
    INVOICE_NOT_ASKED = "invoice-not-asked"
    NOT_AUTHORISED = "not-authorised"
    """Nobody has seen the enterprise's authorisation of one more operator, and nobody hands it in."""
    PROPOSAL_DECIDED = "proposal-decided"
    PROPOSAL_ELSEWHERE = "proposal-elsewhere"
    """It was noted at another kiosk, where alone it is taken back."""
    SCAN_UNKNOWN = "scan-unknown"
    """What was scanned names no order of this kiosk's."""
    SCAN_IS_CONFIRMATION = "scan-is-confirmation"
    """A payer's confirmation was scanned where no order waits for it."""
    SCAN_NOT_YOURS = "scan-not-yours"
    """The order that was scanned is another account's."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The desk refuses; `feed_as_of` when the reason rests on the feed and the kiosk is offline."""

    reason: Refusal
    feed_as_of: int | None = None


class ScanRead(msgspec.Struct, frozen=True):
    """There is an order for what was scanned; its number, empty where a key's label was. What else it is takes the sign-in."""

    order_number: str


class WrongKind(msgspec.Struct, frozen=True, tag="wrong-kind"):
    """Another service is right; what was typed stays. `feed_as_of` when the key is from the feed and the kiosk is offline."""

    session: Session
    offered: OrderKind
    because: KeyState
    feed_as_of: int | None = None


# The price lines of every kind, in fen.
FeeTable = tuple[tuple[OrderKind, tuple[PriceLine, ...]], ...]


class OrderOpen(msgspec.Struct, frozen=True, tag="order-open"):
    """An order of that kind is open; continue with it."""

    session: Session
    order: str


class PaidElsewhere(msgspec.Struct, frozen=True, tag="paid-elsewhere"):
    """The centre has money for an order of that kind at another kiosk: only a supervisor allows a second one.

    `feed_as_of` when the kiosk is offline; `here` for an order of this kiosk that its data has no more, or a copy took.
    """

    session: Session
    other: OpenOrder
    feed_as_of: int | None = None
    here: bool = False


QuoteOutcome = Verified | WrongKind | OrderOpen | PaidElsewhere | Refused
VerifyOutcome = QuoteOutcome | FieldsRefused | WrongCredentials | LockedOut


class SignedIn(msgspec.Struct, frozen=True, tag="signed-in"):
    """The password was right."""

    session: Session


SignInOutcome = SignedIn | WrongCredentials | LockedOut | Refused


class OrderView(msgspec.Struct, frozen=True):
    """An order as the pay, bind and query screens show it; `link` is the QR's text, `tries_left` of typed codes.

    `surplus` was paid on top of the price and `returned` was paid back, both in fen.
    """

    reference: str
    kind: OrderKind
    account: str
    enterprise: str
    operator: str
    lines: tuple[PriceLine, ...]
    total: int
    status: OrderStatus
    placed_at: int
    deadline: int
    previous: KeyOnRecord | None
    ends_at: int
    link: str
    tries_left: int
    typing_locked: bool
    delivery: Delivery | None
    binding_step: BindingStep | None
    binding_serial: str | None
    certificate: str | None
    surplus: int = 0
    returned: int = 0

    @property
    def order_number(self) -> str:
        """The number that people know it by; another order may have the same."""
        return number_in(self.reference)


class Placed(msgspec.Struct, frozen=True, tag="placed"):
    """The order is placed."""

    order: OrderView


PlaceOutcome = Placed | Refused | OrderOpen | PaidElsewhere


class TokenView(msgspec.Struct, frozen=True):
    """An inserted token, as just read; None where it holds nothing. `tries_left` of its PIN; `blank` nothing at all.

    `factory_pin` is whether it still has the PIN it came with, `issued_pin`; None where it does not say. `driver`, `application` and
    `reader` name its driver, the desk's application on it, and its place. A token that is not `prepared` lacks that
    application: only its serial could be read.
    """

    serial: str
    blank: bool
    certificate: str | None
    not_before: int | None
    not_after: int | None
    tries_left: int | None
    pin_blocked: bool
    tries_allowed: int | None = None
    factory_pin: bool | None = None
    driver: str = ""
    application: str = ""
    reader: str = ""
    prepared: bool = True
    issued_pin: str = ""


class TokenRefusal(enum.StrEnum):
    """Why the token that is in cannot be used, or the binding stopped."""

    NO_DRIVER = "no-driver"
    ABSENT = "absent"
    SEVERAL = "several"
    TWINS = "twins"
    """Several with one serial number, and nothing that tells which is meant."""
    NOT_RECOGNISED = "not-recognised"
    NO_SERIAL = "no-serial"
    NOT_PREPARED = "not-prepared"
    REMOVED = "removed"
    LEFT_BEHIND = "left-behind"
    """An earlier visit left it in the reader; nobody is told what it is."""
    HELD = "held"
    """Another program is connected to it; `detail` names those that may be the one."""
    SWAPPED = "swapped"
    NOT_BLANK = "not-blank"
    ANOTHER_MEMBERS = "another-members"
    NOT_THE_KEY_ON_RECORD = "not-the-key-on-record"
    NO_KEY_TO_RENEW = "no-key-to-renew"
    PIN_WRONG = "pin-wrong"
    PIN_LAST_TRY = "pin-last-try"
    PIN_BLOCKED = "pin-blocked"
    PIN_INVALID = "pin-invalid"
    PIN_WANTED = "pin-wanted"
    FULL = "full"
    FAULT = "fault"
    PROOF_FAILED = "proof-failed"
    NO_CERTIFICATE = "no-certificate"
    PIN_UNCHANGED = "pin-unchanged"
    """The new PIN is the factory PIN or the old one."""
    PIN_UNCERTAIN = "pin-uncertain"
    """The answer was lost while the PIN was being changed or unblocked: the new PIN may count already, try it first."""
    UNBLOCKING_PIN_WRONG = "unblocking-pin-wrong"
    UNBLOCKING_PIN_BLOCKED = "unblocking-pin-blocked"
    DEVICE_KEY_REFUSED = "device-key-refused"
    SHARED = "shared"
    """Others keep keys in the desk's application, which an erasure would take along."""
    PIN_SHARED = "pin-shared"
    """The key's PIN serves other slots, which are in use: an erasure would make it the factory's."""
    NOT_SUPPORTED = "not-supported"
    LIBRARY_FAILED = "library-failed"
    LIBRARY_HASHES = "library-hashes"
    """The vendor's library hashes what it is given to sign; `detail` is the setting that tells the desk so."""
    IN_USE = "in-use"
    """It is the key of an account, or a binding on it goes on: it is not erased."""
    NOT_ON_HOLD = "not-on-hold"


FOREIGN_CONTENTS = "foreign-contents"
"""The detail of ANOTHER_MEMBERS for a token that holds what is no member's certificate, or is not understood."""


SAME_SERIAL = "same-serial"
"""The detail of ANOTHER_MEMBERS and NOT_THE_KEY_ON_RECORD for a token that has another one's serial number."""


class TokenRefused(msgspec.Struct, frozen=True, tag="token-refused"):
    """What is wrong with the token; `expected` and `found` are serials; `detail` an ATR, a status word, an error's name or programs.

    `card` is what an unknown card seems to be (`hardware.token.known_cards`); `candidates` the tokens to choose from
    when it is SEVERAL. `feed_as_of` when the reason rests on the feed and the kiosk is offline.
    """

    reason: TokenRefusal
    tries_left: int | None = None
    expected: str | None = None
    found: str | None = None
    detail: str | None = None
    card: str | None = None
    candidates: tuple[TokenView, ...] = ()
    feed_as_of: int | None = None


TokenOutcome = TokenView | TokenRefused | Refused


# Which of the six steps on the screen each step of the journal completes.
STEPS_SHOWN = {
    BindingStep.STARTED: 1,
    BindingStep.KEY_PAIR_MADE: 2,
    BindingStep.ISSUED: 3,
    BindingStep.WRITTEN: 4,
    BindingStep.PROVED: 5,
}


class BindingProgress(msgspec.Struct, frozen=True):
    """A step of the six that the bind screen lists: 1 read, 2 key pair, 3 issue, 4 write, 5 prove, 6 bound."""

    step: int
    done: bool


class BoundView(msgspec.Struct, frozen=True, tag="bound"):
    """The key is bound; `registration` once the centre told where the certificate stands."""

    order: OrderView
    serial: str
    certificate: str
    not_before: int
    not_after: int
    registration: RegisteredState | None = None


BindOutcome = BoundView | TokenRefused | Refused


class PrintOutcome(enum.StrEnum):
    """A receipt was printed, or waits in the queue; NO_RECEIPT when the order has none (unpaid, ended, elsewhere).

    UNCONFIRMED when the printer failed while it was given one, or told nothing: it may be out, and only a person has it printed again.

    NOT_PRINTED when the database cannot be written: nothing is printed without a record of it.
    """

    PRINTED = "printed"
    PAPER_OUT = "paper-out"
    UNAVAILABLE = "unavailable"
    UNCONFIRMED = "unconfirmed"
    NO_RECEIPT = "no-receipt"
    NOT_PRINTED = "not-printed"


# NOT_PRINTED where the delivery was recorded and the slip alone could not be.
DeliveryOutcome = PrintOutcome | Refused


class AccountView(msgspec.Struct, frozen=True):
    """查询: what a member sees after the password."""

    session: Session
    key: KeyOnRecord | None
    key_state: KeyState
    orders: tuple[OrderView, ...]
    feed_as_of: int | None


class StaffSession(msgspec.Struct, frozen=True):
    """A staff member who gave the right password."""

    name: str
    supervisor: bool


class SecondAllowed(msgspec.Struct, frozen=True):
    """A supervisor allows an order beside one that was paid elsewhere."""

    staff: StaffSession
    reason: str


class StaffSignedIn(msgspec.Struct, frozen=True, tag="staff-signed-in"):
    """The staff member's password was right."""

    staff: StaffSession


StaffSignInOutcome = StaffSignedIn | WrongCredentials | LockedOut | Refused
