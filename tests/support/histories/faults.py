"""Faults to be planted: each takes the place of a named function for a while, and a history has to find it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import msgspec

from kiosk.domain import ledger_fold, order_fold
from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.feed_rows import FeedRow
from kiosk.domain.identifiers import NONCE_LENGTH, OrderReference
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import Certificate, Order
from kiosk.domain.merging import Told, settle
from kiosk.domain.order_steps import placing_kiosk
from kiosk.domain.payment_codes import OrderCode
from kiosk.domain.register import RegisterEvent
from kiosk.domain.remarks import Remark
from kiosk.domain.versions import Version
from kiosk.store.feed_rows import FeedRowTable
from kiosk.store.transaction import Transaction
from sync.agent.context import Agent
from sync.agent.feed import pull, taking
from sync.agent.feed.taking import take
from sync.central.device import receipts as shown_receipts
from sync.central.ledger import applier
from sync.central.ledger.folding import Folder, Placed
from sync.central.ledger.models import ApplierState
from sync.central.ledger.portions import Portion
from sync.central.payments import paying
from sync.central.payments.models import AttemptState, Payment, PaymentAttempt
from sync.protocol import receipts


class Fault(Protocol):
    """What plants a fault, for as long as it is entered."""

    __name__: str

    def __call__(self) -> AbstractContextManager[None]:
        """Plant it."""
        ...


@contextmanager
def _in_place_of(owner: object, name: str, fault: object) -> Iterator[None]:
    real = getattr(owner, name)
    setattr(owner, name, fault)
    try:
        yield
    finally:
        setattr(owner, name, real)


@contextmanager
def nonce_not_compared() -> Iterator[None]:
    """An order's number alone names it."""

    def reference(code: OrderCode) -> OrderReference:
        return OrderReference(code.order, bytes(NONCE_LENGTH))

    with _in_place_of(OrderCode, "reference", property(reference)):
        yield


@contextmanager
def positions_swapped() -> Iterator[None]:
    """Of a batch the last strand is folded first, and the positions say otherwise."""
    real = applier.entries_of

    def entries_of(portions: Sequence[Portion], position: int) -> list[Placed]:
        placed = real(portions, position)
        return sorted(placed, key=lambda each: (-each.row.kiosk, each.position))

    with _in_place_of(applier, "entries_of", entries_of):
        yield


@contextmanager
def double_refund() -> Iterator[None]:
    """The order's own payment counts as surplus too."""

    def surplus(payment: Payment) -> object:
        return PaymentAttempt.objects.filter(payment=payment, state=AttemptState.PAID)

    with _in_place_of(paying, "surplus", surplus):
        yield


@contextmanager
def predecessor_revoked_early() -> Iterator[None]:
    """The predecessor goes out of use as soon as its successor is issued."""
    real = ledger_fold._events

    def events(
        records: ledger_fold.Records,
        entry: Entry,
        folded: order_fold.Folded,
        issued: Certificate | None,
        judge: ledger_fold.Judge,
    ) -> tuple[list[RegisterEvent], tuple[Remark, ...]]:
        found, remarks = real(records, entry, folded, issued, judge)
        body = entry.body
        if isinstance(body, CertificateIssued) and body.predecessor is not None and not folded.remarks:
            found.append(CertificateRevoked(body.predecessor, "early", ""))
        return found, remarks

    with _in_place_of(ledger_fold, "_events", events):
        yield


@contextmanager
def handover_ignored() -> Iterator[None]:
    """Whoever was given the order last by the kiosk that placed it is its owner, however often it moved on."""

    def owners_view(reference: str, views: Mapping[int, Order]) -> tuple[Order, bool]:
        first = views.get(placing_kiosk(reference)) or next(iter(views.values()))
        owner = first.released[-1].owner if first.released else first.owner
        return views.get(owner, first), True

    with _in_place_of(order_fold, "_owners_view", owners_view):
        yield


@contextmanager
def applier_without_lock() -> Iterator[None]:
    """An applier that was overtaken writes all the same."""
    real = applier._write

    def write(plan: applier.Plan, folder: Folder, now: int) -> bool:
        state = ApplierState.objects.get(id=applier.APPLIER)
        return real(msgspec.structs.replace(plan, position=state.position), folder, now)

    with _in_place_of(applier, "_write", write):
        yield


