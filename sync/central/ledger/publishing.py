"""Publishing members together with their keys and open orders, and what a kiosk's own audience is to hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.db.models import QuerySet

from kiosk.domain.feed import AudiencesPublished, EnterprisePublished, KeyBoundElsewhere, OperatorPublished
from kiosk.domain.feed_keys import RowName
from kiosk.domain.versions import audience_of_kiosk, kiosk_of_audience
from sync.central.fleet.feed.collecting import Telling
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.feed.reading import audiences_read
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.models import Kiosk
from sync.central.ledger.asked import tell_asked_of
from sync.central.ledger.models import LedgerAccount, LedgerCertificate
from sync.central.ledger.news import key_on_record
from sync.central.ledger.open_orders import tell_open_orders_now
from sync.central.ledger.rows import certificate_record, register_record
from sync.central.members.models import Enterprise, Operator
from sync.central.members.publishing import audiences_of, audiences_of_accounts

_OF_ACCOUNT = (RowName.OPERATOR.value, RowName.KEY.value, RowName.OPEN_ORDERS.value)
_ASKED = (RowName.DELIVERY.value, RowName.INVOICE.value, RowName.PROPOSAL.value, RowName.ERASURE.value)


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
    accounts = frozenset(accounts)
    with telling(now) as told:
        told.of_members(lambda: _tell_keys(told, audiences_of_accounts(accounts)))


def publish_enterprise(row: Enterprise, now: int) -> None:
    """Publish an enterprise with its operators and their keys, which a newly assigned kiosk does not know."""
    with telling(now) as told:
        told.of_members(lambda: _tell_enterprise(told, row.code))


def publish_operators(rows: Iterable[Operator], now: int) -> None:
    """Publish operators with their keys, since other kiosks may serve their enterprises from now on."""
    accounts = [row.account for row in rows]
    with telling(now) as told:
        told.of_members(lambda: _tell_accounts(told, accounts))


def publish_audiences(kiosk: Kiosk, now: int) -> None:
    """Publish which audiences a kiosk reads, and its own: the enterprises assigned to it, unless it serves all."""
    with telling(now) as told:
        told.of_members(lambda: _tell_audiences(told, kiosk.number))


def _tell_enterprise(told: Telling, code: str) -> None:
    row, audiences = Enterprise.objects.get(code=code), audiences_of(code)
    told.tell(audiences, EnterprisePublished(row.record()))
    _withdraw(told, {f"{RowName.ENTERPRISE.value}/{code}": audiences})
    _tell_accounts(told, row.operator_set.values_list("account", flat=True))


def _tell_accounts(told: Telling, accounts: Iterable[str]) -> None:
    audiences = audiences_of_accounts(set(accounts))
    asked = _tell_operators(told, audiences)
    keys = {account: [*_keys_of_account(account), *asked[account]] for account in audiences}
    _withdraw(told, {key: audiences[account] for account, some in keys.items() for key in some})


def _tell_audiences(told: Telling, number: int) -> None:
    kiosk, own = Kiosk.objects.get(number=number), audience_of_kiosk(number)
    enterprises = [] if kiosk.serves_all else list(Enterprise.objects.filter(kiosks=kiosk).order_by("code"))
    operators = Operator.objects.filter(enterprise__in=enterprises).values_list("account", flat=True)
    told.tell(own, AudiencesPublished(audiences_read(kiosk)))
    for enterprise in enterprises:
        told.tell(own, EnterprisePublished(enterprise.record()))
    audiences = dict.fromkeys(operators, (own,))
    asked = _tell_operators(told, audiences)
    kept = {f"{RowName.ENTERPRISE.value}/{each.code}" for each in enterprises}
    kept.update(key for account in audiences for key in (*_keys_of_account(account), *asked[account]))
    for name in (RowName.ENTERPRISE.value, *_OF_ACCOUNT, *_ASKED):
        rows = _held().filter(audience=own, key__gte=f"{name}/", key__lt=f"{name}0")
        for key in rows.values_list("key", flat=True):
            if key not in kept:
                told.remove(own, key)


def _tell_operators(told: Telling, audiences: Mapping[str, Iterable[int]]) -> dict[str, list[str]]:
    """Tell of operators, their keys and orders and what was asked of them; the keys of the rows of the last."""
    for row in Operator.objects.filter(account__in=audiences.keys()).order_by("account"):
        told.tell(audiences[row.account], OperatorPublished(row.record()))
    _tell_keys(told, audiences)
    tell_open_orders_now(told, audiences)
    return tell_asked_of(told, audiences)


def _tell_keys(told: Telling, audiences: Mapping[str, Iterable[int]]) -> None:
    for account, body in keys_of(audiences.keys()).items():
        told.tell(audiences[account], body)


def _keys_of_account(account: str) -> list[str]:
    return [f"{name}/{account}" for name in _OF_ACCOUNT]


def _withdraw(told: Telling, audiences: Mapping[str, Collection[int]]) -> None:
    """Remove rows of these keys from the kiosks to whose audience they were told and no longer are."""
    for audience, key in _held().filter(key__in=audiences.keys()).values_list("audience", "key"):
        if kiosk_of_audience(audience) is not None and audience not in audiences[key]:
            told.remove(audience, key)


def _held() -> QuerySet[FeedRow]:
    return FeedRow.objects.filter(live=True).exclude(kind="removed").order_by("key")
