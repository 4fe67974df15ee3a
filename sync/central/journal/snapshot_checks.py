"""Checking a kiosk's snapshot: the centre's own copy of the journal, folded as the kiosk folds, must come to the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.journal import Entry as JournalEntry
from kiosk.domain.ledger_fold import MemoryRecords, fold_entry, judged_by_the_issuer
from kiosk.domain.snapshots import (
    EchoedRow,
    EpochStart,
    JournalSnapshot,
    LinksDigest,
    OtherRun,
    StateDigest,
    StateRow,
    echoed_row,
    encode_row,
    read_snapshot,
    row_place,
)
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import AlarmKind, Entry, Snapshot, SnapshotState, Strand
from sync.central.journal.received_entries import ReceivedEntry, read
from sync.central.journal.strands import Stretch, holding, line, numbered, strands_of
from sync.central.tables import LAST, entry_key

MOST = 2_000_000
"""Entries that are folded for one snapshot, in memory."""

_SLICE = 500  # entries or rows between two looks at other work


class SnapshotChecker:
    """Checks the snapshots that wait, some entries at a time."""

    def __init__(self) -> None:
        self._work: Iterator[None] | None = None

    def step(self, now: int) -> bool:
        """Go on with the one that has waited longest; False when none waits. `now` is UTC seconds."""
        if self._work is None:
            waiting = (
                Snapshot.objects.filter(state=SnapshotState.WAITING).order_by("received_at", "key").first()
            )
            if waiting is None:
                return False
            self._work = _checked(waiting, now)
        if next(self._work, self) is self:
            self._work = None
        return True


def _checked(row: Snapshot, now: int) -> Iterator[None]:
    """Check a snapshot and write down what was found."""
    made = Made(read_snapshot(bytes(row.data)))
    yield from made.fold(row.strand)
    found = {
        "state": SnapshotState.REFUSED if made.reason else SnapshotState.ACKNOWLEDGED,
        "reason": made.reason,
    }
    changed = Snapshot.objects.filter(key=row.key, state=SnapshotState.WAITING).update(**found)
    if changed and made.reason:
        detail = f"到第 {row.sequence} 条：终端机算出的与中心按同样的记录算出的不一样（{made.reason}）"
        raise_alarm(AlarmKind.SNAPSHOT, row.kiosk, f"{row.sequence} {row.key[:16]}", detail, now)


class Made:
    """What the centre's own copy of a journal comes to; `reason` names what is otherwise, empty where nothing is."""

    def __init__(self, snapshot: JournalSnapshot) -> None:
        self.reason = ""
        self._snapshot = snapshot
        self._records = MemoryRecords()
        self._links, self._epochs = LinksDigest(), list[EpochStart]()
        self._echoes: dict[str, EchoedRow] = {}
        self._read = 0

    def fold(self, strand: int) -> Iterator[None]:
        """Fold the journal, a slice at a time."""
        snapshot, strands = self._snapshot, strands_of(self._snapshot.kiosk)
        own = numbered(strands, strand)
        stretches = [] if own is None else line(strands, own)
        runs = list(reversed(snapshot.others))
        for entries in _slices(snapshot.kiosk, stretches, 0, snapshot.head.sequence):
            for received in entries:
                while runs and runs[-1].after < received.sequence:
                    yield from self._fold_other(runs.pop(), strands)
                self._fold_own(received)
            if self.reason:
                return
            yield
        yield from self._compare()

    def _fold_own(self, received: ReceivedEntry) -> None:
        self._links.add(received.hash)
        entry = self._entered(received)
        if entry is None:
            return
        if isinstance(entry.body, EpochBegan):
            self._epochs.append(EpochStart(entry.epoch, entry.sequence))
        if (echoed := echoed_row(entry.body, entry.sequence)) is not None:
            self._echoes.setdefault(echoed.key, echoed)

    def _fold_other(self, run: OtherRun, strands: list[Strand]) -> Iterator[None]:
        strand = holding(strands, run.last, run.hash)
        if strand is None or self.reason:
            self.reason = self.reason or "other-strands"
            return
        for entries in _slices(self._snapshot.kiosk, line(strands, strand), run.first - 1, run.last):
            for received in entries:
                self._entered(received)
            yield

    def _entered(self, received: ReceivedEntry) -> JournalEntry | None:
        """Fold an entry by the rules of its own kiosk; None where it cannot be read or where there are too many."""
        self._read += 1
        if received.entry is None:
            self.reason = "unreadable"
        elif self._read > MOST:
            self.reason = "too-long"
        else:
            folding = fold_entry(self._records, received.entry, judged_by_the_issuer)
            self._records.put(folding.rows)
        return received.entry

    def _compare(self) -> Iterator[None]:
        snapshot, digest = self._snapshot, StateDigest()
        rows: list[StateRow] = [*self._records.rows(), *self._echoes.values()]
        rows.sort(key=row_place)
        for begin in range(0, len(rows), _SLICE):
            for row in rows[begin : begin + _SLICE]:
                digest.add(encode_row(row))
            yield
        found = {
            "links": (self._links.digest(), snapshot.links),
            "epochs": (tuple(self._epochs), snapshot.epochs),
            "rows": ((digest.rows, digest.digest()), (snapshot.rows, snapshot.state)),
        }
        different = (name for name, (here, there) in found.items() if here != there)
        self.reason = self.reason or next(different, "")


def _slices(
    kiosk: int, stretches: Iterable[Stretch], after: int, until: int
) -> Iterator[list[ReceivedEntry]]:
    """The entries of a line after a sequence number and up to another, in slices."""
    for stretch in stretches:
        done, last = max(after, stretch.after), min(until, stretch.until, LAST)
        while done < last:
            end = min(done + _SLICE, last)
            keys = (entry_key(kiosk, stretch.strand, done + 1), entry_key(kiosk, stretch.strand, end))
            rows = Entry.objects.filter(key__range=keys).order_by("key").values_list("data", flat=True)
            yield [read(bytes(data)) for data in rows]
            done = end
