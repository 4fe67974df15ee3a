"""Issuing: a request that is not what the desk makes, and an end that passes while it is judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from kiosk.desk.binding.issuing import issue, member_of
from kiosk.desk.context import Desk
from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.views import Refusal, TokenRefusal, TokenRefused
from kiosk.domain.clock import FixedClock
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Binding, BindingStep, Order
from kiosk.domain.policy import Policy
from kiosk.domain.validity import add_years
from kiosk.pki.issuing import IssuingAuthority
from kiosk.pki.names import DEFAULT_ORGANISATION
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2, KeyAlgorithm
from kiosk.store.database import Database
from tests.support.desk import NOW, YEAR, DeskSetup

ATTEMPT = Binding(1, "TOKEN", "gmt", "SM2", BindingStep.KEY_PAIR_MADE)


@pytest.fixture
def order(desk_setup: DeskSetup) -> Order:
    return desk_setup.order(desk_setup.paid_order("11000001", OrderKind.NEW))


def _request(order: Order, organisation: str = DEFAULT_ORGANISATION, *, own: bool = True) -> bytes:
    """A request for the order's member, signed by its own key or by another."""
    key = SM2.generate()
    info = certification_request_info(organisation, member_of(order), KeyAlgorithm.SM2, key.public_key)
    return assemble(info, KeyAlgorithm.SM2, SM2.sign(key if own else SM2.generate(), info))


def _issue(desk: Desk, order: Order, request: bytes) -> None:
    with desk.database.write() as tx:
        issue(desk, tx, order, ATTEMPT, request)


def test_a_name_that_the_issuing_authority_may_not_certify_is_refused(desk: Desk, order: Order) -> None:
    with pytest.raises(DeskRefused) as refused:
        _issue(desk, order, _request(order, "Another organisation"))
    assert refused.value.reason is Refusal.RECORD_DISAGREES


def test_a_request_that_its_own_key_did_not_sign_proves_nothing(desk: Desk, order: Order) -> None:
    with pytest.raises(TokenUnusable) as unusable:
        _issue(desk, order, _request(order, own=False))
    assert unusable.value.refused == TokenRefused(TokenRefusal.PROOF_FAILED, found="TOKEN")


class _Ticking(FixedClock):
    """A clock that goes on by a second whenever it is looked at."""

    def wall(self) -> int:
        self.advance(1)
        return super().wall()


def test_an_end_that_passes_the_issuing_authoritys_while_it_is_judged_is_refused(
    desk: Desk,
    order: Order,
    database: Database,
    authority: IssuingAuthority,
    meet_centre: Callable[[Database, FixedClock], None],
    give_policy: Callable[[Database, Policy], None],
) -> None:
    last = authority.limit - YEAR
    assert add_years(last, 1) == authority.limit
    give_policy(database, Policy(2, 3, authority.limit))
    meet_centre(database, FixedClock(last))
    clock = _Ticking(last - 1)
    assert clock.now > NOW
    with pytest.raises(DeskRefused) as refused:
        _issue(dataclasses.replace(desk, clock=clock), order, _request(order))
    assert refused.value.reason is Refusal.ISSUER_ENDS_TOO_SOON
