"""Which kiosks serve a member, and publishing staff and prices to the kiosks."""

from __future__ import annotations

from django.db.models import Q

from kiosk.domain.feed import FeeSchedulePublished, StaffPublished
from sync.central.fleet.feeding import enrolled_kiosks, publish_to
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.members.models import DeskStaff, FeeSchedule, Operator


def kiosks_of(enterprise: str) -> list[int]:
    """The numbers of the kiosks in use that serve an enterprise."""
    serving = Kiosk.objects.filter(Q(serves_all=True) | Q(enterprise=enterprise), state=KioskState.ENROLLED)
    return list(serving.distinct().values_list("number", flat=True))


def kiosks_of_account(account: str) -> list[int]:
    """The kiosks in use that serve an account's enterprise; none for an account that is not known."""
    operator = Operator.objects.filter(account=account).first()
    return [] if operator is None else kiosks_of(operator.enterprise_id)


def publish_staff(row: DeskStaff, now: int) -> None:
    """Publish somebody of the desk's staff."""
    publish_to(enrolled_kiosks(), [StaffPublished(row.record())], now)


def publish_schedule(row: FeeSchedule, now: int) -> None:
    """Publish a fee schedule."""
    publish_to(enrolled_kiosks(), [FeeSchedulePublished(row.record())], now)
