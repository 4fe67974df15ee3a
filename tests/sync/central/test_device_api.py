from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest
import zstandard
from django.test import Client

from kiosk.domain import journal
from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.orders import OrderCancelled, OrderExpired, OrderPaid
from kiosk.domain.journal import Entry as JournalEntry
from kiosk.domain.journal import SealedEntry, check_chain, seal, unseal
from kiosk.domain.ledger import PaidHow
from kiosk.domain.policy import SignedPolicy
from kiosk.domain.versions import ALL, parse_cursors
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.models import Alarm, AlarmKind, Entry, Fact, Source, StrayEntry
from sync.protocol import records
from sync.protocol.batches import MAXIMUM_PACKED, MAXIMUM_UNPACKED
from sync.protocol.errors import ProblemCode
from sync.protocol.times import policy_holds, time_holds
from tests.support.books import all_applied, remarks
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db


def test_a_repeated_batch_changes_nothing(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place()
    first = kiosk.pushed()
    rows = list(Entry.objects.filter(kiosk=3).values_list("key", "hash"))
    assert kiosk.pushed().high_water == first.high_water == kiosk.tip
    assert list(Entry.objects.filter(kiosk=3).values_list("key", "hash")) == rows


def test_a_batch_that_overlaps_appends_what_is_new(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.pushed()
    placed = kiosk.place()
    kiosk.append(OrderCancelled(placed.order, "member"))
    assert kiosk.pushed().high_water == kiosk.tip
    assert Entry.objects.filter(kiosk=3).count() == 3


def test_a_batch_with_a_hole_is_refused_with_the_high_water_mark(kiosk: KioskDouble) -> None:
    kiosk.pushed()
    mark = kiosk.tip
    kiosk.append(OrderExpired("3-0002-1"))
    kiosk.append(OrderExpired("3-0003-1"))
    answer = kiosk.upload(kiosk.entries[2:])
    assert answer.status == 409
    assert answer.problem.code is ProblemCode.CHAIN_HOLE
    assert answer.problem.high_water == mark
    assert Entry.objects.filter(kiosk=3).count() == 1


def test_a_hole_inside_a_batch_is_refused_whole(kiosk: KioskDouble) -> None:
    for number in range(3):
        kiosk.append(OrderExpired(f"3-{number:04d}-1"))
    answer = kiosk.upload([kiosk.entries[0], *kiosk.entries[2:]])
    assert (answer.status, answer.problem.code) == (409, ProblemCode.CHAIN_BROKEN)
    assert not Entry.objects.filter(kiosk=3).exists()


def test_another_kiosks_signature_is_refused(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    body = kiosk.batch(kiosk.entries)
    answer = kiosk.request("POST", records.PATH_JOURNAL, body, key=other.device_key)
    assert (answer.status, answer.problem.code) == (401, ProblemCode.SIGNATURE_REFUSED)
    answer = kiosk.request("POST", records.PATH_JOURNAL, body, key=other.device_key, key_id="4/1")
    assert (answer.status, answer.problem.code) == (409, ProblemCode.CHAIN_BROKEN)
    assert not Entry.objects.filter(kiosk=3).exists()


def test_a_checkpoint_by_another_key_or_of_another_entry_is_refused(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    forged = kiosk.batch(kiosk.entries, key=make_kiosk(4).device_key)
    answer = kiosk.request("POST", records.PATH_JOURNAL, forged)
    assert (answer.status, answer.problem.code) == (422, ProblemCode.CHECKPOINT_REFUSED)


def test_an_unknown_kiosk_is_told_so(db: None) -> None:
    for key_id in ("77", "77/1", "kiosk", "99999999999/1", "3/0", "3/"):
        answer = KioskDouble(77).request("POST", records.PATH_HEARTBEAT, b"{}", key_id=key_id)
        assert (answer.status, answer.problem.code) == (401, ProblemCode.KIOSK_UNKNOWN)
    unsigned = Client().post(records.PATH_HEARTBEAT, b"{}", content_type="application/json")
    assert unsigned.status_code == 401


def test_a_kiosk_with_a_wrong_clock_learns_the_time_and_goes_on(kiosk: KioskDouble) -> None:
    kiosk.clock_offset = 3 * 86400
    answer = kiosk.upload()
    assert (answer.status, answer.problem.code) == (401, ProblemCode.CLOCK_OFF)
    signed = answer.problem.signed_time
    assert signed is not None
    assert time_holds(signed, 3, kiosk.answer.centre_key)
    assert abs(signed.time - time.time()) < 5
    assert not time_holds(signed, 4, kiosk.answer.centre_key)
    kiosk.clock_offset = signed.time - int(time.time())
    assert kiosk.upload().status == 200


def test_a_zstd_bomb_is_refused_before_it_is_unpacked(kiosk: KioskDouble) -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(MAXIMUM_UNPACKED + 1))
    assert len(bomb) < 1000
    answer = kiosk.request("POST", records.PATH_JOURNAL, bomb)
    assert (answer.status, answer.problem.code) == (413, ProblemCode.BODY_TOO_LARGE)


def test_a_bomb_that_lies_about_its_size_is_refused(kiosk: KioskDouble) -> None:
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    unsized = compressor.compress(bytes(50 * 1024 * 1024)) + compressor.flush()
    answer = kiosk.request("POST", records.PATH_JOURNAL, unsized)
    assert (answer.status, answer.problem.code) == (400, ProblemCode.BODY_MALFORMED)


def test_a_body_over_the_limit_is_refused(kiosk: KioskDouble) -> None:
    answer = kiosk.request("POST", records.PATH_JOURNAL, b"x" * (MAXIMUM_PACKED + 1))
    assert (answer.status, answer.problem.code) == (413, ProblemCode.BODY_TOO_LARGE)
    answer = kiosk.request("POST", records.PATH_HEARTBEAT, b"x" * (records.MAXIMUM_JSON + 1))
    assert (answer.status, answer.problem.code) == (413, ProblemCode.BODY_TOO_LARGE)


@pytest.mark.parametrize("body", [b"", b"rubbish", zstandard.compress(b"\xc1"), zstandard.compress(b"")])
def test_rubbish_is_a_plain_400(kiosk: KioskDouble, body: bytes) -> None:
    answer = kiosk.request("POST", records.PATH_JOURNAL, body)
    assert (answer.status, answer.problem.code) == (400, ProblemCode.BODY_MALFORMED)


def test_a_branch_is_a_strand_of_its_own_with_an_alarm_and_its_facts(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderCancelled(placed.order, "member"))
    kiosk.pushed()
    chain = list(kiosk.entries)
    # The kiosk is set back to where the order was placed, and goes another way.
    kiosk.entries, kiosk.tip = chain[:2], Tip(1, 2, chain[1].hash)
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, int(time.time())))
    answer = kiosk.pushed()
    assert (answer.branched, answer.strand, answer.high_water) == (True, 2, kiosk.tip)
    assert [bytes(row.hash) for row in Entry.objects.filter(kiosk=3, strand=1).order_by("key")] == [
        each.hash for each in chain
    ]
    (entry,) = Entry.objects.filter(strand=2)
    assert bytes(entry.data) == kiosk.entries[-1].data
    assert all_applied()
    (money,) = Fact.objects.filter(kind="money")
    assert (money.source, money.strand, money.amount, money.order) == (Source.CHAIN, 2, 34000, placed.order)
    kinds = set(Alarm.objects.values_list("kind", flat=True))
    assert kinds == {AlarmKind.FORK, AlarmKind.UNPAID_CONFIRMATION}
    again = kiosk.pushed()
    assert (again.branched, again.strand, again.high_water) == (False, 2, kiosk.tip)
    assert Entry.objects.filter(kiosk=3).count() == 4
    assert {each.strand: (each.parent, each.branch_sequence) for each in again.strands} == {
        1: (0, 0),
        2: (1, 2),
    }


def test_a_restored_kiosk_pulls_back_and_continues_in_a_new_epoch(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderCancelled(placed.order, "member"))
    kiosk.pushed()
    pages = kiosk.request("GET", f"{records.PATH_JOURNAL}?after=1").read(records.JournalPage)
    assert pages.entries == tuple(each.data for each in kiosk.entries[1:])
    assert (pages.more, pages.high_water) == (False, kiosk.last)
    asked = records.encode(records.EpochRequest(kiosk.last, "restored"))
    given = [kiosk.request("POST", records.PATH_EPOCH, asked).read(records.EpochAnswer) for _ in range(2)]
    assert [each.epoch for each in given] == [2, 3]
    assert given[0].high_water == kiosk.tip
    kiosk.epoch, tip = 3, kiosk.tip
    kiosk.append(EpochBegan(given_by_centre=True, continues=tip))
    assert kiosk.pushed().high_water == Tip(3, 4, kiosk.last.hash)


def test_a_new_epoch_that_names_another_tip_is_refused(kiosk: KioskDouble) -> None:
    kiosk.pushed()
    kiosk.epoch = 9
    kiosk.append(EpochBegan(given_by_centre=False, continues=Tip(1, 1, bytes(32))))
    assert kiosk.upload(kiosk.entries[1:]).problem.code is ProblemCode.CHAIN_BROKEN
    assert Entry.objects.filter(kiosk=3).count() == 1


def test_an_epoch_that_begins_again_inside_itself_is_no_part_of_the_chain(kiosk: KioskDouble) -> None:
    kiosk.pushed()
    mark = kiosk.last
    kiosk.append(EpochBegan(given_by_centre=True, continues=mark))
    assert kiosk.upload(kiosk.entries[1:]).problem.code is ProblemCode.CHAIN_BROKEN
    assert check_chain(None, pulled_back(kiosk)) == mark


def test_an_epoch_that_begins_again_inside_a_batch_is_refused_whole(kiosk: KioskDouble) -> None:
    kiosk.append(EpochBegan(given_by_centre=True, continues=kiosk.last))
    answer = kiosk.upload()
    assert answer.status == 409
    assert answer.problem.code is ProblemCode.CHAIN_BROKEN
    assert not Entry.objects.filter(kiosk=3).exists()


def test_a_chain_begins_with_an_epoch_or_not_at_all(kiosk: KioskDouble) -> None:
    kiosk.entries, kiosk.tip, kiosk.epoch = [], None, 0
    kiosk.append(OrderExpired("3-0002-1"))
    assert kiosk.upload().problem.code is ProblemCode.CHAIN_BROKEN
    assert not Entry.objects.filter(kiosk=3).exists()


def pulled_back(kiosk: KioskDouble) -> list[SealedEntry]:
    """The kiosk's own entries as it gets them back after a restored copy."""
    answer = kiosk.request("GET", f"{records.PATH_JOURNAL}?after=0")
    return [unseal(data) for data in answer.read(records.JournalPage).entries]


def test_what_a_revoked_kiosk_sends_is_kept_in_quarantine(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.SCAN, 34000, int(time.time())))
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    answer = kiosk.pushed()
    assert (answer.quarantined, answer.high_water) == (True, None)
    assert not Entry.objects.filter(kiosk=3).exists()
    assert StrayEntry.objects.count() == 3
    assert Fact.objects.get(kind="money").source == Source.QUARANTINE
    assert Alarm.objects.filter(kind=AlarmKind.REVOKED_SENDS).exists()
    refused = kiosk.request("GET", f"{records.PATH_FEED}?after=0")
    assert (refused.status, refused.problem.code) == (403, ProblemCode.KIOSK_REVOKED)
    beat = records.encode(records.Heartbeat(None, 0, {}, kiosk.now()))
    assert kiosk.request("POST", records.PATH_HEARTBEAT, beat).read(records.HeartbeatAnswer).quarantined


