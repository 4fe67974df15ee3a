"""The bytes of journal entries and of the feed's rows, recorded once: journals and feeds that exist must stay readable.

`tests/vectors/wire_format.json` has each kind twice, with every field and with the required ones alone: an entry as hex
of its bytes, with its hash and its fields (bytes in base64), the body of a row as its JSON. `write` adds hash and fields to an
entry whose bytes are new.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderAssigned
from kiosk.domain.feed import AnyFeedBody, OrderAssignedHere
from kiosk.domain.feed_rows import FeedRow
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.journal import FORM, GENESIS, Entry, entry_hash, seal, unseal
from kiosk.domain.versions import NO_VERSION


class RecordedEntry(msgspec.Struct, frozen=True):
    kind: str
    bytes: str
    hash: str = ""
    fields: dict[str, object] = {}


class RecordedItem(msgspec.Struct, frozen=True):
    kind: str
    json: str


class Recorded(msgspec.Struct, frozen=True):
    entries: tuple[RecordedEntry, ...]
    feed: tuple[RecordedItem, ...]


FILE = Path(__file__).parents[2] / "vectors" / "wire_format.json"
RECORDED = msgspec.json.decode(FILE.read_bytes(), type=Recorded)
LINES = (PriceLine(FeeItem.TOKEN, 11_000), PriceLine(FeeItem.SERVICE, 15_000))


def complete(recorded: RecordedEntry) -> RecordedEntry:
    """The entry with its hash, and its fields as MessagePack alone reads them."""
    data = bytes.fromhex(recorded.bytes)
    values = msgspec.to_builtins(msgspec.msgpack.decode(data))
    fields = dict(zip(Entry.__struct_fields__, values, strict=True))
    return RecordedEntry(recorded.kind, recorded.bytes, entry_hash(data).hex(), fields)


def write() -> None:
    """Write the file anew from the bytes in it."""
    whole = Recorded(tuple(complete(each) for each in RECORDED.entries), RECORDED.feed)
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n")


def tags(union: object) -> set[str]:
    return {str(each.__struct_config__.tag) for each in get_args(union)}


@pytest.mark.parametrize("recorded", RECORDED.entries, ids=lambda each: each.kind)
def test_an_entry_is_written_as_it_was_recorded(recorded: RecordedEntry) -> None:
    data = bytes.fromhex(recorded.bytes)
    entry = unseal(data).entry
    assert entry.body.__struct_config__.tag == recorded.kind
    assert seal(entry).data == data
    assert seal(entry).hash.hex() == recorded.hash


@pytest.mark.parametrize("recorded", RECORDED.entries, ids=lambda each: each.kind)
def test_an_entry_s_fields_are_those_beside_it_and_make_its_bytes(recorded: RecordedEntry) -> None:
    assert complete(recorded) == recorded
    entry = msgspec.json.decode(msgspec.json.encode(list(recorded.fields.values())), type=Entry)
    assert seal(entry).data.hex() == recorded.bytes


@pytest.mark.parametrize("recorded", RECORDED.feed, ids=lambda each: each.kind)
def test_a_row_s_body_is_written_as_it_was_recorded(recorded: RecordedItem) -> None:
    body = FeedRow(0, "", NO_VERSION, NO_VERSION, recorded.kind, msgspec.Raw(recorded.json.encode())).read()
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
        '"placed_at":1800000000,"transaction":"T1","paid_at":1800000100,"handover":1,"previous":null}'
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
        feed="order-assigned/3-0002-1/1",
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
