"""Strands: branches, branches of branches, clones under one device key, machines that others replaced."""

from __future__ import annotations

import time

import pytest

from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.orders import OrderCancelled, OrderExpired, OrderPaid
from kiosk.domain.journal import check_chain, unseal
from kiosk.domain.ledger import OrderStatus, PaidHow
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.models import Kiosk
from sync.central.journal import strands as strands_module
from sync.central.journal.models import Alarm, AlarmKind, Entry, Fact, Strand, StrayEntry
from sync.central.journal.strands import journal_page
from sync.central.ledger import waking
from sync.central.ledger.applier import apply_pending
from sync.central.ledger.models import LedgerOrder
from sync.central.ledger.replaying import differences
from sync.protocol import records
from sync.protocol.errors import ProblemCode
from tests.support.books import all_applied, remarks
from tests.support.kiosk_double import KioskDouble
from tests.support.values import present

pytestmark = pytest.mark.django_db


def _clone(kiosk: KioskDouble) -> KioskDouble:
    """A copy of the kiosk's data, which goes on beside it under the same device key."""
    return kiosk.twin()


def _began(kiosk: KioskDouble, epoch: int) -> None:
    kiosk.epoch, tip = epoch, kiosk.tip
    kiosk.append(EpochBegan(given_by_centre=True, continues=tip))


def _write(kiosk: KioskDouble, text: str) -> None:
    kiosk.append(OrderCancelled(text, "member"))


def _lines() -> dict[int, tuple[int, int, int]]:
    """Of each strand its parent, where it left that, and how far it came."""
    return {
        each.number: (each.parent, each.branch_sequence, each.high_sequence) for each in Strand.objects.all()
    }


def _hashes(kiosk: int, strand: int) -> list[bytes]:
    page = journal_page(kiosk, strand, 0)
    chain = [unseal(each) for each in page.entries]
    assert check_chain(None, chain) == page.high_water
    return [each.hash for each in chain]


def _beat(kiosk: KioskDouble, strand: int = 0) -> records.HeartbeatAnswer:
    from sync.protocol.batches import make_checkpoint  # noqa: PLC0415

    checkpoint = make_checkpoint(kiosk.number, kiosk.last, kiosk.now(), kiosk.device_key)
    beat = records.encode(records.Heartbeat(checkpoint, 0, {}, kiosk.now(), strand=strand))
    return kiosk.request("POST", records.PATH_HEARTBEAT, beat).read(records.HeartbeatAnswer)


def test_a_branch_of_a_branch_is_a_third_strand_and_each_line_is_whole(kiosk: KioskDouble) -> None:
    for each in ("a", "b"):
        _write(kiosk, each)
    kiosk.pushed()
    second, third = _clone(kiosk), _clone(kiosk)
    second.entries, second.tip = kiosk.entries[:2], Tip(1, 2, kiosk.entries[1].hash)
    for each in ("c", "d"):
        _write(second, each)
    second.pushed()
    third.entries, third.tip = second.entries[:3], Tip(1, 3, second.entries[2].hash)
    _write(third, "e")
    answer = third.upload(third.entries[-1:]).read(records.UploadAnswer)
    assert (answer.branched, answer.strand) == (True, 3)
    _write(kiosk, "f")
    kiosk.pushed()
    assert _lines() == {1: (0, 0, 4), 2: (1, 2, 4), 3: (2, 3, 4)}
    for number, double in enumerate((kiosk, second, third), 1):
        assert _hashes(3, number) == [sealed.hash for sealed in double.entries]
    ours = Entry.objects.filter(kiosk=3)
    assert ours.count() == ours.values("hash").distinct().count() == 7


def test_both_ends_of_a_branch_begin_epochs_that_nobody_had(kiosk: KioskDouble) -> None:
    kiosk.pushed()
    clone = _clone(kiosk)
    for each, text in ((kiosk, "a"), (clone, "b")):
        _write(each, text)
        each.pushed()
    given = [present(each.pushed().begin_epoch) for each in (kiosk, clone)]
    assert sorted(given) == [2, 3]
    assert [_beat(each).begin_epoch for each in (kiosk, clone)] == given
    for each, epoch in zip((kiosk, clone), given, strict=True):
        _began(each, epoch)
        assert each.pushed().begin_epoch is None
    asked = records.encode(records.EpochRequest(kiosk.tip))
    assert kiosk.request("POST", records.PATH_EPOCH, asked).read(records.EpochAnswer).epoch == 4


def test_a_branch_that_begins_with_an_epoch_of_its_own_is_given_none(kiosk: KioskDouble) -> None:
    _write(kiosk, "a")
    kiosk.pushed()
    clone = _clone(kiosk)
    _write(kiosk, "b")
    kiosk.pushed()
    _began(clone, 0x98_7654)
    answer = clone.pushed()
    assert (answer.branched, answer.begin_epoch) == (True, None)
    assert Kiosk.objects.get(number=3).epoch_given == 1
    (alarm,) = Alarm.objects.filter(kind=AlarmKind.FORK)
    assert alarm.subject == "1→2"
    assert "日志线 2" in alarm.detail
    assert "日志线 1" in alarm.detail


