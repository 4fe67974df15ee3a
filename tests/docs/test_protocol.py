"""`docs/protocol.md` is what the code sends and keeps: every kind, record, field, value and problem has its row."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Union, get_args, get_origin

import msgspec
import pytest

from kiosk.domain import payment_codes
from kiosk.domain.certificate_numbers import MAXIMUM_RANDOM, CertificateNumber
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.feed import AnyFeedBody
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import MAXIMUM_KIOSK
from kiosk.domain.journal import Entry
from kiosk.domain.login_check import LoginAnswer, LoginQuestion
from kiosk.domain.personal import PersonalRecord
from kiosk.domain.policy import Policy
from kiosk.domain.snapshots import JournalSnapshot, SnapshotAcknowledgement
from sync.central.ledger.open_orders import MOST
from sync.protocol import batches, records, signatures
from sync.protocol.deeds import Deed
from sync.protocol.errors import Problem, ProblemCode
from sync.protocol.receipts import CentreReceipt

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
VECTORS = Path(__file__).parents[1] / "vectors"
ROWS = {
    (cells[0], cells[1])
    for line in PAGE.splitlines()
    if line.startswith("|") and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) > 1
}

_SCALARS = {int: "int", str: "str", bytes: "bin", bool: "bool", msgspec.Raw: "JSON"}
RECORDS = [
    each
    for each in vars(records).values()
    if isinstance(each, type) and issubclass(each, msgspec.Struct) and each.__module__ == records.__name__
]
ROOTS: list[object] = [
    AnyBody,
    AnyFeedBody,
    LoginQuestion,
    LoginAnswer,
    Policy,
    Problem,
    Deed,
    CentreReceipt,
    JournalSnapshot,
    SnapshotAcknowledgement,
    Entry,
    PersonalRecord,
    *RECORDS,
]


def name_of(record: type[msgspec.Struct]) -> str:
    """Its kind on the wire, or its name where it has none."""
    tag = record.__struct_config__.tag
    return f"`{tag}`" if isinstance(tag, str) else f"`{record.__name__}`"


def fields_of(record: type[msgspec.Struct]) -> str:
    """Names, types and defaults, in the order of the wire."""
    return ", ".join(_field(each) for each in msgspec.structs.fields(record)) or "–"


def _field(field: msgspec.structs.FieldInfo) -> str:
    default = "" if field.required else f" = {_value(field.default)}"
    return f"`{field.encode_name}` {_type(field.type)}{default}"


def _value(value: object) -> str:
    if value is None:
        return "nil"
    return msgspec.json.encode(value).decode()


def _type(kind: object) -> str:
    if get_origin(kind) is tuple:
        return f"{_type(get_args(kind)[0])}[]"
    if get_origin(kind) is dict:
        key, value = get_args(kind)
        return f"{_type(value)} by {_type(key)}"
    if isinstance(kind, UnionType) or get_origin(kind) is Union:
        members = [each for each in get_args(kind) if each is not type(None)]
        optional = "?" if len(members) < len(get_args(kind)) else ""
        return "body" if len(members) > 1 else _type(members[0]) + optional
    if isinstance(kind, type):
        return _SCALARS.get(kind, kind.__name__)
    raise AssertionError(kind)


def reached(kind: object) -> Iterator[type]:
    """All structs and enums in a type, itself first."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for field in msgspec.structs.fields(kind):
            yield from reached(field.type)
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        yield kind
    else:
        for each in get_args(kind):
            yield from reached(each)


ALL = list(dict.fromkeys(each for root in ROOTS for each in reached(root)))
STRUCTS = [each for each in ALL if issubclass(each, msgspec.Struct)]
ENUMS = [each for each in ALL if issubclass(each, enum.Enum) and each is not ProblemCode]


class Order(msgspec.Struct, frozen=True):
    """What the page shows of an order of the vectors."""

    number: str
    reference: str
    out_trade_no: str
    out_refund_no: str
    confirmation: str
    order_code: str
    kiosk: int
    epoch: int
    sequence: int
    account: str
    kind: str
    fee_schedule: int
    placed_at: int
    nonce: str


class Point(msgspec.Struct, frozen=True):
    """The vectors' checkpoint."""

    message: str
    kiosk: int
    epoch: int
    sequence: int
    hash: str
    time: int


class Vectors(msgspec.Struct, frozen=True):
    """Those vectors that the page's layouts are held against."""

    payments: tuple[Order, ...]
    checkpoint: Point


@pytest.mark.parametrize("record", STRUCTS, ids=lambda record: record.__name__)
def test_a_record_has_its_row_with_all_its_fields(record: type[msgspec.Struct]) -> None:
    assert (name_of(record), fields_of(record)) in ROWS


@pytest.mark.parametrize("values", ENUMS, ids=lambda values: values.__name__)
def test_an_enumeration_has_its_row_with_all_its_values(values: type[enum.Enum]) -> None:
    assert (f"`{values.__name__}`", ", ".join(f"`{each.value}`" for each in values)) in ROWS


