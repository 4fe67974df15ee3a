"""Snapshots: what the fold made of a kiosk's journal up to one entry, so that the entries before it need not be kept.

The state is rows, each MessagePack of an array (kind, record); a record is a map of the fields that are not at their default.
Rows stand by kind and key, as bytes. A snapshot names their digest; its own bytes are MessagePack of an array.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

import msgspec

from kiosk.domain.echoes import Echo, said_by
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.errors import SnapshotMalformed
from kiosk.domain.ledger import Certificate, Order
from kiosk.domain.ledger_fold import RecordRow
from kiosk.domain.register import Register
from kiosk.domain.requests import Proposal, Requests

FOLD = 1
"""The number of the fold's rules: who changes what they make of entries that exist gives the next one."""

NO_SNAPSHOT = bytes(32)
"""The hash of the snapshot before the first."""

_LABEL = b"keydesk journal snapshot\x00"
_STATE_LABEL = b"keydesk fold state\x00"
_LINKS_LABEL = b"keydesk journal links\x00"


class EpochStart(msgspec.Struct, frozen=True, array_like=True):
    """The sequence of an epoch's first entry."""

    epoch: int
    first: int


class OtherRun(msgspec.Struct, frozen=True, array_like=True):
    """Entries of another strand of the kiosk, folded after the entry `after` of its journal and before the next.

    Each continues the one before; `hash` is that of the last, since the centre may number its strands otherwise some day.
    """

    hash: bytes
    first: int
    last: int
    after: int


class JournalSnapshot(msgspec.Struct, frozen=True, array_like=True):
    """The fold of a kiosk's journal up to `head`, in the order in which this kiosk folded what other strands have.

    `fold` numbers its rules; `machine` signs it with the private key of `device_key`; `strand` is where the centre has the
    journal. `links` is the digest of the entries' hashes, `state` that of the rows, `previous` the hash of the snapshot
    before. `time` is UTC seconds.
    """

    fold: int
    kiosk: int
    machine: int
    device_key: bytes
    strand: int
    head: Tip
    epochs: tuple[EpochStart, ...]
    others: tuple[OtherRun, ...]
    links: bytes
    rows: int
    state: bytes
    time: int
    previous: bytes


class SignedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot's exact bytes and the Ed25519 signature of its machine over a label and them."""

    snapshot: bytes
    signature: bytes


class SnapshotAcknowledgement(msgspec.Struct, frozen=True, array_like=True):
    """The centre has the journal up to a snapshot's head and found the same; `snapshot` is its hash, `time` UTC seconds.

    `incarnation` and its random bits are those of the centre then.
    """

    kiosk: int
    snapshot: bytes
    incarnation: int
    bits: bytes
    time: int


class SignedAcknowledgement(msgspec.Struct, frozen=True):
    """An acknowledgement's exact bytes and the centre's Ed25519 signature over a label and them."""

    acknowledgement: bytes
    signature: bytes


class RowKind(enum.StrEnum):
    """The kinds of the state's rows, in their order."""

    ACCOUNT = "account"
    CERTIFICATE = "certificate"
    ECHO = "echo"
    ORDER = "order"
    PROPOSAL = "proposal"
    REQUESTS = "requests"


class EchoedRow(msgspec.Struct, frozen=True):
    """A row of the feed that an entry repeats: its key, the entry's sequence, and the digest of what it says."""

    key: str
    sequence: int
    said: bytes


StateRow = RecordRow | EchoedRow
Decoded = TypeVar("Decoded")

_SNAPSHOT = msgspec.msgpack.Decoder(JournalSnapshot)
_ACKNOWLEDGEMENT = msgspec.msgpack.Decoder(SnapshotAcknowledgement)
_ROW = msgspec.msgpack.Decoder(tuple[RowKind, msgspec.Raw])
_ENCODER = msgspec.msgpack.Encoder()
_ENTRIES: dict[type[StateRow], RowKind] = {
    Register: RowKind.ACCOUNT,
    Certificate: RowKind.CERTIFICATE,
    EchoedRow: RowKind.ECHO,
    Order: RowKind.ORDER,
    Proposal: RowKind.PROPOSAL,
    Requests: RowKind.REQUESTS,
}
_READERS: dict[RowKind, msgspec.msgpack.Decoder[StateRow]] = {
    kind: msgspec.msgpack.Decoder(record) for record, kind in _ENTRIES.items()
}


