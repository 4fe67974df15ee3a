"""What a batch means for the kiosks: keys and open orders for those that serve the account, the rest for one kiosk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.decisions import Decision, RegisterDecided
from kiosk.domain.entries.orders import OrderReleased, OrderTakenOver
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import (
    CertificateRegistered,
    KeyBoundElsewhere,
    KeyedBody,
    MatterPublished,
    OrderAssignedHere,
    RegisterDecision,
    RegisteredState,
    RevocationPublished,
)
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import Certificate, CertificateStatus, Order
from kiosk.domain.ledger_fold import RecordRow
from kiosk.domain.order_steps import placing_kiosk
from kiosk.domain.register import Register, Registered
from kiosk.domain.requests import Proposal, ProposalState, Requests
from kiosk.domain.versions import audience_of_kiosk
from sync.central.fleet.feed.collecting import Telling
from sync.central.ledger.asked import tell_asked
from sync.central.ledger.books import Books
from sync.central.ledger.erasing import Erasure, carry_out, superseded
from sync.central.ledger.models import Matter
from sync.central.ledger.money import tell_money
from sync.central.ledger.open_orders import tell_open_orders
from sync.central.members.publishing import audiences_of_accounts
from sync.central.personal.keeping import erase

_STATES = {
    CertificateStatus.VALID: RegisteredState.LISTED,
    CertificateStatus.ON_HOLD: RegisteredState.LISTED,
    CertificateStatus.HELD: RegisteredState.HELD,
    CertificateStatus.REVOKED: RegisteredState.REVOKED,
    CertificateStatus.VOID: RegisteredState.VOID,
}


class News:
    """What the kiosks are to be told, in order."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, KeyedBody]] = []
        self.keys: dict[str, KeyBoundElsewhere] = {}
        self._ordering: set[str] = set()
        self._handed_over: set[str] = set()
        self._asked: set[str] = set()
        self._proposed: set[str] = set()
        self._needless: set[bytes] = set()
        self._erasures: list[Erasure] = []

    def tell(self, told: Telling) -> None:
        """Tell all of it; personal records that nobody needs any more, or that are to be erased, go first."""
        erase((each.hex() for each in self._needless), told.now)
        for erasure in self._erasures:
            carry_out(told, erasure)
        for audience, body in self.rows:
            told.tell(audience, body)
        if self.keys:
            told.of_members(lambda: self._tell_keys(told))
        tell_money(told, self._handed_over)
        tell_open_orders(told, self._ordering)
        tell_asked(told, self._asked, self._proposed)

    def _tell_keys(self, told: Telling) -> None:
        for account, audiences in audiences_of_accounts(self.keys).items():
            told.tell(audiences, self.keys[account])

    def of_entry(self, entry: Entry, rows: Iterable[RecordRow], books: Books) -> None:
        """What follows from an entry that changes these rows; `books` are as they were before it."""
        rows = tuple(rows)
        changed = {row.number: row for row in rows if isinstance(row, Certificate)}
        for row in rows:
            match row:
                case Order():
                    self._handed_on(entry, row)
                    self._passed_on(row, books)
                    self._opened_or_ended(row, books)
                case Register():
                    self._key(row, changed, books)
                    self._registered(row, books)
                case Certificate():
                    self._revoked(entry, row, books)
                case Requests():
                    self._asked.add(row.order)
                    self._needless |= superseded(books.requests(row.order), row)
                case Proposal():
                    self._proposed.add(row.proposal)
                    if row.state is ProposalState.WITHDRAWN:
                        self._needless.add(row.commitment)
        decided = entry.body if isinstance(entry.body, RegisterDecided) else None
        # That a key is out of use by decision lets its kiosk grant the refund, whatever took it out of use before.
        if decided is not None and (rows or decided.decision is Decision.REVOKE):
            self._decided(entry, decided, books)

    def of_erasure(self, erasure: Erasure) -> None:
        """That somebody asked to erase an account's personal records."""
        self._erasures.append(erasure)

    def of_matter(self, matter: Matter) -> None:
        """How a matter about what a kiosk did stands: its staff may be asked about it."""
        outcome = (matter.action or matter.state) if matter.closed_at is not None else ""
        body = MatterPublished(matter.rule, matter.subject, matter.account, matter.sequence, outcome)
        self._tell_one(matter.kiosk, body)

    def _handed_on(self, entry: Entry, order: Order) -> None:
        body = entry.body
        if not isinstance(body, OrderReleased | OrderTakenOver) or body.order != order.reference:
            return
        if order.handover == body.handover and order.owner == body.new_owner != entry.kiosk:
            self._tell_one(body.new_owner, assignment(order))

    def _passed_on(self, order: Order, books: Books) -> None:
        """Whoever owns an order now hears of the money that others were told of."""
        before = books.order(order.reference)
        owner = placing_kiosk(order.reference) if before is None else before.owner
        if order.owner != owner:
            self._handed_over.add(order.reference)

    def _opened_or_ended(self, order: Order, books: Books) -> None:
        """Whatever becomes of an order that is open, or was, may change what is open of its account."""
        before = books.order(order.reference)
        if order.status.is_open or (before is not None and before.status.is_open):
            self._ordering.add(order.account)

    def _key(self, register: Register, changed: Mapping[str, Certificate], books: Books) -> None:
        key = register.key
        if key is None or key == books.register_of(register.account).key:
            return
        certificate = changed.get(key.number) or books.certificate(key.number)
        self.keys[register.account] = key_on_record(register.account, key, certificate)

    def _registered(self, register: Register, books: Books) -> None:
        """What the register makes of certificates, for those who issued them."""
        before = {each.key.number: each for each in books.register_of(register.account).certificates}
        for each in register.certificates:
            state, was = _state(each), _state(before.get(each.key.number))
            certificate = books.certificate(each.key.number)
            if state is None or state == was or certificate is None:
                continue
            body = CertificateRegistered(each.key.number, register.account, *state)
            self._tell_one(certificate.kiosk, body)

    def _revoked(self, entry: Entry, certificate: Certificate, books: Books) -> None:
        """Its issuer enters it, unless that entered it already, or is to enter the decision."""
        before = books.certificate(certificate.number)
        was = None if before is None else before.status
        if certificate.status is not CertificateStatus.REVOKED or was is CertificateStatus.REVOKED:
            return
        body = entry.body
        decided = isinstance(body, RegisterDecided) and body.certificate == certificate.number
        if entry.kiosk != certificate.kiosk and not decided:
            told = RevocationPublished(certificate.number, certificate.account, "superseded")
            self._tell_one(certificate.kiosk, told)

    def _decided(self, entry: Entry, body: RegisterDecided, books: Books) -> None:
        certificate = books.certificate(body.certificate)
        if certificate is not None and entry.kiosk == EXCHANGE_KIOSK:
            place = (body.certificate, entry.sequence, body.account, body.order)
            self._tell_one(certificate.kiosk, RegisterDecision(*place, body.decision, body.by, body.remark))

    def _tell_one(self, kiosk: int, body: KeyedBody) -> None:
        if kiosk != EXCHANGE_KIOSK:
            self.rows.append((audience_of_kiosk(kiosk), body))


