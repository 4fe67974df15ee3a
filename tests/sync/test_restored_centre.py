"""Histories in which the centre is put back from a backup: what an oracle outside it holds against it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from kiosk.desk.views.orders import Placed
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.fees import OrderKind
from tests.support.histories import staff
from tests.support.histories.faults import RESTORE_FAULTS, Fault
from tests.support.histories.machines import Machine
from tests.support.histories.restores import Oracle, confirm_all, planned, rest_with_staff, run
from tests.support.histories.running import new_world
from tests.support.histories.world import ACCOUNTS, World, chance

from sync.central.journal.models import Alarm, AlarmKind, Entry  # isort: skip - Django is set up by then
from sync.central.ledger import settling  # isort: skip - the same
from sync.central.ledger.models import LedgerCertificate, LedgerOrder, Matter, MatterState  # isort: skip - the same

SEEDS, AT_ONCE = 20, 10
ENOUGH = 300
TWO_KEYS = 38
"""A seed in which two kiosks bind a key for one account, unheard of by each other, before the centre is put back."""


@pytest.fixture(autouse=True)
def tables_of_its_own(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Each history brings its tables."""
    with django_db_blocker.unblock():
        yield


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_whatever_is_put_back_nobody_loses_what_was_theirs(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        outcome = run(planned(seed), seed)
        assert not outcome.wrong, "\n".join([f"seed {seed}", *outcome.log, *outcome.wrong])


def test_of_two_keys_of_an_account_the_other_may_come_first_after_a_restore() -> None:
    outcome = run(planned(TWO_KEYS), TWO_KEYS)
    assert not outcome.wrong, "\n".join([*outcome.log, *outcome.wrong])


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


def _ordered_at_a_clone(world: World) -> tuple[Oracle, Machine, Machine, str]:
    """A backup of the centre is made, then a clone of a machine places an order: the oracle, both machines, the order."""
    world.random = chance(1)
    oracle, machine = Oracle(world), world.live[0]
    world.exchange(machine)
    world.copy(machine, with_marker=False)
    clone = world.clone(world.copies[-1])
    oracle.back_up()
    new = clone.service.place_order(world.session(ACCOUNTS[0]), OrderKind.NEW)
    assert isinstance(new, Placed), new
    return oracle, machine, clone, new.order.reference


def test_what_a_copy_that_is_gone_did_is_uploaded_again_by_who_holds_it() -> None:
    with new_world() as world:
        oracle, machine, clone, order = _ordered_at_a_clone(world)
        world.exchange(clone)
        for _ in range(2):
            world.exchange(machine)
        world.lose(clone)
        with machine.database.read() as tx:
            held = [each.sealed.hash for each in tx.other_strands.each()]
        assert held
        oracle.restore()
        assert not Entry.objects.filter(hash__in=held).exists()
        for _ in range(3):
            world.exchange(machine)
        world.centre.apply()
        assert Entry.objects.filter(hash__in=held).count() == len(held)
        assert LedgerOrder.objects.filter(reference=order).exists()
        assert not Alarm.objects.filter(kind=AlarmKind.TWO_ALIVE).exists()
        with machine.database.read() as tx:
            assert tx.agent.get().held is None
            assert [each.sealed.hash for each in tx.other_strands.each()] == held


def test_what_was_done_about_an_order_of_another_strand_counts_again_after_a_restore() -> None:
    with new_world() as world:
        oracle, machine, clone, order = _ordered_at_a_clone(world)
        for each in (clone, machine, machine):
            world.exchange(each)
        assert isinstance(staff.vouched_and_bound(world, machine, order), BoundView)
        world.exchange(machine)
        world.lose(clone)
        oracle.restore()
        for _ in range(3):
            world.exchange(machine)
        world.centre.apply()
        assert LedgerOrder.objects.get(reference=order).status == "bound"
        assert LedgerCertificate.objects.get(order=order).status == "valid"


def test_what_an_owner_handed_on_stands_though_no_machine_is_left_to_show_the_row() -> None:
    with new_world() as world:
        world.random = chance(1)
        oracle = Oracle(world)
        owner, _, other = world.live
        row = LedgerOrder.objects.get(status="paid", owner=owner.kiosk)
        oracle.back_up()
        assert settling.move(row, other.kiosk, "boss", world.centre.now)
        for each in (owner, other):
            world.exchange(each)
            world.centre.apply()
        (order,) = (each for each in other.orders() if each.reference == row.reference)
        assert isinstance(staff.bound(world, other, order), BoundView)
        world.exchange(other)
        world.lose(owner)
        world.enrol(world.new_machine(owner.kiosk))
        oracle.restore()
        rest_with_staff(world)
        after = LedgerOrder.objects.get(reference=row.reference)
        assert (after.owner, after.status) == (other.kiosk, "bound")
        assert LedgerCertificate.objects.get(order=row.reference).status == "valid"


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_key_that_staff_revoked_stays_out_of_use(is_replaced: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Its issuer repeated the decision, and shows the row that told it, unless its machine is another one by now."""
    with new_world() as world:
        world.random = chance(1)
        oracle, machine = Oracle(world), world.live[0]
        new = machine.service.place_order(world.session(ACCOUNTS[0]), OrderKind.NEW)
        assert isinstance(new, Placed), new
        assert isinstance(staff.vouched_and_bound(world, machine, new.order.reference), BoundView)
        world.exchange(machine)
        world.centre.apply()
        row = LedgerCertificate.objects.get(order=new.order.reference, status="valid")
        oracle.back_up()
        world.time.now += 60
        settling.revoke_certificate(row, "boss", "stolen", world.centre.now)
        world.centre.apply()
        world.exchange(machine)
        world.centre.apply()
        if is_replaced:
            world.lose(machine)
            world.enrol(world.new_machine(machine.kiosk))
        oracle.restore()
        rest_with_staff(world)
        assert LedgerCertificate.objects.get(number=row.number).status == "revoked"
        assert not Matter.objects.filter(state=MatterState.OPEN).exists()


@pytest.mark.soak
@pytest.mark.parametrize("fault", RESTORE_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_that_is_planted_is_found(fault: Fault) -> None:
    with fault():
        assert any(run(planned(seed), seed).wrong for seed in range(ENOUGH))
