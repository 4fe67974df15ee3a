"""For whom a member's rows are, and publishing staff and prices to the kiosks."""

from __future__ import annotations

from collections.abc import Collection

from kiosk.domain.feed import FeeSchedulePublished, StaffPublished
from kiosk.domain.versions import ALL, MEMBERS, audience_of_kiosk
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.members.models import DeskStaff, FeeSchedule, Operator


def serves(kiosk: int, account: str) -> bool:
    """Whether a kiosk is in use and serves the account's enterprise."""
    return not unserved({(kiosk, account)})


def unserved(pairs: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of these kiosks and accounts of which the kiosk is not in use, or does not serve the account."""
    enterprises = _enterprises({account for _, account in pairs})
    kiosks = Kiosk.objects.filter(number__in={kiosk for kiosk, _ in pairs}, state=KioskState.ENROLLED)
    serving_all = {row.number for row in kiosks if row.serves_all}
    assigned = set(
        kiosks.filter(enterprise__in=set(enterprises.values())).values_list("number", "enterprise")
    )
    return {
        (kiosk, account)
        for kiosk, account in pairs
        if account not in enterprises
        or (kiosk not in serving_all and (kiosk, enterprises[account]) not in assigned)
    }


def audiences_of(enterprise: str) -> tuple[int, ...]:
    """The audiences that hear of an enterprise: the kiosks that serve all, and each that it is assigned to."""
    return _audiences({enterprise})[enterprise]


def audiences_of_accounts(accounts: Collection[str]) -> dict[str, tuple[int, ...]]:
    """The audiences that hear of each account, by two statements; nothing for an account that is not known."""
    enterprises = _enterprises(accounts)
    audiences = _audiences(set(enterprises.values()))
    return {account: audiences[enterprise] for account, enterprise in enterprises.items()}


def _enterprises(accounts: Collection[str]) -> dict[str, str]:
    rows = Operator.objects.filter(account__in=accounts).order_by()
    return dict(rows.values_list("account", "enterprise_id"))


def _audiences(enterprises: set[str]) -> dict[str, tuple[int, ...]]:
    chosen: dict[str, set[int]] = {each: {MEMBERS} for each in enterprises}
    if enterprises:
        enrolled = Kiosk.objects.filter(state=KioskState.ENROLLED, serves_all=False).order_by()
        pairs = enrolled.filter(enterprise__in=enterprises).values_list("number", "enterprise")
        for kiosk, enterprise in pairs:
            chosen[enterprise].add(audience_of_kiosk(kiosk))
    return {enterprise: tuple(sorted(audiences)) for enterprise, audiences in chosen.items()}


def publish_staff(row: DeskStaff, now: int) -> None:
    """Publish somebody of the desk's staff."""
    with telling(now) as told:
        told.tell(ALL, StaffPublished(row.record()))


def publish_schedule(row: FeeSchedule, now: int) -> None:
    """Publish a fee schedule."""
    with telling(now) as told:
        told.tell(ALL, FeeSchedulePublished(row.record()))
