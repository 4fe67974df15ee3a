"""The applier: what was appended enters the books, batch by batch, each in one transaction.

A batch is chosen, loaded and folded outside of any transaction. What was read is good as long as the position is the
same, for nothing else writes the books: within the transaction the position's row is locked and compared, and whoever
was overtaken (another applier, a process that slept in between) writes nothing and begins again. No clock decides.

How often a batch was begun is counted beside, in a transaction of its own, since a process that dies cannot count.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q

from sync.central.fleet.feed.telling import telling
from sync.central.fleet.machines import machines_held_back
from sync.central.journal.models import Entry, Strand
from sync.central.journal.strands import strand_key
from sync.central.ledger.books import Books, load
from sync.central.ledger.ceilings import Ceilings, Place
from sync.central.ledger.folding import Folder, Placed, place
from sync.central.ledger.models import AppliedPortion, ApplierState, EntryRemark, StrandCursor
from sync.central.ledger.news import News
from sync.central.ledger.portions import BATCH, PORTION, Portion, Progress, choose, next_of_kiosk
from sync.central.ledger.readings import Read, Readings
from sync.central.tables import LAST_STRAND, Upsert, kiosk_of_strand, row_key, strand_number

LOG = logging.getLogger("keydesk.central")

APPLIER = 1
"""The key of the applier's one row."""
_SMALLEST = 20
"""The fewest entries to which a batch shrinks that others overtake."""
_TRIES = 5
"""How often somebody who waits tries to write beside appliers that were before."""


class Plan(msgspec.Struct, frozen=True):
    """What a batch is to apply, after which position."""

    position: int
    portions: tuple[Portion, ...]


def apply_pending(now: int) -> None:
    """Apply all that was appended, in this process, beside any other that does the same. `now` is UTC seconds."""
    suspects = False
    while apply_batch(now, suspects=suspects):
        suspects = not suspects


