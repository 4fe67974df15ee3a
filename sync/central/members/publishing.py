"""Which kiosks serve a member, and publishing staff and prices to the kiosks."""

from __future__ import annotations

from collections.abc import Collection

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


def kiosks_of_accounts(accounts: Collection[str]) -> dict[str, list[int]]:
    """The kiosks in use that serve each account's enterprise, by few statements; nothing for an account not known."""
    enterprises = dict(
        Operator.objects.filter(account__in=accounts).order_by().values_list("account", "enterprise_id")
    )
    enrolled = Kiosk.objects.filter(state=KioskState.ENROLLED).order_by()
    for_all = set(enrolled.filter(serves_all=True).values_list("number", flat=True))
    chosen: dict[str, set[int]] = {}
    of_some = enrolled.filter(serves_all=False, enterprise__in=set(enterprises.values()))
    for kiosk, enterprise in of_some.values_list("number", "enterprise"):
        chosen.setdefault(enterprise, set()).add(kiosk)
    return {
        account: sorted(for_all | chosen.get(enterprise, set()))
        for account, enterprise in enterprises.items()
    }


def publish_staff(row: DeskStaff, now: int) -> None:
    """Publish somebody of the desk's staff."""
    publish_to(enrolled_kiosks(), [StaffPublished(row.record())], now)


def publish_schedule(row: FeeSchedule, now: int) -> None:
    """Publish a fee schedule."""
    publish_to(enrolled_kiosks(), [FeeSchedulePublished(row.record())], now)
