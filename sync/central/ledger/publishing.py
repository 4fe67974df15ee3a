"""Publishing keys, and members together with their keys, to the kiosks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db import transaction

from kiosk.domain.feed import (
    EnterprisePublished,
    FeedBody,
    FeeSchedulePublished,
    KeyBoundElsewhere,
    OperatorPublished,
    StaffPublished,
)
from sync.central.fleet.feeding import publish, publish_to
from sync.central.fleet.models import Kiosk
from sync.central.ledger.models import LedgerAccount
from sync.central.ledger.news import key_elsewhere
from sync.central.ledger.rows import certificate_on_register, register_record
from sync.central.members.models import DeskStaff, Enterprise, FeeSchedule, Operator
from sync.central.members.publishing import kiosks_of, kiosks_of_accounts


def key_of(account: str) -> tuple[KeyBoundElsewhere, int] | None:
    """The feed body of an account's key, and the kiosk that issued the key's certificate."""
    row = LedgerAccount.objects.filter(account=account).first()
    key = None if row is None else register_record(row).key
    if key is None:
        return None
    certificate = certificate_on_register(key.number)
    return key_elsewhere(account, key, certificate), 0 if certificate is None else certificate.kiosk


def publish_keys(accounts: Iterable[str], now: int) -> None:
    """Publish the keys of accounts to the kiosks that serve them."""
    for account, kiosks in kiosks_of_accounts(set(accounts)).items():
        found = key_of(account)
        if found is not None:
            publish_to(kiosks, [found[0]], now)


def publish_enterprise(row: Enterprise, now: int) -> None:
    """Publish an enterprise with its operators and their keys, which a newly assigned kiosk does not know."""
    bodies: list[FeedBody] = [EnterprisePublished(row.record())]
    for operator in row.operator_set.order_by("account"):
        bodies += _with_key(operator)
    publish_to(kiosks_of(row.code), bodies, now)


def publish_operator(row: Operator, now: int) -> None:
    """Publish an operator with the key, since other kiosks may serve the enterprise from now on."""
    publish_to(kiosks_of(row.enterprise_id), _with_key(row), now)


def _with_key(operator: Operator) -> list[FeedBody]:
    found = key_of(operator.account)
    return [OperatorPublished(operator.record()), *(() if found is None else found[:1])]


def publish_everything(kiosk: Kiosk, now: int) -> None:
    """Publish all that a newly enrolled kiosk must know."""
    with transaction.atomic():
        publish(kiosk.number, _everything(kiosk), now)


def _everything(kiosk: Kiosk) -> Iterator[FeedBody]:
    for schedule in FeeSchedule.objects.order_by("number"):
        yield FeeSchedulePublished(schedule.record())
    for person in DeskStaff.objects.order_by("name"):
        yield StaffPublished(person.record())
    enterprises = Enterprise.objects.order_by("code")
    if not kiosk.serves_all:
        enterprises = enterprises.filter(kiosks=kiosk)
    for enterprise in enterprises:
        yield EnterprisePublished(enterprise.record())
    for operator in Operator.objects.filter(enterprise__in=enterprises).order_by("account"):
        yield OperatorPublished(operator.record())
        found = key_of(operator.account)
        if found is not None and found[1] != kiosk.number:
            yield found[0]
