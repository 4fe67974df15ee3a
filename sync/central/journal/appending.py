"""Appending a batch to the strand that it continues, whole or not at all; one that leaves a strand begins another."""

from __future__ import annotations

import enum
import itertools
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import msgspec
from django.db import connection, transaction

from kiosk.domain.entries.body import Tip
from sync.central.fleet.epochs import next_epoch, note_epochs
from sync.central.fleet.machines import is_revoked, is_working
from sync.central.fleet.models import Kiosk, Machine
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.facts import store_facts
from sync.central.journal.models import AlarmKind, Entry, Fact, Source, Strand, StrayEntry
from sync.central.journal.received_entries import ReceivedEntry, continues, read
from sync.central.journal.signals import entries_received
from sync.central.journal.strands import (
    MAXIMUM_STRANDS,
    holding,
    known_hashes,
    latest,
    sharing_an_epoch,
    strand_key,
    strands_of,
)
from sync.central.tables import Insert, entry_key, fact_key
from sync.protocol.batches import checkpoint_holds
from sync.protocol.errors import Problem, ProblemCode
from sync.protocol.records import UploadBatch


class Outcome(enum.Enum):
    """What was done with a batch."""

    APPENDED = "appended"
    BRANCHED = "branched"
    QUARANTINED = "quarantined"


class BatchRefused(Exception):
    """The batch is refused; `problem` is the answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


class Appended(msgspec.Struct, frozen=True):
    """A batch that is stored; `entries` are those that are new, `strand` is the one that ends with the batch's last."""

    outcome: Outcome
    strand: Strand | None
    strands: list[Strand]
    entries: list[ReceivedEntry]


class _Upload(msgspec.Struct, frozen=True):
    """A batch as it is judged, under the lock of its kiosk's row; `machine` sent it, of another strand than its own if `held`.

    `sent_at` is when, by the machine's clock; None where that is not known any more.
    """

    kiosk: Kiosk
    machine: Machine
    strands: list[Strand]
    received: list[ReceivedEntry]
    now: int
    held: bool = False
    sent_at: int | None = None


AT_ONCE = 1000
"""The most entries that are taken out of quarantine at once."""
_TURN = threading.Lock()


def _in_turn() -> AbstractContextManager[object]:
    """SQLite lets one writer work at a time: those that wait for it here cannot starve, as those that poll it can."""
    return _TURN if connection.vendor == "sqlite" else nullcontext()


def append(machine: Machine, batch: UploadBatch, now: int, *, held: bool = False) -> Appended:
    """Store a batch that a machine sent; `held` is what it holds of another strand than it writes on.

    Raises BatchRefused, BodyMalformed.
    """
    received = [read(data) for data in batch.entries]
    with _in_turn(), transaction.atomic():
        kiosk = Kiosk.objects.select_for_update().get(number=machine.kiosk_id)
        machine = Machine.objects.select_related("kiosk").get(key=machine.key)
        strands = strands_of(kiosk.number)
        upload = _Upload(kiosk, machine, strands, received, now, held, batch.checkpoint.time)
        _require_sound(upload, batch)
        kiosk.last_contact = now
        kiosk.announced_sequence = max(kiosk.announced_sequence, received[-1].sequence)
        note_epochs(kiosk, (each.epoch for each in received))
        kiosk.save(update_fields=["last_contact", "announced_sequence", "epoch_given"])
        return _quarantined(upload) if is_revoked(machine) else _appended(upload)


def _require_sound(upload: _Upload, batch: UploadBatch) -> None:
    """Raise BatchRefused unless the batch is consecutive entries of this kiosk's machines, signed by the sender."""
    kiosk, machine, received = upload.kiosk, upload.machine, upload.received
    if any(each.kiosk != kiosk.number for each in received):
        raise _refused(upload, ProblemCode.CHAIN_BROKEN, "The batch has entries of another kiosk.")
    if any(each.machine > machine.number for each in received):
        raise _refused(upload, ProblemCode.CHAIN_BROKEN, "The batch has entries of another machine.")
    for before, each in itertools.pairwise(received):
        if not continues(before.tip, each):
            raise _broken(upload, each)
    held = checkpoint_holds(batch.checkpoint, kiosk.number, bytes(machine.device_key))
    if not held or batch.checkpoint.tip != received[-1].tip:
        sentence = "The checkpoint is not that of the batch."
        raise _refused(upload, ProblemCode.CHECKPOINT_REFUSED, sentence)