def test_an_entry_of_an_unknown_kind_is_kept_and_stops_nobody_else(kiosk: KioskDouble) -> None:
    kiosk.feed()
    fields = list(msgspec.msgpack.decode(kiosk.entries[-1].data))
    fields[4], fields[8] = 2, kiosk.last.hash
    fields[9] = {"kind": "from-the-future", "account": "11000005"}
    data = msgspec.msgpack.encode(fields)
    kiosk.entries.append(journal.SealedEntry(kiosk.entries[-1].entry, data, journal.entry_hash(data)))
    kiosk.tip = Tip(1, 2, journal.entry_hash(data))
    kiosk.place()
    last = kiosk.entries[-1]
    body = records.UploadBatch(
        tuple(each.data for each in kiosk.entries), _checkpoint(kiosk, Tip(1, 3, last.hash))
    )
    from sync.protocol.batches import encode_batch  # noqa: PLC0415

    answer = kiosk.request("POST", records.PATH_JOURNAL, encode_batch(body))
    assert answer.status == 200
    assert all_applied()
    assert remarks() == {2: ["unreadable"]}
    assert bytes(Entry.objects.get(kiosk=3, sequence=2).data) == data


def _checkpoint(kiosk: KioskDouble, tip: Tip) -> records.Checkpoint:
    from sync.protocol.batches import make_checkpoint  # noqa: PLC0415

    return make_checkpoint(kiosk.number, tip, kiosk.now(), kiosk.device_key)


