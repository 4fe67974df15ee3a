"""Journals of several kiosks about one order, folded together in any order."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from kiosk.domain.entries.bindings import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.decisions import (
    CertificateChecked,
    CertificateImported,
    CertificateRevoked,
    Decision,
    MatterDecided,
    RegisterDecided,
    StrandDecided,
    StrandDecision,
)
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import (
    HoldLifted,
    KeyErased,
    KeyFound,
    LossReported,
    PinChanged,
    PinChangeSkipped,
    PinUnblocked,
)
from kiosk.domain.entries.orders import (
    DeliveryChosen,
    OrderAssigned,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    OrderTakenOver,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.entries.requests import (
    AskedInvoice,
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    InvoiceIssued,
    InvoiceKind,
    InvoiceWithdrawn,
    KeyMailed,
    KeyReceivedBack,
    Mailing,
    OperatorProposed,
    OperatorReviewed,
    OperatorWithdrawn,
    PersonalErased,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.journal import FORM, GENESIS, Entry
from kiosk.domain.ledger import (
    AssignedOrder,
    Certificate,
    CertificateStatus,
    Delivery,
    OrderStatus,
    PaidHow,
)
from kiosk.domain.ledger_fold import MemoryRecords, bound_event, fold_entry
from kiosk.domain.members import Review
from kiosk.domain.remarks import RemarkReason
from kiosk.domain.versions import NO_VERSION

A, B, C = 3, 4, 5
ACCOUNT = "11000001"
ORDER = "3-0001-1.aa"
POINT = b"\x04" + bytes(64)
LINES = (PriceLine(FeeItem.TOKEN, 5_000), PriceLine(FeeItem.CERTIFICATE, 20_000))
FACTS = AssignedOrder(
    ORDER, ACCOUNT, "企业", "经办人", OrderKind.NEW, LINES, 1, 1_800_000_000, "t1", 1_800_000_100, 1
)


class Kiosks:
    """Journals of several kiosks as bodies, folded together in any order."""

    def __init__(self) -> None:
        self.written: dict[int, list[Entry]] = {}

    def write(self, kiosk: int, *bodies: AnyBody) -> None:
        journal = self.written.setdefault(kiosk, [])
        for body in bodies:
            sequence = len(journal) + 1
            wall = 1_800_000_000 + sequence
            journal.append(Entry(FORM, kiosk, 1, 1, sequence, wall, 0, "boot", GENESIS, body))

    def interleaved(self, source: random.Random) -> Iterator[Entry]:
        rests = {kiosk: list(journal) for kiosk, journal in self.written.items()}
        while rests:
            kiosk = source.choice(sorted(rests))
            yield rests[kiosk].pop(0)
            if not rests[kiosk]:
                del rests[kiosk]


def fold(entries: Iterable[Entry], *, complete: bool = True) -> MemoryRecords:
    """The rows after these entries."""
    return remarked(entries, complete=complete)[0]


def remarked(
    entries: Iterable[Entry], *, complete: bool = True, records: MemoryRecords | None = None
) -> tuple[MemoryRecords, list[RemarkReason]]:
    """The rows after these entries, and why they left remarks."""
    records = MemoryRecords(complete=complete) if records is None else records
    reasons = []
    for entry in entries:
        folded = fold_entry(records, entry, bound_event)
        reasons += [remark.reason for remark in folded.remarks]
        records.put(folded.rows)
    return records, reasons


def number_of(kiosk: int, serial: int) -> str:
    return f"{kiosk:04X}{serial:012X}"


def placed() -> OrderPlaced:
    return OrderPlaced(
        ORDER, ACCOUNT, "企业", "经办人", OrderKind.NEW, LINES, 1, bytes(8), 1, NO_VERSION, 2**31, b""
    )


def paid(transaction: str | None = "t1") -> OrderPaid:
    return OrderPaid(ORDER, PaidHow.CODE, 25_000, 1_800_000_100, transaction)


def given_to(handover: int) -> OrderAssigned:
    facts = {name: getattr(FACTS, name) for name in AssignedOrder.__struct_fields__}
    return OrderAssigned(**facts | {"handover": handover}, feed="order-assigned/7")


def taken_over(owner: int, handover: int) -> OrderTakenOver:
    facts = {name: getattr(FACTS, name) for name in AssignedOrder.__struct_fields__}
    return OrderTakenOver(**facts | {"handover": handover}, new_owner=owner, by="林涛", remark="revoked")


def binding(kiosk: int, serial: int, steps: int = 6) -> list[AnyBody]:
    number = number_of(kiosk, serial)
    bodies: list[AnyBody] = [
        BindingStarted(ORDER, 1, f"T{kiosk}{serial}", "gmt", "sm2"),
        KeyPairMade(ORDER, 1, POINT),
        CertificateIssued(ORDER, 1, number, b"DER", 1_800_000_200, 1_900_000_000, 1),
        CertificateWritten(ORDER, 1),
        CertificateProved(ORDER, 1, b"c", b"s"),
        Bound(ORDER, 1),
    ]
    return bodies[:steps]


def moved_and_bound() -> Kiosks:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1, 3), OrderReleased(ORDER, B, 1, "row/9"), paid("t2"))
    kiosks.write(B, given_to(1), *binding(B, 1))
    return kiosks


def moved_and_back() -> Kiosks:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), OrderReleased(ORDER, B, 1, "row/9"), given_to(2), *binding(A, 2))
    kiosks.write(B, given_to(1), *binding(B, 1, 4), OrderReleased(ORDER, A, 2, "row/9"))
    return kiosks


def taken_from_the_dead() -> Kiosks:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1))
    kiosks.write(EXCHANGE_KIOSK, taken_over(B, 1))
    kiosks.write(B, given_to(1), *binding(B, 1))
    return kiosks


def taken_over_twice() -> Kiosks:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1))
    kiosks.write(EXCHANGE_KIOSK, taken_over(B, 1), taken_over(C, 2))
    kiosks.write(B, given_to(1), *binding(B, 1))
    kiosks.write(C, given_to(2), *binding(C, 1))
    return kiosks


def taken_over_and_refunded() -> Kiosks:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1, 5))
    kiosks.write(
        EXCHANGE_KIOSK,
        taken_over(EXCHANGE_KIOSK, 1),
        RefundGranted(ORDER, "林涛", "asked"),
        RefundCompleted(ORDER, 25_000, "row/3"),
    )
    return kiosks


def claimed_by_a_thief() -> Kiosks:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1))
    kiosks.write(C, given_to(9), *binding(C, 1), paid("t9"), OrderReleased(ORDER, B, 10, "row/1"))
    kiosks.write(B, paid("t8"), placed(), OrderCancelled(ORDER, "member"))
    return kiosks


HISTORIES = {
    "moved and bound": (moved_and_bound, B, OrderStatus.BOUND, number_of(B, 1)),
    "moved and back": (moved_and_back, A, OrderStatus.BOUND, number_of(A, 2)),
    "taken from the dead": (taken_from_the_dead, B, OrderStatus.BOUND, number_of(B, 1)),
    "taken over twice": (taken_over_twice, C, OrderStatus.BOUND, number_of(C, 1)),
    "taken over and refunded": (taken_over_and_refunded, EXCHANGE_KIOSK, OrderStatus.REFUNDED, ""),
    "claimed by a thief": (claimed_by_a_thief, A, OrderStatus.BOUND, number_of(A, 1)),
}

KEY = bound_event(
    Certificate(number_of(A, 1), ORDER, ACCOUNT, "TA1", b"", 1, 2, A, 1, CertificateStatus.ISSUED)
).key

EVERY_BODY: tuple[AnyBody, ...] = (
    EpochBegan(given_by_centre=True),
    placed(),
    given_to(1),
    given_to(2),
    OrderReleased(ORDER, B, 1, "row/1"),
    OrderReleased(ORDER, A, 2, "row/1"),
    taken_over(B, 1),
    taken_over(EXCHANGE_KIOSK, 3),
    paid(),
    paid(None),
    replace(paid("t2"), amount=1),
    OrderCancelled(ORDER, "member"),
    OrderExpired(ORDER),
    DeliveryChosen(ORDER, Delivery.MAIL),
    *(body for kiosk in (A, B) for body in binding(kiosk, 1)),
    BindingStarted(ORDER, 2, "T9", "gmt", "sm2"),
    KeyPairMade(ORDER, 2, POINT),
    CertificateIssued(ORDER, 2, number_of(A, 2), b"DER2", 5, 6, 1, number_of(A, 1), 2),
    CertificateWritten(ORDER, 2),
    CertificateProved(ORDER, 2, b"", b""),
    Bound(ORDER, 2),
    BindingAbandoned(ORDER, 1, "林涛", ""),
    RefundGranted(ORDER, "林涛", ""),
    RefundCompleted(ORDER, 25_000, "row/1"),
    SurplusReturned(ORDER, "t1", 25_000, "row/1"),
    CertificateRevoked(number_of(A, 1), "", "row/1"),
    CertificateRevoked(number_of(B, 1), "", "row/1"),
    *(RegisterDecided(ACCOUNT, ORDER, number_of(A, 1), decision, "林涛", "") for decision in Decision),
    LossReported(ACCOUNT, KEY),
    KeyFound(ACCOUNT, "TA1", "张华", KEY),
    KeyFound(ACCOUNT, "TA1", "张华"),
    HoldLifted(ACCOUNT, replace(KEY, lost=True, holds=1), "张华"),
    PinChanged(ACCOUNT, "TA1"),
    PinChangeSkipped(ACCOUNT, "TA1"),
    PinUnblocked(ACCOUNT, "TA1", "林涛"),
    KeyErased(ACCOUNT, "TA1", "张华"),
    MatterDecided("rule", "subject", "close", "林涛", ""),
    *(StrandDecided(A, 1, 0, decision, "林涛", "") for decision in StrandDecision),
    CertificateChecked("11000001", ORDER, "0003000000000001", genuine=True),
    CertificateImported("11000001", "3000000000000001", "SERIAL", b"DER", 1, 2),
    DeliveryAsked(ORDER, ACCOUNT, bytes(32), "member"),
    DeliveryChanged(ORDER, ACCOUNT, bytes(32), "phone"),
    KeyMailed(ORDER, ACCOUNT, "EMS", "E1", 1_800_000_000, "张华"),
    KeyReceivedBack(ORDER, ACCOUNT, "无人签收", "张华"),
    KeyReceivedBack(
        ORDER, ACCOUNT, "拒收", "张华", mailing=Mailing(1_800_000_000, "EMS", "E1", 1_800_000_000)
    ),
    *(InvoiceAsked(ORDER, ACCOUNT, kind, bytes(32), "member") for kind in InvoiceKind),
    InvoiceChanged(ORDER, ACCOUNT, InvoiceKind.ORDINARY, bytes(32), "phone"),
    InvoiceWithdrawn(ORDER, ACCOUNT, "member"),
    InvoiceWithdrawn(ORDER, ACCOUNT, "member", AskedInvoice(InvoiceKind.ORDINARY, 1_800_000_000)),
    InvoiceIssued(ORDER, ACCOUNT, "2641", 1_800_000_000, "张华"),
    OperatorProposed("0123456789abcdef", ACCOUNT, "code", bytes(32), authorised=True, by="member"),
    OperatorWithdrawn("0123456789abcdef", ACCOUNT, "member"),
    OperatorReviewed("0123456789abcdef", ACCOUNT, Review.APPROVED, "11000009", "", "张华"),
    PersonalErased(ACCOUNT, 1_800_000_000, "张华"),
)