def test_two_data_directories_under_one_device_key_are_an_alarm(kiosk: KioskDouble) -> None:
    kiosk.pushed()
    clone = _clone(kiosk)
    for each, text in ((kiosk, "a"), (clone, "b")):
        _write(each, text)
        each.pushed()
    assert not Alarm.objects.filter(kind=AlarmKind.TWO_ALIVE).exists()
    for text in ("c", "d"):
        for each in (kiosk, clone):
            _write(each, text)
            each.pushed()
    (alarm,) = Alarm.objects.filter(kind=AlarmKind.TWO_ALIVE)
    assert (alarm.kiosk, alarm.subject) == (3, "1+2")
    assert "停用" in alarm.detail


def test_a_heartbeat_says_on_which_strand_the_tip_is(kiosk: KioskDouble) -> None:
    kiosk.pushed()
    clone = _clone(kiosk)
    for each, text in ((kiosk, "a"), (clone, "b")):
        _write(each, text)
        each.pushed()
    assert [_beat(each).strand for each in (kiosk, clone)] == [1, 2]
    mark = clone.tip
    _write(clone, "c")
    answer = _beat(clone, strand=2)
    assert (answer.strand, answer.high_water, answer.begin_epoch) == (0, mark, None)
    shared = _clone(kiosk)
    shared.tip = Tip(1, 1, kiosk.entries[0].hash)
    assert (_beat(shared).strand, _beat(shared).high_water) == (1, kiosk.tip)
    assert Alarm.objects.filter(kind=AlarmKind.LOST_TAIL).count() == 1


def test_the_late_batch_of_a_machine_that_was_replaced_is_a_strand_and_is_applied(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.pushed()
    machine = KioskDouble(3)
    machine.enrolment = machine.enrol_with(give_token(3, int(time.time()))).read(records.EnrolAnswer)
    machine.machine, machine.entries, machine.tip = 2, list(kiosk.entries), kiosk.tip
    _began(machine, machine.answer.epoch)
    assert machine.upload(machine.entries[1:]).read(records.UploadAnswer).strand == 1
    placed = kiosk.place()
    kiosk.append(OrderCancelled(placed.order, "member"))
    answer = kiosk.pushed()
    assert (answer.branched, answer.strand, answer.retired) == (True, 2, True)
    assert answer.begin_epoch is None
    assert not Alarm.objects.filter(kind=AlarmKind.TWO_ALIVE).exists()
    assert set(Entry.objects.filter(strand=2).values_list("machine", flat=True)) == {1}
    assert all_applied()
    page = machine.request("GET", f"{records.PATH_JOURNAL}?after=1&strand=2").read(records.JournalPage)
    assert page.entries == tuple(each.data for each in kiosk.entries[1:])


def test_a_machine_writes_in_no_later_ones_name(kiosk: KioskDouble) -> None:
    kiosk.machine = 2
    _write(kiosk, "a")
    kiosk.machine = 1
    answer = kiosk.upload()
    assert (answer.status, answer.problem.code) == (409, ProblemCode.CHAIN_BROKEN)
    assert not Entry.objects.filter(kiosk=3).exists()


def test_a_journal_that_begins_again_from_nothing_is_a_strand_without_a_parent(kiosk: KioskDouble) -> None:
    _write(kiosk, "a")
    kiosk.pushed()
    other = _clone(kiosk)
    other.entries, other.tip = [], None
    other.append(EpochBegan(given_by_centre=True), wall=1)
    other.append(OrderExpired("b"))
    answer = other.pushed()
    assert (answer.branched, answer.strand) == (True, 2)
    assert present(answer.begin_epoch) >= 2
    assert _lines() == {1: (0, 0, 2), 2: (0, 0, 2)}


def test_a_kiosk_that_branches_without_end_is_stopped(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.central.journal.appending.MAXIMUM_STRANDS", 2)
    assert strands_module.MAXIMUM_STRANDS > 2
    kiosk.pushed()
    outcomes = []
    for text in ("a", "b", "c"):
        clone = _clone(kiosk)
        _write(clone, text)
        outcomes.append(clone.pushed().quarantined)
    assert outcomes == [False, False, True]
    assert StrayEntry.objects.count() == 2
    assert not Fact.objects.exists()


def test_what_follows_from_another_strand_is_applied_after_it(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine takes in an order of another strand, and takes the money for it, before the centre applied either."""
    kiosk.pushed()
    clone = _clone(kiosk)
    for each, text in ((kiosk, "a"), (clone, "b")):
        _write(each, text)
        each.pushed()
    monkeypatch.setattr(waking, "wake", lambda: None)
    placed = clone.place()
    clone.pushed()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    apply_pending(kiosk.now())
    row = LedgerOrder.objects.get(reference=placed.order)
    assert (row.status, all_applied()) == (OrderStatus.PAID.value, True)
    assert set(remarks()) == {2}  # of the two that cancelled what is not there
    assert differences() == []
