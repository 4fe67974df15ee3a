"""What kiosks tell of their nightly runs: on record at the centre, and an alarm of whoever made none for two nights."""

from __future__ import annotations

import json

import msgspec
import pytest
from django.test import Client
from django.urls import reverse

from kiosk.domain.nights import DAY, HOUR, LATE, USUAL_AT, begin_of, night_at
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.central.journal.models import Alarm, AlarmKind
from sync.central.journal.nights import findings_of, look_for_missed
from sync.protocol import records
from sync.protocol.records import NightItem, NightNotice
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db


def beat(kiosk: KioskDouble, notice: NightNotice | None, ahead: int = 0) -> None:
    """Send a heartbeat; the kiosk's clock is so many seconds ahead."""
    body = records.encode(records.Heartbeat(None, 0, {}, kiosk.now() + ahead, night=notice))
    assert kiosk.request("POST", records.PATH_HEARTBEAT, body).status == 200


def row() -> Kiosk:
    return Kiosk.objects.get(number=3)


def alarms(*, cleared: bool = False) -> list[Alarm]:
    return list(Alarm.objects.filter(kind=AlarmKind.NIGHTS_MISSED, cleared_at__isnull=not cleared))


def two_nights_late(since: int) -> int:
    """When two nights after that time have no run."""
    return begin_of(night_at(since, USUAL_AT) + 2, USUAL_AT) + LATE


def test_a_night_that_arrives_is_on_record_by_the_centres_clock(kiosk: KioskDouble) -> None:
    ended, ahead = kiosk.now() - 600, 40_000
    items = (
        NightItem("backlog", 4),
        NightItem("step-failed", step="backup"),
        NightItem("of-a-later-version"),
    )
    beat(kiosk, NightNotice(ended + ahead - DAY, 150, ended + ahead, items, 7), ahead)
    known = row()
    assert known.night_since is not None
    assert known.night_ended is not None
    assert abs(known.night_ended - ended) <= 2
    assert abs(known.night_since - ended + DAY) <= 2
    assert (known.night_at, known.night_expiring, findings_of(known)) == (150, 7, list(items))


def test_a_program_without_nights_is_no_alarm_and_an_older_centre_reads_its_heartbeat(
    kiosk: KioskDouble,
) -> None:
    old: dict[str, object] = {"checkpoint": None, "backlog": 0, "cursors": {}, "wall": kiosk.now()}
    assert kiosk.request("POST", records.PATH_HEARTBEAT, json.dumps(old).encode()).status == 200
    assert row().night_since is None
    look_for_missed(kiosk.now() + 100 * DAY)
    assert alarms() == []

    class OlderHeartbeat(msgspec.Struct):
        backlog: int
        wall: int

    sent = records.encode(records.Heartbeat(None, 5, {}, 7, night=NightNotice(1, 150)))
    assert records.decode(sent, OlderHeartbeat).backlog == 5


def test_what_a_hostile_kiosk_tells_is_kept_within_bounds(kiosk: KioskDouble) -> None:
    items = tuple(NightItem("x" * 200 + "\0", -5, "y" * 200) for _ in range(100))
    beat(kiosk, NightNotice(2**63, -7, -(2**63), items, 2**60))
    known = row()
    assert known.night_at == USUAL_AT
    assert known.night_since is not None
    assert known.night_since <= kiosk.now() + 1
    assert len(findings_of(known)) == records.MAXIMUM_FINDINGS
    assert len(known.night_findings) < 5000


