"""The centre acknowledges a snapshot that comes to what its own copy of the journal comes to, and no other."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.entries.orders import OrderCancelled, OrderPaid
from kiosk.domain.ledger import PaidHow
from kiosk.domain.ledger_fold import fold_journal
from kiosk.domain.policy import DAY
from kiosk.domain.snapshots import (
    FOLD,
    NO_SNAPSHOT,
    EchoedRow,
    EpochStart,
    JournalSnapshot,
    LinksDigest,
    OtherRun,
    SignedSnapshot,
    digest_of,
    echoed_row,
)
from kiosk.pki.device_keys import device_public_key, generate_device_key
from kiosk.pki.snapshots import acknowledged, sign_snapshot
from sync.central.fleet.feed.models import Incarnation
from sync.central.journal import snapshot_checks, snapshots
from sync.central.journal.models import Alarm, AlarmKind, Entry, Snapshot, Strand
from sync.central.journal.snapshot_checks import SnapshotChecker
from sync.protocol import records
from sync.protocol.records import SnapshotAnswer, SnapshotShown, SnapshotState
from tests.support.kiosk_double import KioskDouble
from tests.support.values import present

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was received counts as old, and several snapshots are looked at in a day."""
    monkeypatch.setattr(snapshots, "SETTLED", -1)
    monkeypatch.setattr(snapshots, "DAY", -1)


@pytest.fixture
def writer(kiosk: KioskDouble) -> KioskDouble:
    """A kiosk with orders, a payment that repeats a row, a loss, and a second epoch."""
    placed = kiosk.place()
    feed = f"payment/{placed.order}/T1"
    kiosk.append(OrderPaid(placed.order, PaidHow.FEED, 50_000, kiosk.now(), "T1", feed))
    kiosk.append(OrderCancelled(kiosk.place("11000002", nonce=b"second").order, "member"))
    kiosk.append(LossReported("11000003", KeyOnRecord("0003000001000006", "E8", 1, 2)))
    kiosk.epoch = 2
    kiosk.append(EpochBegan(given_by_centre=True, continues=kiosk.tip))
    kiosk.append(OrderCancelled(kiosk.place("11000006", nonce=b"third!").order, "member"))
    kiosk.pushed()
    return kiosk


def made(kiosk: KioskDouble, until: int = 0) -> JournalSnapshot:
    """The snapshot of a double's journal up to an entry, or to its last but one."""
    entries = kiosk.entries[: until or len(kiosk.entries) - 1]
    links, echoes = LinksDigest(), dict[str, EchoedRow]()
    for sealed in entries:
        links.add(sealed.hash)
        if (echoed := echoed_row(sealed.entry.body, sealed.entry.sequence)) is not None:
            echoes.setdefault(echoed.key, echoed)
    rows, state = digest_of([*fold_journal(entries).rows(), *echoes.values()])
    last = entries[-1]
    began = [each.entry for each in entries if isinstance(each.entry.body, EpochBegan)]
    return JournalSnapshot(
        fold=FOLD,
        kiosk=kiosk.number,
        machine=kiosk.machine,
        device_key=device_public_key(kiosk.device_key),
        strand=1,
        head=Tip(last.entry.epoch, last.entry.sequence, last.hash),
        epochs=tuple(EpochStart(each.epoch, each.sequence) for each in began),
        others=(),
        links=links.digest(),
        rows=rows,
        state=state,
        time=kiosk.now(),
        previous=NO_SNAPSHOT,
    )


def show(kiosk: KioskDouble, shown: SnapshotShown) -> SnapshotAnswer:
    answer = kiosk.request("POST", records.PATH_SNAPSHOT, records.encode(shown))
    assert answer.status == 200, answer.body
    return answer.read(SnapshotAnswer)


def shown_and_checked(kiosk: KioskDouble, signed: SignedSnapshot) -> SnapshotAnswer:
    first = show(kiosk, SnapshotShown(signed))
    checker = SnapshotChecker()
    while checker.step(int(time.time())):
        pass
    return show(kiosk, SnapshotShown(signed)) if first.state is SnapshotState.WAITING else first


def signed_by(kiosk: KioskDouble, snapshot: JournalSnapshot) -> SignedSnapshot:
    return sign_snapshot(snapshot, kiosk.device_key)