def _appended(upload: _Upload) -> Appended:
    """Put the new entries where the chain puts them: on the strand that they continue, or on a branch of it."""
    received, strands = upload.received, upload.strands
    known = known_hashes(strands, received[0].sequence, received[-1].sequence)
    fresh = list(itertools.dropwhile(lambda each: each.hash in known, received))
    if not fresh:
        return Appended(Outcome.APPENDED, known[received[-1].hash], strands, [])
    parent, before = _continued(upload, known, fresh[0])
    if not continues(before, fresh[0]):
        raise _broken(upload, fresh[0])
    if parent is not None and parent.high_water == before:
        return _stored(upload, parent, fresh, None)
    if parent is None and not strands:
        return _stored(upload, _new_strand(upload, None, None), fresh, None)
    if len(strands) >= MAXIMUM_STRANDS:
        return _quarantined(upload)
    return _branched(upload, parent, before, fresh)


def _continued(
    upload: _Upload, known: dict[bytes, Strand], first: ReceivedEntry
) -> tuple[Strand | None, Tip | None]:
    """The strand that has the entry before this one, and that entry; None for both before a journal's first.

    Raises BatchRefused when it has not arrived.
    """
    if first.sequence == 1:
        return None, None
    received = upload.received
    if first is not received[0]:
        before = received[received.index(first) - 1].tip
        return known[before.hash], before
    sequence, digest = first.sequence - 1, first.previous
    strand = holding(upload.strands, sequence, digest)
    if strand is None:
        sentence = f"The entry before {first.sequence} has not arrived."
        raise _refused(upload, ProblemCode.CHAIN_HOLE, sentence)
    key = entry_key(strand.kiosk, strand.number, sequence)
    epoch = Entry.objects.values_list("epoch", flat=True).get(key=key)
    return strand, Tip(epoch, sequence, digest)


def _new_strand(upload: _Upload, parent: Strand | None, before: Tip | None) -> Strand:
    number = max((each.number for each in upload.strands), default=0) + 1
    strand = Strand(
        key=strand_key(upload.kiosk.number, number),
        kiosk=upload.kiosk.number,
        number=number,
        machine=upload.machine.number,
        parent=0 if parent is None else parent.number,
        branch_sequence=0 if before is None else before.sequence,
        begun_at=upload.now,
        received_at=upload.now,
    )
    upload.strands.append(strand)
    return strand


def _branched(
    upload: _Upload, parent: Strand | None, before: Tip | None, fresh: list[ReceivedEntry]
) -> Appended:
    strand = _new_strand(upload, parent, before)
    stored = _stored(upload, strand, fresh, before)
    detail = f"日志线 {strand.number} 从日志线 {strand.parent} 的序号 {strand.branch_sequence} 之后分出"
    if parent is None:
        detail = f"日志线 {strand.number} 从头另起，没有接在已收到的记录后面"
    subject = f"{strand.parent}→{strand.number}"
    raise_alarm(AlarmKind.FORK, upload.kiosk.number, subject, detail, upload.now)
    return msgspec.structs.replace(stored, outcome=Outcome.BRANCHED)


def _stored(upload: _Upload, strand: Strand, fresh: list[ReceivedEntry], branched_at: Tip | None) -> Appended:
    """Add entries to a strand; who must begin a new epoch is noted."""
    strand.arrival = max(each.arrival for each in upload.strands) + 1
    rows = [entry_row(each, strand.number, upload.now, arrival=strand.arrival) for each in fresh]
    Insert(Entry, rows).write()
    if any(each.epoch != strand.high_epoch for each in fresh):
        strand.epoch_due = None
    strand.put_high_water(fresh[-1].tip)
    strand.machine, strand.received_at = (
        fresh[-1].machine if upload.held else upload.machine.number,
        upload.now,
    )
    if is_working(upload.machine) and len(upload.strands) > 1 and not upload.held:
        _give_epochs(upload, strand, branched_at)
    strand.save()
    if not upload.held:
        _watch_two_alive(upload, strand)
    record_facts(fresh, Source.CHAIN, strand.number, upload.now, upload.sent_at)
    return Appended(Outcome.APPENDED, strand, upload.strands, fresh)


def _give_epochs(upload: _Upload, strand: Strand, branched_at: Tip | None) -> None:
    for each in sharing_an_epoch(upload.strands, strand, branched_at):
        if each.epoch_due is None:
            each.epoch_due = next_epoch(upload.kiosk)
            upload.kiosk.save(update_fields=["epoch_given"])
            each.save()


def _watch_two_alive(upload: _Upload, strand: Strand) -> None:
    """Raise an alarm when a machine goes back to a strand after another: two data directories are at work."""
    machine = upload.machine
    was, new = machine.strand, strand.begun_at == upload.now and strand is upload.strands[-1]
    if was and was != strand.number and not new:
        detail = (
            f"第 {machine.number} 台机器的两份数据都在办业务（日志线 {was} 和 {strand.number}）："
            "请停用其中一份，在「机器」里停用这台机器，留下的一份凭新令牌重新登记"
        )
        subject = f"{min(was, strand.number)}+{max(was, strand.number)}"
        raise_alarm(AlarmKind.TWO_ALIVE, upload.kiosk.number, subject, detail, upload.now)
    if was != strand.number:
        Machine.objects.filter(key=machine.key).update(strand=strand.number)


