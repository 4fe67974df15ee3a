"""Where checking and folding the journal begin: before its first entry, or after the snapshot in force."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.errors import SnapshotMalformed
from kiosk.domain.journal import SealedEntry, check_link
from kiosk.domain.ledger_fold import fold_entry, judged_by_the_issuer
from kiosk.domain.snapshots import (
    EchoedRow,
    EpochStart,
    JournalSnapshot,
    LinksDigest,
    OtherRun,
    StateDigest,
    echoed_row,
    read_row,
)
from kiosk.store.errors import StoreCorrupt
from kiosk.store.other_strands import OtherEntry
from kiosk.store.scratch import ScratchLedger
from kiosk.store.snapshots import KeptSnapshot
from kiosk.store.transaction import Transaction
from kiosk.store.vault import VaultItem

_LOOK_UP = 256  # entries between two looks at whether to stop


class SnapshotFlaw(enum.StrEnum):
    """Why the journal cannot be checked from its snapshot on."""

    MISSING = "missing"  # entries are gone and no acknowledged snapshot stands for them
    UNREADABLE = "unreadable"
    ANOTHER_KIOSK = "another-kiosk"
    SIGNATURE = "signature"
    ACKNOWLEDGEMENT = "acknowledgement"
    HEAD = "head"  # the journal has another entry where the snapshot ends, or none
    LINKS = "links"  # the hashes up to there are not those that were signed
    ROWS = "rows"  # the rows are not those that were signed


class SnapshotFlawed(Exception):
    """The snapshot in force does not stand for the entries before it."""

    def __init__(self, flaw: SnapshotFlaw, sequence: int) -> None:
        super().__init__(f"the snapshot at {sequence}: {flaw.value}")
        self.flaw = flaw
        self.sequence = sequence


class Start(NamedTuple):
    """Where checking and folding begin: after the entry `tip`; without a snapshot before the first."""

    tip: Tip | None = None
    snapshot: JournalSnapshot | None = None

    @property
    def sequence(self) -> int:
        """The sequence of that entry; 0 before the first."""
        return 0 if self.tip is None else self.tip.sequence


def start_of(tx: Transaction, ledger: ScratchLedger) -> Start:
    """Judge the snapshot in force and put its rows into an empty ledger. Raises SnapshotFlawed, StoreCorrupt."""
    kept = tx.snapshots.in_force()
    first = tx.journal.first()
    if kept is None:
        if tx.journal.pruned.last():
            raise SnapshotFlawed(SnapshotFlaw.MISSING, first)
        return Start()
    snapshot = judged(tx, kept)
    if tx.journal.tip_at(kept.sequence) != snapshot.head or first > kept.sequence:
        raise SnapshotFlawed(SnapshotFlaw.HEAD, kept.sequence)
    try:
        links = links_digest(tx, kept.sequence)
    except StoreCorrupt as error:
        raise SnapshotFlawed(SnapshotFlaw.LINKS, kept.sequence) from error
    if links != snapshot.links:
        raise SnapshotFlawed(SnapshotFlaw.LINKS, kept.sequence)
    _load(tx, ledger, snapshot)
    return Start(snapshot.head, snapshot)


def judged(tx: Transaction, kept: KeptSnapshot) -> JournalSnapshot:
    """The snapshot, if both signatures hold and it is this kiosk's. Raises SnapshotFlawed."""
    from kiosk.pki.snapshots import acknowledged, signed_snapshot  # noqa: PLC0415 - the first screen need not wait for cryptography

    identity, centre_key = tx.identity, tx.vault.get(VaultItem.CENTRE_KEY)
    try:
        snapshot = signed_snapshot(kept.signed)
    except SnapshotMalformed as error:
        raise SnapshotFlawed(SnapshotFlaw.UNREADABLE, kept.sequence) from error
    if snapshot is None:
        raise SnapshotFlawed(SnapshotFlaw.SIGNATURE, kept.sequence)
    if identity is None or snapshot.kiosk != identity.kiosk:
        raise SnapshotFlawed(SnapshotFlaw.ANOTHER_KIOSK, kept.sequence)
    said = kept.acknowledgement
    if (
        said is None
        or centre_key is None
        or acknowledged(said, kept.signed.snapshot, identity.kiosk, centre_key) is None
    ):
        raise SnapshotFlawed(SnapshotFlaw.ACKNOWLEDGEMENT, kept.sequence)
    if snapshot.head.sequence != kept.sequence:
        raise SnapshotFlawed(SnapshotFlaw.HEAD, kept.sequence)
    return snapshot


