"""The device API (paths and records in sync/protocol/records.py)."""

from __future__ import annotations

import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from kiosk.domain.versions import Version, fits, parse_cursors, write_cursors
from sync.central.context import centre_keys, centre_now
from sync.central.device import deeds, enrolment
from sync.central.device.answers import answer, device_view
from sync.central.device.authentication import (
    CallerRefused,
    caller,
    read_body,
    require_signed_by,
    require_working,
)
from sync.central.device.receipts import answers_to, look_at_receipt
from sync.central.device.waiting import waiting_slot
from sync.central.fleet import policies
from sync.central.fleet.feed.reading import Pull, audiences_read, heads
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.machines import is_out_of_use, is_revoked, machine_of
from sync.central.fleet.models import Kiosk, KioskState, MachineState
from sync.central.fleet.unapplied_rows import record_unapplied
from sync.central.journal import snapshots
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.appending import Outcome, append
from sync.central.journal.models import AlarmKind, Strand
from sync.central.journal.nights import note_night
from sync.central.journal.strands import holding, journal_page, latest, marks, numbered, strands_of
from sync.central.ledger import waking
from sync.central.ledger.asked import tell_kept
from sync.central.personal.keeping import take
from sync.central.tables import LAST, column_text
from sync.protocol import records
from sync.protocol.batches import MAXIMUM_PACKED, checkpoint_holds, decode_batch
from sync.protocol.errors import BodyMalformed, BodyTooLarge, Problem, ProblemCode
from sync.protocol.signatures import ENROL_KEY_ID, machine_key_id
from sync.protocol.times import sign_time

POLL_SECONDS = 0.2


@device_view("GET")
def centre(_request: HttpRequest) -> HttpResponse:
    """Describe this centre to a machine that is not enrolled yet."""
    return answer(
        records.CentreDescription(
            version=records.VERSION,
            organisation=settings.KEYDESK.organisation,
            centre_key=centre_keys().centre_public_key,
            time=centre_now(),
        )
    )


@device_view("POST")
def enrol(request: HttpRequest) -> HttpResponse:
    """Enrol a machine as a kiosk."""
    now = centre_now()
    body = read_body(request, records.MAXIMUM_JSON)
    asked = records.decode(body, records.EnrolRequest)
    require_signed_by(request, body, asked.device_key, ENROL_KEY_ID, now)
    enrolled = enrolment.enrol(asked, centre_keys(), now)
    if (machine := machine_of(enrolled.kiosk, enrolled.machine)) is not None:
        answers_to(request, machine)
    return answer(enrolled)


@device_view("POST")
def deed(request: HttpRequest) -> HttpResponse:
    """Take back what a machine has of the centre, which may have been put back and have forgotten it."""
    now = centre_now()
    body = read_body(request, records.MAXIMUM_JSON)
    shown = records.decode(body, records.DeedShown)
    machine = deeds.machine_of_deed(shown.deed, centre_keys(), now)
    key_id = machine_key_id(machine.kiosk_id, machine.number)
    require_signed_by(request, body, bytes(machine.device_key), key_id, now)
    machine = deeds.enlist(machine, now)
    machine = look_at_receipt(request, machine, now)
    answers_to(request, machine)
    lost_past = deeds.take_back(machine, shown, centre_keys(), now)
    signed = sign_time(machine.kiosk_id, now, centre_keys().centre_key)
    return answer(records.DeedAnswer(signed, lost_past, machine.state == MachineState.UNCONFIRMED))


@device_view("POST")
def heartbeat(request: HttpRequest) -> HttpResponse:
    """Record a kiosk's heartbeat; answer with the time and what the centre holds of its journal."""
    now = centre_now()
    body = read_body(request, records.MAXIMUM_JSON)
    machine = caller(request, body, now)
    beat = records.decode(body, records.Heartbeat)
    if beat.checkpoint is not None and not checkpoint_holds(
        beat.checkpoint, machine.kiosk_id, bytes(machine.device_key)
    ):
        problem = Problem(ProblemCode.CHECKPOINT_REFUSED, "The checkpoint is not this kiosk's.")
        raise CallerRefused(422, problem)
    with telling(now):
        kiosk = Kiosk.objects.select_for_update().get(number=machine.kiosk_id)
        strands = strands_of(kiosk.number)
        strand = _strand_at(strands, beat)
        if not is_out_of_use(machine):
            note_night(kiosk, beat.night, beat.wall, now)
        _record_heartbeat(kiosk, strand, beat, now)
        record_unapplied(kiosk.number, beat.kept, now)
        if kiosk.state == KioskState.ENROLLED:
            policies.ensure(kiosk.number, centre_keys(), now)
    named = strand or numbered(strands, beat.strand) or latest(strands)
    return answer(
        records.HeartbeatAnswer(
            signed_time=sign_time(kiosk.number, now, centre_keys().centre_key),
            high_water=None if named is None else named.high_water,
            heads=heads(audiences_read(kiosk)),
            strand=0 if strand is None else strand.number,
            strands=marks(strands),
            begin_epoch=None if strand is None else strand.epoch_due,
            quarantined=is_revoked(machine),
            retired=is_out_of_use(machine),
            unconfirmed=machine.state == MachineState.UNCONFIRMED,
        )
    )


