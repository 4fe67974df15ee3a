"""Histories in which the centre is put back from a backup: what an oracle outside it holds against it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from kiosk.desk.views import BoundView, Placed
from kiosk.domain.fees import OrderKind
from tests.support.histories import staff
from tests.support.histories.faults import RESTORE_FAULTS, Fault
from tests.support.histories.restores import Oracle, confirm_all, planned, run
from tests.support.histories.running import new_world
from tests.support.histories.world import ACCOUNTS, chance

from sync.central.ledger.models import LedgerCertificate  # isort: skip - Django is set up by then

SEEDS, AT_ONCE = 20, 10
ENOUGH = 300


@pytest.fixture(autouse=True)
def tables_of_its_own(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Each history brings its tables."""
    with django_db_blocker.unblock():
        yield


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_whatever_is_put_back_nobody_loses_what_was_theirs(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        outcome = run(planned(seed), seed)
        assert not outcome.wrong, "\n".join([f"seed {seed}", *outcome.log, *outcome.wrong])


def test_a_kiosk_that_was_enrolled_since_uploads_and_is_confirmed() -> None:
    with new_world() as world:
        world.random = chance(1)
        oracle = Oracle(world)
        oracle.back_up()
        machine = world.new_machine(4)
        world.enrol(machine)
        world.exchange(machine)
        new = machine.service.place_order(world.session(ACCOUNTS[0]), OrderKind.NEW)
        assert isinstance(new, Placed), new
        world.seen(new.order)
        order = new.order.reference
        assert world.page(order, "pay") == "paid"
        world.exchange(machine)
        (placed,) = (each for each in machine.orders() if each.reference == order)
        assert isinstance(staff.bound(world, machine, placed), BoundView)
        world.exchange(machine)
        world.centre.apply()
        assert LedgerCertificate.objects.get(order=order).status == "valid"
        oracle.restore()
        assert "machine-unconfirmed" in world.exchange(machine)
        world.centre.apply()
        assert not LedgerCertificate.objects.filter(order=order).exists()
        with machine.database.read() as tx:
            assert tx.agent.get().unconfirmed
        assert confirm_all(world) == 1
        world.exchange(machine)
        world.centre.apply()
        assert LedgerCertificate.objects.get(order=order).status == "valid"


@pytest.mark.soak
@pytest.mark.parametrize("fault", RESTORE_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_that_is_planted_is_found(fault: Fault) -> None:
    with fault():
        assert any(run(planned(seed), seed).wrong for seed in range(ENOUGH))