def links_digest(tx: Transaction, until: int) -> bytes:
    """The digest of the hashes of all entries up to that one. Raises StoreCorrupt at a gap."""
    found, last = LinksDigest(), 0
    for portion in tx.journal.pruned.links():
        found.add(portion.hashes)
    last = tx.journal.pruned.last()
    for sequence, digest in tx.journal.hashes(last, until):
        if sequence != last + 1:
            break
        found.add(digest)
        last = sequence
    if last != until:
        raise StoreCorrupt(tx.path, f"the journal's hashes end at {last}, not at {until}")
    return found.digest()


def require_rows(tx: Transaction, snapshot: JournalSnapshot) -> None:
    """Hold a snapshot's rows against its digest. Raises SnapshotFlawed."""
    digest, sequence = StateDigest(), snapshot.head.sequence
    try:
        for data in tx.snapshots.rows(sequence):
            digest.add(data)
    except StoreCorrupt as error:
        raise SnapshotFlawed(SnapshotFlaw.ROWS, sequence) from error
    if (digest.rows, digest.digest()) != (snapshot.rows, snapshot.state):
        raise SnapshotFlawed(SnapshotFlaw.ROWS, sequence)


def _load(tx: Transaction, ledger: ScratchLedger, snapshot: JournalSnapshot) -> None:
    require_rows(tx, snapshot)
    sequence = snapshot.head.sequence
    try:
        for data in tx.snapshots.rows(sequence):
            row = read_row(data)
            if isinstance(row, EchoedRow):
                ledger.put_echo(row)
            else:
                ledger.put((row,))
    except SnapshotMalformed as error:
        raise SnapshotFlawed(SnapshotFlaw.UNREADABLE, sequence) from error


class Course:
    """Folding a journal into a ledger, entry by entry, from a start on; after an error `sequence` is where that was.

    `others` are the runs of other strands' entries that were folded between, `epochs` where epochs began.
    """

    def __init__(self, tx: Transaction, ledger: ScratchLedger, start: Start) -> None:
        self.tip, self.sequence = start.tip, start.sequence + 1
        before = start.snapshot
        self.others: list[OtherRun] = [] if before is None else list(before.others)
        self.epochs: list[EpochStart] = [] if before is None else list(before.epochs)
        self._tx, self._ledger, self._start = tx, ledger, start.sequence

    def go_on(self, until: int | None = None, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Fold all entries, or those up to that one; False when it was stopped. Raises DomainError, StoreCorrupt."""
        others = iter(each for each in self._tx.other_strands.each() if each.after_own >= self._start)
        other = next(others, None)
        for count, sealed in enumerate(self._entries(until)):
            if count % _LOOK_UP == 0 and stopped():
                return False
            while other is not None and other.after_own < self.sequence:
                self._fold_other(other)
                other = next(others, None)
            self.tip = check_link(self.tip, sealed)
            self._fold(sealed)
            self.sequence += 1
        if until is None:
            while other is not None:
                self._fold_other(other)
                other = next(others, None)
        self._ledger.spill()
        return True

    def _entries(self, until: int | None) -> Iterator[SealedEntry]:
        for sealed in self._tx.journal.each(self._start):
            if until is not None and sealed.entry.sequence > until:
                return
            yield sealed

    def _fold(self, sealed: SealedEntry) -> None:
        entry = sealed.entry
        if isinstance(entry.body, EpochBegan):
            self.epochs.append(EpochStart(entry.epoch, entry.sequence))
        if (echoed := echoed_row(entry.body, entry.sequence)) is not None:
            self._ledger.put_echo(echoed)
        self._ledger.put(fold_entry(self._ledger, entry, judged_by_the_issuer).rows)

    def _fold_other(self, other: OtherEntry) -> None:
        entry = other.sealed.entry
        self._ledger.put(fold_entry(self._ledger, entry, judged_by_the_issuer).rows)
        last = self.others[-1] if self.others else None
        if last is not None and (last.hash, last.after) == (entry.previous, other.after_own):
            self.others[-1] = replace(last, hash=other.sealed.hash, last=entry.sequence)
        else:
            place = (entry.sequence, entry.sequence, other.after_own)
            self.others.append(OtherRun(other.sealed.hash, *place))
