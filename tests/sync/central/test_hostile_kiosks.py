"""What a kiosk may send that no honest one does, and what hurried servers leave behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.db import OperationalError
from msgspec.structs import asdict

from kiosk.domain import entries, journal
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries import LossReported, Tip
from kiosk.domain.errors import EntryMalformed
from kiosk.domain.feed import OrderAssignedHere
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import OrderNumber
from kiosk.domain.journal import SealedEntry
from kiosk.domain.ledger import Account, Delivery, OrderStatus, PaidHow
from kiosk.domain.payment_codes import OrderCode, encode_order_code, order_code_key
from kiosk.pki.device_keys import device_sign
from sync.central.examples import SCHEDULE
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.models import FeedItem, Kiosk, KioskState
from sync.central.journal.models import Entry, Fact, Source, StrayEntry, Verdict
from sync.central.ledger import applying
from sync.central.ledger.models import Dispute, DisputeState, LedgerAccount, LedgerCertificate, LedgerOrder
from sync.central.ledger.rows import put
from sync.central.ledger.settling import settle
from sync.protocol import records
from sync.protocol.batches import checkpoint_message, encode_batch
from sync.protocol.errors import ProblemCode
from tests.support.kiosk_double import Answer, KioskDouble

pytestmark = pytest.mark.django_db


def _verdict(kiosk: KioskDouble) -> str:
    """The verdict on the kiosk's last entry."""
    return Entry.objects.get(kiosk=kiosk.number, sequence=kiosk.last.sequence).verdict


def _paid(kiosk: KioskDouble, **more: Any) -> entries.OrderPlaced:
    kiosk.feed()
    placed = kiosk.place(**more)
    kiosk.append(
        entries.OrderPaid(placed.order, PaidHow.DESK, _total(placed), kiosk.now(), supervisor="林涛")
    )
    kiosk.pushed()
    return placed


def _total(placed: entries.OrderPlaced) -> int:
    return sum(line.amount for line in placed.lines)


