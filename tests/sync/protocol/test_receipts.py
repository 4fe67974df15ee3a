"""The centre's receipts: who is believed, and which of two a machine keeps."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.entries.body import Tip
from kiosk.pki.device_keys import device_public_key, generate_device_key
from sync.protocol.receipts import (
    CentreReceipt,
    Life,
    SignedReceipt,
    Verdict,
    believed,
    judge,
    parse_receipt,
    receipt_text,
    sign_receipt,
    tells_more,
)

KEY = generate_device_key()
PUBLIC = device_public_key(KEY)
RECEIPT = CentreReceipt(2, bytes(8), 3, 1, Tip(1, 9, bytes(32)), {0: 5, 65539: 7}, 4, 1_795_000_000)


def changed(**fields: object) -> CentreReceipt:
    return msgspec.structs.replace(RECEIPT, **fields)


def test_a_receipt_comes_back_from_its_text() -> None:
    assert believed(receipt_text(sign_receipt(RECEIPT, KEY)), 3, PUBLIC) == RECEIPT


def test_a_receipt_that_the_centre_did_not_sign_is_ignored() -> None:
    signed = sign_receipt(RECEIPT, KEY)
    forged = SignedReceipt(msgspec.msgpack.encode(changed(incarnation=9)), signed.signature)
    assert believed(receipt_text(forged), 3, PUBLIC) is None
    assert believed(receipt_text(sign_receipt(RECEIPT, generate_device_key())), 3, PUBLIC) is None


def test_a_receipt_for_another_kiosk_is_ignored() -> None:
    assert believed(receipt_text(sign_receipt(RECEIPT, KEY)), 4, PUBLIC) is None


@pytest.mark.parametrize(
    "text", ["", "x", "====", "é", "A" * 5000, base64.b64encode(bytes(64)).decode(), "AAAA" * 40]
)
def test_what_is_no_receipt_is_ignored(text: str) -> None:
    assert believed(text, 3, PUBLIC) is None


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_changed_byte_is_not_believed(place: int, by: int) -> None:
    data = bytearray(base64.b64decode(receipt_text(sign_receipt(RECEIPT, KEY))))
    data[place % len(data)] ^= by
    assert believed(base64.b64encode(bytes(data)).decode(), 3, PUBLIC) is None


def test_a_text_is_read_as_it_was_written() -> None:
    signed = sign_receipt(RECEIPT, KEY)
    assert parse_receipt(receipt_text(signed)) == signed


@pytest.mark.parametrize(
    ("came", "kept"),
    [
        (RECEIPT, False),
        (changed(time=RECEIPT.time + 1), False),
        (changed(heads={0: 6, 65539: 7}), True),
        (changed(heads={0: 5}), True),
        (changed(tip=Tip(1, 10, bytes(32))), True),
        (changed(strand=2, tip=Tip(2, 4, bytes(32))), True),
        (changed(incarnation=3, heads={}, tip=None), True),
        (changed(incarnation=1, heads={0: 99, 65539: 99}), False),
        # A centre that was put back and does not know it yet takes no proof away.
        (changed(heads={0: 4, 65539: 9}), False),
        (changed(tip=Tip(1, 8, bytes(32)), heads={0: 9, 65539: 9}), False),
        (changed(tip=None, heads={0: 9, 65539: 9}), False),
        (changed(ended=3, heads={0: 9, 65539: 9}), False),
        (changed(ended=5), True),
        (changed(bits=bytes([1] * 8), heads={0: 9, 65539: 9}), False),
    ],
)
def test_the_receipt_that_tells_more_is_kept(came: CentreReceipt, *, kept: bool) -> None:
    assert tells_more(came, RECEIPT) is kept


@pytest.mark.parametrize(
    ("present", "known", "verdict"),
    [
        (Life(2, bytes(8)), True, Verdict.NOTHING),
        (Life(2, bytes(8)), False, Verdict.PUT_BACK),
        (Life(2, bytes([1] * 8)), True, Verdict.PUT_BACK),
        (Life(1, bytes(8)), True, Verdict.PUT_BACK),
        (Life(3, bytes(8)), True, Verdict.EARLIER),
        (Life(3, bytes(8)), False, Verdict.EARLIER),
    ],
)
def test_what_a_receipt_says_of_the_centre(present: Life, verdict: Verdict, *, known: bool) -> None:
    assert judge(RECEIPT, present, lambda: known) is verdict
