"""Upload batches and checkpoints: packing, unpacking within limits, signing.

A batch is zstd (RFC 8878, one frame that states its content size) over MessagePack of `UploadBatch`. Neither end
unpacks more than `MAXIMUM_UNPACKED` bytes, whatever size the frame states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import zstandard

from kiosk.domain.entries.body import Tip
from kiosk.domain.journal import SealedEntry
from kiosk.pki.device_keys import device_sign, device_verify
from kiosk.pki.errors import PublicKeyInvalid
from sync.protocol.errors import BodyMalformed, BodyTooLarge
from sync.protocol.records import Checkpoint, UploadBatch

if TYPE_CHECKING:
    from collections.abc import Iterable

BATCH_MEDIA_TYPE = "application/vnd.keydesk.journal+zstd"
MAXIMUM_ENTRIES = 500
MAXIMUM_PACKED = 1024 * 1024
MAXIMUM_UNPACKED = 4 * 1024 * 1024
BATCH_BYTES = 900 * 1024
"""Of one batch unpacked: below MAXIMUM_PACKED even when nothing compresses."""

_LABEL = b"keydesk checkpoint\x00"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(UploadBatch)


def checkpoint_message(kiosk: int, tip: Tip, time: int) -> bytes:
    """The bytes that a kiosk signs: label, kiosk (4), epoch (4), sequence (8), hash (32), time (8), big-endian."""
    numbers = kiosk.to_bytes(4, "big") + tip.epoch.to_bytes(4, "big") + tip.sequence.to_bytes(8, "big")
    return _LABEL + numbers + tip.hash + time.to_bytes(8, "big")


def make_checkpoint(kiosk: int, tip: Tip, time: int, device_key: bytes) -> Checkpoint:
    """The checkpoint of a tip at `time` (UTC seconds), signed with the device key (seed). Raises PrivateKeyMalformed."""
    signature = device_sign(device_key, checkpoint_message(kiosk, tip, time))
    return Checkpoint(kiosk, tip.epoch, tip.sequence, tip.hash, time, signature)


def checkpoint_holds(checkpoint: Checkpoint, kiosk: int, public_key: bytes) -> bool:
    """Whether a checkpoint is signed by this kiosk; `public_key` is its device key (32 bytes)."""
    if checkpoint.kiosk != kiosk:
        return False
    try:
        message = checkpoint_message(checkpoint.kiosk, checkpoint.tip, checkpoint.time)
        return device_verify(public_key, message, checkpoint.signature)
    except (OverflowError, PublicKeyInvalid):
        return False


def take_batch(entries: Iterable[SealedEntry], size: int = BATCH_BYTES) -> tuple[SealedEntry, ...]:
    """The first of these entries, as many as fit into one batch of that size; at least one if there is any."""
    taken: list[SealedEntry] = []
    left = size
    for sealed in entries:
        left -= _size(sealed)
        if taken and (len(taken) == MAXIMUM_ENTRIES or left < 0):
            break
        taken.append(sealed)
    return tuple(taken)


def batch_size(entries: Iterable[SealedEntry]) -> int:
    """How many bytes of a batch these entries take, as `take_batch` counts."""
    return sum(map(_size, entries))


def _size(sealed: SealedEntry) -> int:
    return len(sealed.data) + 8


def encode_batch(batch: UploadBatch) -> bytes:
    """The body of an upload. Raises BodyTooLarge."""
    packed = _ENCODER.encode(batch)
    _require(len(batch.entries), MAXIMUM_ENTRIES)
    _require(len(packed), MAXIMUM_UNPACKED)
    body = zstandard.ZstdCompressor(level=3).compress(packed)
    _require(len(body), MAXIMUM_PACKED)
    return body


def decode_batch(body: bytes) -> UploadBatch:
    """The batch in an upload's body. Raises BodyTooLarge, BodyMalformed."""
    _require(len(body), MAXIMUM_PACKED)
    try:
        size = zstandard.frame_content_size(body)
        if size < 0:
            raise BodyMalformed("a frame that does not state its content size")
        _require(size, MAXIMUM_UNPACKED)
        # The stated size may be wrong: the decompressor itself stops at the limit.
        packed = zstandard.ZstdDecompressor().decompress(
            body, max_output_size=MAXIMUM_UNPACKED, allow_extra_data=False
        )
        batch = _DECODER.decode(packed)
    except (zstandard.ZstdError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BodyMalformed(str(error)) from error
    _require(len(batch.entries), MAXIMUM_ENTRIES)
    if not batch.entries:
        raise BodyMalformed("a batch without entries")
    return batch


def _require(size: int, limit: int) -> None:
    if size > limit:
        raise BodyTooLarge(size, limit)