def test_entries_under_another_kiosks_number_are_refused(kiosk: KioskDouble) -> None:
    other = JournalEntry(2, 4, 1, 1, 1, 0, 0, "boot", bytes(32), OrderExpired("4-0001-1"))
    kiosk.entries = [seal(other)]
    answer = kiosk.upload()
    assert (answer.status, answer.problem.code) == (409, ProblemCode.CHAIN_BROKEN)


def test_waiting_ends_without_a_row(kiosk: KioskDouble) -> None:
    kiosk.feed()
    began = time.monotonic()
    assert kiosk.news(wait=1) == []
    assert time.monotonic() - began > 0.9


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1:1.1", "after=0:1", "after=0:1.9223372036854775808", "after=0:1.1&wait=1.5"]
)
def test_a_cursor_that_is_no_number_is_refused(kiosk: KioskDouble, query: str) -> None:
    answer = kiosk.request("GET", f"{records.PATH_FEED}?{query}")
    assert (answer.status, answer.problem.code) == (400, ProblemCode.BODY_MALFORMED)


def test_a_heartbeat_is_noted_and_tells_the_time(kiosk: KioskDouble) -> None:
    kiosk.pushed()
    checkpoint = _checkpoint(kiosk, kiosk.last)
    kiosk.feed()
    cursors = {**kiosk.cursors, 2: kiosk.cursors[ALL]}  # another kiosk's audience is no business of this one
    beat = records.Heartbeat(checkpoint, backlog=7, cursors=cursors, wall=kiosk.now() - 40, program="0.1.0")
    answer = kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(beat))
    read = answer.read(records.HeartbeatAnswer)
    assert read.high_water == kiosk.tip
    assert time_holds(read.signed_time, 3, kiosk.answer.centre_key)
    row = Kiosk.objects.get(number=3)
    assert (row.backlog, row.program, read.heads) == (7, "0.1.0", kiosk.cursors)
    assert parse_cursors(row.cursors) == kiosk.cursors
    assert -42 <= row.clock_offset <= -38


