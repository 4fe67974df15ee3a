"""Alarms: raised once for each subject, cleared by a person or by what they waited for."""

from __future__ import annotations

from sync.central.journal.models import Alarm, AlarmKind


def raise_alarm(kind: AlarmKind, kiosk: int, subject: str, detail: str, now: int) -> None:
    """Raise an alarm unless it was raised before."""
    Alarm.objects.get_or_create(
        key=f"{kiosk:05d}-{kind.value}-{subject}"[:80],
        defaults={
            "kind": kind,
            "kiosk": kiosk,
            "subject": subject[:60],
            "detail": detail[:300],
            "raised_at": now,
        },
    )


def clear_alarm(kind: AlarmKind, kiosk: int, subject: str, by: str, now: int) -> None:
    """Clear an alarm, if it was raised."""
    key = f"{kiosk:05d}-{kind.value}-{subject}"[:80]
    Alarm.objects.filter(key=key, cleared_at=None).update(cleared_at=now, cleared_by=by)
