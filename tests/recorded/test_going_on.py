"""From every state in which something lies in a recording it comes to its end, by the verbs of desks and the centre's staff."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kiosk.desk.keys.views import LiftedView
from kiosk.desk.views.orders import Verified
from kiosk.desk.views.refusals import Refused
from kiosk.domain.entries.decisions import StrandDecision
from kiosk.domain.entries.keys import PinChanged, PinUnblocked
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import BindingStep, OrderStatus
from kiosk.domain.order_steps import placing_kiosk
from sync.agent.enrolment import awaited_token, enrol
from sync.central.fleet.machines import present_machine
from sync.central.ledger import settling
from sync.central.ledger.deciding_strands import decide_quarantine
from sync.central.ledger.models import LedgerCertificate, LedgerOrder, Matter, MatterState
from sync.central.ledger.replaying import differences
from sync.central.payments import paying
from sync.central.preparing import apply_migrations
from tests.support.histories import feed_promises, promises
from tests.support.histories.machines import Machine
from tests.support.histories.quiet import come_to_rest
from tests.support.histories.restores import confirm_all
from tests.support.histories.staff import forget_lost_cash, left_open, settle_everything
from tests.support.histories.world import PIN, STAFF, World
from tests.support.recording.archive import Recorded  # isort: split - Django is set up by it
from tests.support.recording.story import Story, good
from tests.support.values import present

STRANGERS = range(20, 25)
"""Kiosks that were told what nobody said, or said what nobody did."""
REVOKED = 13
_PROMISES = (
    promises.one_usable_key,
    promises.no_key_goes_out_of_use_by_itself,
    promises.what_is_held_is_a_matter,
    promises.no_decision_is_undone,
    promises.the_owner_knows_all_the_money,
    feed_promises.nothing_is_echoed_twice,
    feed_promises.decisions_reach_the_issuer,
    feed_promises.nobody_is_served_unheard,
)


@pytest.fixture
def world(recorded: Callable[[], Recorded], tmp_path: Path) -> Iterator[World]:
    """The recorded world at work, over real sockets; what was decided before is known."""
    with _at_work(recorded(), tmp_path / "world") as world:
        decided = Matter.objects.filter(state=MatterState.DECIDED)
        world.notes.decided = dict(decided.values_list("key", "action"))
        gone = LedgerCertificate.objects.filter(status__in=("revoked", "void"))
        world.notes.revoked = set(gone.values_list("number", flat=True))
        yield world


@contextmanager
def _at_work(recorded: Recorded, folder: Path) -> Iterator[World]:
    with recorded.world(folder, sockets=True).at_work() as world:
        apply_migrations()
        yield world


@pytest.mark.long
def test_what_is_open_comes_to_its_end_by_what_staff_do(world: World) -> None:
    before = set(Matter.objects.filter(state=MatterState.OPEN).values_list("key", flat=True))
    come_to_rest(world)
    assert confirm_all(world)
    revoked = present(present_machine(REVOKED))
    decide_quarantine(revoked, StrandDecision.TAKE_OVER, "boss", "seen", world.centre.now)
    come_to_rest(world)
    assert promises.broken(world, _PROMISES) == []
    forget_lost_cash(world)
    settle_everything(world)
    assert [each for each in left_open(world) if not _is_of_a_stranger(each)] == []
    assert promises.broken(world, _PROMISES) == []
    assert not Matter.objects.filter(key__in=before, state=MatterState.OPEN).exists()
    assert list(promises.every_journal_is_sound(world)) == []
    assert list(differences()) == []


def _is_of_a_stranger(trouble: str) -> bool:
    return placing_kiosk(trouble.partition(" ")[0]) in STRANGERS


def test_every_order_of_a_desk_goes_on_where_it_stood(world: World) -> None:
    story = Story(world)
    desk = story.machine("k3")
    before = {each.reference: each.status for each in desk.orders() if each.owner == desk.kiosk}
    assert set(before.values()) == set(OrderStatus)
    for reference, status in before.items():
        if status is OrderStatus.PLACED:
            assert world.page(reference, "pay") == "paid"
    story.tell(desk)
    for order in desk.orders():
        if order.status is OrderStatus.PAID and order.owner == desk.kiosk:
            story.bind(desk, order.reference)
    story.tell(desk)
    for order in desk.orders():
        if order.status is OrderStatus.REFUNDING:
            assert settling.may_pay_back(story.at_centre(order.reference))
            assert paying.pay_back(story.payment(order.reference), world.centre.now)
    story.tell(desk)
    after = {each.reference: each.status for each in desk.orders()}
    ends = {(status, after[reference]) for reference, status in before.items()}
    assert ends == {
        (OrderStatus.PLACED, OrderStatus.BOUND),
        (OrderStatus.PAID, OrderStatus.BOUND),
        (OrderStatus.BOUND, OrderStatus.BOUND),
        (OrderStatus.CANCELLED, OrderStatus.CANCELLED),
        (OrderStatus.EXPIRED, OrderStatus.EXPIRED),
        (OrderStatus.REFUNDING, OrderStatus.REFUNDED),
        (OrderStatus.REFUNDED, OrderStatus.REFUNDED),
    }
    steps = {attempt.step for order in desk.orders() for attempt in order.bindings}
    assert steps == {BindingStep.BOUND, BindingStep.ABANDONED}


def test_keys_of_a_recording_are_found_renewed_replaced_and_lifted(world: World) -> None:
    story = Story(world)
    desk = story.machine("k3")
    rows = LedgerCertificate.objects.filter(kiosk=desk.kiosk, status="on-hold").order_by("number")
    on_hold = [row.account for row in rows if row.token_serial in world.cards]
    in_use = LedgerCertificate.objects.filter(kiosk=desk.kiosk, status="valid").order_by("number")
    accounts = [row.account for row in in_use if row.token_serial in world.cards]
    story.tell(desk)
    desk.source.swap(world.cards[world.serial_of(desk, on_hold[0])])
    lifted = desk.service.lift_hold(world.session(on_hold[0]), STAFF, PIN, False)  # noqa: FBT003 - the verb's own signature
    assert isinstance(lifted, LiftedView), lifted
    desk.source.remove()
    with desk.database.read() as tx:
        bodies = [sealed.entry.body for sealed in tx.journal.each()]
    changed = {body.account for body in bodies if isinstance(body, PinChanged | PinUnblocked)}
    renewed = next(each for each in accounts if each not in changed and _may_renew(world, desk, each))
    story.bind(desk, story.vouched(desk, renewed, OrderKind.RENEWAL))
    replaced = story.vouched(desk, renewed, OrderKind.REPLACEMENT)
    story.bind(desk, replaced, world.blank())
    waiting = good(desk.service.print_waiting())
    assert waiting > 0
    assert good(desk.service.print_waiting()) == 0
    story.tell(desk)
    assert LedgerOrder.objects.get(reference=replaced).status == OrderStatus.BOUND.value


def _may_renew(world: World, desk: Machine, account: str) -> bool:
    return isinstance(desk.service.quote(world.session(account), OrderKind.RENEWAL), Verified)


def test_machines_go_on_from_whatever_they_were_in(world: World) -> None:
    story = Story(world)
    half_read, leaving, fresh, again, late = map(story.machine_of_kiosk, (18, 17, 19, 14, 7))
    with half_read.database.read() as tx:
        assert not tx.feed.rows.is_whole()
    assert isinstance(half_read.service.place_order(world.session("12000001"), OrderKind.NEW), Refused)
    enrolled = enrol(fresh.settings, fresh.database, world.tokens["19"], fresh.line, fresh.clock)
    assert not enrolled.before
    fresh.enrolled_anew()
    assert world.enrol(again).startswith("epoch")
    assert confirm_all(world)
    story.tell(half_read, leaving, fresh, again, late)
    with leaving.database.read() as tx:
        assert tx.feed.rows.is_whole()
    for machine in (half_read, leaving, fresh, again, late):
        order = next(
            (
                each
                for each in machine.orders()
                if each.status is OrderStatus.PAID and each.owner == machine.kiosk
            ),
            None,
        )
        reference = story.vouched(machine, _free(world, machine)) if order is None else order.reference
        assert story.bind(machine, reference)
        story.tell(machine)
        assert story.at_centre(reference).status == OrderStatus.BOUND.value


def test_a_machine_that_waited_for_the_root_is_enrolled_by_the_token_that_it_kept(world: World) -> None:
    story = Story(world)
    waiting = story.machine_of_kiosk(28)
    token = present(awaited_token(waiting.database))
    enrolled = enrol(waiting.settings, waiting.database, token, waiting.line, waiting.clock)
    assert (enrolled.kiosk, enrolled.before) == (28, False)
    waiting.enrolled_anew()
    assert awaited_token(waiting.database) is None
    story.tell(waiting)


def _free(world: World, machine: Machine) -> str:
    """An account of a member for whom nothing was ordered."""
    known = set(LedgerOrder.objects.values_list("account", flat=True))
    known |= {each.account for each in machine.orders()}
    return next(account for account in sorted(world.members) if account > "12" and account not in known)
