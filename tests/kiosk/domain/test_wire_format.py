"""The bytes of journal entries and feed items, recorded once: journals and feeds that exist must stay readable.

`recorded/wire_format.json` has each kind twice, with every field and with the required ones alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from kiosk.domain.entries import AnyBody, OrderAssigned
from kiosk.domain.feed import AnyFeedBody, FeedItem, OrderAssignedHere
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.journal import FORM, GENESIS, Entry, seal, unseal


class RecordedEntry(msgspec.Struct, frozen=True):
    kind: str
    bytes: str


class RecordedItem(msgspec.Struct, frozen=True):
    kind: str
    json: str


class Recorded(msgspec.Struct, frozen=True):
    entries: tuple[RecordedEntry, ...]
    feed: tuple[RecordedItem, ...]


RECORDED = msgspec.json.decode(
    (Path(__file__).parent / "recorded" / "wire_format.json").read_bytes(), type=Recorded
)
LINES = (PriceLine(FeeItem.TOKEN, 11_000), PriceLine(FeeItem.SERVICE, 15_000))


def tags(union: object) -> set[str]:
    return {str(each.__struct_config__.tag) for each in get_args(union)}


@pytest.mark.parametrize("recorded", RECORDED.entries, ids=lambda each: each.kind)
def test_an_entry_is_written_as_it_was_recorded(recorded: RecordedEntry) -> None:
    data = bytes.fromhex(recorded.bytes)
    entry = unseal(data).entry
    assert entry.body.__struct_config__.tag == recorded.kind
    assert seal(entry).data == data


@pytest.mark.parametrize("recorded", RECORDED.feed, ids=lambda each: each.kind)
def test_a_feed_item_is_written_as_it_was_recorded(recorded: RecordedItem) -> None:
    body = FeedItem(1, msgspec.Raw(recorded.json.encode())).read()
    assert body.__struct_config__.tag == recorded.kind
    assert msgspec.json.encode(body).decode() == recorded.json


def test_every_kind_is_recorded() -> None:
    assert {each.kind for each in RECORDED.entries} == tags(AnyBody)
    assert {each.kind for each in RECORDED.feed} == tags(AnyFeedBody)


def test_an_assigned_order_is_written_field_by_field_as_its_feed_item_says() -> None:
    told = OrderAssignedHere(
        order="3-0002-1",
        account="11000001",
        enterprise="企业",
        operator="李晓梅",
        order_kind=OrderKind.NEW,
        lines=LINES,
        schedule=2,
        placed_at=1_800_000_000,
        transaction="T1",
        paid_at=1_800_000_100,
        handover=1,
    )
    assert msgspec.json.encode(told).decode() == (
        '{"kind":"order-assigned","order":"3-0002-1","account":"11000001","enterprise":"企业",'
        '"operator":"李晓梅","order_kind":"new","lines":[{"item":"token","amount":11000},'
        '{"item":"service","amount":15000}],"schedule":2,'
        '"placed_at":1800000000,"transaction":"T1","paid_at":1800000100,"handover":1}'
    )
    entered = OrderAssigned(
        order=told.order,
        account=told.account,
        enterprise=told.enterprise,
        operator=told.operator,
        order_kind=told.order_kind,
        lines=told.lines,
        schedule=told.schedule,
        placed_at=told.placed_at,
        transaction=told.transaction,
        paid_at=told.paid_at,
        handover=told.handover,
        feed=9,
    )
    written = msgspec.msgpack.decode(seal(Entry(FORM, 3, 1, 1, 2, 0, 0, "boot", GENESIS, entered)).data)
    assert list(written[-1]) == [
        "kind",
        "order",
        "account",
        "enterprise",
        "operator",
        "order_kind",
        "lines",
        "schedule",
        "placed_at",
        "transaction",
        "paid_at",
        "handover",
        "feed",
        "previous",
    ]
