"""One transaction: its tables, and the verbs that write history.

Appending checks the entry against the state, stores it and writes the rows that it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from kiosk.domain.clock import Clock
from kiosk.domain.entries import AnyBody, EpochBegan
from kiosk.domain.errors import ChainBroken
from kiosk.domain.guard import admitted
from kiosk.domain.identifiers import MAXIMUM_EPOCH, MAXIMUM_KIOSK, MAXIMUM_MACHINE, require_range
from kiosk.domain.journal import FORM, GENESIS, Entry, SealedEntry, check_link, seal, unseal
from kiosk.domain.ledger_fold import Folding, fold_entry, judged_by_the_issuer
from kiosk.store.agent_state import AgentTable
from kiosk.store.errors import EnrolledAlready, EpochUsed, NotEnrolled
from kiosk.store.feed import FeedTables
from kiosk.store.journal import JournalTable
from kiosk.store.ledger import LedgerTables
from kiosk.store.lockouts import Lockouts
from kiosk.store.mailbox import Mailbox
from kiosk.store.members import MemberTables
from kiosk.store.print_queue import PrintQueue
from kiosk.store.rows import Codec, Singleton
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
    """An entry's position; order and certificate numbers are made from it."""

    kiosk: int
    epoch: int
    sequence: int


_IDENTITY = Codec(Identity)


class Transaction:
    """The parts of the store within one transaction; use it inside its `with` alone."""

    def __init__(
        self, connection: Connection, path: Path, vault_key: bytes, random: Callable[[int], bytes]
    ) -> None:
        self.journal = JournalTable(connection, path)
        self.ledger = LedgerTables(connection, path)
        self.members = MemberTables(connection, path)
        self.feed = FeedTables(connection, path)
        self.vault = Vault(connection, path, vault_key, random)
        self.lockouts = Lockouts(connection, path)
        self.mailbox = Mailbox(connection, path)
        self.print_queue = PrintQueue(connection, path)
        self.agent = AgentTable(connection, path)
        self._identity = Singleton(connection, path, "identity", _IDENTITY)

    @property
    def identity(self) -> Identity | None:
        """The kiosk's number and the epoch that it writes in; None before it is enrolled."""
        return self._identity.get()

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
        return self._append(self.next_tip(), body, clock)

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
            stored = self.journal.entry(entry.sequence)
            if stored is not None and stored.hash == sealed.hash:
                continue
            check_link(self.journal.tip(), sealed)
            self._store(sealed, fold_entry(self.ledger, entry, judged_by_the_issuer))
            self._identity.put(replace(identity, epoch=entry.epoch))
            count += 1
        return count

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
        self.journal.add(sealed)
        self.ledger.put(folding.rows)
