"""Pulling the feed: item after item beyond the cursor, each applied in a small transaction that moves the cursor."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.errors import DomainError, EntryRefused
from kiosk.domain.feed import (
    AnyFeedBody,
    FeedItem,
    OrderAssignedHere,
    OrderMoved,
    PaymentConfirmed,
    PaymentReturned,
    RefundPaid,
    RefundRequested,
)
from kiosk.domain.inapplicable import InapplicableReason
from kiosk.domain.remarks import RemarkReason
from sync.agent.context import Agent, record_contact
from sync.agent.errors import AnswerUnusable
from sync.agent.feed_application import Inapplicable, apply

if TYPE_CHECKING:
    from collections.abc import Callable

    from kiosk.store.transaction import Transaction
    from sync.protocol.records import FeedPage

LARGEST_NUMBER = 2**63 - 1


class PullReport(msgspec.Struct, frozen=True):
    """How many items were applied, and how many could not be and were kept."""

    applied: int = 0
    kept: int = 0


def pull(agent: Agent, wait: int = 0, stopped: Callable[[], bool] = lambda: False) -> PullReport:
    """Apply all items there are; when there is none, wait up to `wait` seconds for one.

    Raises ExchangeFailed, RequestRefused, StoreError.
    """
    applied = kept = 0
    while True:
        with agent.database.read() as tx:
            cursor = tx.feed.cursor()
        page = agent.centre.feed(cursor, wait)
        _require_rising(cursor, page)
        if stopped():
            break
        for item in page.items:
            problem = apply_or_keep(agent, item)
            applied, kept = applied + (problem is None), kept + (problem is not None)
        if not page.more or not page.items:
            break
        wait = 0
    with agent.database.write() as tx:
        record_contact(tx, agent.clock)
    if applied or kept:
        agent.log.info("received", applied=applied, kept=kept)
    return PullReport(applied, kept)


def _require_rising(cursor: int, page: FeedPage) -> None:
    """Raise AnswerUnusable unless the items' numbers rise beyond the cursor and fit into a table."""
    numbers = [cursor, *(item.number for item in page.items), LARGEST_NUMBER]
    if any(before >= number for before, number in itertools.pairwise(numbers)):
        raise AnswerUnusable(f"the feed's numbers do not rise past {cursor}")


def apply_or_keep(agent: Agent, item: FeedItem) -> str | None:
    """Apply an item beyond the cursor, or keep it; the result says why it was kept. Raises StoreError."""
    try:
        body = _read(item)
        with agent.database.write() as tx:
            if item.number > tx.feed.cursor():
                apply(tx, item.number, body, agent.clock)
                tx.feed.put_cursor(item.number)
    except Inapplicable as error:
        problem = str(error)
    except (DomainError, ValueError, OverflowError) as error:
        # An item with a number or a text that no table takes must not hold up those after it.
        problem = str(_inapplicable(error))
    else:
        return None
    with agent.database.write() as tx:
        if item.number > tx.feed.cursor():
            tx.feed.set_aside(item, problem)
            tx.feed.put_cursor(item.number)
    agent.log.warning("kept", feed=item.number, problem=problem.partition(":")[0])
    return problem


def retry_kept(agent: Agent) -> int:
    """Apply kept items that can be applied by now; the result says how many. Raises StoreError.

    These are payments, and orders assigned to this kiosk (whose member may have had an unpaid one of that kind here)
    unless a later item moves them on or asks for a refund. Other items may be out of date: they are left to a person.
    """
    with agent.database.read() as tx:
        kept = [FeedItem(each.number, msgspec.Raw(each.body)) for each in tx.feed.unapplied()]
    read = [(item, body) for item in kept if (body := _readable(item)) is not None]
    given_up = {
        body.order: item.number for item, body in read if isinstance(body, OrderMoved | RefundRequested)
    }
    return sum(
        _retried(agent, item, body)
        for item, body in read
        if isinstance(body, PaymentConfirmed | PaymentReturned | RefundPaid)
        or (isinstance(body, OrderAssignedHere) and given_up.get(body.order, 0) < item.number)
    )


def _readable(item: FeedItem) -> AnyFeedBody | None:
    try:
        return _read(item)
    except Inapplicable:
        return None


def _retried(agent: Agent, item: FeedItem, body: AnyFeedBody) -> bool:
    try:
        with agent.database.write() as tx:
            _apply_kept(tx, item.number, body, agent)
    except (Inapplicable, DomainError, ValueError, OverflowError):
        return False  # it stays kept
    agent.log.info("applied after all", feed=item.number)
    return True


def _apply_kept(tx: Transaction, number: int, body: AnyFeedBody, agent: Agent) -> None:
    apply(tx, number, body, agent.clock)
    tx.feed.drop_unapplied(number)


def _read(item: FeedItem) -> AnyFeedBody:
    try:
        return item.read()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Inapplicable(_why_unreadable(item), str(error)) from error


class _Tagged(msgspec.Struct, frozen=True):
    kind: str = ""


def _why_unreadable(item: FeedItem) -> InapplicableReason:
    try:
        kind = msgspec.json.decode(item.body, type=_Tagged).kind
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return InapplicableReason.MALFORMED
    return InapplicableReason.MALFORMED if kind in _KINDS else InapplicableReason.UNKNOWN_KIND


_KINDS = frozenset(str(each.__struct_config__.tag) for each in AnyFeedBody.__args__)


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
