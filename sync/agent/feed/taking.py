"""Taking rows of the feed in: merged with what is held, applied or kept, each in the transaction that moves its cursor.

The rows of one order are judged together: hand-overs by number, then money, then refunds. What cannot be applied yet is
kept under its key, and is applied in the transaction that brings what it lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import msgspec

from kiosk.domain.echoes import EchoedBody
from kiosk.domain.errors import DomainError, EntryRefused
from kiosk.domain.feed import AnyFeedBody, AudiencesPublished, Removed
from kiosk.domain.feed_keys import RowName, name_in_key, order_in_key, row_key_of
from kiosk.domain.inapplicable import InapplicableReason, parse_problem
from kiosk.domain.merging import Merging, Told, merge, settle, strictness
from kiosk.domain.remarks import RemarkReason
from sync.agent.feed.application import Inapplicable, enter, show

if TYPE_CHECKING:
    from kiosk.domain.clock import Clock
    from kiosk.domain.feed_rows import FeedRow, UnappliedRow
    from kiosk.store.transaction import Transaction

_KINDS = frozenset(str(each.__struct_config__.tag) for each in get_args(AnyFeedBody))
_RANKS = {
    RowName.ORDER_ASSIGNED: 0,
    RowName.ORDER_MOVED: 0,
    RowName.PAYMENT: 1,
    RowName.REFUND_ASKED: 2,
    RowName.PAYMENT_RETURNED: 3,
    RowName.REFUND_PAID: 4,
}
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def take(tx: Transaction, row: FeedRow, clock: Clock) -> str | None:
    """Take a row in whose signature holds; why it was kept instead of applied. Raises StoreError."""
    problem = _attempt(tx, row, clock)
    for each in tx.feed.rows.kept_beside(row.audience, row.key):
        if not _another_holds(each):
            tx.feed.rows.drop_kept(each.row)
    if problem is not None:
        tx.feed.rows.keep(row, problem)
    judge_order(tx, order_in_key(row.key), clock)
    return problem


def drop_left(tx: Transaction, most: int) -> bool:
    """Delete some of what an audience told that was left; whether anything is left over. Raises StoreError."""
    left = tx.feed.rows.left()
    for audience in left[:1]:
        for key in tx.feed.rows.drop_left(audience, most):
            show(tx, key, tx.feed.rows.shown(key))
    return bool(tx.feed.rows.left())


def judge_order(tx: Transaction, reference: str, clock: Clock) -> int:
    """Apply those kept rows of an order that can be applied by now; how many. Raises StoreError."""
    applied = 0
    while reference:
        kept = sorted(tx.feed.rows.unapplied_of_order(reference), key=_place)
        came = sum(_retry(tx, each, clock) for each in kept)
        applied += came
        if not came:
            break
    return applied


def judge_kept(tx: Transaction, clock: Clock) -> int:
    """Apply those kept rows, of whatever order, that can be applied by now; how many. Raises StoreError."""
    kept = [each for each in tx.feed.rows.unapplied() if not _another_holds(each)]
    orders = dict.fromkeys(order_in_key(each.row.key) for each in kept)
    others = sum(_retry(tx, each, clock) for each in kept if not order_in_key(each.row.key))
    return others + sum(judge_order(tx, order, clock) for order in orders)


def _retry(tx: Transaction, kept: UnappliedRow, clock: Clock) -> bool:
    row = kept.row
    problem = _attempt(tx, row, clock)
    if problem is None:
        tx.feed.rows.drop_kept(row)
    elif problem != kept.problem:
        tx.feed.rows.keep(row, problem)
    return problem is None


def _another_holds(kept: UnappliedRow) -> bool:
    return parse_problem(kept.problem)[0] is InapplicableReason.STRICTER_HOLDS


def _place(kept: UnappliedRow) -> tuple[int, int, str]:
    row = kept.row
    name, last = name_in_key(row.key), row.key.rpartition("/")[2]
    rank = _RANKS.get(name, len(_RANKS)) if name is not None else len(_RANKS)
    return rank, int(last) if rank == 0 and last.isascii() and last.isdigit() else 0, row.key


def _attempt(tx: Transaction, row: FeedRow, clock: Clock) -> str | None:
    """Apply a row or change nothing; why it could not be applied."""
    try:
        with tx.attempt():
            return _apply(tx, row, clock)
    except Inapplicable as error:
        return str(error)
    except (DomainError, ValueError, OverflowError) as error:
        # A row with a number or a text that no table takes must not hold up those after it.
        return str(_inapplicable(error))


def _apply(tx: Transaction, row: FeedRow, clock: Clock) -> str | None:
    """Apply a row, or stand it beside the one that holds; then the result says so. Raises Inapplicable, DomainError, ValueError, OverflowError, StoreError."""
    body, name = _read(row), name_in_key(row.key)
    if name is None or not name.is_immutable:
        return _settle(tx, row, body)
    held = tx.feed.rows.row(row.audience, row.key)
    match merge(None if held is None else _told(held), row.key, _told(row)):
        case Merging.CONTRADICTS:
            raise Inapplicable(InapplicableReason.TOLD_OTHERWISE, "")
        case Merging.SAME:
            tx.feed.rows.put(row)
        case _:
            tx.feed.rows.put(row)
            if isinstance(body, EchoedBody):
                enter(tx, body, clock)
            else:
                show(tx, row.key, tx.feed.rows.shown(row.key))
    return None


def _settle(tx: Transaction, row: FeedRow, body: AnyFeedBody) -> str | None:
    """Let the strictest of the rows under a replaceable key hold that know nothing of each other; the others are kept."""
    rows = tx.feed.rows
    held = rows.row(row.audience, row.key)
    kept = [each.row for each in rows.kept_beside(row.audience, row.key) if _another_holds(each)]
    before = {_told(each): each for each in ([held] if held is not None else []) + kept}
    came = _told(row)
    stands = settle(tuple(before), row.key, came)
    if came not in stands:
        return None  # it is late
    named = {**before, came: row}
    for each in kept:
        rows.drop_kept(each)
    for beside in stands[1:]:
        if beside != came:
            rows.keep(named[beside], InapplicableReason.STRICTER_HOLDS.value)
    rows.put(named[stands[0]])
    show(tx, row.key, rows.shown(row.key))
    if stands[0] != came:
        return InapplicableReason.STRICTER_HOLDS.value
    if isinstance(body, AudiencesPublished):
        # Of one that it was to read for a while only it may have begun to read, and heard of that no other way.
        rows.leave({row.audience, *body.audiences})
    return None


def _told(row: FeedRow) -> Told:
    """Raises Inapplicable."""
    body = _read(row)
    return Told(row.version, row.base, row.digest, isinstance(body, Removed), strictness(body))


def _read(row: FeedRow) -> AnyFeedBody:
    try:
        body = row.read()
    except _UNREADABLE as error:
        known = row.kind in _KINDS
        reason = InapplicableReason.MALFORMED if known else InapplicableReason.UNKNOWN_KIND
        raise Inapplicable(reason, str(error) if known else row.kind) from error
    if not isinstance(body, Removed) and row_key_of(body) != row.key:
        raise Inapplicable(InapplicableReason.MALFORMED, row.key)
    return body


def _inapplicable(error: Exception) -> Inapplicable:
    match error:
        case EntryRefused(
            reason=RemarkReason.ORDER_UNKNOWN | RemarkReason.CERTIFICATE_UNKNOWN, subject=subject
        ):
            return Inapplicable(InapplicableReason.ARRIVES_TOO_EARLY, subject)
        case EntryRefused(reason=reason, subject=subject):
            return Inapplicable(InapplicableReason.CONTRADICTS_RECORD, f"{reason.value} {subject}")
        case _:
            return Inapplicable(InapplicableReason.MALFORMED, str(error))
