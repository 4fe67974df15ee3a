"""Machines that a centre which was put back does not know: each shows the deed that the centre signed for it.

It may upload then; nothing of it is entered before staff confirm it. A deed also proves that the machines before it were
superseded. Every machine shows besides what was told its kiosk alone and its entries repeat: facts that the centre signed are
taken as they are. What is known already changes nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

import msgspec

from kiosk.domain.echoes import EchoedBody
from kiosk.domain.feed_keys import name_in_key, row_key_of
from kiosk.domain.feed_rows import FeedRow as Row
from kiosk.domain.versions import LARGEST_STAMP, audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.device.authentication import CallerRefused
from sync.central.device.enrolment import EnrolmentRefused
from sync.central.fleet import policies
from sync.central.fleet.feed.models import FeedRow, Incarnation
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.feed.writing import go_past, present_incarnation
from sync.central.fleet.machines import end, machine_of, made_of, present_machine
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.central.fleet.standing import record_soon
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import AlarmKind
from sync.central.ledger import waking
from sync.protocol.deeds import SignedDeed, deed_holds, read_deed
from sync.protocol.errors import Problem, ProblemCode
from sync.protocol.records import DeedShown
from sync.protocol.rows import row_holds


def machine_of_deed(signed: SignedDeed, keys: CentreKeys, now: int) -> Machine:
    """The machine that a deed names, not saved where it is not on record. Raises CallerRefused, EnrolmentRefused, BodyMalformed."""
    if not deed_holds(signed, keys.centre_public_key):
        problem = Problem(ProblemCode.KIOSK_UNKNOWN, "The centre did not sign this deed.")
        raise CallerRefused(401, problem)
    deed = read_deed(signed)
    known = machine_of(deed.kiosk, deed.machine)
    if known is None:
        return made_of(signed, MachineState.UNCONFIRMED, now)
    if not hmac.compare_digest(bytes(known.device_key), deed.device_key):
        sentence = "Another machine has that number here: this one has to be enrolled anew."
        raise EnrolmentRefused(Problem(ProblemCode.REQUEST_REFUSED, sentence))
    return known


def enlist(machine: Machine, now: int) -> Machine:
    """Put a machine that signed its request on record, if it is not."""
    with telling(now):
        Kiosk.objects.get_or_create(number=machine.kiosk_id)
        kiosk = Kiosk.objects.select_for_update().get(number=machine.kiosk_id)
        if machine_of(kiosk.number, machine.number) is None:
            _put(kiosk, machine, now)
    return machine_of(machine.kiosk_id, machine.number) or machine


def take_back(machine: Machine, shown: DeedShown, keys: CentreKeys, now: int) -> int:
    """Take what a machine shows of its kiosk's policy and rows; past which stamp the centre may have forgotten such rows."""
    own = audience_of_kiosk(machine.kiosk_id)
    with telling(now):
        kiosk = Kiosk.objects.select_for_update().get(number=machine.kiosk_id)
        if kiosk.state != KioskState.REVOKED:
            if shown.policy is not None:
                policies.take_shown(kiosk.number, shown.policy, keys, now)
            _take_rows(own, shown.rows, keys, now)
        if not shown.more:
            Machine.objects.filter(key=machine.key).update(shown_in=present_incarnation())
            waking.wake()
    begun = Incarnation.objects.filter(number__gt=max(shown.since, 1)).order_by("number")
    heads = [msgspec.json.decode(each, type=dict[int, int]) for each in begun.values_list("heads", flat=True)]
    return min((each.get(own, 0) for each in heads), default=LARGEST_STAMP)


def _take_rows(own: int, rows: Iterable[Row], keys: CentreKeys, now: int) -> None:
    """Put rows on record that the centre signed for a kiosk and does not know."""
    good = {row.key: row for row in rows if row.audience == own and _is_fact(row, keys)}
    known = set(FeedRow.objects.filter(audience=own, key__in=good).values_list("key", flat=True))
    lost = [row for key, row in good.items() if key not in known]
    FeedRow.objects.bulk_create(
        FeedRow(
            audience=own,
            key=row.key,
            incarnation=row.version.incarnation,
            stamp=row.version.stamp,
            base_incarnation=row.base.incarnation,
            base_stamp=row.base.stamp,
            kind=row.kind,
            body=bytes(row.body),
            digest=row.digest,
            signature=row.signature,
            made_at=now,
        )
        for row in lost
    )
    if lost:
        go_past({own: max(row.version.stamp for row in lost)})


def _is_fact(row: Row, keys: CentreKeys) -> bool:
    """Whether the centre signed a row that nothing but its removal replaces and that says what its key says."""
    name = name_in_key(row.key)
    if name is None or not name.is_immutable or not row_holds(row, keys.centre_public_key):
        return False
    try:
        body = row.read()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(body, EchoedBody) and row_key_of(body) == row.key


def _put(kiosk: Kiosk, machine: Machine, now: int) -> None:
    present = present_machine(kiosk.number)
    if present is not None and present.number > machine.number:
        machine.state, machine.ended_at = MachineState.RETIRED, now
        machine.remark = f"第 {present.number} 台机器接替"
    machine.save(force_insert=True)
    earlier = Machine.objects.filter(kiosk=kiosk, key__lt=machine.key)
    for each in earlier.filter(state__in=(MachineState.ENROLLED, MachineState.UNCONFIRMED)):
        end(each, MachineState.RETIRED, "", f"第 {machine.number} 台机器接替", now)
    record_soon()
    kiosk.machine_given = max(kiosk.machine_given, machine.number)
    kiosk.save(update_fields=["machine_given"])
    if machine.state == MachineState.UNCONFIRMED:
        detail = (
            f"第 {machine.number} 台机器出示了中心签的登记书，恢复的备份里没有它：它可以上传，"
            "在「机器」里确认之前不登记它的key盘，也不退它的款"
        )
        raise_alarm(AlarmKind.UNCONFIRMED, kiosk.number, str(machine.number), detail, now)
