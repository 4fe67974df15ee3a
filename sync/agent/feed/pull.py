"""Pulling the feed: rows past the cursors, taken in by small transactions that move the cursors."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.feed import ErasureTold
from kiosk.domain.versions import ALL, MEMBERS, NO_VERSION, Version, audience_of_kiosk, fits
from kiosk.store.vault import VaultItem
from sync.agent.context import Agent, record_contact
from sync.agent.errors import AnswerUnusable
from sync.agent.feed.taking import drop_left, judge_kept, take
from sync.protocol.rows import row_holds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kiosk.domain.feed_rows import FeedRow
    from kiosk.store.transaction import Transaction
    from sync.protocol.records import FeedPage


_ERASURE = str(ErasureTold.__struct_config__.tag)
AT_ONCE = 20
"""The most rows of one transaction: a first pull brings very many, and nobody at the desk waits long for one."""
LEFT_AT_ONCE = 200
"""The most rows of one transaction that an audience told which was left: these are only deleted."""
Places = dict[int, Version]
"""Up to where each audience must have been read so that what a page brings goes on from it."""


class PullReport(msgspec.Struct, frozen=True):
    """How many rows were applied, and how many could not be and were kept."""

    applied: int = 0
    kept: int = 0


def _never() -> bool:
    return False


def pull(
    agent: Agent, wait: int = 0, stopped: Callable[[], bool] = _never, held: Callable[[], bool] = _never
) -> PullReport:
    """Take all rows in that there are; when there is none, wait up to `wait` seconds for one.

    What came is left where `stopped`, and taken but not gone on from where `held`. Raises ExchangeFailed, RequestRefused, StoreError.
    """
    applied = kept = 0
    while True:
        leave_on(agent, stopped)
        with agent.database.read() as tx:
            cursors, centre_key = tx.feed.rows.cursors(), tx.vault.get(VaultItem.CENTRE_KEY)
        page = agent.centre.feed(cursors, wait)
        _require_sound(agent, cursors, page, centre_key or b"")
        if stopped():
            break
        with agent.database.write() as tx:
            places = _begin(tx, cursors, page)
        for begin in range(0, len(page.rows), AT_ONCE):
            some = page.rows[begin : begin + AT_ONCE]
            problems = take_or_keep(agent, some, places)
            kept += len(problems)
            applied += len(some) - len(problems)
        if not page.more:
            with agent.database.write() as tx:
                _come_to_heads(tx, page, places)
        if not page.more or not page.rows or held():
            break
        wait = 0
    leave_on(agent, stopped)
    with agent.database.write() as tx:
        record_contact(tx, agent.clock)
    if applied or kept:
        agent.log.info("received", applied=applied, kept=kept)
    return PullReport(applied, kept)


def leave_on(agent: Agent, stopped: Callable[[], bool] = _never) -> None:
    """Delete what audiences told that were left, some at a time; a kill in between is gone on from. Raises StoreError."""
    with agent.database.read() as tx:
        more = bool(tx.feed.rows.left())
    while more and not stopped():
        with agent.database.write() as tx:
            more = drop_left(tx, LEFT_AT_ONCE)


def _require_sound(agent: Agent, cursors: Mapping[int, Version], page: FeedPage, centre_key: bytes) -> None:
    """Raise AnswerUnusable unless the rows are the centre's, for this kiosk, and rise past the cursors."""
    own = {ALL, MEMBERS, audience_of_kiosk(agent.kiosk)}
    if not own.issuperset(page.heads) or any(row.audience not in page.heads for row in page.rows):
        raise AnswerUnusable("the feed brings rows of an audience that is not this kiosk's")
    versions = [*page.heads.values(), *(each for row in page.rows for each in (row.version, row.base))]
    if not all(map(fits, versions)):
        raise AnswerUnusable("the feed's versions are out of range")
    begins = [(audience, _after(cursors, audience, head)) for audience, head in page.heads.items()]
    places = sorted(begins) + [(row.audience, row.version.stamp) for row in page.rows]
    rising = [[stamp for each, stamp in places if each == audience] for audience in page.heads]
    if any(before >= stamp for stamps in rising for before, stamp in pairwise(stamps)):
        raise AnswerUnusable("the feed's versions do not rise past the cursors")
    if not all(row_holds(row, centre_key) for row in page.rows):
        raise AnswerUnusable("the feed brings a row that the centre did not sign")


def _after(cursors: Mapping[int, Version], audience: int, head: Version) -> int:
    """Past which stamp an audience is read: zero where it was never read, or in another incarnation."""
    cursor = cursors.get(audience, NO_VERSION)
    return cursor.stamp if cursor.incarnation == head.incarnation else 0


def _begin(tx: Transaction, asked: Mapping[int, Version], page: FeedPage) -> Places:
    """Where a page goes on; begun from zero is what was never read, and what the centre tells in another incarnation.

    Another agent may have read or left an audience since this one asked: a page never moves a cursor that lies before the
    place where the page goes on.
    """
    rows = tx.feed.rows
    now, left = rows.cursors(), rows.left()
    places = {}
    for audience, head in page.heads.items():
        cursor = now.get(audience)
        places[audience] = Version(head.incarnation, _after(asked, audience, head))
        anew = cursor is None or cursor.incarnation != head.incarnation
        if anew and cursor == asked.get(audience) and audience not in left:
            rows.begin(audience, head)
    return places


def _is_at(tx: Transaction, places: Places, audience: int) -> bool:
    """Whether an audience was read up to where the page goes on; else the page says nothing more of it."""
    cursor, place = tx.feed.rows.cursors().get(audience), places.get(audience)
    if cursor is None or place is None:
        places.pop(audience, None)
        return False
    if cursor.incarnation != place.incarnation or cursor.stamp < place.stamp:
        del places[audience]
        return False
    return True


def _come_to_heads(tx: Transaction, page: FeedPage, places: Places) -> None:
    """The page brought all that there was: also what was closed since counts as read."""
    for audience, head in page.heads.items():
        if not _is_at(tx, places, audience):
            continue
        if head.stamp > tx.feed.rows.cursor(audience).stamp:
            tx.feed.rows.put_cursor(audience, head)
        tx.feed.rows.come_to_end(audience)


def take_or_keep(agent: Agent, rows: Sequence[FeedRow], places: Places) -> list[tuple[FeedRow, str]]:
    """Take rows past their cursors in, in one transaction; those that were kept, and why.

    `places` are where the rows go on, in the centre's present incarnation, and move on with them. Raises StoreError.
    """
    kept = []
    with agent.database.write() as tx:
        for row in rows:
            if not _is_at(tx, places, row.audience):
                continue
            place = Version(places[row.audience].incarnation, row.version.stamp)
            places[row.audience] = place
            if place <= tx.feed.rows.cursor(row.audience):
                continue  # taken meanwhile
            problem = take(tx, row, agent.clock)
            tx.feed.rows.put_cursor(row.audience, place)
            if problem is not None:
                kept.append((row, problem))
    if any(row.kind == _ERASURE for row in rows):
        agent.database.forget()  # where others are in the way, the next night does it
    for row, problem in kept:
        agent.log.warning("kept", row=row.key, problem=problem.partition(":")[0])
    return kept


def retry_kept(agent: Agent) -> int:
    """Apply kept rows that can be applied by now; the result says how many. Raises StoreError."""
    with agent.database.read() as tx:
        if not tx.feed.rows.count_unapplied():
            return 0
    with agent.database.write() as tx:
        applied = judge_kept(tx, agent.clock)
    if applied:
        agent.log.info("applied after all", rows=applied)
    return applied
