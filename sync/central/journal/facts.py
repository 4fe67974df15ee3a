"""Facts in entries: what already happened is stored whatever becomes of the entry, also from a revoked machine."""

from __future__ import annotations

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import BindingAbandoned, CertificateIssued
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.entries.orders import OrderPaid, RefundGranted
from sync.central.journal.models import Fact, FactKind, Source
from sync.central.journal.received_entries import ReceivedEntry
from sync.central.tables import Insert, OnConflict, column_text, fact_key

_WITH_A_FACT = (
    CertificateIssued,
    OrderPaid,
    LossReported,
    KeyFound,
    HoldLifted,
    CertificateRevoked,
    BindingAbandoned,
    RefundGranted,
)
_LARGEST = 10**15  # fen; small enough that a sum of a kiosk's facts fits into a column


def fact_of(received: ReceivedEntry, source: Source, strand: int, now: int) -> Fact | None:
    """The fact in an entry, unsaved; None for an entry without one."""
    body = None if received.entry is None else received.entry.body
    if not isinstance(body, _WITH_A_FACT):
        return None
    fact = Fact(
        key=fact_key(received.kiosk, received.sequence, received.hash),
        kiosk=received.kiosk,
        strand=strand,
        sequence=received.sequence,
        source=source,
        order=received.order,
        wall=received.wall,
        received_at=now,
    )
    match body:
        case CertificateIssued():
            fact.kind = FactKind.CERTIFICATE
            fact.certificate_number, fact.certificate = column_text(body.number, 16), body.certificate
        case OrderPaid():
            fact.kind = FactKind.MONEY
            fact.amount, fact.how, fact.transaction = (
                max(-_LARGEST, min(body.amount, _LARGEST)),
                body.how.value,
                column_text(body.transaction or "", 64),
            )
        case LossReported(key=key) | KeyFound(key=KeyOnRecord() as key):
            fact.kind, fact.certificate_number = FactKind.REVOCATION, column_text(key.number, 16)
        case CertificateRevoked():
            fact.kind, fact.order = FactKind.REVOCATION, ""
            fact.certificate_number = column_text(body.number, 16)
        case HoldLifted(key=key):
            fact.kind, fact.certificate_number = FactKind.LIFT, column_text(key.number, 16)
        case BindingAbandoned() | RefundGranted():
            fact.kind = FactKind.REVOCATION
        case _:
            return None
    return fact


def store_facts(received: list[ReceivedEntry], source: Source, strand: int, now: int) -> list[Fact]:
    """Store the facts of these entries of a strand (0 beside the strands); repeating changes nothing."""
    facts = [fact for each in received if (fact := fact_of(each, source, strand, now)) is not None]
    Insert(Fact, facts, OnConflict.KEEP).write()
    return facts