@pytest.mark.parametrize("until", [1, 2, 3, 7, 0])
def test_one_that_comes_to_the_same_is_acknowledged(writer: KioskDouble, until: int) -> None:
    signed = signed_by(writer, made(writer, until))
    assert show(writer, SnapshotShown(signed)).state is SnapshotState.WAITING
    answer = shown_and_checked(writer, signed)
    assert (answer.state, answer.reason) == (SnapshotState.ACKNOWLEDGED, "")
    said = present(
        acknowledged(present(answer.acknowledgement), signed.snapshot, 3, writer.answer.centre_key)
    )
    assert said.incarnation == 1
    assert not Alarm.objects.filter(kind=AlarmKind.SNAPSHOT).exists()


FOUND_BY_FOLDING = {"rows", "links", "epochs", "other-strands"}
OTHERWISE: list[tuple[dict[str, Any], str]] = [
    ({"state": bytes(32)}, "rows"),
    ({"rows": 1}, "rows"),
    ({"links": bytes(32)}, "links"),
    ({"epochs": ()}, "epochs"),
    ({"epochs": (EpochStart(1, 1), EpochStart(2, 8))}, "epochs"),
    ({"others": (OtherRun(bytes(32), 1, 1, 1),)}, "other-strands"),
    ({"others": (OtherRun(bytes(32), 2**62, 2**63, 1),)}, "other-strands"),
    ({"others": (OtherRun(bytes(32), 3, 2, 1),)}, "order"),
    ({"others": (OtherRun(bytes(32), 0, 2, 1),)}, "order"),
    ({"others": (OtherRun(bytes(32), 4, 5, 3), OtherRun(bytes(32), 2, 4, 1))}, "order"),
    ({"others": (OtherRun(bytes(32), 4, 5, 4000),)}, "order"),
    ({"fold": FOLD + 1}, "fold"),
    ({"head": Tip(1, 4, bytes(32))}, "head"),
    ({"head": Tip(1, 4000, bytes(32))}, "head"),
    ({"kiosk": 4}, "signature"),
    ({"machine": 2}, "signature"),
    ({"device_key": bytes(32)}, "signature"),
]


@pytest.mark.parametrize(("changes", "reason"), OTHERWISE)
def test_any_other_is_refused_and_says_why(writer: KioskDouble, changes: dict[str, Any], reason: str) -> None:
    signed = signed_by(writer, replace(made(writer), **changes))
    for _ in range(2):
        answer = shown_and_checked(writer, signed)
        assert (answer.state, answer.reason, answer.acknowledgement) == (SnapshotState.REFUSED, reason, None)
    assert Alarm.objects.filter(kind=AlarmKind.SNAPSHOT).exists() == (reason in FOUND_BY_FOLDING)


def test_one_that_another_key_signed_is_refused(writer: KioskDouble) -> None:
    other = generate_device_key()
    named = replace(made(writer), device_key=device_public_key(other))
    for signed in (
        sign_snapshot(made(writer), other),
        sign_snapshot(named, other),
        SignedSnapshot(signed_by(writer, made(writer)).snapshot, bytes(64)),
    ):
        assert show(writer, SnapshotShown(signed)) == SnapshotAnswer(
            SnapshotState.REFUSED, reason="signature"
        )


def test_what_is_no_snapshot_is_malformed(writer: KioskDouble) -> None:
    for data in (b"", b"\x93", msgspec.msgpack.encode((1, 2, 3))):
        shown = SnapshotShown(SignedSnapshot(data, bytes(64)))
        assert writer.request("POST", records.PATH_SNAPSHOT, records.encode(shown)).status == 400


def test_what_came_lately_is_not_acknowledged_yet(
    writer: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "SETTLED", 90 * DAY)
    signed = signed_by(writer, made(writer))
    assert shown_and_checked(writer, signed) == SnapshotAnswer(SnapshotState.EARLY, reason="settling")
    Entry.objects.filter(sequence__lt=8).update(received_at=int(time.time()) - 91 * DAY)
    assert shown_and_checked(writer, signed).state is SnapshotState.EARLY
    Entry.objects.update(received_at=int(time.time()) - 91 * DAY)
    assert shown_and_checked(writer, signed).state is SnapshotState.ACKNOWLEDGED


def test_a_kiosk_has_one_looked_at_a_day(writer: KioskDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "DAY", DAY)
    assert shown_and_checked(writer, signed_by(writer, made(writer, 4))).state is SnapshotState.ACKNOWLEDGED
    later = signed_by(writer, made(writer, 6))
    assert shown_and_checked(writer, later) == SnapshotAnswer(SnapshotState.EARLY, reason="one-a-day")
    Snapshot.objects.update(received_at=int(time.time()) - DAY - 1)
    assert shown_and_checked(writer, later).state is SnapshotState.ACKNOWLEDGED


