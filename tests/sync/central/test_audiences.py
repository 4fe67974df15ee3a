"""Which audiences a kiosk reads, and what it is told of itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from kiosk.domain.feed import (
    AudiencesPublished,
    EnterprisePublished,
    KeyBoundElsewhere,
    OperatorPublished,
    PolicyPublished,
)
from kiosk.domain.policy import Policy
from kiosk.domain.versions import ALL, MEMBERS, audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.fleet import policies
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.models import Kiosk
from sync.central.ledger import applier
from sync.central.ledger.folding import Folder
from sync.central.ledger.publishing import publish_audiences, publish_enterprise, publish_operators
from sync.central.members.models import Enterprise, Operator
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.sync.central.telling import OWN, bind

pytestmark = pytest.mark.django_db


def members_told(kiosk: KioskDouble) -> tuple[set[str], set[str], set[str]]:
    """The enterprises, operators and keys that a kiosk that pulls from zero holds in the end."""
    told = kiosk.feed()
    return (
        {item.enterprise.code for item in told if isinstance(item, EnterprisePublished)},
        {item.operator.account for item in told if isinstance(item, OperatorPublished)},
        {item.account for item in told if isinstance(item, KeyBoundElsewhere)},
    )


def test_a_kiosk_that_enterprises_are_assigned_to_reads_these_alone(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    now = int(time.time())
    Kiosk.objects.create(number=5, serves_all=False)
    operator = Operator.objects.get(account=ACCOUNT)
    enterprise = operator.enterprise
    enterprise.kiosks.add(5)
    reserved = make_kiosk(5)
    accounts = set(enterprise.operator_set.values_list("account", flat=True))
    assert members_told(reserved) == ({enterprise.code}, accounts, set())
    kiosk.feed()
    bind(kiosk, kiosk.place())
    kiosk.pushed()
    assert members_told(reserved) == ({enterprise.code}, accounts, {ACCOUNT})
    operator.enterprise = Enterprise.objects.exclude(code=enterprise.code)[0]
    operator.save()
    publish_operators([operator], now)
    assert members_told(reserved) == ({enterprise.code}, accounts - {ACCOUNT}, set())
    enterprise.kiosks.remove(5)
    publish_enterprise(enterprise, now)
    assert members_told(reserved) == (set(), set(), set())
    assert members_told(kiosk)[0] >= {enterprise.code}


def test_a_kiosk_that_is_assigned_an_enterprise_while_a_batch_is_folded_hears_of_the_key(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    Kiosk.objects.create(number=5, serves_all=False)
    reserved = make_kiosk(5)
    enterprise = Operator.objects.get(account=ACCOUNT).enterprise
    kiosk.feed()
    issued = bind(kiosk, kiosk.place())
    fold = applier.fold

    def assigned_meanwhile(*positional: Any, **named: Any) -> Folder:
        folder = fold(*positional, **named)
        if folder.news.keys:
            enterprise.kiosks.add(5)
            publish_enterprise(enterprise, int(time.time()))
        return folder

    monkeypatch.setattr(applier, "fold", assigned_meanwhile)
    kiosk.pushed()
    told = [item.number for item in reserved.feed() if isinstance(item, KeyBoundElsewhere)]
    assert told == [issued.number]


def test_a_kiosk_hears_which_audiences_it_reads(kiosk: KioskDouble) -> None:
    (told,) = [item for item in kiosk.feed() if isinstance(item, AudiencesPublished)]
    assert told.audiences == (ALL, MEMBERS, OWN)
    Kiosk.objects.filter(number=3).update(serves_all=False)
    enterprise = Enterprise.objects.get(operator=ACCOUNT)
    enterprise.kiosks.add(3)
    publish_audiences(Kiosk.objects.get(number=3), int(time.time()))
    (told,) = [item for item in kiosk.feed() if isinstance(item, AudiencesPublished)]
    assert told.audiences == (ALL, OWN)
    assert members_told(kiosk)[0] == {enterprise.code}
    Kiosk.objects.filter(number=3).update(serves_all=True)
    publish_audiences(Kiosk.objects.get(number=3), int(time.time()))
    own = FeedRow.objects.filter(audience=OWN, live=True, kind__in=("enterprise", "operator"))
    assert not own.exists()
    assert len(members_told(kiosk)[0]) > 1


def test_a_kiosk_that_reads_from_zero_is_told_of_the_policy_in_force_alone(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    for _ in range(2):
        policies.issue(3, Policy(0, 3, 1_893_427_200), keys, int(time.time()))
    told = [item.policy.read().number for item in kiosk.feed() if isinstance(item, PolicyPublished)]
    assert told == [3]


def test_a_kiosk_is_told_whom_it_serves_after_what_speaks_against_it(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    bind(kiosk, kiosk.place())
    kiosk.place()
    kiosk.pushed()
    reserved = make_kiosk(5)
    reserved.feed()
    Operator.objects.get(account=ACCOUNT).enterprise.kiosks.add(5)
    Kiosk.objects.filter(number=5).update(serves_all=False)
    publish_audiences(Kiosk.objects.get(number=5), int(time.time()))

    def names() -> list[str]:
        page = reserved.page(reserved.cursors)
        reserved.cursors = dict(page.heads)
        own = [row.key for row in page.rows if row.audience == audience_of_kiosk(5)]
        return list(dict.fromkeys(key.partition("/")[0] for key in own))

    assert names() == ["key", "open-orders", "enterprise", "operator", "audiences"]
    Kiosk.objects.filter(number=5).update(serves_all=True)
    publish_audiences(Kiosk.objects.get(number=5), int(time.time()))
    assert names() == ["operator", "enterprise", "key", "open-orders", "audiences"]
