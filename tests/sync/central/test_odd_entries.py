"""What a kiosk sends that no column or form holds, or that a later version wrote: it stops nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kiosk.domain import journal
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.orders import DeliveryChosen, OrderPaid
from kiosk.domain.errors import EntryMalformed
from kiosk.domain.fees import OrderKind
from kiosk.domain.journal import SealedEntry
from kiosk.domain.ledger import Delivery, OrderStatus, PaidHow
from kiosk.domain.versions import Version
from kiosk.pki.device_keys import device_sign
from sync.central.fleet.models import Kiosk
from sync.central.journal.models import Entry, Fact
from sync.central.ledger.models import EntryRemark, LedgerOrder, Matter
from sync.central.ledger.replaying import reread
from sync.protocol import records
from sync.protocol.batches import checkpoint_message, encode_batch
from sync.protocol.errors import ProblemCode
from tests.support.books import last_remarks, remarks
from tests.support.kiosk_double import Answer, KioskDouble

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("replay_equals_the_tables")]


def test_json_without_bottom_is_a_plain_400(kiosk: KioskDouble) -> None:
    body = b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    answer = kiosk.request("POST", records.PATH_HEARTBEAT, body)
    assert (answer.status, answer.problem.code) == (400, ProblemCode.BODY_MALFORMED)


def _odd(kiosk: KioskDouble, fields: dict[str, Any]) -> SealedEntry:
    """A next entry with places or a body that no kiosk writes."""
    names = ("form", "kiosk", "machine", "epoch", "sequence", "wall", "monotonic", "boot", "previous", "body")
    values = {
        "form": 2, "kiosk": kiosk.number, "machine": 1, "epoch": 1, "sequence": kiosk.last.sequence + 1,
        "wall": kiosk.now(), "monotonic": 1, "boot": "boot", "previous": kiosk.last.hash, "body": {"kind": "odd"}, **fields,
    }  # fmt: skip
    data = msgspec.msgpack.encode([values[name] for name in names])
    sealed = SealedEntry(kiosk.entries[-1].entry, data, journal.entry_hash(data))
    kiosk.entries.append(sealed)
    kiosk.tip = Tip(1, kiosk.last.sequence + 1, sealed.hash)
    return sealed


def _send(kiosk: KioskDouble) -> Answer:
    time_ = kiosk.now()
    signature = device_sign(kiosk.device_key, checkpoint_message(kiosk.number, kiosk.last, time_))
    tip = kiosk.last
    checkpoint = records.Checkpoint(kiosk.number, tip.epoch, tip.sequence, tip.hash, time_, signature)
    batch = records.UploadBatch(tuple(each.data for each in kiosk.entries), checkpoint)
    return kiosk.request("POST", records.PATH_JOURNAL, encode_batch(batch))


@pytest.mark.parametrize(
    "place", [{"sequence": 2**40}, {"sequence": -1}, {"epoch": 2**32}, {"wall": 2**63}, {"kiosk": 2**16}]
)
def test_a_place_that_no_table_holds_is_malformed(kiosk: KioskDouble, place: dict[str, int]) -> None:
    _odd(kiosk, place)
    answer = _send(kiosk)
    assert (answer.status, answer.problem.code) == (400, ProblemCode.BODY_MALFORMED)


def test_a_body_without_bottom_stops_nobody(kiosk: KioskDouble) -> None:
    deep: Any = None
    for _ in range(800):
        deep = [deep]
    _odd(kiosk, {"body": {"kind": "odd", "order": "3-0-1", "deep": deep}})
    assert _send(kiosk).status == 200
    assert last_remarks(kiosk) == ["unreadable"]


def test_texts_and_numbers_that_no_column_holds_stop_only_their_account(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    other.feed()
    kiosk.append(DeliveryChosen("3-\x00-1", Delivery.MAIL))
    kiosk.append(OrderPaid("3-\x00-1", PaidHow.SCAN, 2**63, 0, "\x00" * 70))
    _odd(kiosk, {"body": {"kind": "odd", "account": "1100\x000005"}})
    assert _send(kiosk).status == 200
    placed = other.place()
    other.pushed()
    assert LedgerOrder.objects.filter(reference=placed.order).exists()
    assert Entry.objects.filter(kiosk=3).count() == 4


def test_a_matter_about_an_impossible_text_is_raised_and_stops_nobody_else(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(order="3-\x00-1")
    right = kiosk.place(account="11000006", kind=OrderKind.RENEWAL)
    kiosk.pushed()
    assert {matter.account for matter in Matter.objects.all()} == {"11000001"}
    assert LedgerOrder.objects.filter(reference=right.order).exists()


@pytest.mark.parametrize(
    ("backlog", "cursors"),
    [
        (-1, {-1: Version(-1, -1), 0: Version(0, -1)}),
        (2**62, {0: Version(2**62, 2**63), 2**63: Version(1, 1)}),
    ],
)
def test_a_heartbeats_odd_numbers_are_taken_as_far_as_they_go(
    kiosk: KioskDouble, backlog: int, cursors: dict[int, Version]
) -> None:
    beat = records.Heartbeat(None, backlog, cursors, -(2**62), "p\x00")
    assert kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(beat)).status == 200
    row = Kiosk.objects.get(number=3)
    assert (row.backlog >= 0, row.cursors, row.program) == (True, "", "p")


def test_an_entry_of_a_newer_kiosk_is_applied_once_the_centre_can_read_it(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.feed()
    kiosk.pushed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))

    def older(data: bytes) -> SealedEntry:
        raise EntryMalformed(f"{len(data)} bytes of a kind that is not known yet")

    with monkeypatch.context() as before:
        before.setattr("sync.central.journal.received_entries.unseal", older)
        before.setattr("sync.central.ledger.folding.unseal", older)
        kiosk.pushed()
    assert remarks() == {2: ["unreadable"], 3: ["unreadable"]}
    assert reread(int(time.time()))
    assert not reread(int(time.time()))
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.PAID.value
    assert not EntryRemark.objects.exists()
    assert Fact.objects.get().order == placed.order
