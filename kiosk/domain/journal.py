"""Journal entries: what happened at a kiosk, in order, each sealed by the hash of the one before.

An entry's bytes are MessagePack of an array (form, kiosk, epoch, sequence, wall, monotonic, boot, previous, body);
its hash is SHA-256 over a label and those exact bytes, so that nobody has to encode again to check. The body is a map
whose `kind` names it. An entry carries all that the fold needs.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entry_body import Body
from kiosk.domain.errors import ChainBroken, EntryMalformed
from kiosk.domain.fees import OrderKind, PriceLine
from kiosk.domain.key_entries import (
    HoldLifted,
    KeyErased,
    KeyFound,
    LossReported,
    PinChanged,
    PinChangeSkipped,
    PinUnblocked,
)
from kiosk.domain.ledger import Delivery, PaidHow

if TYPE_CHECKING:
    from collections.abc import Iterable

FORM = 1
GENESIS = bytes(32)
_LABEL = b"keydesk journal entry\x00"


class Tip(msgspec.Struct, frozen=True):
    """Where a chain ends."""

    epoch: int
    sequence: int
    hash: bytes


class EpochBegan(Body, tag="epoch-began", frozen=True):
    """The first entry of every epoch; `continues` names the tip before it, on another epoch."""

    given_by_centre: bool
    continues: Tip | None = None


class OrderPlaced(Body, tag="order-placed", frozen=True):
    """A member ordered here; `lines` in fen, `deadline` in UTC seconds, `token` the 38 bytes of the QR."""

    order: str
    account: str
    enterprise: str
    operator: str
    order_kind: OrderKind
    lines: tuple[PriceLine, ...]
    schedule: int
    policy: int
    feed: int
    deadline: int
    token: bytes
    previous: KeyOnRecord | None = None


class OrderAssigned(Body, tag="order-assigned", frozen=True):
    """The centre gave this kiosk an order that was paid elsewhere; `feed` is the item's number."""

    order: str
    account: str
    enterprise: str
    operator: str
    order_kind: OrderKind
    lines: tuple[PriceLine, ...]
    schedule: int
    placed_at: int
    transaction: str
    paid_at: int
    feed: int
    previous: KeyOnRecord | None = None


class OrderReleased(Body, tag="order-released", frozen=True):
    """The centre moved an order to another kiosk."""

    order: str
    new_owner: int
    feed: int


class OrderPaid(Body, tag="order-paid", frozen=True):
    """Money for an order, in fen; `supervisor` vouched when `how` is desk; `feed` is the item's number."""

    order: str
    how: PaidHow
    amount: int
    paid_at: int
    transaction: str | None = None
    feed: int | None = None
    supervisor: str | None = None


class OrderCancelled(Body, tag="order-cancelled", frozen=True):
    """The member gave the order up before paying; `by` is member or a staff name."""

    order: str
    by: str


class OrderExpired(Body, tag="order-expired", frozen=True):
    """Nobody paid in time."""

    order: str


class DeliveryChosen(Body, tag="delivery-chosen", frozen=True):
    """The member takes the token later."""

    order: str
    delivery: Delivery


class BindingStarted(Body, tag="binding-started", frozen=True, omit_defaults=True):
    """An attempt to bind one token begins; a renewal also keeps the old certificate (DER) and the public key.

    `key` is the key that a renewal is of, where the kiosk's own journal does not tell it: it came from elsewhere since
    the order was placed.
    """

    order: str
    attempt: int
    token_serial: str
    driver: str
    algorithm: str
    public_key: bytes | None = None
    old_certificate: bytes | None = None
    key: KeyOnRecord | None = None


class KeyPairMade(Body, tag="key-pair-made", frozen=True):
    """A key pair was made on the token; 04 ‖ x ‖ y."""

    order: str
    attempt: int
    public_key: bytes


class CertificateIssued(Body, tag="certificate-issued", frozen=True):
    """The kiosk's issuing CA signed a certificate (DER); `old_end` is what the validity was counted from."""

    order: str
    attempt: int
    number: str
    certificate: bytes
    not_before: int
    not_after: int
    policy: int
    predecessor: str | None = None
    old_end: int | None = None


class CertificateWritten(Body, tag="certificate-written", frozen=True):
    """The token took the certificate."""

    order: str
    attempt: int


class CertificateProved(Body, tag="certificate-proved", frozen=True):
    """The certificate was read back, equal, and the token signed a challenge that it verifies."""

    order: str
    attempt: int
    challenge: bytes
    signature: bytes


class Bound(Body, tag="bound", frozen=True):
    """The key is the account's; the predecessor is revoked."""

    order: str
    attempt: int


class BindingAbandoned(Body, tag="binding-abandoned", frozen=True):
    """A supervisor gave an attempt up: what was issued is void, another token may be bound."""

    order: str
    attempt: int
    supervisor: str
    reason: str


class RefundGranted(Body, tag="refund-granted", frozen=True):
    """The owning kiosk gives the money back: binding is locked, an issued certificate is void."""

    order: str
    by: str
    reason: str
    feed: int | None = None


class RefundCompleted(Body, tag="refund-completed", frozen=True):
    """The centre paid the money back, in fen."""

    order: str
    amount: int
    feed: int


class SurplusReturned(Body, tag="surplus-returned", frozen=True):
    """The centre paid back what had come in twice, in fen; the order keeps the other payment."""

    order: str
    transaction: str
    amount: int
    feed: int


class CertificateRevoked(Body, tag="certificate-revoked", frozen=True):
    """The centre revoked a certificate that this kiosk issued."""

    number: str
    reason: str
    feed: int


AnyBody = (
    EpochBegan
    | OrderPlaced
    | OrderAssigned
    | OrderReleased
    | OrderPaid
    | OrderCancelled
    | OrderExpired
    | DeliveryChosen
    | BindingStarted
    | KeyPairMade
    | CertificateIssued
    | CertificateWritten
    | CertificateProved
    | Bound
    | BindingAbandoned
    | LossReported
    | KeyFound
    | HoldLifted
    | PinChanged
    | PinChangeSkipped
    | PinUnblocked
    | KeyErased
    | RefundGranted
    | RefundCompleted
    | SurplusReturned
    | CertificateRevoked
)


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One entry; `wall` in UTC seconds, `monotonic` in milliseconds since the boot that `boot` names."""

    form: int
    kiosk: int
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


def check_link(tip: Tip | None, sealed: SealedEntry) -> Tip:
    """The tip after this entry. Raises ChainBroken when it does not continue `tip` (None before the first).

    Sequences run on without a gap across epochs; an epoch's first entry, and no other, is `epoch-began` and names
    the tip.
    """
    entry = sealed.entry
    before = Tip(0, 0, GENESIS) if tip is None else tip
    continues = entry.sequence == before.sequence + 1 and entry.previous == before.hash
    if tip is not None and entry.epoch == tip.epoch:
        begins_rightly = not isinstance(entry.body, EpochBegan)
    else:
        begins_rightly = isinstance(entry.body, EpochBegan) and entry.body.continues == tip
    if not (continues and begins_rightly):
        raise ChainBroken(entry.kiosk, entry.epoch, entry.sequence)
    return Tip(entry.epoch, entry.sequence, sealed.hash)


def check_chain(tip: Tip | None, entries: Iterable[SealedEntry]) -> Tip | None:
    """The tip after all of them. Raises ChainBroken at the first that does not continue."""
    for sealed in entries:
        tip = check_link(tip, sealed)
    return tip
