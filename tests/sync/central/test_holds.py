"""Losses, lifts and replacements as the register has them, whichever kiosk tells first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.feed import KeyBoundElsewhere, RevocationPublished
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import PaidHow
from kiosk.domain.policy import Policy
from sync.central.centre_keys import CentreKeys
from sync.central.fleet import policies
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerCertificate
from sync.central.ledger.replaying import differences
from sync.central.ledger.rules import Action
from tests.support.books import all_applied, open_matters, remarks, the_matter
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db

ACCOUNT, SERIAL = "11000001", "E8AD652202221F03"


def _bind(
    kiosk: KioskDouble, kind: OrderKind = OrderKind.NEW, old: KeyOnRecord | None = None, serial: str = SERIAL
) -> KeyOnRecord:
    placed = kiosk.place(kind=kind)
    amount = sum(line.amount for line in placed.lines)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, amount, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, old, serial)
    kiosk.finish(placed)
    return KeyOnRecord(issued.number, serial, issued.not_before, issued.not_after)


def _standings() -> dict[str, str]:
    return dict(LedgerCertificate.objects.values_list("number", "status"))


def _told(kiosk: KioskDouble) -> list[tuple[bool, int]]:
    """What the feed tells that kiosk of the key since it was read last."""
    news = kiosk.news()
    return [(item.lost, item.holds) for item in news if isinstance(item, KeyBoundElsewhere)]


@pytest.fixture
def other(kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]) -> Any:
    """Kiosk 4, which serves the same members."""
    made = make_kiosk(4)
    kiosk.feed()
    made.feed()
    return made


def test_the_same_loss_told_by_two_kiosks_is_one_hold(kiosk: KioskDouble, other: KioskDouble) -> None:
    key = _bind(kiosk)
    kiosk.append(LossReported(ACCOUNT, key))
    other.append(LossReported(ACCOUNT, key))
    kiosk.pushed()
    other.pushed()
    assert _standings() == {key.number: "on-hold"}
    kiosk.append(HoldLifted(ACCOUNT, key.on_hold(), "张华"))
    kiosk.pushed()
    assert _standings() == {key.number: "valid"}
    assert all_applied()
    assert open_matters() == []


def test_a_lift_from_before_does_not_undo_a_loss_that_was_reported_again(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    key = _bind(kiosk)
    kiosk.append(LossReported(ACCOUNT, key))
    kiosk.pushed()
    kiosk.append(LossReported(ACCOUNT, key.on_hold()))
    other.append(HoldLifted(ACCOUNT, key.on_hold(), "张华"))
    for each in (kiosk, other):
        each.pushed()
    assert _standings() == {key.number: "on-hold"}
    assert _told(other)[-1] == (True, 3)


def test_a_kiosk_whose_late_report_counts_for_more_than_it_knows_is_told(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    key = _bind(kiosk)
    kiosk.append(LossReported(ACCOUNT, key))
    kiosk.append(HoldLifted(ACCOUNT, key.on_hold(), "张华"))
    kiosk.pushed()
    assert _told(other)[-1] == (False, 2)
    other.append(LossReported(ACCOUNT, key))
    other.pushed()
    assert _standings() == {key.number: "on-hold"}
    assert _told(other) == [(True, 3)]
    assert _told(kiosk)[-1] == (True, 3)


def test_a_kiosk_that_lifts_what_was_reported_again_is_told_that_it_is_on_hold(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    key = _bind(kiosk)
    kiosk.append(LossReported(ACCOUNT, key))
    kiosk.append(LossReported(ACCOUNT, key.on_hold()))
    kiosk.pushed()
    other.append(HoldLifted(ACCOUNT, key.on_hold(), "张华"))
    other.pushed()
    assert _told(other) == [(True, 3)]


def test_a_renewal_bound_while_the_loss_was_on_its_way_is_on_hold_and_its_kiosk_hears_of_it(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    old = _bind(kiosk)
    kiosk.pushed()
    other.append(LossReported(ACCOUNT, old))
    other.pushed()
    _told(kiosk)
    new = _bind(kiosk, OrderKind.RENEWAL, old)
    kiosk.pushed()
    assert _standings() == {old.number: "revoked", new.number: "on-hold"}
    assert _told(kiosk) == [(True, 1)]


def test_a_lost_keys_replacement_revokes_the_old_certificate_once_and_no_lift_brings_it_back(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    old = _bind(kiosk)
    kiosk.append(LossReported(ACCOUNT, old))
    new = _bind(kiosk, OrderKind.REPLACEMENT, old.on_hold(), "E8AD652202221F04")
    kiosk.pushed()
    assert _standings() == {old.number: "revoked", new.number: "valid"}
    revoked = [item.number for item in kiosk.news() if isinstance(item, RevocationPublished)]
    assert revoked == [old.number]  # its issuer enters it; for the others the key says it
    (told,) = [item for item in other.news() if isinstance(item, KeyBoundElsewhere)]
    assert told.number == new.number
    other.append(HoldLifted(ACCOUNT, old.on_hold(), "张华"))
    other.pushed()
    assert remarks(4) == {2: ["certificate-differs"]}
    assert _standings() == {old.number: "revoked", new.number: "valid"}


def test_a_loss_that_arrives_after_the_replacement_says_nothing_new_and_holds_up_nobody(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    old = _bind(kiosk)
    kiosk.append(LossReported(ACCOUNT, old))
    new = _bind(kiosk, OrderKind.REPLACEMENT, old.on_hold(), "E8AD652202221F04")
    kiosk.pushed()
    other.append(LossReported(ACCOUNT, old))
    other.append(KeyFound(ACCOUNT, SERIAL, "张华", old))
    other.pushed()
    assert _standings() == {old.number: "revoked", new.number: "valid"}
    assert all_applied()
    assert open_matters() == []


@pytest.mark.parametrize("found", [False, True])
def test_a_loss_that_arrives_after_the_renewal_holds_the_token_that_was_lost(
    kiosk: KioskDouble, other: KioskDouble, *, found: bool
) -> None:
    old = _bind(kiosk)
    new = _bind(kiosk, OrderKind.RENEWAL, old)
    kiosk.pushed()
    told = KeyFound(ACCOUNT, SERIAL, "张华", old) if found else LossReported(ACCOUNT, old)
    other.append(told)
    other.pushed()
    assert _standings() == {old.number: "revoked", new.number: "on-hold"}
    assert _told(kiosk) == [(True, 1)]
    assert _told(other)[-1] == (True, 1)
    kiosk.append(HoldLifted(ACCOUNT, new.on_hold(), "张华"))
    kiosk.pushed()
    assert _standings() == {old.number: "revoked", new.number: "valid"}


def test_a_loss_of_a_key_that_was_never_the_accounts_holds_nothing(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    _bind(kiosk)
    kiosk.pushed()
    other.append(LossReported(ACCOUNT, KeyOnRecord("4000000000000001", "STRANGE", 1, 2)))
    other.pushed()
    assert remarks(4) == {2: ["certificate-unknown"]}
    assert list(_standings().values()) == ["valid"]


def test_a_machine_that_replaces_another_hears_of_the_holds_of_keys_that_its_kiosk_bound(
    kiosk: KioskDouble, other: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    key = _bind(kiosk)
    kiosk.pushed()
    other.append(LossReported(ACCOUNT, key))
    other.pushed()
    news = [item for item in make_kiosk(3).feed() if isinstance(item, KeyBoundElsewhere)]
    assert news[-1].key == msgspec.structs.replace(key, lost=True, holds=1)


def _on_hold(kiosk: KioskDouble) -> KeyOnRecord:
    """The account's key on hold, as the register has it."""
    key = _bind(kiosk)
    kiosk.append(LossReported(ACCOUNT, key))
    kiosk.pushed()
    return key.on_hold()


