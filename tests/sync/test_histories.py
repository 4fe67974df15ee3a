"""Random histories over the real store, desk, agent and centre: whatever happens, the promises hold in the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest
from pytest_django import DjangoDbBlocker

from kiosk.desk.views import BoundView, Placed
from kiosk.domain.fees import OrderKind
from tests.support.histories import staff, steps
from tests.support.histories.faults import FAULTS, Fault
from tests.support.histories.machines import Machine
from tests.support.histories.quiet import come_to_rest
from tests.support.histories.running import new_world, planned, report, run, run_for
from tests.support.histories.world import ACCOUNTS, World, chance
from tests.support.postgresql import postgresql
from tests.support.values import present

from sync.central.journal.models import Strand  # isort: skip - Django is set up by then
from sync.central.ledger.models import LedgerCertificate  # isort: skip - the same

SEEDS, AT_ONCE = 200, 10
ENOUGH = 1000
HOSTILE_SEEDS = 12
ON_POSTGRESQL = 3


@pytest.fixture(autouse=True)
def tables_of_its_own(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Each history brings its tables."""
    with django_db_blocker.unblock():
        yield


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_whatever_happens_the_promises_hold(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        assert not run(planned(seed), seed).wrong, report(seed)


def test_the_promises_hold_on_postgresql() -> None:
    with postgresql() as address:
        wrong = {seed: run(planned(seed), seed, address).wrong for seed in range(1, ON_POSTGRESQL + 1)}
    assert not any(wrong.values()), wrong


@pytest.mark.parametrize("seed", range(HOSTILE_SEEDS))
def test_beside_a_hostile_kiosk_members_bind_and_are_listed_without_staff(seed: int) -> None:
    with new_world() as world:
        world.random = chance(seed)
        placed = [(world.random.choice(world.machines), account) for account in ACCOUNTS[:3]]
        orders = {account: _beset(world, _placed, machine, account) for machine, account in placed}
        for machine, account in placed:
            _beset(world, _paid, machine, orders[account])
            _beset(world, _bound, machine, orders[account])
        come_to_rest(world)
        for _, account in placed:
            (row,) = LedgerCertificate.objects.filter(order=orders[account])
            assert row.status in {"valid", "on-hold"}, row.status


Verb = Callable[[World, Machine, str], str]


def _beset(world: World, verb: Verb, machine: Machine, subject: str) -> str:
    """Something that a member does, with junk before and after it that is told everywhere."""
    for _ in range(2):
        steps.junk(world)
    world.exchange(machine)
    world.centre.apply()
    done = verb(world, machine, subject)
    world.exchange(machine)
    steps.junk(world)
    world.centre.apply()
    return done


def _placed(world: World, machine: Machine, account: str) -> str:
    placed = machine.service.place_order(world.session(account), OrderKind.NEW)
    assert isinstance(placed, Placed), placed
    world.seen(placed.order)
    return placed.order.reference


def _paid(world: World, machine: Machine, order: str) -> str:
    assert world.page(order, "pay") == "paid"
    return ""


def _bound(world: World, machine: Machine, order: str) -> str:
    (found,) = (each for each in machine.orders() if each.reference == order)
    outcome = staff.bound(world, machine, found)
    assert isinstance(outcome, BoundView), outcome
    return ""


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_a_fault_that_is_planted_is_found(fault: Fault) -> None:
    with fault():
        found = next((seed for seed in range(ENOUGH) if run(planned(seed), seed).wrong), None)
    assert found is not None, f"{ENOUGH} seeds"
    sys.stdout.write(f"\n{fault.__name__}: found by seed {found}\n")


@pytest.mark.soak
def test_as_many_histories_as_an_hour_allows() -> None:
    seconds = int(os.environ.get("KEYDESK_HISTORIES_SECONDS", "3600"))
    done = run_for(seconds, SEEDS)
    sys.stdout.write(f"\n{done.count} seeds from {SEEDS} on in {seconds} s, {len(done.failed)} failed\n")
    assert not done.failed, "\n".join(map(report, done.failed))


def test_two_copies_of_one_store_part_and_come_to_rest() -> None:
    with new_world() as world:
        machine = world.machines[0]
        world.copy(machine, with_marker=True)
        clone = world.clone(world.copies[0])
        assert isinstance(machine.service.place_order(world.session(ACCOUNTS[0]), OrderKind.NEW), Placed)
        come_to_rest(world)
        epochs = [present(each.tip()).epoch for each in (machine, clone)]
        come_to_rest(world)
        assert [present(each.tip()).epoch for each in (machine, clone)] == epochs
        assert Strand.objects.filter(kiosk=machine.kiosk).count() == 2
        assert [each.reference for each in clone.orders()] == [each.reference for each in machine.orders()]


def test_a_seed_is_the_same_history_every_time() -> None:
    assert run(planned(7), 7) == run(planned(7), 7)
