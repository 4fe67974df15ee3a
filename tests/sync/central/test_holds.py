"""Losses, lifts and replacements as the register has them, whichever kiosk tells first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kiosk.domain import entries
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries import HoldLifted, KeyFound, LossReported
from kiosk.domain.feed import KeyBoundElsewhere, RevocationPublished
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import PaidHow
from sync.central.ledger.models import LedgerCertificate
from tests.support.books import all_applied, open_matters, remarks
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db

ACCOUNT, SERIAL = "11000001", "E8AD652202221F03"


def _bind(
    kiosk: KioskDouble, kind: OrderKind = OrderKind.NEW, old: KeyOnRecord | None = None, serial: str = SERIAL
) -> KeyOnRecord:
    placed = kiosk.place(kind=kind)
    amount = sum(line.amount for line in placed.lines)
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, amount, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, old, serial)
    kiosk.finish(placed)
    return KeyOnRecord(issued.number, serial, issued.not_before, issued.not_after)


def _standings() -> dict[str, str]:
    return dict(LedgerCertificate.objects.values_list("number", "status"))


def _told(kiosk: KioskDouble) -> list[tuple[bool, int]]:
    """What the feed tells that kiosk of the key since it was read last."""
    news = kiosk.feed(kiosk.feed_cursor)
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
    assert _told(kiosk) == [(True, 3)]


def test_a_kiosk_that_lifts_what_was_reported_again_is_told_that_it_is_on_hold(
    kiosk: KioskDouble, other: KioskDouble
) -> None:
    key = _bind(kiosk)
    kiosk.append(LossReported(ACCOUNT, key))
    kiosk.append(LossReported(ACCOUNT, key.on_hold()))
    kiosk.pushed()
    _told(other)
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
    news = other.feed(other.feed_cursor)
    assert [item.number for item in news if isinstance(item, RevocationPublished)] == [old.number]
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