def test_a_later_one_takes_the_place_of_one_that_waits(writer: KioskDouble) -> None:
    for until in (3, 5, 7):
        assert (
            show(writer, SnapshotShown(signed_by(writer, made(writer, until)))).state is SnapshotState.WAITING
        )
    assert list(Snapshot.objects.values_list("sequence", flat=True)) == [7]


def test_one_of_a_journal_that_is_too_long_is_refused(
    writer: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_checks, "MOST", 5)
    assert shown_and_checked(writer, signed_by(writer, made(writer))).reason == "too-long"


def test_it_is_checked_in_slices_and_a_checker_that_died_is_followed_by_another(
    writer: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_checks, "_SLICE", 2)
    signed = signed_by(writer, made(writer))
    show(writer, SnapshotShown(signed))
    died = SnapshotChecker()
    assert died.step(1)
    assert died.step(1)
    assert Snapshot.objects.get().state == "waiting"
    assert shown_and_checked(writer, signed).state is SnapshotState.ACKNOWLEDGED


def test_a_strand_that_a_kiosk_folded_between_is_folded_between(writer: KioskDouble) -> None:
    twin = writer.twin()
    twin.epoch = 7
    twin.append(EpochBegan(given_by_centre=False, continues=twin.tip))
    twin.append(OrderCancelled(twin.place("11000005", nonce=b"fourth").order, "member"))
    twin.pushed()
    writer.epoch = 8
    writer.append(EpochBegan(given_by_centre=False, continues=writer.tip))
    writer.append(OrderCancelled(writer.place("11000004", nonce=b"fifth!").order, "member"))
    writer.pushed()
    fork = len(twin.entries) - 3
    own = writer.entries
    order = [*own[: fork + 1], *twin.entries[fork:], *own[fork + 1 : -1]]
    plain = made(writer)
    (echo,) = (echoed for each in own if (echoed := echoed_row(each.entry.body, each.entry.sequence)))
    rows, state = digest_of([*fold_journal(order).rows(), echo])
    mine = Strand.objects.get(high_hash=present(writer.tip).hash).number
    runs = (OtherRun(present(twin.tip).hash, fork + 1, fork + 3, fork + 1),)
    snapshot = replace(plain, strand=mine, others=runs, rows=rows, state=state)
    assert shown_and_checked(writer, signed_by(writer, snapshot)).state is SnapshotState.ACKNOWLEDGED


def _forget(after: int) -> None:
    """Put the centre's journal back to what it was."""
    Entry.objects.filter(sequence__gt=after).delete()
    last = Entry.objects.get(sequence=after)
    Strand.objects.update(high_sequence=after, high_epoch=last.epoch, high_hash=bytes(last.hash))
    Snapshot.objects.all().delete()


def test_one_that_it_forgot_is_proved_by_its_own_signature(writer: KioskDouble) -> None:
    signed = signed_by(writer, made(writer, 6))
    said = present(shown_and_checked(writer, signed).acknowledgement)
    Snapshot.objects.all().delete()
    Incarnation.objects.create(number=2, bits=b"laterone")
    answer = show(writer, SnapshotShown(signed, said))
    assert answer.state is SnapshotState.ACKNOWLEDGED
    renewed = acknowledged(present(answer.acknowledgement), signed.snapshot, 3, writer.answer.centre_key)
    assert present(renewed).incarnation == 2
    assert Snapshot.objects.get().state == "acknowledged"


def test_entries_that_it_acknowledged_and_lost_are_an_alarm_that_names_them(writer: KioskDouble) -> None:
    signed = signed_by(writer, made(writer, 6))
    said = present(shown_and_checked(writer, signed).acknowledgement)
    _forget(3)
    for _ in range(2):
        answer = show(writer, SnapshotShown(signed, said))
        assert (answer.state, present(answer.high_water).sequence) == (SnapshotState.MISSING, 3)
    alarm = Alarm.objects.get(kind=AlarmKind.MISSING)
    assert (alarm.kiosk, alarm.subject) == (3, "4-6")


def test_an_acknowledgement_that_it_did_not_give_proves_nothing(writer: KioskDouble) -> None:
    signed, other = signed_by(writer, made(writer, 6)), signed_by(writer, made(writer, 5))
    said = present(shown_and_checked(writer, other).acknowledgement)
    assert show(writer, SnapshotShown(signed, said)).state is SnapshotState.WAITING
    _forget(3)
    assert show(writer, SnapshotShown(signed, said)).state is SnapshotState.REFUSED
    assert not Alarm.objects.filter(kind=AlarmKind.MISSING).exists()
