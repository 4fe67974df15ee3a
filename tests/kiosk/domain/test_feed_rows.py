"""A row of the feed gives back the body that was written into it, and no other kind."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from msgspec.structs import replace

from kiosk.domain import feed
from kiosk.domain.feed_rows import row_message, unsigned_row
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version

BODY = feed.OrderMoved("3-0147-6.9f86d081884c", 8, 3)
ROW = unsigned_row(0, "order-moved/3-0147-6.9f86d081884c/3", Version(1, 5), NO_VERSION, BODY)


def test_a_row_reads_back() -> None:
    assert ROW.read() == BODY
    assert ROW.digest == hashlib.sha256(msgspec.json.encode(BODY)).digest()


def test_a_row_is_written_with_the_kind_of_its_body_and_not_signed_yet() -> None:
    row = unsigned_row(MEMBERS, ROW.key, Version(2, 6), Version(1, 5), BODY)
    assert (row.audience, row.version, row.base, row.kind) == (1, Version(2, 6), Version(1, 5), "order-moved")
    assert (row.read(), row.signature) == (BODY, b"")


def test_the_centre_holds_money_for_an_open_order_only_where_its_row_says_so() -> None:
    silent = b'{"order":"3-0147-6.9f86d081884c","order_kind":"new","kiosk":4,"deadline":9}'
    assert not msgspec.json.decode(silent, type=feed.OpenOrder).centre_holds_money


def test_the_centre_signs_everything_that_a_row_says() -> None:
    assert msgspec.msgpack.decode(row_message(ROW)) == [
        "keydesk feed row",
        0,
        ROW.key,
        [1, 5],
        [0, 0],
        "order-moved",
        ROW.digest,
    ]


@pytest.mark.parametrize("kind", ["payment", "shipment"])
def test_a_row_whose_kind_is_not_its_bodys_is_wrong(kind: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=kind):
        replace(ROW, kind=kind).read()
