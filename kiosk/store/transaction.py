"""One transaction: its tables, and the verbs that write history.

Appending checks the entry against the state, stores it and writes the rows that it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from kiosk.domain.clock import Clock
from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.errors import ChainBroken
from kiosk.domain.guard import admitted
from kiosk.domain.identifiers import (
    FIRST_RANDOM_EPOCH,
    MAXIMUM_EPOCH,
    MAXIMUM_KIOSK,
    MAXIMUM_MACHINE,
    require_range,
)
from kiosk.domain.journal import FORM, GENESIS, Entry, SealedEntry, check_link, seal, unseal
from kiosk.domain.ledger_fold import Folding, fold_entry, judged_by_the_issuer
from kiosk.domain.snapshots import EchoedRow
from kiosk.domain.versions import audience_of_kiosk
from kiosk.store.agent_state import AgentTable
from kiosk.store.backup_record import BackupTable
from kiosk.store.errors import EnrolledAlready, EpochUsed, NotEnrolled
from kiosk.store.feed import FeedTables
from kiosk.store.journal import JournalTable, feed_key
from kiosk.store.ledger import LedgerTables
from kiosk.store.lockouts import Lockouts
from kiosk.store.mailbox import Mailbox
from kiosk.store.marker import Marker
from kiosk.store.members import MemberTables
from kiosk.store.nights import NightTable
from kiosk.store.other_strands import OtherStrands
from kiosk.store.personal import PersonalTable
from kiosk.store.print_queue import PrintQueue
from kiosk.store.rows import Codec, Singleton
from kiosk.store.snapshots import SnapshotTables
from kiosk.store.vault import Vault

if TYPE_CHECKING:
    from sqlite3 import Connection

_NO_EPOCH = 0


class Identity(msgspec.Struct, frozen=True):
    """Who writes this journal; epoch 0 while a lost journal is pulled back and no new epoch has begun.

    `machine` is the number of its enrolment at that kiosk.
    """

    kiosk: int
    epoch: int
    machine: int = 1


class Place(NamedTuple):
    """An entry's position; order numbers are made from it."""

    kiosk: int
    epoch: int
    sequence: int


class Home(msgspec.Struct, frozen=True):
    """Under which name the marker knows this store, and the machine that it worked on last (empty: no name).

    `put_back` from when a copy was put back until the next epoch begins.
    """

    store: str
    machine: str
    put_back: bool = False


_IDENTITY = Codec(Identity)
_HOME = Codec(Home)
_STORE_NAME_LENGTH = 16


