"""A kiosk's journal in memory, for the tests of the fold."""

from __future__ import annotations

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import (
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderPaid, OrderPlaced
from kiosk.domain.errors import EntryRefused
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.guard import admitted
from kiosk.domain.journal import FORM, GENESIS, Entry, SealedEntry, check_link, seal
from kiosk.domain.ledger import Order, OrderStatus, PaidHow
from kiosk.domain.ledger_fold import Folding, MemoryRecords, bound_event, fold_entry
from kiosk.domain.remarks import Remark, RemarkReason
from kiosk.domain.versions import NO_VERSION

KIOSK = 3
YEAR = 365 * 86400
POINT = b"\x04" + bytes(64)


class Journal:
    """A kiosk's chain and its state in memory; `add` appends what the guard admits, or at the centre whatever comes."""

    def __init__(self, *, complete: bool = False) -> None:
        self.ledger = MemoryRecords(complete=complete)
        self.remarks: tuple[Remark, ...] = ()
        self.entries: list[SealedEntry] = []
        self.turns: set[tuple[OrderStatus, OrderStatus]] = set()
        self.tip: Tip | None = None
        self.epoch = 1
        self.clock = FixedClock(1_800_000_000)
        self.add(EpochBegan(given_by_centre=True))

    @staticmethod
    def lines_of(kind: OrderKind) -> tuple[PriceLine, ...]:
        yearly = (PriceLine(FeeItem.CERTIFICATE, 20_000), PriceLine(FeeItem.SERVICE, 10_000))
        return (PriceLine(FeeItem.TOKEN, 5_000), *yearly) if kind.wants_new_token else yearly

    @property
    def next_sequence(self) -> int:
        return len(self.entries) + 1

    def add(self, body: AnyBody) -> None:
        self.clock.advance(1)
        previous = GENESIS if self.tip is None else self.tip.hash
        place = (FORM, KIOSK, 1, self.epoch, self.next_sequence)
        sealed = seal(Entry(*place, self.clock.wall(), self.clock.monotonic(), "boot", previous, body))
        tip = check_link(self.tip, sealed)
        folding = self._folded(sealed.entry)
        for row in folding.rows:
            before = self.ledger.orders.get(row.reference) if isinstance(row, Order) else None
            if isinstance(row, Order) and before is not None and before.status is not row.status:
                self.turns.add((before.status, row.status))
        self.ledger.put(folding.rows)
        self.remarks += folding.remarks
        self.entries.append(sealed)
        self.tip = tip

    def _folded(self, entry: Entry) -> Folding:
        if self.ledger.complete:
            return fold_entry(self.ledger, entry, bound_event)
        return admitted(self.ledger, entry)

    def try_to(self, body: AnyBody) -> bool:
        try:
            self.add(body)
        except EntryRefused:
            return False
        return True

    def place(
        self, kind: OrderKind = OrderKind.NEW, account: str = "11000001", previous: KeyOnRecord | None = None
    ) -> str:
        number = f"3-{self.next_sequence:04d}"
        deadline = self.clock.wall() + 900
        self.add(
            OrderPlaced(
                number,
                account,
                "企业",
                "经办人",
                kind,
                self.lines_of(kind),
                1,
                bytes(8),
                1,
                NO_VERSION,
                deadline,
                b"",
                previous,
            )
        )
        return number

    def refuses(self, body: AnyBody) -> RemarkReason:
        with pytest.raises(EntryRefused) as caught:
            self.add(body)
        return caught.value.reason

    def key(self, account: str = "11000001") -> KeyOnRecord:
        key = self.ledger.registers[account].key
        assert key is not None
        return key

    def pay(self, order: str, how: PaidHow = PaidHow.CODE, transaction: str | None = None) -> None:
        amount = self.ledger.orders[order].total
        self.add(OrderPaid(order, how, amount, self.clock.wall(), transaction))

    def issue(self, order: str, attempt: int, key: KeyOnRecord | None) -> str:
        number = f"{KIOSK:04X}{self.next_sequence:012X}"
        now = self.clock.wall()
        old_end = key.not_after if key else None
        end = max(now, old_end or 0) + YEAR
        predecessor = key.number if key else None
        self.add(CertificateIssued(order, attempt, number, b"DER", now, end, 1, predecessor, old_end))
        return number

    def bind(self, order: str, token: str) -> str:
        row = self.ledger.orders[order]
        account = self.ledger.register(row.account)
        key = account.key if account else None
        attempt = len(row.bindings) + 1
        renewal = row.kind is OrderKind.RENEWAL
        self.add(BindingStarted(order, attempt, token, "gmt", "sm2", POINT if renewal else None))
        if not renewal:
            self.add(KeyPairMade(order, attempt, POINT))
        number = self.issue(order, attempt, key)
        self.add(CertificateWritten(order, attempt))
        self.add(CertificateProved(order, attempt, b"c", b"s"))
        self.add(Bound(order, attempt))
        return number
