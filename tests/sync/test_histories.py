"""Random histories over the real store, desk, agent and centre: whatever happens, the promises hold in the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest
from pytest_django import DjangoDbBlocker

from kiosk.desk.views.orders import Placed
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.store.verify import verify
from tests.support.histories import staff, steps
from tests.support.histories.faults import FAULTS, Fault
from tests.support.histories.machines import Machine
from tests.support.histories.quiet import come_to_rest
from tests.support.histories.running import new_world, planned, report, run, run_for
from tests.support.histories.world import ACCOUNTS, World, chance
from tests.support.postgresql import postgresql
from tests.support.values import present

from sync.central.journal.models import Strand  # isort: skip - Django is set up by then
from sync.central.journal.strands import marks, strands_of  # isort: skip - the same
from sync.central.ledger.models import LedgerCertificate  # isort: skip - the same

SEEDS, AT_ONCE = 60, 10  # the soak goes on from there
ENOUGH = 1000
HOSTILE_SEEDS = 12
ON_POSTGRESQL = 3


@pytest.fixture(autouse=True)
def tables_of_its_own(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Each history brings its tables."""
    with django_db_blocker.unblock():
        yield


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_whatever_happens_the_promises_hold(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        assert not run(planned(seed), seed).wrong, report(seed)


@pytest.mark.long
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


def _spare(world: World, kiosk: int) -> Machine:
    machine = world.new_machine(kiosk)
    assert world.enrol(machine).startswith("epoch")
    world.exchange(machine)
    return machine


def _placed_there(world: World, machine: Machine, account: str = ACCOUNTS[0]) -> str:
    new = machine.service.place_order(world.session(account), OrderKind.NEW)
    assert isinstance(new, Placed), new
    return new.order.reference


def _status(machine: Machine, order: str) -> OrderStatus | None:
    return next((each.status for each in machine.orders() if each.reference == order), None)


def test_a_third_machine_knows_what_the_second_did_with_an_order_that_came_by_a_backup() -> None:
    with new_world() as world:
        world.random = chance(1)
        first = world.machines[0]
        order = _placed_there(world, first)
        world.copy(first, with_marker=False)
        world.lose(first)
        second = _spare(world, first.kiosk)
        world.hand_in(world.copies[-1])
        world.exchange(second)
        assert isinstance(staff.vouched_and_bound(world, second, order), BoundView)
        world.time.now += 60
        world.exchange(second)  # the strand that received last, on which the third goes on
        world.lose(second)
        third = _spare(world, first.kiosk)
        assert _status(third, order) is OrderStatus.BOUND
        assert verify(third.database).sound


def test_what_one_strand_says_of_another_ones_order_is_folded_after_it() -> None:
    """The second machine binds an order that came by a backup; a clone of it on a strand of its own learns both at once."""
    with new_world() as world:
        world.random = chance(1)
        first = world.machines[0]
        order = _placed_there(world, first)
        world.copy(first, with_marker=False)
        world.lose(first)
        second = _spare(world, first.kiosk)
        world.copy(second, with_marker=False)
        clone = world.clone(world.copies[-1])
        for machine, account in ((second, ACCOUNTS[1]), (clone, ACCOUNTS[2])):
            _placed_there(world, machine, account)
            world.exchange(machine)
        world.hand_in(world.copies[0])
        world.exchange(second)
        assert isinstance(staff.vouched_and_bound(world, second, order), BoundView)
        world.exchange(second)
        world.exchange(clone)
        assert {mark.strand: mark.parent for mark in marks(strands_of(first.kiosk))} == {1: 0, 2: 1, 3: 1}
        assert (clone.strand, _status(clone, order)) == (2, OrderStatus.BOUND)
        assert verify(clone.database).sound


@pytest.mark.parametrize("sells", [True, False])
def test_a_copy_of_before_the_others_parted_learns_of_both(*, sells: bool) -> None:
    """The strand that it knows went on without it, and another left that after an entry that the copy has not.

    A copy that sells before it has heard of that does so in an epoch of its own; else it parts when it hears of it.
    """
    with new_world() as world:
        world.random = chance(1)
        first = world.machines[0]
        world.exchange(first)
        world.copy(first, with_marker=not sells)
        placed = {_placed_there(world, first)}
        world.exchange(first)
        world.copy(first, with_marker=False)
        second = world.clone(world.copies[1])
        for machine, account in ((first, ACCOUNTS[1]), (second, ACCOUNTS[2])):
            placed.add(_placed_there(world, machine, account))
            world.exchange(machine)
        third = world.clone(world.copies[0])
        if sells:
            placed.add(_placed_there(world, third))
        world.exchange(third)
        assert {mark.strand: mark.parent for mark in marks(strands_of(first.kiosk))} == {1: 0, 2: 1, 3: 1}
        assert (third.strand, {each.reference for each in third.orders()} >= placed) == (3, True)
        assert verify(third.database).sound
        come_to_rest(world)
        assert {each.reference for each in first.orders()} >= placed


def test_a_seed_is_the_same_history_every_time() -> None:
    assert run(planned(7), 7) == run(planned(7), 7)
