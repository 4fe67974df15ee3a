"""Publishing members together with their keys and open orders, and what a kiosk's own audience is to hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import QuerySet

from kiosk.domain.feed import AudiencesPublished, EnterprisePublished, KeyBoundElsewhere, OperatorPublished
from kiosk.domain.feed_keys import RowName
from kiosk.domain.versions import audience_of_kiosk, kiosk_of_audience
from sync.central.fleet.feed.collecting import Telling
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.feed.reading import audiences_read
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.models import Kiosk
from sync.central.ledger.models import LedgerAccount, LedgerCertificate
from sync.central.ledger.news import key_on_record
from sync.central.ledger.open_orders import tell_open_orders
from sync.central.ledger.rows import certificate_record, register_record
from sync.central.members.models import Enterprise, Operator
from sync.central.members.publishing import audiences_of, audiences_of_accounts

_OF_ACCOUNT = (RowName.OPERATOR.value, RowName.KEY.value, RowName.OPEN_ORDERS.value)


def keys_of(accounts: Collection[str]) -> dict[str, KeyBoundElsewhere]:
    """The feed's bodies of these accounts' keys."""
    rows = LedgerAccount.objects.filter(account__in=accounts)
    keys = {row.account: key for row in rows if (key := register_record(row).key) is not None}
    issued = LedgerCertificate.objects.filter(number__in=[key.number for key in keys.values()])
    certificates = {row.number: certificate_record(row) for row in issued}
    return {
        account: key_on_record(account, key, certificates.get(key.number)) for account, key in keys.items()
    }


def publish_keys(accounts: Iterable[str], now: int) -> None:
    """Publish the keys of accounts to the kiosks that serve them."""
    audiences = audiences_of_accounts(set(accounts))
    with telling(now) as told:
        for account, body in keys_of(audiences).items():
            told.tell(audiences[account], body)


def publish_enterprise(row: Enterprise, now: int) -> None:
    """Publish an enterprise with its operators and their keys, which a newly assigned kiosk does not know."""
    audiences = audiences_of(row.code)
    operators = list(row.operator_set.order_by("account"))
    with telling(now) as told:
        told.tell(audiences, EnterprisePublished(row.record()))
        _tell_operators(told, audiences, operators)
        accounts = [operator.account for operator in operators]
        _withdraw(told, audiences, [f"{RowName.ENTERPRISE.value}/{row.code}", *_keys_of_accounts(accounts)])


def publish_operator(row: Operator, now: int) -> None:
    """Publish an operator with the key, since other kiosks may serve the enterprise from now on."""
    audiences = audiences_of(row.enterprise_id)
    with telling(now) as told:
        _tell_operators(told, audiences, [row])
        _withdraw(told, audiences, _keys_of_accounts([row.account]))


def publish_audiences(kiosk: Kiosk, now: int) -> None:
    """Publish which audiences a kiosk reads, and its own: the enterprises assigned to it, unless it serves all."""
    own = audience_of_kiosk(kiosk.number)
    enterprises = [] if kiosk.serves_all else list(Enterprise.objects.filter(kiosks=kiosk).order_by("code"))
    operators = list(Operator.objects.filter(enterprise__in=enterprises).order_by("account"))
    with telling(now) as told:
        told.tell(own, AudiencesPublished(audiences_read(kiosk)))
        for enterprise in enterprises:
            told.tell(own, EnterprisePublished(enterprise.record()))
        _tell_operators(told, (own,), operators)
        kept = {f"{RowName.ENTERPRISE.value}/{each.code}" for each in enterprises}
        kept.update(_keys_of_accounts([each.account for each in operators]))
        for name in (RowName.ENTERPRISE.value, *_OF_ACCOUNT):
            rows = _held().filter(audience=own, key__gte=f"{name}/", key__lt=f"{name}0")
            for key in rows.values_list("key", flat=True):
                if key not in kept:
                    told.remove(own, key)


def _tell_operators(told: Telling, audiences: Iterable[int], operators: Collection[Operator]) -> None:
    accounts = [operator.account for operator in operators]
    keys = keys_of(accounts)
    for operator in operators:
        told.tell(audiences, OperatorPublished(operator.record()))
        if operator.account in keys:
            told.tell(audiences, keys[operator.account])
    tell_open_orders(told, accounts)


def _keys_of_accounts(accounts: Iterable[str]) -> list[str]:
    return [f"{name}/{account}" for account in accounts for name in _OF_ACCOUNT]


def _withdraw(told: Telling, audiences: Collection[int], keys: Iterable[str]) -> None:
    """Remove these rows from the kiosks to whose audience they were told and no longer are."""
    for audience, key in _held().filter(key__in=tuple(keys)).values_list("audience", "key"):
        if kiosk_of_audience(audience) is not None and audience not in audiences:
            told.remove(audience, key)


def _held() -> QuerySet[FeedRow]:
    return FeedRow.objects.filter(live=True).exclude(kind="removed").order_by("key")
