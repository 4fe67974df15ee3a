"""Alarms: raised once for each subject, cleared by a person or when their cause is gone."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kiosk.domain.feed import FORK_CLOSED, FORK_RULE, PUT_BACK_RULE, PUT_BACK_SEEN, MatterPublished
from kiosk.domain.versions import ALL, audience_of_kiosk
from sync.central.fleet.feed.telling import telling
from sync.central.journal.models import Alarm, AlarmKind
from sync.central.tables import Insert, OnConflict, column_text


class Cause(msgspec.Struct, frozen=True):
    """What an alarm is raised about."""

    kind: AlarmKind
    kiosk: int
    subject: str
    detail: str

    @property
    def key(self) -> str:
        """The key of its alarm."""
        return _key(self.kind, self.kiosk, self.subject)


def raise_alarm(kind: AlarmKind, kiosk: int, subject: str, detail: str, now: int) -> None:
    """Raise an alarm unless it was raised before."""
    raise_alarms([Cause(kind, kiosk, subject, detail)], now)


def raise_alarms(causes: Iterable[Cause], now: int) -> None:
    """Raise those that were not raised before, by two statements; the first of those about one subject."""
    new: dict[str, Cause] = {}
    for each in causes:
        new.setdefault(each.key, each)
    if not new:
        return
    known = Alarm.objects.filter(key__in=new).order_by().values_list("key", flat=True)
    for key in known:
        del new[key]
    rows = [
        Alarm(
            key=key,
            kind=each.kind,
            kiosk=each.kiosk,
            subject=column_text(each.subject, 60),
            detail=column_text(each.detail, 300),
            raised_at=now,
        )
        for key, each in new.items()
    ]
    Insert(Alarm, rows, OnConflict.KEEP).write()


def clear_alarm(kind: AlarmKind, kiosk: int, subject: str, by: str, now: int) -> None:
    """Clear an alarm, if it was raised."""
    alarms = Alarm.objects.filter(key=_key(kind, kiosk, subject), cleared_at=None)
    alarms.update(cleared_at=now, cleared_by=by)


def clear_alarms(kind: AlarmKind, kiosks: Iterable[int], by: str, now: int) -> None:
    """Clear all alarms of a kind about these kiosks."""
    alarms = Alarm.objects.filter(kind=kind, kiosk__in=list(kiosks), cleared_at=None)
    alarms.update(cleared_at=now, cleared_by=by)


def close_alarm(alarm: Alarm, by: str, remark: str, now: int) -> None:
    """Close an alarm that a person has seen to; a fork's is closed at its kiosk too, until it forks again.

    That the centre was put back is closed at every kiosk.
    """
    with telling(now) as told:
        alarm.cleared_at, alarm.cleared_by, alarm.remark = now, by, remark
        alarm.save(update_fields=["cleared_at", "cleared_by", "remark"])
        if alarm.kind == AlarmKind.FORK:
            body = MatterPublished(FORK_RULE, alarm.subject, "", 0, FORK_CLOSED)
            told.tell(audience_of_kiosk(alarm.kiosk), body)
        if alarm.kind == AlarmKind.PUT_BACK:
            told.tell(ALL, MatterPublished(PUT_BACK_RULE, alarm.subject, "", 0, PUT_BACK_SEEN))


def _key(kind: AlarmKind, kiosk: int, subject: str) -> str:
    return column_text(f"{kiosk:05d}-{kind.value}-{subject}", 80)
