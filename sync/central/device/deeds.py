"""Machines that a centre which was put back does not know: each shows the deed that the centre signed for it.

It may upload then; nothing of it is entered before staff confirm it. A deed also proves that the machines before it were
superseded. Every machine shows besides what was told its kiosk alone and its entries repeat: facts that the centre signed are
taken as they are. What is known already changes nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

import msgspec
from django.db.models import Q

from kiosk.domain.echoes import EchoedBody
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import (
    AnyFeedBody,
    EnterprisePublished,
    FeeSchedulePublished,
    OperatorPublished,
    Removed,
    StaffPublished,
)
from kiosk.domain.feed_keys import RowName, name_in_key, row_key_of
from kiosk.domain.feed_rows import FeedRow as Row
from kiosk.domain.members import Review, Role
from kiosk.domain.versions import ALL, MEMBERS, audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.device.authentication import CallerRefused
from sync.central.device.enrolment import EnrolmentRefused
from sync.central.fleet import policies
from sync.central.fleet.feed.models import FeedRow, Incarnation
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.feed.writing import go_past, lock_all, present_incarnation, put_lost
from sync.central.fleet.machines import end, machine_of, made_of, present_machine
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.central.fleet.standing import record_soon
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import AlarmKind
from sync.central.ledger import waking
from sync.central.ledger.taking_back import take_back_said
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


def take_back(machine: Machine, shown: DeedShown, keys: CentreKeys, now: int) -> dict[int, int]:
    """Take what a machine shows of its policy and rows; past which stamp of each audience the centre may have forgotten rows."""
    own = audience_of_kiosk(machine.kiosk_id)
    with telling(now):
        kiosk = Kiosk.objects.select_for_update().get(number=machine.kiosk_id)
        if kiosk.state != KioskState.REVOKED:
            if shown.policy is not None:
                policies.take_shown(kiosk.number, shown.policy, keys, now)
            signed = [row for row in shown.rows if row_holds(row, keys.centre_public_key)]
            if signed:
                lock_all()
            _take_said(kiosk.number, signed, now)
            _take_facts(own, signed, now)
        if not shown.more:
            Machine.objects.filter(key=machine.key).update(shown_in=present_incarnation())
            waking.wake()
    begun = Incarnation.objects.filter(number__gt=max(shown.since, 1)).order_by("number")
    heads = [msgspec.json.decode(each, type=dict[int, int]) for each in begun.values_list("heads", flat=True)]
    audiences = (ALL, MEMBERS, own) if heads else ()
    return {audience: min(each.get(audience, 0) for each in heads) for audience in audiences}


def _take_said(kiosk: int, rows: Iterable[Row], now: int) -> None:
    """What the centre had said of people and prices and has forgotten stands again, or staff are told: they say it, or not."""
    for row in rows:
        said = _in_words(row) if row.audience in {ALL, MEMBERS, audience_of_kiosk(kiosk)} else ""
        if not said or _is_known(row):
            continue
        body = _body(row)
        if body is None or not take_back_said(row, body, now):
            detail = f"恢复之前下发过，中心的备份里没有：{said}；终端机按较严的一份执行，请核对后重新录入"
            raise_alarm(AlarmKind.SHOWN_ROW, EXCHANGE_KIOSK, f"{row.key} {row.version}", detail, now)


def _is_known(row: Row) -> bool:
    """Whether a row is on record, what stands says the same, or goes on from a later one."""
    version = row.version
    later = Q(base_incarnation=version.incarnation, base_stamp__gte=version.stamp) | Q(digest=row.digest)
    known = FeedRow.objects.filter(audience=row.audience, key=row.key)
    return known.filter(Q(stamp=version.stamp) | Q(live=True) & later).exists()


def _in_words(row: Row) -> str:
    body = _body(row)
    match body:
        case StaffPublished(staff=staff):
            return f"柜台人员 {staff.name} {_ROLES[staff.role]}"
        case OperatorPublished(operator=operator):
            return f"操作员 {operator.account} {operator.name} 审核 {_REVIEWS[operator.review]}"
        case EnterprisePublished(enterprise=enterprise):
            return f"会员企业 {enterprise.name} 审核 {_REVIEWS[enterprise.review]}"
        case FeeSchedulePublished(schedule=schedule):
            fen = schedule.token, schedule.certificate, schedule.service
            return f"收费表 {schedule.number} 号 {'、'.join(f'{each / 100:.2f}' for each in fen)} 元"
        case Removed() if name_in_key(row.key) in {RowName.STAFF, RowName.OPERATOR, RowName.ENTERPRISE}:
            return f"{row.key} 已删除"
        case _:
            return ""


_ROLES = {Role.STAFF: "柜员", Role.SUPERVISOR: "主管"}
_REVIEWS = {Review.APPROVED: "通过", Review.UNDER_REVIEW: "审核中", Review.REFUSED: "未通过"}


def _take_facts(own: int, rows: Iterable[Row], now: int) -> None:
    """Put facts on record that the centre signed for a kiosk alone and does not know."""
    good = {row.key: row for row in rows if row.audience == own and isinstance(_body(row), EchoedBody)}
    known = set(FeedRow.objects.filter(audience=own, key__in=good).values_list("key", flat=True))
    lost = [row for key, row in good.items() if key not in known]
    for row in lost:
        put_lost(row, now)
    if lost:
        go_past({own: max(row.version.stamp for row in lost)})


def _body(row: Row) -> AnyFeedBody | None:
    """What a row says; None for one that cannot be read, or that says another thing than its key."""
    try:
        body = row.read()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return body if isinstance(body, Removed) or row_key_of(body) == row.key else None


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