class Transaction:
    """The parts of the store within one transaction; use it inside its `with` alone."""

    def __init__(
        self,
        connection: Connection,
        path: Path,
        vault_key: bytes,
        random: Callable[[int], bytes],
        marker: Marker | None = None,
    ) -> None:
        self._connection = connection
        self.path = path
        self.journal = JournalTable(connection, path)
        self.ledger = LedgerTables(connection, path)
        self.members = MemberTables(connection, path)
        self.feed = FeedTables(connection, path)
        self.vault = Vault(connection, path, vault_key, random)
        self.lockouts = Lockouts(connection, path)
        self.mailbox = Mailbox(connection, path)
        self.print_queue = PrintQueue(connection, path)
        self.agent = AgentTable(connection, path)
        self.backups = BackupTable(connection, path)
        self.other_strands = OtherStrands(connection, path)
        self.nights = NightTable(connection, path)
        self.personal = PersonalTable(connection, path, random)
        self.snapshots = SnapshotTables(connection, path)
        self._identity = Singleton(connection, path, "identity", _IDENTITY)
        self._home = Singleton(connection, path, "home", _HOME)
        self._random = random
        self._marker = marker
        self._settled = False
        self.appended: Tip | None = None
        """The last entry that was written in it."""

    @property
    def identity(self) -> Identity | None:
        """The kiosk's number and the epoch that it writes in; None before it is enrolled."""
        return self._identity.get()

    def row_counts(self) -> dict[str, int]:
        """How many rows each table has; slow, since the rows are counted."""
        names = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {name: self._rows_of(name) for (name,) in names.fetchall()}

    def _rows_of(self, table: str) -> int:
        (count,) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - its own tables' names
        return int(count)

    def next_tip(self) -> Place:
        """The position of the next entry that is appended in this transaction. Raises NotEnrolled."""
        identity = self.identity
        if identity is None or identity.epoch == _NO_EPOCH:
            raise NotEnrolled
        tip = self.journal.tip()
        return Place(identity.kiosk, identity.epoch, 1 if tip is None else tip.sequence + 1)

    def append(self, body: AnyBody, clock: Clock) -> SealedEntry:
        """Write the next entry of the chain and the rows that it changes.

        Raises EntryRefused when it does not follow from the state, NotEnrolled, and ChainBroken for the start of an
        epoch, which `begin_epoch` writes.
        """
        self.settle_epoch(clock)
        return self._append(self.next_tip(), body, clock)

    def settle_epoch(self, clock: Clock) -> None:
        """Begin a random epoch if this store was put back from a copy, so that no order number is given out twice.

        To be called before a number is made of `next_tip`; `append` calls it by itself.
        """
        if self._settled:
            return
        identity, self._settled = self.identity, True
        if identity is not None and identity.epoch != _NO_EPOCH and self._was_put_back():
            self.begin_epoch(self._random_epoch(), clock, given_by_centre=False)

    def note_tip(self) -> None:
        """Let the marker know how far the journal came; to be called after the commit."""
        home = self._home.get() if self._marker is not None and self.appended is not None else None
        if home is not None and self._marker is not None and self.appended is not None:
            self._marker.write(home.store, self.appended)

    @property
    def is_whole(self) -> bool:
        """Whether the marker knows this store and misses nothing of it: it was not put back from a copy."""
        home = self._home.get()
        if home is None or self._marker is None:
            return False
        return self._marker.read(home.store) is not None and not self._was_put_back()

    def _was_put_back(self) -> bool:
        """Whether the store is a copy or came from another machine, or is not where the marker says that it was."""
        home = self._home.get()
        if home is not None and home.put_back:
            return True
        if home is None or self._marker is None:
            return False
        if home.machine and self._marker.machine and home.machine != self._marker.machine:
            return True
        tip = self._marker.read(home.store)
        return tip is not None and self.journal.hash_at(tip.sequence) != tip.hash

    def _random_epoch(self) -> int:
        while True:
            drawn = int.from_bytes(self._random(3), "big")
            epoch = FIRST_RANDOM_EPOCH + drawn % (MAXIMUM_EPOCH + 1 - FIRST_RANDOM_EPOCH)
            if not self.journal.has_epoch(epoch) and not self.other_strands.has_epoch(epoch):
                return epoch

    def enrol(
        self, kiosk: int, epoch: int, clock: Clock, *, machine: int = 1, given_by_centre: bool = True
    ) -> SealedEntry:
        """Make this the store of a new kiosk, and begin its first epoch.

        Raises EnrolledAlready, IdentifierOutOfRange.
        """
        self.adopt(kiosk, machine)
        return self.begin_epoch(epoch, clock, given_by_centre=given_by_centre)

    def adopt(self, kiosk: int, machine: int = 1) -> None:
        """Make this the store of a kiosk that lost its own; its entries are imported next, then an epoch begins.

        Raises EnrolledAlready, IdentifierOutOfRange.
        """
        require_range("kiosk", kiosk, 1, MAXIMUM_KIOSK)
        require_range("machine", machine, 1, MAXIMUM_MACHINE)
        if (identity := self.identity) is not None:
            raise EnrolledAlready(identity.kiosk)
        self._identity.put(Identity(kiosk, _NO_EPOCH, machine))
        name = "" if self._marker is None else self._marker.machine
        self._home.put(Home(self._random(_STORE_NAME_LENGTH).hex(), name))

    def note_put_back(self) -> None:
        """Take this store for a copy that is put back: an epoch begins before its next entry. Raises NotEnrolled."""
        if self.identity is None:
            raise NotEnrolled
        home = self._home.get() or Home(self._random(_STORE_NAME_LENGTH).hex(), "")
        self._home.put(replace(home, put_back=True))

    def become(self, machine: int) -> None:
        """Write as another machine of the kiosk from now on; a new epoch begins next. Raises NotEnrolled."""
        require_range("machine", machine, 1, MAXIMUM_MACHINE)
        if (identity := self.identity) is None:
            raise NotEnrolled
        self._identity.put(replace(identity, machine=machine))

    def begin_epoch(self, epoch: int, clock: Clock, *, given_by_centre: bool) -> SealedEntry:
        """Begin another epoch, whose first entry names the tip that it continues.

        Raises NotEnrolled, EpochUsed, IdentifierOutOfRange.
        """
        require_range("epoch", epoch, 1, MAXIMUM_EPOCH)
        identity = self.identity
        if identity is None:
            raise NotEnrolled
        if self.journal.has_epoch(epoch):
            raise EpochUsed(epoch)
        self._identity.put(replace(identity, epoch=epoch))
        home, self._settled = self._home.get(), True
        if home is not None:
            machine = home.machine if self._marker is None else self._marker.machine
            self._home.put(replace(home, machine=machine, put_back=False))
        body = EpochBegan(given_by_centre=given_by_centre, continues=self.journal.tip())
        return self._append(self.next_tip(), body, clock)

    def import_entries(self, entries: Iterable[SealedEntry]) -> int:
        """Import this kiosk's own entries that the centre has and this store lost; the result is how many.

        Entries that are here already are skipped. Raises ChainBroken at an entry of another kiosk, at a gap, and
        where this journal has another entry with the same sequence; NotEnrolled, EntryMalformed.
        """
        identity = self.identity
        if identity is None:
            raise NotEnrolled
        count = 0
        for given in entries:
            sealed = unseal(given.data)
            entry = sealed.entry
            if entry.kiosk != identity.kiosk:
                raise ChainBroken(entry.kiosk, entry.epoch, entry.sequence)
            if self.journal.hash_at(entry.sequence) == sealed.hash:
                continue
            check_link(self.journal.tip(), sealed)
            self._store(sealed, fold_entry(self.ledger, entry, judged_by_the_issuer))
            self._identity.put(replace(identity, epoch=entry.epoch))
            count += 1
        return count

    def import_other(self, strand: int, entries: Iterable[SealedEntry]) -> int:
        """Fold entries of another strand of this kiosk into the tables; the result is how many were new.

        Each must continue what is here of the own journal or of another strand. One that does not follow from the
        state changes nothing. Raises NotEnrolled, ChainBroken, EntryMalformed.
        """
        identity = self.identity
        if identity is None:
            raise NotEnrolled
        own = self.journal.tip()
        count = 0
        for given in entries:
            sealed = unseal(given.data)
            entry = sealed.entry
            if self.journal.hash_at(entry.sequence) == sealed.hash:
                continue
            if self.other_strands.tip_at(entry.sequence, sealed.hash) is not None:
                self.other_strands.put_strand(strand, entry.sequence, sealed.hash)
                continue
            if entry.kiosk != identity.kiosk:
                raise ChainBroken(entry.kiosk, entry.epoch, entry.sequence)
            check_link(self._tip_before(entry), sealed)
            self.ledger.put(fold_entry(self.ledger, entry, judged_by_the_issuer).rows)
            self.other_strands.add(strand, 0 if own is None else own.sequence, sealed)
            count += 1
        return count

    def echo(self, key: str) -> EchoedRow | None:
        """Which entry of this kiosk, of any strand, repeats the feed's row of that key."""
        return self.journal.echo(key) or self.other_strands.echo(key)

    def prune(self, most: int) -> int:
        """Delete up to so many entries before the one that the snapshot in force ends with; how many.

        With them go the feed's rows for this kiosk alone that they repeat. The caller knows that the snapshot is sound.
        """
        kept, identity = self.snapshots.in_force(), self.identity
        if kept is None or identity is None:
            return 0
        last = min(kept.sequence - 1, self.journal.first() - 1 + most)
        entries = [each for each in self.journal.entries(limit=most) if each.entry.sequence <= last]
        if entries:
            self.journal.prune(entries)
            own = audience_of_kiosk(identity.kiosk)
            self.feed.rows.drop_repeated(own, (key for each in entries if (key := feed_key(each.entry))))
        return len(entries)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what was done inside, and that alone, when an error leaves it."""
        appended, settled = self.appended, self._settled
        self._connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk ends the whole transaction
                self._connection.execute("ROLLBACK TO attempt")
                self._connection.execute("RELEASE attempt")
            self.appended, self._settled = appended, settled
            raise
        self._connection.execute("RELEASE attempt")

    def _tip_before(self, entry: Entry) -> Tip | None:
        """The entry that another one says it continues, of whatever strand; None where it is not here."""
        sequence = entry.sequence - 1
        if self.journal.hash_at(sequence) == entry.previous:
            return self.journal.tip_at(sequence)
        return self.other_strands.tip_at(sequence, entry.previous)

    def _append(self, place: Place, body: AnyBody, clock: Clock) -> SealedEntry:
        identity, tip = self.identity, self.journal.tip()
        if identity is None:
            raise NotEnrolled
        sealed = seal(
            Entry(
                form=FORM,
                kiosk=place.kiosk,
                machine=identity.machine,
                epoch=place.epoch,
                sequence=place.sequence,
                wall=clock.wall(),
                monotonic=clock.monotonic(),
                boot=clock.boot(),
                previous=GENESIS if tip is None else tip.hash,
                body=body,
            )
        )
        check_link(tip, sealed)
        self._store(sealed, admitted(self.ledger, sealed.entry))
        return sealed

    def _store(self, sealed: SealedEntry, folding: Folding) -> None:
        self.appended = Tip(sealed.entry.epoch, sealed.entry.sequence, sealed.hash)
        self.journal.add(sealed)
        self.ledger.put(folding.rows)
