"""A row of the feed is the centre's as a whole or not at all."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from kiosk.domain.feed import KeyBoundElsewhere, PaymentConfirmed
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import FeedRow, unsigned_row
from kiosk.domain.versions import NO_VERSION, Version, audience_of_kiosk
from kiosk.pki.device_keys import device_public_key, generate_device_key
from sync.protocol.records import FeedPage, decode, encode
from sync.protocol.rows import row_holds, sign_row

KEY = generate_device_key()
BODY = PaymentConfirmed("3-0147-6.9f86d081884c", 50_000, "T1", 9)
ROW = unsigned_row(audience_of_kiosk(3), row_key_of(BODY), Version(1, 5), NO_VERSION, BODY)


def test_a_signed_row_holds_and_comes_through_the_wire() -> None:
    page = FeedPage((sign_row(ROW, KEY),), {audience_of_kiosk(3): Version(1, 5)}, more=False)
    read = decode(encode(page), FeedPage)
    assert read == page
    assert row_holds(read.rows[0], device_public_key(KEY))
    assert read.rows[0].read() == BODY


@pytest.mark.parametrize(
    "changed",
    [
        {"audience": audience_of_kiosk(4)},
        {"key": "payment/3-0147-6.9f86d081884c/T2"},
        {"version": Version(1, 6)},
        {"version": Version(2, 5)},
        {"base": Version(1, 4)},
        {"kind": "refund-paid"},
        {"body": msgspec.Raw(b"{}")},
        {"signature": b""},
        {"version": Version(1, 2**70)},
    ],
    ids=["audience", "key", "stamp", "incarnation", "base", "kind", "body", "signature", "outsize"],
)
def test_a_row_that_was_changed_does_not_hold(changed: dict[str, object]) -> None:
    assert not row_holds(replace(sign_row(ROW, KEY), **changed), device_public_key(KEY))


def test_another_key_s_row_does_not_hold() -> None:
    assert not row_holds(sign_row(ROW, generate_device_key()), device_public_key(KEY))


def test_a_body_of_another_kind_is_not_read() -> None:
    body = msgspec.Raw(msgspec.json.encode(KeyBoundElsewhere("11000001", "1", "A1", 1, 2)))
    with pytest.raises(msgspec.ValidationError):
        FeedRow(0, "key/1", Version(1, 1), NO_VERSION, "payment-confirmed", body).read()
