"""Journal entries: the events at a kiosk, in order, each sealed by the hash of the one before.

An entry's bytes are MessagePack of an array (form, kiosk, machine, epoch, sequence, wall, monotonic, boot, previous,
body); its hash is SHA-256 over a label and those exact bytes, so that checking needs no second encoding. The body is a map
whose `kind` names it. An entry carries all that the fold needs.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

import msgspec

from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.errors import ChainBroken, EntryMalformed

if TYPE_CHECKING:
    from collections.abc import Iterable

FORM = 2
GENESIS = bytes(32)
_LABEL = b"keydesk journal entry\x00"


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One entry; `wall` in UTC seconds, `monotonic` in milliseconds since the boot that `boot` names.

    `machine` is the number under which the machine that wrote it was enrolled at its kiosk.
    """

    form: int
    kiosk: int
    machine: int
    epoch: int
    sequence: int
    wall: int
    monotonic: int
    boot: str
    previous: bytes
    body: AnyBody

    @property
    def tip(self) -> tuple[int, int]:
        """Its place: epoch and sequence."""
        return self.epoch, self.sequence


class SealedEntry(msgspec.Struct, frozen=True):
    """An entry with the bytes that were hashed and stored."""

    entry: Entry
    data: bytes
    hash: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Entry)


def entry_hash(data: bytes) -> bytes:
    """The hash of an entry's exact bytes (32 bytes)."""
    return hashlib.sha256(_LABEL + data).digest()


def short_hash(digest: bytes) -> str:
    """Eight hex digits of a hash, as a receipt shows them."""
    return digest[:4].hex().upper()


def seal(entry: Entry) -> SealedEntry:
    """The entry with its bytes and hash."""
    data = _ENCODER.encode(entry)
    return SealedEntry(entry, data, entry_hash(data))


def unseal(data: bytes) -> SealedEntry:
    """The entry in these bytes. Raises EntryMalformed."""
    try:
        entry = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EntryMalformed(str(error)) from error
    if entry.form != FORM:
        message = f"entry form {entry.form} is not known here"
        raise EntryMalformed(message)
    return SealedEntry(entry, data, entry_hash(data))


class Linked(Protocol):
    """An entry's claim of its place on a chain."""

    @property
    def epoch(self) -> int:
        """The epoch."""
        ...

    @property
    def sequence(self) -> int:
        """The sequence number."""
        ...

    @property
    def previous(self) -> bytes:
        """The hash of the entry before it."""
        ...


def continues(tip: Tip | None, entry: Linked, body: AnyBody | None) -> bool:
    """Whether an entry with that body follows `tip` (None before the first); None for a body of an unknown kind.

    Sequences run on without a gap across epochs; an epoch's first entry, and no other, is `epoch-began` and names
    the tip.
    """
    before = Tip(0, 0, GENESIS) if tip is None else tip
    if entry.sequence != before.sequence + 1 or entry.previous != before.hash:
        return False
    if tip is not None and entry.epoch == tip.epoch:
        return not isinstance(body, EpochBegan)
    return isinstance(body, EpochBegan) and body.continues == tip


def check_link(tip: Tip | None, sealed: SealedEntry) -> Tip:
    """The tip after this entry. Raises ChainBroken when it does not continue `tip` (None before the first)."""
    entry = sealed.entry
    if not continues(tip, entry, entry.body):
        raise ChainBroken(entry.kiosk, entry.epoch, entry.sequence)
    return Tip(entry.epoch, entry.sequence, sealed.hash)


def check_chain(tip: Tip | None, entries: Iterable[SealedEntry]) -> Tip | None:
    """The tip after all of them. Raises ChainBroken at the first that does not continue."""
    for sealed in entries:
        tip = check_link(tip, sealed)
    return tip
