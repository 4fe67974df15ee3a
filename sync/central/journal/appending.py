"""Appending a batch to its kiosk's chain, whole or not at all; entries that do not continue it are stored beside it."""

from __future__ import annotations

import enum
import itertools

import msgspec
from django.db import transaction

from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.facts import store_facts
from sync.central.journal.models import AlarmKind, Entry, Source, StrayEntry, Verdict
from sync.central.journal.received_entries import UNREADABLE, ReceivedEntry, continues, read
from sync.central.journal.signals import entries_received
from sync.central.tables import LAST, fact_key, row_key
from sync.protocol.batches import checkpoint_holds
from sync.protocol.errors import Problem, ProblemCode
from sync.protocol.records import JOURNAL_PAGE, JournalPage, UploadBatch


class Outcome(enum.Enum):
    """What was done with a batch."""

    APPENDED = "appended"
    FORKED = "forked"
    QUARANTINED = "quarantined"


class BatchRefused(Exception):
    """The batch is refused; `problem` is the answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


class Appended(msgspec.Struct, frozen=True):
    """A batch that is stored; `entries` are those that are new on the chain."""

    outcome: Outcome
    kiosk: Kiosk
    entries: list[ReceivedEntry]


def append(number: int, batch: UploadBatch, now: int) -> Appended:
    """Store a batch of one kiosk. Raises BatchRefused, BodyMalformed."""
    received = [read(data) for data in batch.entries]
    with transaction.atomic():
        kiosk = Kiosk.objects.select_for_update().get(number=number)
        _require_sound(kiosk, batch, received)
        kiosk.announced_sequence = max(kiosk.announced_sequence, received[-1].sequence)
        if kiosk.state == KioskState.REVOKED:
            return _quarantined(kiosk, received, now)
        fresh = _new_entries(kiosk, received)
        if fresh is None or (fresh and not continues(kiosk.high_water, fresh[0])):
            return _forked(kiosk, received, now)
        _store(kiosk, fresh, now)
        return Appended(Outcome.APPENDED, kiosk, fresh)


def _require_sound(kiosk: Kiosk, batch: UploadBatch, received: list[ReceivedEntry]) -> None:
    """Raise BatchRefused unless the batch is consecutive entries of this kiosk without a gap before them."""
    if any(each.kiosk != kiosk.number for each in received):
        raise _refused(kiosk, ProblemCode.CHAIN_BROKEN, "The batch has entries of another kiosk.")
    for before, each in itertools.pairwise(received):
        if not continues(before.tip, each):
            sentence = f"The batch breaks at sequence {each.sequence}."
            raise _refused(kiosk, ProblemCode.CHAIN_BROKEN, sentence)
    held = checkpoint_holds(batch.checkpoint, kiosk.number, bytes(kiosk.device_key))
    if not held or batch.checkpoint.tip != received[-1].tip:
        raise _refused(kiosk, ProblemCode.CHECKPOINT_REFUSED, "The checkpoint is not that of the batch.")
    if received[0].sequence > kiosk.high_sequence + 1 and not _follows_what_is_beside(received[0]):
        sentence = f"The batch begins at {received[0].sequence}, expected {kiosk.high_sequence + 1}."
        raise _refused(kiosk, ProblemCode.CHAIN_HOLE, sentence)


def _follows_what_is_beside(first: ReceivedEntry) -> bool:
    """Whether an entry continues a branch, or what a revoked kiosk sent before."""
    key = fact_key(first.kiosk, first.sequence - 1, first.previous)
    return StrayEntry.objects.filter(key=key, hash=first.previous).exists()


def _new_entries(kiosk: Kiosk, received: list[ReceivedEntry]) -> list[ReceivedEntry] | None:
    """The entries that are not on the chain yet; None when the chain has one of them with another hash."""
    old = [each for each in received if each.sequence <= kiosk.high_sequence]
    keys = [row_key(kiosk.number, each.sequence) for each in old]
    known = {
        sequence: bytes(digest)
        for sequence, digest in Entry.objects.filter(key__in=keys).values_list("sequence", "hash")
    }
    if any(known.get(each.sequence) != each.hash for each in old):
        return None
    return received[len(old) :]


def _store(kiosk: Kiosk, fresh: list[ReceivedEntry], now: int) -> None:
    if fresh:
        Entry.objects.bulk_create([_entry(each, now) for each in fresh])
        kiosk.put_high_water(fresh[-1].tip)
        _record_facts(fresh, Source.CHAIN, now)
    kiosk.last_contact = now
    kiosk.save()


def reread_unreadable() -> None:
    """Read pending entries again that an earlier version of the program could not read."""
    for row in Entry.objects.filter(kind=UNREADABLE, verdict=Verdict.PENDING):
        received = read(bytes(row.data))
        if received.entry is None:
            continue
        with transaction.atomic():
            Entry.objects.filter(key=row.key).update(
                kind=received.kind, subject=received.order, account=received.account
            )
            _record_facts([received], Source.CHAIN, row.received_at)


def _entry(each: ReceivedEntry, now: int) -> Entry:
    return Entry(
        key=row_key(each.kiosk, each.sequence),
        kiosk=each.kiosk,
        epoch=each.epoch,
        sequence=each.sequence,
        hash=each.hash,
        data=each.data,
        kind=each.kind,
        subject=each.order,
        account=each.account,
        wall=each.wall,
        received_at=now,
    )


def _forked(kiosk: Kiosk, received: list[ReceivedEntry], now: int) -> Appended:
    keys = [row_key(kiosk.number, each.sequence) for each in received]
    known = dict(Entry.objects.filter(key__in=keys).values_list("sequence", "hash"))
    branch = [each for each in received if bytes(known.get(each.sequence, b"")) != each.hash]
    first = branch[0]
    detail = f"序号 {first.sequence} 处与已收到的记录不同（纪元 {first.epoch}）"
    _store_beside(kiosk, branch, Source.BRANCH, now)
    raise_alarm(AlarmKind.FORK, kiosk.number, f"{first.epoch}/{first.sequence}", detail, now)
    return Appended(Outcome.FORKED, kiosk, [])


def _quarantined(kiosk: Kiosk, received: list[ReceivedEntry], now: int) -> Appended:
    _store_beside(kiosk, received, Source.QUARANTINE, now)
    raise_alarm(
        AlarmKind.REVOKED_SENDS, kiosk.number, str(kiosk.number), "已吊销的终端机仍在上传，已隔离保存", now
    )
    return Appended(Outcome.QUARANTINED, kiosk, [])


def _store_beside(kiosk: Kiosk, received: list[ReceivedEntry], source: Source, now: int) -> None:
    rows = [
        StrayEntry(
            key=fact_key(each.kiosk, each.sequence, each.hash),
            kiosk=each.kiosk,
            epoch=each.epoch,
            sequence=each.sequence,
            hash=each.hash,
            data=each.data,
            kind=each.kind,
            source=source,
            wall=each.wall,
            received_at=now,
        )
        for each in received
    ]
    StrayEntry.objects.bulk_create(rows, ignore_conflicts=True)
    _record_facts(received, source, now)
    kiosk.last_contact = now
    kiosk.save()


def _record_facts(received: list[ReceivedEntry], source: Source, now: int) -> None:
    """Store the facts of these entries, and tell the apps above in the same transaction."""
    facts = store_facts(received, source, now)
    entries_received.send(sender=source, received=received, facts=facts, now=now)


def journal_page(kiosk: Kiosk, after: int) -> JournalPage:
    """A kiosk's own entries after a sequence number."""
    rows = Entry.objects.filter(
        key__gt=row_key(kiosk.number, min(after, LAST)), key__lte=row_key(kiosk.number, LAST)
    )
    data = [bytes(each) for each in rows.order_by("key").values_list("data", flat=True)[: JOURNAL_PAGE + 1]]
    return JournalPage(tuple(data[:JOURNAL_PAGE]), more=len(data) > JOURNAL_PAGE, high_water=kiosk.high_water)


def _refused(kiosk: Kiosk, code: ProblemCode, sentence: str) -> BatchRefused:
    return BatchRefused(Problem(code, sentence, high_water=kiosk.high_water))
