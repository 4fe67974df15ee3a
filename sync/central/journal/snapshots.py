"""Snapshots that kiosks show: taken in, and acknowledged once they were checked (`snapshot_checks`).

An acknowledgement is the centre's signed word that it has the journal up to there: the kiosk deletes the entries before. It
is given for what the centre has had for a while, so that no backup that is still put back lacks them.
"""

from __future__ import annotations

from itertools import pairwise

from kiosk.domain.errors import SnapshotMalformed
from kiosk.domain.policy import DAY
from kiosk.domain.snapshots import (
    FOLD,
    JournalSnapshot,
    SnapshotAcknowledgement,
    snapshot_hash,
)
from kiosk.pki.device_keys import device_public_key
from kiosk.pki.snapshots import acknowledged, sign_acknowledgement, signed_snapshot
from sync.central.fleet.feed.writing import present_life
from sync.central.fleet.machines import machine_of
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import AlarmKind, Entry, Snapshot, SnapshotState
from sync.central.journal.strands import holding, latest, numbered, strands_of
from sync.central.tables import entry_key
from sync.protocol import records
from sync.protocol.errors import BodyMalformed

SETTLED = 90 * DAY
"""How long (seconds) the centre has had what it acknowledges: longer than any backup is kept that is still put back."""


def take(kiosk: int, shown: records.SnapshotShown, centre_key: bytes, now: int) -> records.SnapshotAnswer:
    """Take a snapshot that a kiosk shows, or say where it stands; `centre_key` is the centre's seed, `now` UTC seconds. Raises BodyMalformed."""
    snapshot = _read(shown)
    key = snapshot_hash(shown.snapshot.snapshot)
    machine = None if snapshot is None else machine_of(kiosk, snapshot.machine)
    if snapshot is None or machine is None or snapshot.kiosk != kiosk:
        return _refused("signature")
    if bytes(machine.device_key) != snapshot.device_key:
        return _refused("signature")
    head, strands = snapshot.head, strands_of(kiosk)
    strand = holding(strands, head.sequence, head.hash)
    proof = shown.acknowledgement
    proved = proof is not None and acknowledged(
        proof, shown.snapshot.snapshot, kiosk, device_public_key(centre_key)
    )
    if strand is None:
        if not proved:
            return _refused("head")
        has = numbered(strands, snapshot.strand) or latest(strands)
        high = 0 if has is None else has.high_sequence
        detail = (
            f"中心确认过到第 {head.sequence} 条，终端机已不留；中心恢复后只有到第 {high} 条。"
            "请恢复更新的备份，或用终端机更早的备份补传"
        )
        raise_alarm(AlarmKind.MISSING, kiosk, f"{high + 1}-{head.sequence}", detail, now)
        water = None if has is None else has.high_water
        return records.SnapshotAnswer(records.SnapshotState.MISSING, high_water=water)
    known = Snapshot.objects.filter(key=key.hex()).first()
    if known is None and not proved:
        refusal = _not_yet(kiosk, strand.number, snapshot, now)
        if refusal is not None:
            return refusal
    if known is None:
        known = _recorded(shown, snapshot, strand.number, now, proved=bool(proved))
    elif proved and known.state != SnapshotState.ACKNOWLEDGED:
        known.state, known.reason = SnapshotState.ACKNOWLEDGED, ""
        known.save(update_fields=["state", "reason"])
    return _standing(known, key, centre_key, now)


def _read(shown: records.SnapshotShown) -> JournalSnapshot | None:
    try:
        return signed_snapshot(shown.snapshot)
    except SnapshotMalformed as error:
        raise BodyMalformed(f"a snapshot that cannot be read: {error}") from error


def _refused(reason: str) -> records.SnapshotAnswer:
    return records.SnapshotAnswer(records.SnapshotState.REFUSED, reason=reason)


def _not_yet(kiosk: int, strand: int, snapshot: JournalSnapshot, now: int) -> records.SnapshotAnswer | None:
    """Why a new snapshot is not checked, or not yet."""
    if snapshot.fold != FOLD:
        return _refused("fold")
    if not _in_order(snapshot):
        return _refused("order")
    received = Entry.objects.filter(key=entry_key(kiosk, strand, snapshot.head.sequence))
    if received.values_list("received_at", flat=True).get() > now - SETTLED:
        return records.SnapshotAnswer(records.SnapshotState.EARLY, reason="settling")
    last = Snapshot.objects.filter(kiosk=kiosk).order_by("-received_at", "-key").first()
    if last is not None and last.received_at > now - DAY:
        return records.SnapshotAnswer(records.SnapshotState.EARLY, reason="one-a-day")
    return None


def _in_order(snapshot: JournalSnapshot) -> bool:
    """Whether the runs of other strands stand one after the other, each within the journal."""
    within = all(
        1 <= run.first <= run.last and 0 <= run.after < snapshot.head.sequence for run in snapshot.others
    )
    return within and all(one.after <= other.after for one, other in pairwise(snapshot.others))


def _recorded(
    shown: records.SnapshotShown, snapshot: JournalSnapshot, strand: int, now: int, *, proved: bool
) -> Snapshot:
    """Put a snapshot on record, in the place of one of its kiosk that waits."""
    Snapshot.objects.filter(kiosk=snapshot.kiosk, state=SnapshotState.WAITING).delete()
    return Snapshot.objects.update_or_create(
        key=snapshot_hash(shown.snapshot.snapshot).hex(),
        defaults={
            "kiosk": snapshot.kiosk,
            "machine": snapshot.machine,
            "strand": strand,
            "sequence": snapshot.head.sequence,
            "data": shown.snapshot.snapshot,
            "signature": shown.snapshot.signature,
            "state": SnapshotState.ACKNOWLEDGED if proved else SnapshotState.WAITING,
            "received_at": now,
        },
    )[0]


def _standing(row: Snapshot, key: bytes, centre_key: bytes, now: int) -> records.SnapshotAnswer:
    if row.state != SnapshotState.ACKNOWLEDGED:
        return records.SnapshotAnswer(records.SnapshotState(row.state), reason=row.reason)
    life = present_life()
    said = SnapshotAcknowledgement(row.kiosk, key, life.number, life.bits, now)
    return records.SnapshotAnswer(records.SnapshotState.ACKNOWLEDGED, sign_acknowledgement(said, centre_key))