def _state(registered: Registered | None) -> tuple[RegisteredState, tuple[str, ...]] | None:
    state = None if registered is None else _STATES.get(registered.status)
    return None if state is None or registered is None else (state, registered.obstacles)


def key_on_record(account: str, key: KeyOnRecord, certificate: Certificate | None) -> KeyBoundElsewhere:
    """The feed's body of an account's key."""
    return KeyBoundElsewhere(
        account,
        key.number,
        key.token_serial,
        key.not_before,
        key.not_after,
        lost=key.lost,
        certificate=b"" if certificate is None else certificate.certificate,
        holds=key.holds,
        revoked=key.revoked,
    )


def assignment(order: Order) -> OrderAssignedHere:
    """A paid order as it is given to the kiosk that is to bind it.

    What somebody vouched for is carried first, without a transaction: the provider's come by rows of their own.
    """
    here = [payment for payment in order.payments if not payment.returned]
    vouched = next((payment for payment in here if payment.is_vouched_for), None)
    paid = vouched or next((payment for payment in here if payment.transaction), here[0] if here else None)
    return OrderAssignedHere(
        order=order.reference,
        account=order.account,
        enterprise=order.enterprise,
        operator=order.operator,
        order_kind=order.kind,
        lines=order.lines,
        schedule=order.schedule,
        placed_at=order.placed_at,
        transaction="" if paid is None or paid.transaction is None else paid.transaction,
        paid_at=order.placed_at if paid is None else paid.time,
        handover=order.handover,
    )