def test_a_heartbeat_behind_the_high_water_mark_raises_an_alarm(kiosk: KioskDouble) -> None:
    first = kiosk.last
    kiosk.append(OrderExpired("3-0001-1"))
    kiosk.pushed()
    beat = records.Heartbeat(_checkpoint(kiosk, first), 0, {}, kiosk.now())
    assert kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(beat)).status == 200
    assert Alarm.objects.filter(kind=AlarmKind.LOST_TAIL).count() == 1


def test_a_heartbeat_with_anothers_checkpoint_is_refused(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    beat = records.Heartbeat(_checkpoint(other, other.last), 0, {}, kiosk.now())
    answer = kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(beat))
    assert (answer.status, answer.problem.code) == (422, ProblemCode.CHECKPOINT_REFUSED)


def test_policies_are_signed_and_renewed_in_time(kiosk: KioskDouble) -> None:
    signed: SignedPolicy = kiosk.answer.policy
    assert policy_holds(signed, kiosk.answer.centre_key)
    assert not policy_holds(SignedPolicy(signed.policy + b" ", signed.signature), kiosk.answer.centre_key)
    from sync.central.fleet.models import KioskPolicy  # noqa: PLC0415

    KioskPolicy.objects.update(valid_until=int(time.time()) + 86400)
    beat = records.encode(records.Heartbeat(None, 0, {}, kiosk.now()))
    assert kiosk.request("POST", records.PATH_HEARTBEAT, beat).status == 200
    assert sorted(KioskPolicy.objects.values_list("number", flat=True)) == [1, 2]
    assert [item.policy.read().number for item in kiosk.feed() if hasattr(item, "policy")] == [2]


def test_other_methods_are_not_taken(db: None) -> None:
    assert Client().delete(records.PATH_JOURNAL).status_code == 405
    assert Client().get(records.PATH_ENROL).status_code == 405


def test_an_unexpected_error_gets_a_number_and_no_traceback(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("sync.central.device.views.append", fail)
    answer = kiosk.upload()
    assert (answer.status, answer.problem.code) == (500, ProblemCode.INTERNAL)
    number = answer.problem.error_number
    assert number is not None
    assert number in caplog.text
    assert b"secret detail" not in answer.body