def entry_row(each: ReceivedEntry, strand: int, now: int, *, arrival: int = 0) -> Entry:
    """The row of an entry on a strand."""
    return Entry(
        key=entry_key(each.kiosk, strand, each.sequence),
        kiosk=each.kiosk,
        strand=strand,
        machine=each.machine,
        epoch=each.epoch,
        sequence=each.sequence,
        hash=each.hash,
        data=each.data,
        kind=each.kind,
        subject=each.order,
        account=each.account,
        wall=each.wall,
        received_at=now,
        arrival=arrival,
    )


def _quarantined(upload: _Upload) -> Appended:
    """Keep a batch beside the strands, with the facts in it."""
    rows = [
        StrayEntry(
            key=fact_key(each.kiosk, each.sequence, each.hash),
            kiosk=each.kiosk,
            machine=each.machine,
            epoch=each.epoch,
            sequence=each.sequence,
            hash=each.hash,
            data=each.data,
            kind=each.kind,
            wall=each.wall,
            received_at=upload.now,
        )
        for each in upload.received
    ]
    StrayEntry.objects.bulk_create(rows, ignore_conflicts=True)
    record_facts(upload.received, Source.QUARANTINE, 0, upload.now)
    subject, detail = str(upload.machine.number), "已吊销的终端机仍在上传，已隔离保存"
    if not is_revoked(upload.machine):
        subject, detail = "strands", "日志线太多，上传的记录已隔离保存"
    raise_alarm(AlarmKind.REVOKED_SENDS, upload.kiosk.number, subject, detail, upload.now)
    return Appended(Outcome.QUARANTINED, latest(upload.strands), upload.strands, [])


def take_in(machine: Machine) -> tuple[int, int]:
    """Move what a machine sent into quarantine onto the strands that it continues, a part at a time.

    The result are how many entries were moved, and how many of that part continue nothing that is here. Each keeps the time at
    which it was received.
    """
    with _in_turn(), transaction.atomic():
        kiosk = Kiosk.objects.select_for_update().get(number=machine.kiosk_id)
        strands, moved, left = strands_of(kiosk.number), 0, 0
        rows = StrayEntry.objects.filter(kiosk=kiosk.number, machine=machine.number)
        for received_at, run in _runs(rows.order_by("sequence", "key")[:AT_ONCE]):
            try:
                stored = _appended(_Upload(kiosk, machine, strands, run, received_at))
            except BatchRefused:
                left += len(run)
                continue
            if stored.strand is None or stored.outcome is Outcome.QUARANTINED:
                left += len(run)
                continue
            keys = [fact_key(each.kiosk, each.sequence, each.hash) for each in run]
            StrayEntry.objects.filter(key__in=keys).delete()
            facts = Fact.objects.filter(key__in=keys, source=Source.QUARANTINE)
            facts.update(source=Source.CHAIN, strand=stored.strand.number)
            moved += len(run)
    return moved, left


def _runs(rows: Iterable[StrayEntry]) -> list[tuple[int, list[ReceivedEntry]]]:
    """These entries in runs that continue one another and were received together, those before others first."""
    runs: list[tuple[int, list[ReceivedEntry]]] = []
    ending: dict[bytes, tuple[int, list[ReceivedEntry]]] = {}
    for row in rows:
        received = read(bytes(row.data))
        run = ending.pop(received.previous, None)
        if run is None or run[0] != row.received_at or not continues(run[1][-1].tip, received):
            run = (row.received_at, [])
            runs.append(run)
        run[1].append(received)
        ending[received.hash] = run
    return runs


def record_facts(
    received: list[ReceivedEntry], source: Source, strand: int, now: int, sent_at: int | None = None
) -> None:
    """Store the facts of these entries, and tell the apps above in the same transaction."""
    facts = store_facts(received, source, strand, now)
    entries_received.send(sender=source, received=received, facts=facts, now=now, sent_at=sent_at)


def _broken(upload: _Upload, each: ReceivedEntry) -> BatchRefused:
    return _refused(upload, ProblemCode.CHAIN_BROKEN, f"The batch breaks at sequence {each.sequence}.")


def _refused(upload: _Upload, code: ProblemCode, sentence: str) -> BatchRefused:
    strand = latest(each for each in upload.strands if each.number == upload.machine.strand) or latest(
        upload.strands
    )
    return BatchRefused(Problem(code, sentence, high_water=None if strand is None else strand.high_water))
