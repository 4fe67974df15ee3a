"""What kiosks tell of their nightly runs, and the alarm of one that made none for two nights; a night that arrives ends it."""

from __future__ import annotations

import msgspec

from kiosk.domain.nights import ALARMING, missed
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.central.formats import china_time
from sync.central.journal.alarms import Cause, clear_alarms, raise_alarms
from sync.central.journal.models import Alarm, AlarmKind
from sync.central.tables import LAST, column_text
from sync.protocol.records import MAXIMUM_FINDINGS, NightItem, NightNotice

LOOK_SECONDS = 60
_LONGEST_NAME = 40
_MINUTES = 1440
_MOST = 2**31 - 1
_ARRIVED = "夜间检查已做"
_OUT_OF_USE = "终端机已停用，或不再报夜间检查"


def note_night(kiosk: Kiosk, notice: NightNotice | None, wall: int, now: int) -> None:
    """Note in the kiosk's row, which the caller saves, what its machine tells of its nights; `wall` is the machine's clock."""
    was_late = _is_late(kiosk, now)
    _put(kiosk, notice, wall, now)
    if was_late and not _is_late(kiosk, now):
        clear_alarms(AlarmKind.NIGHTS_MISSED, [kiosk.number], _ARRIVED, now)


def _put(kiosk: Kiosk, notice: NightNotice | None, wall: int, now: int) -> None:
    if notice is None:
        kiosk.night_since = kiosk.night_ended = None
        kiosk.night_findings, kiosk.night_expiring = "", 0
        return
    kiosk.night_since = _by_our_clock(notice.since, wall, now)
    kiosk.night_ended = None if notice.ended is None else _by_our_clock(notice.ended, wall, now)
    kiosk.night_at = notice.at if 0 <= notice.at < _MINUTES else kiosk.night_at
    kiosk.night_expiring = max(0, min(notice.expiring, _MOST))
    kiosk.night_findings = msgspec.json.encode(
        [
            NightItem(
                column_text(each.kind, _LONGEST_NAME),
                max(0, min(each.count, _MOST)),
                column_text(each.step, _LONGEST_NAME),
            )
            for each in notice.findings[:MAXIMUM_FINDINGS]
        ]
    ).decode()


def findings_of(kiosk: Kiosk) -> list[NightItem]:
    """What the kiosk's last nightly run left for people."""
    return msgspec.json.decode(kiosk.night_findings or "[]", type=list[NightItem])


def _by_our_clock(time: int, wall: int, now: int) -> int:
    """A time of a kiosk's clock by the centre's; never later than now."""
    return max(-LAST, min(now, now - (wall - time)))


def nights_missed(kiosk: Kiosk, now: int) -> int:
    """How many nights in a row the kiosk made no run; none of a program that makes none."""
    if kiosk.night_since is None:
        return 0
    return missed(kiosk.night_since, kiosk.night_ended, now, kiosk.night_at)


def _is_late(kiosk: Kiosk, now: int) -> bool:
    return nights_missed(kiosk, now) >= ALARMING


def look_for_missed(now: int) -> None:
    """Raise an alarm about each kiosk in use that made no run for two nights, and end those of kiosks out of use.

    Of a kiosk that never told of its nights, as before its enrolment, there is none.
    """
    present = (MachineState.ENROLLED, MachineState.UNCONFIRMED)
    manned = set(Machine.objects.filter(state__in=present).values_list("kiosk_id", flat=True))
    kiosks = Kiosk.objects.filter(state=KioskState.ENROLLED, night_since__isnull=False)
    in_use = {each.number: each for each in kiosks if each.number in manned}
    late = {number: each for number, each in in_use.items() if _is_late(each, now)}
    raise_alarms(map(_cause, late.values()), now)
    told = set(
        Alarm.objects.filter(kind=AlarmKind.NIGHTS_MISSED, cleared_at=None).values_list("kiosk", flat=True)
    )
    for kiosks_over, by in ((told & set(in_use) - set(late), _ARRIVED), (told - set(in_use), _OUT_OF_USE)):
        if kiosks_over:
            clear_alarms(AlarmKind.NIGHTS_MISSED, kiosks_over, by, now)


def _cause(kiosk: Kiosk) -> Cause:
    """One alarm for as long as no run arrives: its subject is the last one's time."""
    if kiosk.night_ended is None:
        since = china_time(kiosk.night_since)
        detail = f"从 {since} 起还没有做过夜间检查。{_WHAT_TO_DO}"
    else:
        since = china_time(kiosk.night_ended)
        detail = f"已连续两夜没有做夜间检查，最近一次 {since}。{_WHAT_TO_DO}"
    return Cause(AlarmKind.NIGHTS_MISSED, kiosk.number, since, detail)


_WHAT_TO_DO = "请看那台终端机是否开着、联网，同步程序是否在运行"