def _decide(action: Action) -> None:
    assert settling.decide([the_matter()], action, "admin", "看过了", int(time.time())) == []


def test_a_kiosk_that_does_not_serve_the_account_lifts_nothing_and_staff_may(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    key = _on_hold(kiosk)
    Kiosk.objects.filter(number=4).update(serves_all=False)
    other.append(HoldLifted(ACCOUNT, key, "张华"))
    other.pushed()
    assert _standings() == {key.number: "on-hold"}
    assert open_matters() == [("hold-kept", ACCOUNT)]
    Kiosk.objects.filter(number=4).update(serves_all=True)
    assert differences() == []
    _decide(Action.LIFT)
    assert _standings() == {key.number: "valid"}
    assert open_matters() == []
    assert _told(kiosk)[-1] == (False, 2)
    assert differences() == []


def test_a_kiosk_lifts_no_more_holds_in_a_day_than_its_policy_allows(
    kiosk: KioskDouble, other: KioskDouble, keys: CentreKeys
) -> None:
    key = _on_hold(kiosk)
    policies.issue(4, Policy(0, 4, other.now() + 86400, losses_a_day=1), keys, other.now())
    other.append(HoldLifted("11000003", KeyOnRecord("4000000000000001", "S", 1, 2, lost=True), "张华"))
    other.append(HoldLifted(ACCOUNT, key, "张华"))
    other.pushed()
    assert _standings() == {key.number: "on-hold"}
    assert open_matters() == [("hold-kept", ACCOUNT)]
    _decide(Action.NOTED)
    assert _standings() == {key.number: "on-hold"}
    assert differences() == []


def test_the_hold_of_a_revoked_kiosk_stays_until_somebody_lifts_it(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    """Its owner at a desk, or staff at the centre for all of that kiosk's."""
    key = _bind(kiosk)
    kiosk.pushed()
    other.append(LossReported(ACCOUNT, key))
    other.pushed()
    Kiosk.objects.filter(number=4).update(state=KioskState.REVOKED)
    assert _standings() == {key.number: "on-hold"}
    assert (settling.held_by(4), settling.held_by(3)) == ([ACCOUNT], [])
    assert settling.lift_holds(settling.held_by(4), "admin", int(time.time())) == [ACCOUNT]
    assert _standings() == {key.number: "valid"}
    assert settling.held_by(4) == []
    kiosk.append(LossReported(ACCOUNT, key))
    kiosk.pushed()
    kiosk.append(HoldLifted(ACCOUNT, replace(key, lost=True, holds=3), "张华"))
    kiosk.pushed()
    assert _standings() == {key.number: "valid"}
    assert differences() == []


def test_what_another_kiosk_reported_too_is_not_that_of_the_revoked_one(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    key = _bind(kiosk)
    kiosk.pushed()
    for each in (other, kiosk):
        each.append(LossReported(ACCOUNT, key))
        each.pushed()
    Kiosk.objects.filter(number=4).update(state=KioskState.REVOKED)
    assert settling.held_by(4) == []