def test_a_revoked_kiosks_later_batches_are_kept_too(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.pushed()
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    placed = kiosk.place()
    assert kiosk.upload(kiosk.entries[1:]).read(records.UploadAnswer).quarantined
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    answer = kiosk.upload(kiosk.entries[2:])
    assert answer.status == 200, answer.body
    assert answer.read(records.UploadAnswer).quarantined
    assert Fact.objects.get(kind="money").source == Source.QUARANTINE


def test_a_branchs_later_batches_continue_its_strand(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.pushed()
    kiosk.entries, kiosk.tip = kiosk.entries[:1], Tip(1, 1, kiosk.entries[0].hash)
    for delivery in ("counter", "mail", "counter"):
        kiosk.append(entries.DeliveryChosen(placed.order, Delivery(delivery)))
        assert kiosk.upload(kiosk.entries[-1:]).read(records.UploadAnswer).strand == 2
    assert list(Entry.objects.order_by("key").values_list("strand", "sequence")) == [
        (1, 1), (1, 2), (2, 2), (2, 3), (2, 4),
    ]  # fmt: skip
    assert not StrayEntry.objects.exists()
    # What goes on from nothing that is here stays a hole.
    kiosk.tip = Tip(1, 7, bytes(32))
    kiosk.append(entries.OrderExpired(placed.order))
    assert kiosk.upload(kiosk.entries[-1:]).problem.code is ProblemCode.CHAIN_HOLE


def test_an_upload_from_before_the_revocation_changes_nothing_when_it_is_sent_again(
    kiosk: KioskDouble,
) -> None:
    _paid(kiosk)
    before = list(Entry.objects.values_list("key", "verdict"))
    facts = list(Fact.objects.values_list("key", "source"))
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    assert kiosk.pushed().quarantined
    assert list(Entry.objects.values_list("key", "verdict")) == before
    assert list(Fact.objects.values_list("key", "source")) == facts


def test_a_token_given_before_the_revocation_brings_no_kiosk_back(kiosk: KioskDouble) -> None:
    token = give_token(3, int(time.time()))
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    answer = KioskDouble(3).enrol_with(token)
    assert (answer.status, answer.problem.code) == (403, ProblemCode.KIOSK_REVOKED)
    assert Kiosk.objects.get(number=3).state == KioskState.REVOKED


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
    assert _verdict(kiosk) == Verdict.DISPUTED


def test_texts_and_numbers_that_no_column_holds_stop_only_their_account(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    other.feed()
    kiosk.append(entries.DeliveryChosen("3-\x00-1", Delivery.MAIL))
    kiosk.append(entries.OrderPaid("3-\x00-1", PaidHow.SCAN, 2**63, 0, "\x00" * 70))
    _odd(kiosk, {"body": {"kind": "odd", "account": "1100\x000005"}})
    assert _send(kiosk).status == 200
    placed = other.place()
    other.pushed()
    assert LedgerOrder.objects.filter(reference=placed.order).exists()
    assert Entry.objects.filter(kiosk=3).count() == 4


def test_a_dispute_about_an_impossible_text_is_raised_and_stops_nobody_else(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(order="3-\x00-1")
    right = kiosk.place(account="11000006", kind=OrderKind.RENEWAL)
    kiosk.pushed()
    assert Dispute.objects.get().account == "11000001"
    assert LedgerOrder.objects.filter(reference=right.order).exists()


@pytest.mark.parametrize(("backlog", "cursor"), [(-1, -1), (2**62, 2**63)])
def test_a_heartbeats_odd_numbers_are_taken_as_far_as_they_go(
    kiosk: KioskDouble, backlog: int, cursor: int
) -> None:
    beat = records.Heartbeat(None, backlog, cursor, -(2**62), "p\x00")
    assert kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(beat)).status == 200
    row = Kiosk.objects.get(number=3)
    assert (row.backlog >= 0, row.feed_cursor >= 0, row.program) == (True, True, "p")


def test_an_order_is_not_taken_without_the_centres_word(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    thief = make_kiosk(4)
    thief.feed()
    placed = _paid(kiosk)
    thief.append(
        entries.OrderAssigned(
            placed.order, placed.account, placed.enterprise, placed.operator, placed.order_kind, placed.lines,
            placed.schedule, thief.now(), "T1", thief.now(), handover=1, feed=1,
        )
    )  # fmt: skip
    thief.pushed()
    assert _verdict(thief) == Verdict.DISPUTED
    assert LedgerOrder.objects.get(reference=placed.order).owner == 3


def test_an_order_is_not_let_go_by_another_kiosk(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    thief = make_kiosk(4)
    placed = _paid(kiosk)
    thief.append(entries.OrderReleased(placed.order, 4, handover=1, feed=2**40))
    thief.pushed()
    assert _verdict(thief) == Verdict.DISPUTED
    assert LedgerOrder.objects.get(reference=placed.order).owner == 3


def test_an_order_made_up_as_paid_elsewhere_is_disputed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    lines = SCHEDULE.lines(OrderKind.NEW)
    made_up = entries.OrderAssigned(
        "8-0001-1", "11000001", "甲", "乙", OrderKind.NEW, lines, 1, kiosk.now(), "T1", kiosk.now(), 1, feed=1
    )
    kiosk.append(made_up)
    kiosk.pushed()
    assert _verdict(kiosk) == Verdict.DISPUTED
    assert not LedgerOrder.objects.filter(reference=made_up.order).exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"enterprise": "甲"},
        {"operator": "乙"},
        {"placed_at": 1},
        {"paid_at": 1},
        {"schedule": 2},
        {"handover": 7},
    ],
)
def test_an_order_is_not_taken_over_with_other_facts_than_the_feed_gave(
    kiosk: KioskDouble, changed: dict[str, object]
) -> None:
    (item,) = [each for each in kiosk.feed() if isinstance(each, OrderAssignedHere)]
    facts = asdict(item.facts) | changed
    kiosk.append(entries.OrderAssigned(**facts, feed=kiosk.feed_number(item)))
    kiosk.pushed()
    assert _verdict(kiosk) == Verdict.DISPUTED


def test_money_is_not_called_paid_back_before_it_is(kiosk: KioskDouble) -> None:
    placed = _paid(kiosk)
    kiosk.append(entries.RefundGranted(placed.order, "林涛", "asked"))
    kiosk.append(entries.RefundCompleted(placed.order, 34000, feed=1))
    kiosk.pushed()
    assert _verdict(kiosk) == Verdict.DISPUTED
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.REFUNDING.value


def test_a_certificate_is_not_revoked_by_a_kiosk_that_nobody_asked(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    placed = _paid(kiosk)
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    other.append(entries.CertificateRevoked(issued.number, "because", feed=1))
    other.pushed()
    assert _verdict(other) == Verdict.DISPUTED
    assert LedgerCertificate.objects.get(number=issued.number).status == "valid"


def test_an_order_under_another_kiosks_number_is_disputed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    number = OrderNumber(4, 1, 2)
    token = OrderCode(number, "11000001", OrderKind.NEW, SCHEDULE.number, kiosk.now(), b"nonce6")
    kiosk.place(
        order=str(token.reference),
        order_code=encode_order_code(token, order_code_key(kiosk.answer.payment_secret)),
    )
    kiosk.pushed()
    assert Dispute.objects.get().reason == "order-of-another-kiosk"


@pytest.mark.parametrize("policy", [4 << 32 | 1, 1 << 32 | 1, -1, 2**63])
def test_a_policy_is_not_borrowed_by_an_impossible_number(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], policy: int
) -> None:
    make_kiosk(7)
    kiosk.feed()
    kiosk.place(policy=policy)
    kiosk.pushed()
    assert Dispute.objects.get().reason == "beyond-policy"


def test_the_databases_trouble_is_not_the_entrys(kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    def deadlock(*_: object) -> None:
        raise OperationalError("deadlock detected")

    kiosk.feed()
    kiosk.place()
    with monkeypatch.context() as broken:
        broken.setattr(applying, "check", deadlock)
        assert kiosk.pushed().high_water == kiosk.tip
    assert _verdict(kiosk) == Verdict.PENDING
    assert not Dispute.objects.exists()


def test_what_a_killed_server_left_is_applied_with_a_heartbeat(
    kiosk: KioskDouble, clock: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    with monkeypatch.context() as killed:
        killed.setattr("sync.central.device.views.apply_pending", lambda _: None)
        kiosk.pushed()
    beat = records.encode(records.Heartbeat(None, 0, 0, kiosk.now()))
    clock(120)
    assert kiosk.request("POST", records.PATH_HEARTBEAT, beat).status == 200
    assert LedgerOrder.objects.filter(reference=placed.order).exists()


class _Killed(Exception):
    """The server was killed."""


def test_what_waited_for_an_entry_goes_on_though_the_server_was_killed_right_after_it(
    kiosk: KioskDouble,
    make_kiosk: Callable[[int], KioskDouble],
    clock: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = make_kiosk(4)
    placed = _bound_by(kiosk)
    other.append(LossReported("11000001", placed))
    other.pushed()
    assert _verdict(other) == Verdict.WAITING
    applied = applying._apply_one

    def killed_after(row: Entry, now: int) -> object:
        done = applied(row, now)
        if row.kind == "bound":
            raise _Killed
        return done

    with monkeypatch.context() as killed:
        killed.setattr(applying, "_apply_one", killed_after)
        kiosk.pushed()
    clock(120)
    kiosk.clock_offset = 120
    beat = records.encode(records.Heartbeat(None, 0, 0, kiosk.now()))
    assert kiosk.request("POST", records.PATH_HEARTBEAT, beat).status == 200
    assert _verdict(other) == Verdict.APPLIED
    assert LedgerCertificate.objects.get().status == "on-hold"


def _bound_by(kiosk: KioskDouble) -> KeyOnRecord:
    """The key that a kiosk bound and has not told of."""
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    return KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)


def test_what_waited_for_a_decision_goes_on_though_the_server_was_killed_right_after_it(
    kiosk: KioskDouble, clock: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    placed = kiosk.place()
    kiosk.pushed()
    assert _verdict(kiosk) == Verdict.WAITING
    with monkeypatch.context() as killed:
        killed.setattr("sync.central.ledger.settling.apply_pending", lambda *_: None)
        settle(Dispute.objects.get(), DisputeState.DISMISSED, "admin", int(time.time()))
    beat = records.encode(records.Heartbeat(None, 0, 0, kiosk.now()))
    clock(120)
    assert kiosk.request("POST", records.PATH_HEARTBEAT, beat).status == 200
    assert LedgerOrder.objects.filter(reference=placed.order).exists()


def test_an_entry_of_a_newer_kiosk_is_applied_once_the_centre_can_read_it(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.feed()
    kiosk.pushed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))

    def older(data: bytes) -> SealedEntry:
        raise EntryMalformed(f"{len(data)} bytes of a kind that is not known yet")

    with monkeypatch.context() as before:
        before.setattr("sync.central.journal.received_entries.unseal", older)
        kiosk.pushed()
    for _ in range(3):
        for dispute in Dispute.objects.filter(state=DisputeState.OPEN):
            settle(dispute, DisputeState.RETRIED, "admin", int(time.time()))
    assert set(Entry.objects.values_list("kind", "verdict")) == {
        ("epoch-began", "applied"),
        ("order-placed", "applied"),
        ("order-paid", "applied"),
    }
    assert Fact.objects.get().order == placed.order


def test_an_entry_that_another_request_applied_meanwhile_stays_applied(kiosk: KioskDouble) -> None:
    _paid(kiosk)
    row = Entry.objects.get(kiosk=3, sequence=2)
    applying._wait(row, "order 3-0001-1")
    assert Entry.objects.get(key=row.key).verdict == Verdict.APPLIED


def test_an_account_that_is_there_is_not_made_again(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(Account("11000001", open_orders={OrderKind.NEW: "3-0001-1"}))
    before = bytes(LedgerAccount.objects.get(account="11000001").record)
    # Another request made it between the look and the making.
    with monkeypatch.context() as late:
        late.setattr("django.db.models.query.QuerySet.exists", lambda _: False)
        applying.put_missing_account("11000001")
    assert bytes(LedgerAccount.objects.get(account="11000001").record) == before


def test_the_numbers_of_a_feed_have_no_hole(kiosk: KioskDouble) -> None:
    _paid(kiosk)
    numbers = list(FeedItem.objects.filter(kiosk=3).order_by("key").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
