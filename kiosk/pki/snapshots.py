"""The signatures of snapshots: a machine's own, and the centre's acknowledgement of one."""

from __future__ import annotations

from kiosk.domain.errors import SnapshotMalformed
from kiosk.domain.snapshots import (
    JournalSnapshot,
    SignedAcknowledgement,
    SignedSnapshot,
    SnapshotAcknowledgement,
    encode_acknowledgement,
    encode_snapshot,
    read_acknowledgement,
    read_snapshot,
    snapshot_hash,
    snapshot_message,
)
from kiosk.pki.device_keys import device_sign, device_verify
from kiosk.pki.errors import PublicKeyInvalid

_LABEL = b"keydesk snapshot acknowledged\x00"


def sign_snapshot(snapshot: JournalSnapshot, device_key: bytes) -> SignedSnapshot:
    """Sign a snapshot; `device_key` is the machine's Ed25519 seed."""
    data = encode_snapshot(snapshot)
    return SignedSnapshot(data, device_sign(device_key, snapshot_message(data)))


def signed_snapshot(signed: SignedSnapshot) -> JournalSnapshot | None:
    """The snapshot, if it was signed with the key that it names. Raises SnapshotMalformed."""
    snapshot = read_snapshot(signed.snapshot)
    held = _holds(snapshot.device_key, snapshot_message(signed.snapshot), signed.signature)
    return snapshot if held else None


def sign_acknowledgement(
    acknowledgement: SnapshotAcknowledgement, centre_key: bytes
) -> SignedAcknowledgement:
    """Sign an acknowledgement; `centre_key` is the centre's Ed25519 seed."""
    data = encode_acknowledgement(acknowledgement)
    return SignedAcknowledgement(data, device_sign(centre_key, _LABEL + data))


def acknowledged(
    signed: SignedAcknowledgement, snapshot: bytes, kiosk: int, centre_key: bytes
) -> SnapshotAcknowledgement | None:
    """The acknowledgement, if the centre (its public key) signed it for this kiosk and the snapshot of these bytes."""
    if not _holds(centre_key, _LABEL + signed.acknowledgement, signed.signature):
        return None
    try:
        found = read_acknowledgement(signed.acknowledgement)
    except SnapshotMalformed:
        return None
    return found if (found.kiosk, found.snapshot) == (kiosk, snapshot_hash(snapshot)) else None


def _holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        return device_verify(public_key, message, signature)
    except PublicKeyInvalid:
        return False