def test_the_problems_are_those_of_the_code() -> None:
    section = PAGE.partition("## Problems")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \| \d{3}", section, re.MULTILINE) == list(ProblemCode)


def test_every_kind_of_entry_and_of_row_stands_in_the_table_of_its_own() -> None:
    for heading, union in (("### Bodies", AnyBody), ("### Kinds of rows", AnyFeedBody)):
        section = PAGE.partition(heading)[2].partition("\n#")[0]
        wanted = [name_of(each) for each in get_args(union)]
        assert re.findall(r"^\| (`[a-z-]+`) \|", section, re.MULTILINE) == wanted


def test_the_examples_are_those_of_the_vectors() -> None:
    vectors = msgspec.json.decode((VECTORS / "protocol.json").read_bytes(), type=Vectors)
    order = vectors.payments[0]
    for text in (order.number, order.reference, order.confirmation):
        assert f"`{text}`" in PAGE
    for number in (order.out_trade_no, order.out_refund_no):
        assert f"| {number} |" in PAGE


@pytest.mark.parametrize(
    ("heading", "length"),
    [
        ("`out_trade_no`, before base 32", 15),
        ("order code (38 bytes)", payment_codes.ORDER_CODE_LENGTH),
        ("scanned confirmation", 76),
        ("checkpoint, as signed (75 bytes)", len(batches.checkpoint_message(3, Tip(1, 1, bytes(32)), 0))),
    ],
)
def test_a_layout_has_no_gap(heading: str, length: int) -> None:
    at = 0
    for offset, size, _what in layout(heading):
        assert offset == at
        at += size
    assert at == length


def test_a_certificate_number_s_bits_are_those_of_the_page() -> None:
    section = PAGE.partition("| certificate number |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\d+) \| (\d+) bits? \|", section, re.MULTILINE)
    (_, one), (at_kiosk, kiosk), (at_random, random) = [(int(at), int(bits)) for at, bits in rows]
    assert (one, at_kiosk, at_random) == (1, 1, 1 + kiosk)
    assert (2**kiosk - 1, 2**random - 1) == (MAXIMUM_KIOSK, MAXIMUM_RANDOM)
    assert int(CertificateNumber(5, 6)) == 5 << 64 - at_kiosk - kiosk | 6


def test_the_vectors_lie_at_the_offsets_of_the_page() -> None:
    vectors = msgspec.json.decode((VECTORS / "protocol.json").read_bytes(), type=Vectors)
    for order in vectors.payments:
        data = bytes.fromhex(order.order_code)
        parts = [data[offset : offset + size] for offset, size, _what in layout("order code (38 bytes)")]
        numbers = [int.from_bytes(part, "big") for part in parts]
        wanted = (order.kiosk, order.epoch, order.sequence, int(order.account), OrderKind(order.kind).product)
        assert numbers[:8] == [1, *wanted, order.fee_schedule, order.placed_at]
        assert parts[8].hex() == order.nonce
    point = vectors.checkpoint
    message = bytes.fromhex(point.message)
    parts = [
        message[offset : offset + size] for offset, size, _what in layout("checkpoint, as signed (75 bytes)")
    ]
    assert parts[0] == b"keydesk checkpoint\x00"
    numbers = [int.from_bytes(part, "big") for part in (*parts[1:4], parts[5])]
    assert numbers == [point.kiosk, point.epoch, point.sequence, point.time]
    assert parts[4].hex() == point.hash


def layout(heading: str) -> list[tuple[int, int, str]]:
    """Offset, length and field of the byte layout of that heading."""
    section = PAGE.partition(f"| offset | length | {heading} |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (.+) \|$", section, re.MULTILINE)
    return [(int(offset), int(size), what) for offset, size, what in rows]


def test_the_limits_are_those_of_the_code() -> None:
    assert f"entries | 1 to {batches.MAXIMUM_ENTRIES} |" in PAGE
    assert f"({batches.MAXIMUM_PACKED}) |" in PAGE
    assert f"({batches.MAXIMUM_UNPACKED})" in PAGE
    assert f"at most {records.MAXIMUM_JSON} bytes a request" in PAGE
    rows = f"at most {records.FEED_PAGE} rows and 4 MiB ({records.FEED_PAGE_BODIES}) of bodies, at least one"
    assert f"`FeedPage`, {rows}; waits at most {records.MAXIMUM_WAIT} s" in PAGE
    assert f"of the others the {MOST} placed last" in PAGE
    assert f"`JournalPage`, at most {records.JOURNAL_PAGE};" in PAGE
    assert f"within {signatures.TOLERANCE} s" in PAGE
    assert f"`{batches.BATCH_MEDIA_TYPE}`" in PAGE


def test_every_file_of_vectors_is_told_of() -> None:
    files = {path.name for path in VECTORS.iterdir()}
    assert set(re.findall(r"tests/vectors/(\w+\.json)", PAGE)) == files
