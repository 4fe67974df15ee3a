"""A key whose certificate this kiosk did not issue, of a member whose key on record is another one.

A certificate that began later than the one on record is a key in use that the feed has not told of yet; one that began
earlier is superseded.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import KeyView
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.tokens import BoundView, TokenRefusal, TokenRefused
from kiosk.domain.fees import OrderKind

NOW = 1_795_327_500
DAY = 86_400
ON_RECORD = NOW - 10 * DAY
END = NOW + 300 * DAY
PIN = "654321"

Elsewhere = Callable[[str, str, int, int], GmtCard]
Pay = Callable[[str, OrderKind], str]


def _beside_the_record(bound_elsewhere: Elsewhere, begin: int) -> GmtCard:
    """A key of 11000002 that began then, while the record names another one of theirs."""
    card = bound_elsewhere("11000002", "FOUND", begin, END)
    bound_elsewhere("11000002", "ON-RECORD", ON_RECORD, END)
    return card


@pytest.mark.parametrize("begin", [ON_RECORD, ON_RECORD + 1], ids=["as new", "newer"])
def test_a_key_with_a_certificate_as_new_as_the_record_or_newer_is_bound_for_nobody_else(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    begin: int,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(_beside_the_record(bound_elsewhere, begin))
    outcome = service.bind(session, number, PIN, False, lambda _progress: None)  # noqa: FBT003 - the contract
    assert outcome == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="FOUND")


def test_a_key_with_a_certificate_older_than_the_record_is_bound_for_somebody_else(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(_beside_the_record(bound_elsewhere, ON_RECORD - 1))
    bound = service.bind(session, number, PIN, False, lambda _progress: None)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView), bound


@pytest.mark.parametrize("begin", [ON_RECORD, ON_RECORD + 1], ids=["as new", "newer"])
def test_a_key_with_a_certificate_as_new_as_the_record_or_newer_is_erased_by_nobody(
    service: DeskService,
    source: VirtualTokenSource,
    supervisor: StaffSession,
    bound_elsewhere: Elsewhere,
    begin: int,
) -> None:
    source.insert(_beside_the_record(bound_elsewhere, begin))
    view = service.key_status(supervisor)
    assert isinstance(view, KeyView), view
    assert (view.status, view.account) == (KeyStatus.UNKNOWN, "11000002")
    assert service.erase(supervisor, "FOUND") == TokenRefused(TokenRefusal.IN_USE, found="FOUND")


def test_a_key_with_a_certificate_older_than_the_record_is_erased_by_staff(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    bound_elsewhere: Elsewhere,
) -> None:
    source.insert(_beside_the_record(bound_elsewhere, ON_RECORD - 1))
    view = service.key_status(staff)
    assert isinstance(view, KeyView), view
    assert (view.status, view.account) == (KeyStatus.REVOKED, "11000002")
    erased = service.erase(staff, "FOUND")
    assert isinstance(erased, KeyView), erased
    assert erased.status is KeyStatus.BLANK


def test_a_newer_key_of_the_same_member_is_not_renewed_in_place_of_the_one_on_record(
    service: DeskService,
    source: VirtualTokenSource,
    session_of: Callable[[str], Session],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    card = _beside_the_record(bound_elsewhere, ON_RECORD + 1)
    number = paid_order("11000002", OrderKind.RENEWAL)
    source.insert(card)
    outcome = service.bind(session_of("11000002"), number, PIN, False, lambda _progress: None)  # noqa: FBT003
    assert outcome == TokenRefused(TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="ON-RECORD", found="FOUND")