def _strand_at(strands: list[Strand], beat: records.Heartbeat) -> Strand | None:
    """The strand that has the tip of a heartbeat; for an empty journal the one that received last."""
    if beat.checkpoint is None:
        return latest(strands)
    return holding(strands, beat.checkpoint.sequence, beat.checkpoint.hash)


def _record_heartbeat(kiosk: Kiosk, strand: Strand | None, beat: records.Heartbeat, now: int) -> None:
    kiosk.last_contact, kiosk.clock_offset = now, max(min(beat.wall - now, 2**62), -(2**62))
    kiosk.backlog = max(0, min(beat.backlog, 2**31 - 1))
    known = {each: beat.cursors[each] for each in audiences_read(kiosk) if each in beat.cursors}
    kiosk.cursors = write_cursors({each: cursor for each, cursor in known.items() if fits(cursor)})
    kiosk.program = column_text(beat.program, 60)
    if beat.checkpoint is not None:
        tip = beat.checkpoint.tip
        if strand is not None and tip.sequence < strand.high_sequence:
            detail = f"终端机到 {tip.sequence}，中心已有 {strand.high_sequence}（恢复了旧备份？）"
            raise_alarm(AlarmKind.LOST_TAIL, kiosk.number, f"{tip.epoch}/{tip.sequence}", detail, now)
        kiosk.announced_sequence = max(kiosk.announced_sequence, min(tip.sequence, LAST))
    kiosk.save()


@device_view("POST", "GET")
def journal(request: HttpRequest) -> HttpResponse:
    """Receive a batch of entries (POST), or return a kiosk's own (GET)."""
    now = centre_now()
    body = read_body(request, MAXIMUM_PACKED)
    machine = caller(request, body, now)
    if request.method == "GET":
        kiosk = require_working(machine)
        return answer(journal_page(kiosk.number, _number(request, "strand"), _number(request, "after")))
    held = bool(_number(request, "held"))
    appended = append(machine, decode_batch(body), now, held=held)
    if appended.entries:
        waking.wake()
    strand = appended.strand
    return answer(
        records.UploadAnswer(
            high_water=None if strand is None else strand.high_water,
            signed_time=sign_time(machine.kiosk_id, now, centre_keys().centre_key),
            strand=0 if strand is None else strand.number,
            strands=marks(appended.strands),
            begin_epoch=None if strand is None else strand.epoch_due,
            branched=appended.outcome is Outcome.BRANCHED,
            quarantined=appended.outcome is Outcome.QUARANTINED,
            retired=is_out_of_use(machine),
            unconfirmed=machine.state == MachineState.UNCONFIRMED,
            lacked=len(appended.entries),
        )
    )


@device_view("GET")
def feed(request: HttpRequest) -> HttpResponse:
    """Return the feed's rows past the cursors; wait for one as long as the kiosk asks, at most MAXIMUM_WAIT seconds.

    When too many kiosks wait already the answer comes at once, and the kiosk asks again a little later.
    """
    kiosk = require_working(caller(request, b"", centre_now()))
    pull = Pull(kiosk, _cursors(request), centre_keys())
    wait = min(_number(request, "wait"), records.MAXIMUM_WAIT)
    page = pull.page()
    if page.rows or not wait:
        return answer(page)
    with waiting_slot() as placed:
        until = time.monotonic() + (wait if placed else 0)
        while not page.rows and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            page = pull.page()
    return answer(page)


@device_view("POST")
def epoch(request: HttpRequest) -> HttpResponse:
    """Give a kiosk a new epoch."""
    body = read_body(request, records.MAXIMUM_JSON)
    kiosk = require_working(caller(request, body, centre_now()))
    asked = records.decode(body, records.EpochRequest)
    return answer(records.EpochAnswer(*enrolment.begin_epoch(kiosk.number, asked.strand)))


@device_view("POST")
def snapshot(request: HttpRequest) -> HttpResponse:
    """Take a snapshot of a kiosk's journal, or say where it stands."""
    now = centre_now()
    body = read_body(request, records.MAXIMUM_JSON)
    kiosk = require_working(caller(request, body, now))
    shown = records.decode(body, records.SnapshotShown)
    return answer(snapshots.take(kiosk.number, shown, centre_keys().centre_key, now))


@device_view("POST")
def personal(request: HttpRequest) -> HttpResponse:
    """Take personal records to which entries of this kiosk commit; of another's nothing is said."""
    now = centre_now()
    body = read_body(request, records.MAXIMUM_JSON)
    machine = caller(request, body, now)
    if is_revoked(machine):
        raise CallerRefused(403, Problem(ProblemCode.KIOSK_REVOKED, "This kiosk was revoked."))
    sent = records.decode(body, records.PersonalUpload).records
    if len(sent) > records.MAXIMUM_PERSONAL:
        raise BodyTooLarge(len(sent), records.MAXIMUM_PERSONAL)
    with telling(now) as told:
        outcomes, kept = take(machine.kiosk_id, sent, centre_keys(), now)
        tell_kept(told, kept)
    return answer(records.PersonalAnswer(tuple(outcomes)))


def _cursors(request: HttpRequest) -> dict[int, Version]:
    try:
        return parse_cursors(request.GET.get("after", ""))
    except ValueError as error:
        raise BodyMalformed(f"after: {error}") from error


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 10):  # noqa: PLR2004 - 32 bits have ten digits
        raise BodyMalformed(f"{name} is not a number")
    return int(text)