def apply_batch(now: int, *, suspects: bool = False) -> bool:
    """Apply one batch; False when nothing is left. Raises what folding it raised, after which its strands are suspected.

    Each time that others were before, a smaller one is tried: requests that apply what somebody waits for are short.
    """
    limit = BATCH
    while (plan := _plan(suspects=suspects, limit=limit)).portions:
        if _applied(plan, now):
            return True
        limit = max(limit // 4, _SMALLEST)
    return False


def apply_strand(kiosk: int, number: int, now: int) -> bool:
    """Apply the next entries of one strand for somebody who waits, one portion at most; whether it has no more.

    Nobody else's entries are touched. What fails here is logged and left to the applier, as is a strand that failed before.
    It counts no failures: of several at once each would take the others, which are still under way, for failed.
    """
    strand = Strand.objects.filter(key=strand_key(kiosk, number)).first()
    if strand is not None and (kiosk, strand.machine) in machines_held_back():
        return False
    for _ in range(_TRIES):
        pending = _pending(kiosk)
        whole = pending.get(number)
        if whole is None:
            return True
        (progress,) = _in_order(pending.values())
        if progress.failures or progress.strand != whole.strand:
            return False
        last = min(progress.head, progress.applied + PORTION)
        plan = Plan(_state().position, (Portion(progress.strand, progress.applied + 1, last),))
        try:
            written = _attempted(plan, now)
        except Exception:
            LOG.exception("strand %s/%s is left to the applier", kiosk, number)
            return False
        if written:
            return last == whole.head
    return False


def _pending(kiosk: int) -> dict[int, Progress]:
    """The strands of a kiosk that have entries to apply, by their numbers."""
    cursors = _cursors(strand_number(kiosk, 0), strand_number(kiosk, LAST_STRAND))
    rows = Strand.objects.filter(key__range=(strand_key(kiosk, 0), strand_key(kiosk, LAST_STRAND)))
    found = {row.number: _progress(row, cursors) for row in rows.order_by()}
    return {number: each for number, each in found.items() if each.head > each.applied}


def is_applied(kiosk: int, numbers: Sequence[int] = ()) -> bool:
    """Whether all that a kiosk's strands have (those of these numbers, or all) is applied."""
    pending = _pending(kiosk)
    return not (pending.keys() & set(numbers) if numbers else pending)


def _applied(plan: Plan, now: int) -> bool:
    """Fold and write a plan, which counts as failed until that is done, since an entry may kill who tries; returns and raises the same."""
    _begun(plan.portions)
    try:
        written = _attempted(plan, now)
    except (OperationalError, InterfaceError):  # the database's trouble, not an entry's
        _not_failed(plan.portions)
        raise
    if not written:
        _not_failed(plan.portions)
    return written


def _attempted(plan: Plan, now: int) -> bool:
    """Fold and write a plan; False when another applier was there before. Raises what folding it raised."""
    return _write(plan, fold(entries_of(plan.portions, plan.position)), now)


def fold(entries: Sequence[Placed], *, books: Books | None = None, read: Read | None = None) -> Folder:
    """What these entries make of the books; of other `books`, and with what was `read` before, when they are replayed."""
    batch = [told for each in entries if (told := each.told) is not None]
    if books is None:
        books = load([told.entry.body for told in batch])
    readings = Readings(batch, {each.row.kiosk for each in entries}, read)
    places = [Place(each.row.kiosk, each.row.strand, each.row.sequence, each.position) for each in entries]
    folder = Folder(books, readings, Ceilings(batch, places), News())
    for each in entries:
        folder.fold(each)
    return folder


def entries_of(portions: Sequence[Portion], position: int) -> list[Placed]:
    """The entries of these portions, which follow that position, in the order of their own."""
    wanted = Q()
    for each in portions:
        wanted |= Q(key__range=(row_key(each.strand, each.first - 1), row_key(each.strand, each.last)))
    rows = {row.key: row for row in Entry.objects.filter(wanted).order_by()}
    placed = []
    for each in portions:
        for sequence in range(each.first, each.last + 1):
            position += 1
            row, before = rows[row_key(each.strand, sequence)], rows.get(row_key(each.strand, sequence - 1))
            placed.append(place(position, row, before, condemned=each.condemned))
    return placed


def _plan(*, suspects: bool, limit: int) -> Plan:
    state, cursors = _state(), _cursors()
    rows = Strand.objects.only("kiosk", "number", "machine", "branch_sequence", "high_sequence")
    waiting = machines_held_back()
    strands = _in_order(
        [_progress(row, cursors) for row in rows.order_by() if (row.kiosk, row.machine) not in waiting]
    )
    return Plan(state.position, choose(strands, state.served, suspects=suspects, limit=limit))


def _in_order(strands: Iterable[Progress]) -> list[Progress]:
    """Those that have entries to apply; of each kiosk one, as far as its entries came before those of its others."""
    of_kiosk: dict[int, list[Progress]] = defaultdict(list)
    for each in strands:
        if each.head > each.applied:
            of_kiosk[kiosk_of_strand(each.strand)].append(each)
    return [some[0] if len(some) == 1 else next_of_kiosk(some, _arrivals(some)) for some in of_kiosk.values()]


def _arrivals(strands: Iterable[Progress]) -> dict[int, list[int]]:
    """When the next entries of each strand came, as many as one portion takes."""
    found = {}
    for each in strands:
        following = row_key(each.strand, each.applied + 1), row_key(each.strand, each.applied + PORTION)
        rows = Entry.objects.filter(key__range=following).order_by("key")
        found[each.strand] = list(rows.values_list("arrival", flat=True))
    return found


def _state() -> ApplierState:
    return ApplierState.objects.get_or_create(id=APPLIER)[0]


def _cursors(first: int = 0, last: int | None = None) -> dict[int, StrandCursor]:
    """The cursors of all strands, of one, or of those from one to another."""
    rows = StrandCursor.objects.all()
    if first:
        rows = rows.filter(strand__range=(first, first if last is None else last))
    return {each.strand: each for each in rows}


def _progress(row: Strand, cursors: Mapping[int, StrandCursor]) -> Progress:
    strand = strand_number(row.kiosk, row.number)
    cursor = cursors.get(strand)
    applied, failures = (cursor.applied, cursor.failures) if cursor else (row.branch_sequence, 0)
    return Progress(strand, row.high_sequence, applied, failures)


def _write(plan: Plan, folder: Folder, now: int) -> bool:
    """Write what a batch came to; False when another applier was there before."""
    position, portions = plan.position + 1, []
    read = folder.read
    for each in plan.portions:
        portions.append(
            AppliedPortion(
                position=position,
                strand=each.strand,
                first=each.first,
                last=each.last,
                condemned=each.condemned,
                read=read,
            )
        )
        position += each.size
    cursors = [StrandCursor(strand=each.strand, applied=each.last) for each in plan.portions]
    changes = (
        *folder.books.changes(),
        Upsert(EntryRemark, folder.remarks),
        Upsert(AppliedPortion, portions),
        Upsert(StrandCursor, cursors),
    )
    with telling(now) as told:
        state = ApplierState.objects.select_for_update().get(id=APPLIER)
        if state.position != plan.position:
            return False
        for change in changes:
            change.write()
        folder.news.tell(told)
        for audience, row in folder.echoed:
            told.close_echoed(audience, row)
        state.position, state.served = position - 1, plan.portions[-1].strand
        state.save(update_fields=["position", "served"])
    return True


def _begun(portions: tuple[Portion, ...]) -> None:
    strands = [each.strand for each in portions]
    with transaction.atomic():
        begin = [StrandCursor(strand=each.strand, applied=each.first - 1) for each in portions]
        StrandCursor.objects.bulk_create(begin, ignore_conflicts=True)
        StrandCursor.objects.filter(strand__in=strands).update(failures=F("failures") + 1)


def _not_failed(portions: tuple[Portion, ...]) -> None:
    strands = [each.strand for each in portions]
    StrandCursor.objects.filter(strand__in=strands, failures__gt=0).update(failures=F("failures") - 1)
