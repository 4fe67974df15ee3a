"""What a batch means for the kiosks: keys and revocations for those that serve the account, orders handed on, matters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries import (
    CertificateChecked,
    CertificateRevoked,
    HoldLifted,
    KeyFound,
    LossReported,
    OrderReleased,
    OrderTakenOver,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import (
    DisputeRaised,
    DisputeSettled,
    FeedBody,
    KeyBoundElsewhere,
    OrderAssignedHere,
    RevocationPublished,
)
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import Certificate, CertificateStatus, Order
from kiosk.domain.ledger_fold import RecordRow
from kiosk.domain.register import Register
from sync.central.ledger.books import Books
from sync.central.ledger.models import Matter


class News:
    """What each kiosk is to be told, in order."""

    def __init__(self, serving: Mapping[str, list[int]]) -> None:
        """`serving` are the kiosks that serve each account."""
        self.told: dict[int, list[FeedBody]] = defaultdict(list)
        self._serving = serving

    def of_entry(self, entry: Entry, rows: Iterable[RecordRow], books: Books) -> None:
        """What follows from an entry that changes these rows; `books` are as they were before it."""
        rows = tuple(rows)
        self._contradicted(entry, rows, books)
        certificates = [row for row in rows if isinstance(row, Certificate)]
        for row in rows:
            match row:
                case Order():
                    self._handed_on(entry, row)
                case Register():
                    before = books.register_of(row.account).key
                    self._key(entry, row, before, certificates, books)
                case Certificate():
                    self._revoked(entry, row, books)

    def _contradicted(self, entry: Entry, rows: tuple[RecordRow, ...], books: Books) -> None:
        """A kiosk that told of a loss or a lift which changes nothing here is told what the key is."""
        if not isinstance(entry.body, LossReported | KeyFound | HoldLifted):
            return
        if any(isinstance(row, Register) for row in rows):
            return
        key = books.register_of(entry.body.account).key
        if key is not None and _who_knows(entry, key, None) != entry.kiosk:
            body = key_elsewhere(entry.body.account, key, books.certificate(key.number))
            self.told[entry.kiosk].append(body)

    def raised(self, matter: Matter) -> None:
        """A matter about what a kiosk did: its staff may be asked about it."""
        if matter.kiosk != EXCHANGE_KIOSK:
            body = DisputeRaised(matter.account, matter.sequence, matter.rule, matter.subject)
            self.told[matter.kiosk].append(body)

    def settled(self, matter: Matter) -> None:
        """A matter that is closed."""
        if matter.kiosk != EXCHANGE_KIOSK:
            outcome = matter.action or matter.state
            self.told[matter.kiosk].append(DisputeSettled(matter.account, matter.sequence, outcome))

    def _handed_on(self, entry: Entry, order: Order) -> None:
        body = entry.body
        if not isinstance(body, OrderReleased | OrderTakenOver) or body.order != order.reference:
            return
        if order.handover == body.handover and order.owner == body.new_owner != entry.kiosk:
            self.told[body.new_owner].append(assignment(order))

    def _key(
        self,
        entry: Entry,
        register: Register,
        before: KeyOnRecord | None,
        certificates: list[Certificate],
        books: Books,
    ) -> None:
        key = register.key
        if key is None or key == before:
            return
        found = next((each for each in certificates if each.number == key.number), None)
        certificate = found or books.certificate(key.number)
        body = key_elsewhere(register.account, key, certificate)
        knows = _who_knows(entry, key, certificate)
        self._tell(register.account, body, knows)

    def _revoked(self, entry: Entry, certificate: Certificate, books: Books) -> None:
        before = books.certificate(certificate.number)
        was = None if before is None else before.status
        if certificate.status is not CertificateStatus.REVOKED or was is CertificateStatus.REVOKED:
            return
        body = RevocationPublished(certificate.number, certificate.account, "superseded")
        self._tell(certificate.account, body, entry.kiosk)
        issuer = certificate.kiosk
        if issuer not in {entry.kiosk, EXCHANGE_KIOSK, *self._serving.get(certificate.account, ())}:
            self.told[issuer].append(body)

    def _tell(self, account: str, body: FeedBody, but: int) -> None:
        for kiosk in self._serving.get(account, ()):
            if kiosk != but:
                self.told[kiosk].append(body)


def key_elsewhere(account: str, key: KeyOnRecord, certificate: Certificate | None) -> KeyBoundElsewhere:
    """The feed body of an account's key."""
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


def _who_knows(entry: Entry, key: KeyOnRecord, certificate: Certificate | None) -> int:
    """The kiosk that made the same of the key as the centre, which knows of the other kiosks too; 0 for none."""
    match entry.body:
        case CertificateRevoked():
            return entry.kiosk
        case CertificateChecked():
            return certificate.kiosk if certificate is not None and not key.lost else 0
        case LossReported() | KeyFound():
            known = entry.body.key
            return entry.kiosk if known is None or key == known.reported(known) else 0
        case HoldLifted():
            return entry.kiosk if key == entry.body.key.lifted() else 0
        case _:
            return entry.kiosk if not key.lost else 0


def assignment(order: Order) -> OrderAssignedHere:
    """A paid order as it is given to the kiosk that is to bind it."""
    here = [payment for payment in order.payments if not payment.returned]
    paid = next((payment for payment in here if payment.transaction), here[0] if here else None)
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
