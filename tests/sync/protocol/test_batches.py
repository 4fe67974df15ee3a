from __future__ import annotations

import random

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.orders import OrderExpired
from kiosk.domain.journal import GENESIS, Entry, SealedEntry, seal
from kiosk.pki.device_keys import device_public_key, generate_device_key
from sync.protocol.batches import (
    MAXIMUM_ENTRIES,
    MAXIMUM_PACKED,
    MAXIMUM_UNPACKED,
    checkpoint_holds,
    decode_batch,
    encode_batch,
    make_checkpoint,
    take_batch,
)
from sync.protocol.errors import BodyMalformed, BodyTooLarge
from sync.protocol.records import Checkpoint, UploadBatch

KEY = generate_device_key()
PUBLIC = device_public_key(KEY)
TIP = Tip(2, 9, bytes(range(32)))
CHECKPOINT = make_checkpoint(3, TIP, 1_795_000_000, KEY)


def _entry(sequence: int, text: str = "3-0001-1") -> SealedEntry:
    return seal(Entry(2, 3, 1, 1, sequence, 0, 0, "boot", GENESIS, OrderExpired(text)))


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_a_batch_comes_back_byte_for_byte(entries: list[bytes]) -> None:
    batch = UploadBatch(tuple(entries), CHECKPOINT)
    assert decode_batch(encode_batch(batch)) == batch


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_rubbish_is_malformed(body: bytes) -> None:
    for each in (body, zstandard.compress(body)):
        with pytest.raises((BodyMalformed, BodyTooLarge)):
            decode_batch(each)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
@settings(max_examples=100, deadline=None)
def test_a_damaged_batch_never_passes_for_another(position: int, bits: int) -> None:
    batch = UploadBatch((_entry(1).data,), CHECKPOINT)
    body = bytearray(encode_batch(batch))
    body[position % len(body)] ^= bits
    try:
        read = decode_batch(bytes(body))
    except (BodyMalformed, BodyTooLarge):
        return
    # A flip that zstd does not notice is caught by what the batch holds: hashes and signature.
    assert read == batch or read.entries != batch.entries or not checkpoint_holds(read.checkpoint, 3, PUBLIC)


def test_a_truncated_batch_is_malformed() -> None:
    body = encode_batch(UploadBatch((_entry(1).data,), CHECKPOINT))
    for end in range(len(body)):
        with pytest.raises(BodyMalformed):
            decode_batch(body[:end])


def test_an_empty_batch_is_malformed() -> None:
    with pytest.raises(BodyMalformed):
        decode_batch(encode_batch(UploadBatch((), CHECKPOINT)))


def test_what_would_unpack_too_large_is_refused() -> None:
    bomb = zstandard.compress(bytes(MAXIMUM_UNPACKED + 1))
    with pytest.raises(BodyTooLarge):
        decode_batch(bomb)
    with pytest.raises(BodyTooLarge):
        decode_batch(bytes(MAXIMUM_PACKED + 1))


def test_a_frame_without_its_size_is_malformed() -> None:
    packed = msgspec.msgpack.encode(UploadBatch((_entry(1).data,), CHECKPOINT))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(packed)
    with pytest.raises(BodyMalformed):
        decode_batch(unsized)


def test_a_second_frame_is_malformed() -> None:
    body = encode_batch(UploadBatch((_entry(1).data,), CHECKPOINT))
    with pytest.raises(BodyMalformed):
        decode_batch(body + zstandard.compress(bytes(10)))


def test_too_many_entries_are_refused_on_both_sides() -> None:
    many = UploadBatch((b"x",) * (MAXIMUM_ENTRIES + 1), CHECKPOINT)
    with pytest.raises(BodyTooLarge):
        encode_batch(many)
    with pytest.raises(BodyTooLarge):
        decode_batch(zstandard.compress(msgspec.msgpack.encode(many)))


def test_take_batch_takes_as_many_as_fit() -> None:
    assert take_batch([]) == ()
    small = [_entry(number) for number in range(1, 1001)]
    assert take_batch(small) == tuple(small[:MAXIMUM_ENTRIES])


def test_what_take_batch_takes_can_always_be_sent() -> None:
    noise = random.Random(1)  # noqa: S311 - bytes that do not compress
    large = [_entry(number, noise.randbytes(60_000).hex()) for number in range(1, 30)]
    taken = take_batch(large)
    assert 1 <= len(taken) < len(large)
    body = encode_batch(UploadBatch(tuple(each.data for each in taken), CHECKPOINT))
    assert len(body) <= MAXIMUM_PACKED


def test_a_checkpoint_holds_for_its_kiosk_and_key() -> None:
    assert CHECKPOINT.tip == TIP
    assert checkpoint_holds(CHECKPOINT, 3, PUBLIC)
    assert not checkpoint_holds(CHECKPOINT, 4, PUBLIC)
    assert not checkpoint_holds(CHECKPOINT, 3, device_public_key(generate_device_key()))
    assert not checkpoint_holds(CHECKPOINT, 3, b"short")


@pytest.mark.parametrize(
    "change",
    [{"epoch": 1}, {"sequence": 8}, {"hash": bytes(32)}, {"time": 5}, {"sequence": -1}, {"epoch": 2**40}],
)
def test_a_changed_checkpoint_does_not_hold(change: dict[str, object]) -> None:
    changed: Checkpoint = msgspec.structs.replace(CHECKPOINT, **change)
    assert not checkpoint_holds(changed, 3, PUBLIC)
