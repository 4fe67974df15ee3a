"""A store as years of service leave it, quickly: each entry is sealed and chained, each row is the journal's fold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from kiosk.domain.entries.bindings import (
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderCancelled, OrderPaid, OrderPlaced
from kiosk.domain.fees import FeeSchedule, OrderKind
from kiosk.domain.identifiers import OrderNumber, OrderReference
from kiosk.domain.journal import seal
from kiosk.domain.ledger import PaidHow
from kiosk.domain.ledger_fold import MemoryRecords, fold_entry, judged_by_the_issuer
from kiosk.domain.members import Operator, Review
from kiosk.domain.versions import Version
from kiosk.store.lockouts import KEPT

if TYPE_CHECKING:
    from kiosk.domain.clock import Clock
    from kiosk.domain.journal import SealedEntry
    from kiosk.store.database import Database

FIRST_ACCOUNT = 30_000_000
_BATCH = 2000
_YEAR = 365 * 86_400
_SCHEDULE = FeeSchedule(1, 0, 11000, 8000, 15000)
_CERTIFICATE = bytes(700)  # as long as one
_SIGNATURE = bytes(64)
_CANCELLED = 10  # every tenth order is given up
_WAITING = 10  # every tenth receipt waits for the printer
_RECEIPT = bytes(500)
_TYPED = 4  # every fourth payment is typed in, the others come by the feed


def fill(database: Database, clock: Clock, orders: int) -> None:
    """Append so many orders of as many members to an enrolled kiosk's store: bound, or given up.

    Every tenth receipt waits for the printer, and as many orders have a wrong confirmation.
    """
    for first in range(0, orders, _BATCH):
        with database.write() as tx:
            tip = tx.journal.tip()
            last = tx.journal.entry(tip.sequence) if tip is not None else None
            assert last is not None
            for number in range(first, min(first + _BATCH, orders)):
                ledger = MemoryRecords()
                for body in _life(last.entry.sequence + 1, last.entry.kiosk, number, clock.wall()):
                    last = _next(last, body, clock)
                    folding = fold_entry(ledger, last.entry, judged_by_the_issuer)
                    assert not folding.remarks
                    ledger.put(folding.rows)
                    tx.journal.add(last)
                tx.ledger.put(ledger.rows())
                account = str(FIRST_ACCOUNT + number)
                tx.members.put_operator(Operator(account, "A", "李晓梅", Review.APPROVED, ""))
                if number % _WAITING == 0:
                    tx.print_queue.put(_RECEIPT, account)
                    tx.lockouts.record(f"{KEPT}{account}", clock.wall())


def _next(last: SealedEntry, body: AnyBody, clock: Clock) -> SealedEntry:
    entry = replace(
        last.entry,
        sequence=last.entry.sequence + 1,
        wall=clock.wall(),
        monotonic=clock.monotonic(),
        previous=last.hash,
        body=body,
    )
    return seal(entry)


def _life(sequence: int, kiosk: int, number: int, now: int) -> Iterator[AnyBody]:
    """What happens to one order that is placed as that entry of the first epoch."""
    order, serial = str(OrderReference(OrderNumber(kiosk, 1, sequence), bytes(6))), f"B{number:015d}"
    lines = _SCHEDULE.lines(OrderKind.NEW)
    yield OrderPlaced(
        order=order,
        account=str(FIRST_ACCOUNT + number),
        enterprise="北京示例粮油贸易有限公司",
        operator="李晓梅",
        order_kind=OrderKind.NEW,
        lines=lines,
        schedule=1,
        schedule_digest=bytes(8),
        policy=1,
        feed=Version(1, 1),
        deadline=now + 900,
        order_code=number.to_bytes(38, "big"),
    )
    if number % _CANCELLED == 0:
        yield OrderCancelled(order, "member")
        return
    how = PaidHow.CODE if number % _TYPED == 0 else PaidHow.FEED
    transaction = None if how is PaidHow.CODE else f"T{number}"
    yield OrderPaid(
        order, how, sum(line.amount for line in lines), now, transaction, f"payment/{order}/T{number}"
    )
    yield BindingStarted(order, 1, serial, "gmt", "SM2")
    yield KeyPairMade(order, 1, b"\x04" + number.to_bytes(64, "big"))
    yield CertificateIssued(order, 1, f"{kiosk:04X}{number:012X}", _CERTIFICATE, now, now + _YEAR, 1)
    yield CertificateWritten(order, 1)
    yield CertificateProved(order, 1, _SIGNATURE, _SIGNATURE)
    yield Bound(order, 1)