def encode_snapshot(snapshot: JournalSnapshot) -> bytes:
    """A snapshot's bytes."""
    return _ENCODER.encode(snapshot)


def read_snapshot(data: bytes) -> JournalSnapshot:
    """The snapshot in these bytes. Raises SnapshotMalformed."""
    return _decoded(_SNAPSHOT, data)


def snapshot_hash(data: bytes) -> bytes:
    """The hash of a snapshot's exact bytes (32 bytes)."""
    return hashlib.sha256(_LABEL + data).digest()


def snapshot_message(data: bytes) -> bytes:
    """The bytes that a machine signs."""
    return _LABEL + data


def encode_acknowledgement(acknowledgement: SnapshotAcknowledgement) -> bytes:
    """An acknowledgement's bytes."""
    return _ENCODER.encode(acknowledgement)


def read_acknowledgement(data: bytes) -> SnapshotAcknowledgement:
    """The acknowledgement in these bytes. Raises SnapshotMalformed."""
    return _decoded(_ACKNOWLEDGEMENT, data)


def echoed_row(body: AnyBody, sequence: int) -> EchoedRow | None:
    """What an entry with that body repeats; None for one that repeats no row."""
    if not isinstance(body, Echo) or not body.feed:
        return None
    return EchoedRow(body.feed, sequence, said_by(body))


def encode_row(row: StateRow) -> bytes:
    """A row's bytes."""
    return _ENCODER.encode((_ENTRIES[type(row)], _plain(row)))


def read_row(data: bytes) -> StateRow:
    """The row in these bytes. Raises SnapshotMalformed."""
    kind, record = _decoded(_ROW, data)
    return _decoded(_READERS[kind], record)


def _decoded(decoder: msgspec.msgpack.Decoder[Decoded], data: bytes | msgspec.Raw) -> Decoded:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SnapshotMalformed(str(error)) from error


def row_place(row: StateRow) -> tuple[RowKind, str]:
    """By what the rows are ordered: kind and key, both as bytes in ASCII or UTF-8."""
    match row:
        case Order():
            return RowKind.ORDER, row.reference
        case Certificate():
            return RowKind.CERTIFICATE, row.number
        case Register():
            return RowKind.ACCOUNT, row.account
        case EchoedRow():
            return RowKind.ECHO, row.key
        case Proposal():
            return RowKind.PROPOSAL, row.proposal
        case Requests():
            return RowKind.REQUESTS, row.order


class StateDigest:
    """The digest of rows that come in their order."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256(_STATE_LABEL)
        self.rows = 0

    def add(self, data: bytes) -> None:
        """Take the next row's bytes."""
        self._sum.update(len(data).to_bytes(4, "big") + data)
        self.rows += 1

    def digest(self) -> bytes:
        """SHA-256 over a label and each row's length (4 bytes) and bytes."""
        return self._sum.digest()


class LinksDigest:
    """The digest of the hashes of entries, from the first on."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256(_LINKS_LABEL)

    def add(self, hashes: bytes) -> None:
        """Take the next entry's hash, or those of several in their order."""
        self._sum.update(hashes)

    def digest(self) -> bytes:
        """SHA-256 over a label and the hashes."""
        return self._sum.digest()


def digest_of(rows: Iterable[StateRow]) -> tuple[int, bytes]:
    """How many rows there are, in whatever order they come, and their digest."""
    found = StateDigest()
    for row in sorted(rows, key=row_place):
        found.add(encode_row(row))
    return found.rows, found.digest()


def _plain(value: Any) -> Any:
    """A record as maps and arrays of what MessagePack has, without the fields that are at their default."""
    if isinstance(value, msgspec.Struct):
        fields, is_array = _fields(type(value))
        if is_array:
            return [_plain(getattr(value, name)) for name, _, _ in fields]
        named = ((wire, getattr(value, name), default) for name, wire, default in fields)
        return {wire: _plain(each) for wire, each, default in named if each != default}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


@cache
def _fields(record: type[msgspec.Struct]) -> tuple[tuple[tuple[str, str, Any], ...], bool]:
    fields = msgspec.structs.fields(record)
    return tuple((each.name, each.encode_name, each.default) for each in fields), bool(
        record.__struct_config__.array_like
    )