@contextmanager
def version_order_ignored() -> Iterator[None]:
    """A row takes the place of a later one."""

    def settled(stand: tuple[Told, ...], key: str, came: Told) -> tuple[Told, ...]:
        stands = settle(stand, key, came)
        return stands if came in stands else (came,)

    def take_or_keep(
        agent: Agent, rows: Iterable[FeedRow], heads: Mapping[int, Version]
    ) -> list[tuple[FeedRow, str]]:
        kept = []
        with agent.database.write() as tx:
            for row in rows:
                problem = take(tx, row, agent.clock)
                kept += [] if problem is None else [(row, problem)]
                _move(tx, row, heads)
        return kept

    with _in_place_of(taking, "settle", settled), _in_place_of(pull, "take_or_keep", take_or_keep):
        yield


@contextmanager
def cursor_hides_rows() -> Iterator[None]:
    """The cursors move past rows in a transaction of their own, before these are taken in."""

    def take_or_keep(
        agent: Agent, rows: Iterable[FeedRow], heads: Mapping[int, Version]
    ) -> list[tuple[FeedRow, str]]:
        kept, came = [], list(rows)
        with agent.database.write() as tx:
            for row in came:
                _move(tx, row, heads)
        with agent.database.write() as tx:
            for row in came:
                problem = vars(pull)["take"](tx, row, agent.clock)  # which a step lets die
                kept += [] if problem is None else [(row, problem)]
        return kept

    with _in_place_of(pull, "take_or_keep", take_or_keep):
        yield


def _move(tx: Transaction, row: FeedRow, heads: Mapping[int, Version]) -> None:
    version = Version(heads[row.audience].incarnation, row.version.stamp)
    if version > tx.feed.rows.cursor(row.audience):
        tx.feed.rows.put_cursor(row.audience, version)


@contextmanager
def orders_during_the_first_pull() -> Iterator[None]:
    """A kiosk serves members before it has read the whole feed once."""
    with _in_place_of(FeedRowTable, "is_whole", lambda _rows: True):
        yield


@contextmanager
def echoed_twice() -> Iterator[None]:
    """A kiosk repeats a row of the feed whatever its journal repeated before."""
    with _in_place_of(Transaction, "echo", lambda _tx, _key: None):
        yield


@contextmanager
def receipts_believed_unsigned() -> Iterator[None]:
    """Whoever shows a receipt is believed."""
    with _in_place_of(receipts, "receipt_holds", lambda _signed, _key: True):
        yield


@contextmanager
def centre_ignores_receipts() -> Iterator[None]:
    """Nobody looks at what a kiosk shows."""
    with _in_place_of(shown_receipts, "take_receipt", lambda _receipt, _now: False):
        yield


@contextmanager
def cursor_hides_another_incarnation() -> Iterator[None]:
    """A cursor moves into another incarnation past the rows of that one, which are never read."""
    real, read = pull.take_or_keep, defaultdict[tuple[str, int], int](int)

    def take_or_keep(
        agent: Agent, rows: Iterable[FeedRow], heads: dict[int, Version]
    ) -> list[tuple[FeedRow, str]]:
        came = list(rows)
        before = {each: read[str(agent.database.path), each] for each in heads}
        seen = [row for row in came if before[row.audience] in {0, row.version.incarnation}]
        kept = real(agent, seen, heads)
        with agent.database.write() as tx:
            for row in came:
                if row not in seen:
                    _move(tx, row, heads)
        for audience, head in heads.items():
            read[str(agent.database.path), audience] = head.incarnation
        return kept

    with _in_place_of(pull, "take_or_keep", take_or_keep):
        yield


@contextmanager
def edit_undoes_a_demotion() -> Iterator[None]:
    """What a centre says that was put back takes the place of what it forgot."""

    def settled(stand: tuple[Told, ...], key: str, came: Told) -> tuple[Told, ...]:
        del key
        return (came,) if all(each.version <= came.version for each in stand) else tuple(stand)

    with _in_place_of(taking, "settle", settled):
        yield


RESTORE_FAULTS: tuple[Fault, ...] = (
    receipts_believed_unsigned,
    edit_undoes_a_demotion,
    centre_ignores_receipts,
    cursor_hides_another_incarnation,
)
"""Those that histories find in which the centre is put back."""

FAULTS: tuple[Fault, ...] = (
    nonce_not_compared,
    positions_swapped,
    double_refund,
    predecessor_revoked_early,
    handover_ignored,
    applier_without_lock,
    version_order_ignored,
    cursor_hides_rows,
    orders_during_the_first_pull,
    echoed_twice,
)
