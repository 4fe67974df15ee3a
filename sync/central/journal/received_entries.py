"""Reading received entries: first the place on the chain, then the body, so that an unreadable body stops no kiosk."""

from __future__ import annotations

import msgspec

from kiosk.domain import journal
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.errors import EntryMalformed
from kiosk.domain.identifiers import MAXIMUM_EPOCH, MAXIMUM_KIOSK, MAXIMUM_MACHINE
from kiosk.domain.journal import entry_hash, unseal
from sync.central.tables import LAST, column_text
from sync.protocol.errors import BodyMalformed

UNREADABLE = "unreadable"
LAST_TIME = 2**62  # what fits into a column
_SUBJECT_LENGTH = 40
_ACCOUNT_LENGTH = 12


class _Header(msgspec.Struct, frozen=True, array_like=True):
    """An entry of any form, its body undecoded."""

    form: int
    kiosk: int
    machine: int
    epoch: int
    sequence: int
    wall: int
    monotonic: int
    boot: str
    previous: bytes
    body: msgspec.Raw


class ReceivedEntry(msgspec.Struct, frozen=True):
    """An entry as received; `entry` is None when its form or its kind is not known here."""

    kiosk: int
    machine: int
    epoch: int
    sequence: int
    wall: int
    previous: bytes
    data: bytes
    hash: bytes
    kind: str
    entry: journal.Entry | None
    order: str
    account: str

    @property
    def tip(self) -> Tip:
        """The chain's tip after this entry."""
        return Tip(self.epoch, self.sequence, self.hash)


_HEADER = msgspec.msgpack.Decoder(_Header)


def read(data: bytes) -> ReceivedEntry:
    """Read an entry's bytes. Raises BodyMalformed when not even its place on the chain can be read."""
    header = _header(data)
    entry: journal.Entry | None = None
    try:
        entry = unseal(data).entry
    except EntryMalformed:
        named = _fields_of(header.body)
    else:
        named = _named_by(entry.body)
    return ReceivedEntry(
        kiosk=header.kiosk,
        machine=header.machine,
        epoch=header.epoch,
        sequence=header.sequence,
        wall=header.wall,
        previous=header.previous,
        data=data,
        hash=entry_hash(data),
        kind=UNREADABLE if entry is None else str(type(entry.body).__struct_config__.tag),
        entry=entry,
        order=column_text(named.get("order", ""), _SUBJECT_LENGTH),
        account=column_text(named.get("account", ""), _ACCOUNT_LENGTH),
    )


def _header(data: bytes) -> _Header:
    try:
        header = _HEADER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BodyMalformed(f"an entry without a place: {error}") from error
    held = (
        1 <= header.kiosk <= MAXIMUM_KIOSK
        and 1 <= header.machine <= MAXIMUM_MACHINE
        and 0 <= header.epoch <= MAXIMUM_EPOCH
        and 1 <= header.sequence <= LAST
        and abs(header.wall) <= LAST_TIME
    )
    if not held:
        raise BodyMalformed("an entry whose place is out of range")
    return header


def continues(tip: Tip | None, received: ReceivedEntry) -> bool:
    """Whether an entry continues a tip (None before the first), by the kiosk's own rule."""
    return journal.continues(tip, received, None if received.entry is None else received.entry.body)


def _named_by(body: AnyBody) -> dict[str, str]:
    """The order (or the certificate) and the account that an entry names."""
    if isinstance(body, CertificateRevoked):
        return {"order": body.number}
    names = ("order", "account")
    return {name: str(value) for name in names if (value := getattr(body, name, None)) is not None}


def _fields_of(raw: msgspec.Raw) -> dict[str, str]:
    """The same for a body of an unknown kind, as far as it can be read."""
    try:
        body = msgspec.msgpack.decode(raw, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return {name: value for name in ("order", "account") if isinstance(value := body.get(name), str)}