def test_two_nights_without_a_run_are_an_alarm_that_a_night_ends(kiosk: KioskDouble) -> None:
    ended = kiosk.now() - 5 * DAY
    beat(kiosk, NightNotice(ended - DAY, USUAL_AT, ended))
    late = two_nights_late(ended)
    look_for_missed(late - HOUR)
    assert alarms() == []
    for now in (late, late + 60, late + DAY):
        look_for_missed(now)
    (alarm,) = alarms()
    assert alarm.kiosk == 3
    assert "已连续两夜没有做夜间检查" in alarm.detail
    beat(kiosk, NightNotice(ended - DAY, USUAL_AT, kiosk.now()))
    assert alarms() == []
    (alarm,) = alarms(cleared=True)
    assert alarm.cleared_by == "夜间检查已做"
    look_for_missed(kiosk.now() + 4 * DAY)
    assert len(alarms()) == 1, "another gap is another alarm"


def test_an_alarm_that_was_raised_while_the_night_arrived_ends_at_the_next_look(kiosk: KioskDouble) -> None:
    ended = kiosk.now() - 5 * DAY
    beat(kiosk, NightNotice(ended, USUAL_AT, ended))
    look_for_missed(kiosk.now())
    Kiosk.objects.filter(number=3).update(night_ended=kiosk.now())
    look_for_missed(kiosk.now())
    assert alarms() == []


def test_a_kiosk_that_never_made_a_run_is_an_alarm_from_its_first_start_on(kiosk: KioskDouble) -> None:
    beat(kiosk, NightNotice(kiosk.now() - 4 * DAY, USUAL_AT))
    look_for_missed(kiosk.now())
    (alarm,) = alarms()
    assert "还没有做过夜间检查" in alarm.detail


@pytest.mark.parametrize("end", ["kiosk", MachineState.RETIRED, MachineState.LOST, MachineState.REVOKED])
def test_of_what_is_out_of_use_there_is_no_alarm_and_one_that_was_ends(kiosk: KioskDouble, end: str) -> None:
    beat(kiosk, NightNotice(kiosk.now() - 4 * DAY, USUAL_AT))
    look_for_missed(kiosk.now())
    assert len(alarms()) == 1
    if end == "kiosk":
        Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    else:
        Machine.objects.update(state=end)
    look_for_missed(kiosk.now())
    assert alarms() == []
    look_for_missed(kiosk.now() + 40 * DAY)
    assert alarms() == []


def test_a_kiosk_that_waits_for_its_enrolment_is_no_alarm(db: None) -> None:
    Kiosk.objects.create(number=9)
    look_for_missed(two_nights_late(2_000_000_000))
    assert alarms() == []


def test_what_a_machine_out_of_use_tells_is_not_the_kiosks(kiosk: KioskDouble) -> None:
    ended = kiosk.now() - 3 * DAY
    beat(kiosk, NightNotice(ended, USUAL_AT, ended))
    Machine.objects.update(state=MachineState.RETIRED)
    beat(kiosk, NightNotice(ended, USUAL_AT, kiosk.now()))
    assert abs((row().night_ended or 0) - ended) <= 2


def test_the_console_shows_each_kiosks_last_night_and_its_findings(staff: Client, kiosk: KioskDouble) -> None:
    ended = kiosk.now()
    beat(
        kiosk,
        NightNotice(
            ended, USUAL_AT, ended, (NightItem("backlog", 4), NightItem("step-failed", step="backup"))
        ),
    )
    listed = staff.get(reverse("admin:fleet_kiosk_changelist")).content.decode()
    assert "2 件事要处理" in listed
    page = staff.get(reverse("admin:fleet_kiosk_change", args=(3,))).content.decode()
    assert "还有 4 条日志待上传；「备份」没有做成" in page
    beat(kiosk, NightNotice(ended, USUAL_AT, ended))
    assert "全部正常" in staff.get(reverse("admin:fleet_kiosk_changelist")).content.decode()
    beat(kiosk, NightNotice(ended, USUAL_AT, ended - 5 * DAY))
    listed = staff.get(reverse("admin:fleet_kiosk_changelist")).content.decode()
    assert "夜没有做" in listed
    assert "全部正常" not in listed


@pytest.fixture
def staff(examples: object) -> Client:
    client = Client()
    assert client.login(username="admin", password="Keydesk-admin")
    return client
