"""Nothing half-bound: the key pulled before, during and after every exchange, the process killed after every entry.

Each point has a member, an order and a key of its own. Whatever was left, the member comes back with the same key and
the order completes: one certificate is valid, and it is the one on the key.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import pytest

from kiosk.desk.context import Desk
from kiosk.desk.service import DeskService
from kiosk.desk.views.tokens import BindingProgress, BindOutcome, BoundView, TokenRefusal, TokenRefused
from kiosk.domain.entries.bindings import Bound, CertificateIssued
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus, OrderStatus
from kiosk.pki.certificates import parse_member_certificate
from kiosk.store.database import Database
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.verify import verify
from tests.support.key_rigs import Case, Killed, LibraryRig, Moment, MortalDatabase, ReaderRig, Rig, Workshop
from tests.support.values import present

KINDS = (OrderKind.NEW, OrderKind.REPLACEMENT, OrderKind.RENEWAL)
FEWEST = 12
"""Exchanges without which no binding can be: fewer would mean that the counting is broken."""
MOST = 200
SAMPLE = 2


def _quietly(_progress: BindingProgress) -> None:
    """Nobody watches."""


def _bind(desk: Desk, case: Case) -> BindOutcome:
    return DeskService(desk).bind(case.session, case.order, case.pin, False, _quietly)  # noqa: FBT003 - the contract


def _pulled(
    workshop: Workshop, kind: OrderKind, exchange: int, moment: Moment
) -> tuple[Case, BindOutcome, bool]:
    """A case whose key is pulled there: what the desk said, and whether the binding came so far."""
    case = workshop.case(kind)
    workshop.rig.insert(case.key)
    workshop.rig.pull_at(exchange, moment)
    outcome = _bind(workshop.desk(), case)
    return case, outcome, workshop.rig.pulled()


def _points(
    workshop: Workshop, kind: OrderKind, moments: Iterable[Moment]
) -> Iterator[tuple[Case, BindOutcome]]:
    """A case and its planned pull for every exchange and moment, until the binding needs no more exchanges."""
    for exchange in range(1, MOST):
        for moment in moments:
            case, outcome, reached = _pulled(workshop, kind, exchange, moment)
            yield case, outcome
            if not reached:
                assert exchange > FEWEST
                return
    pytest.fail("the binding does not end")


def _require_sound(workshop: Workshop, case: Case) -> None:
    database: Database = workshop.database
    with database.read() as tx:
        order = tx.ledger.order(case.order)
        certificates = tx.ledger.certificates(account=case.session.account)
        bodies = [sealed.entry.body for sealed in tx.journal.entries(case.begins)]
        receipts = [waiting for waiting in tx.print_queue.waiting() if waiting.order == case.order]
        key = key_on_record(tx, case.session.account)
    assert order is not None
    assert (order.status, len(order.payments), len(receipts)) == (OrderStatus.BOUND, 1, 1)
    assert [each.status for each in certificates] == [CertificateStatus.VALID]
    (valid,) = certificates
    assert key is not None
    assert (key.number, key.token_serial, key.lost) == (valid.number, valid.token_serial, False)
    for entry in (CertificateIssued, Bound):
        assert sum(isinstance(body, entry) and body.order == case.order for body in bodies) == 1
    public_key, on_token = workshop.contents(case.key)
    assert on_token == valid.certificate
    assert parse_member_certificate(on_token).public_key == public_key


def _complete(workshop: Workshop, case: Case, outcome: BindOutcome) -> None:
    """The member comes back with the same key, if it was pulled before all was done."""
    workshop.rig.remove()
    if not isinstance(outcome, BoundView):
        assert isinstance(outcome, TokenRefused), outcome
        workshop.rig.insert(case.key)
        again = _bind(workshop.desk(), case)
        assert isinstance(again, BoundView), (outcome, again)
        workshop.rig.remove()
    _require_sound(workshop, case)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pull_at_any_exchange_ends_in_one_certificate(
    workshop: Workshop, kind: OrderKind, contact: Callable[[], None]
) -> None:
    points = -1  # the last of them needed no pull
    for case, outcome in _points(workshop, kind, Moment):
        _complete(workshop, case, outcome)
        contact()
        points += 1
    assert verify(workshop.database).sound
    print(f"\n{workshop.rig.name} {kind.value}: {points} points tried")  # noqa: T201 - asked for with -s


@pytest.mark.parametrize("kind", KINDS)
def test_a_pull_and_another_key_in_between_touches_only_the_right_one(
    workshop: Workshop, kind: OrderKind, contact: Callable[[], None]
) -> None:
    points = -1  # the last of them needed no pull
    for case, outcome in _points(workshop, kind, (Moment.DURING,)):
        points += 1
        workshop.rig.remove()
        with workshop.database.read() as tx:
            begun = present(tx.ledger.order(case.order)).binding is not None
        if isinstance(outcome, BoundView) or not (begun or kind is OrderKind.RENEWAL):
            continue  # nothing ties the order to a key yet: the other one would be as good
        other = workshop.other()
        before = workshop.contents(other)
        workshop.rig.insert(other)
        refused = _bind(workshop.desk(), case)
        workshop.rig.remove()
        assert isinstance(refused, TokenRefused), refused
        assert refused.reason in {TokenRefusal.SWAPPED, TokenRefusal.NOT_THE_KEY_ON_RECORD}
        assert workshop.contents(other) == before
        _complete(workshop, case, outcome)
        contact()
    assert verify(workshop.database).sound
    print(f"\n{workshop.rig.name} {kind.value}, another key in between: {points} points tried")  # noqa: T201 - asked for with -s


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_after_any_entry_and_a_pull_ends_in_one_certificate(
    workshop: Workshop, kind: OrderKind, contact: Callable[[], None]
) -> None:
    points = 0
    while True:
        points += 1
        case = workshop.case(kind)
        workshop.rig.insert(case.key)
        try:
            outcome = _bind(workshop.desk(MortalDatabase(workshop.database, points)), case)
        except Killed:
            workshop.rig.remove()
            with workshop.database.read() as tx:
                bound = present(tx.ledger.order(case.order)).status is OrderStatus.BOUND
            if not bound:
                workshop.rig.insert(case.key)
                assert isinstance(_bind(workshop.desk(), case), BoundView)
                workshop.rig.remove()
            _require_sound(workshop, case)
            contact()
        else:
            assert isinstance(outcome, BoundView)
            break
    assert points - 1 == (5 if kind is OrderKind.RENEWAL else 6)
    assert verify(workshop.database).sound
    print(f"\n{workshop.rig.name} {kind.value}, killed and pulled: {points - 1} points tried")  # noqa: T201 - asked for with -s


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_of_the_vendors_library_at_any_call_ends_in_one_certificate(
    open_workshop: Callable[[Rig], Workshop],
    library_rig: LibraryRig,
    kind: OrderKind,
    contact: Callable[[], None],
) -> None:
    workshop = open_workshop(library_rig)
    for call in range(1, MOST):
        case = workshop.case(kind)
        workshop.rig.insert(case.key)
        library_rig.crash_at(call)
        outcome = _bind(workshop.desk(), case)
        if not isinstance(outcome, BoundView):
            assert isinstance(outcome, TokenRefused)
            assert outcome.reason is TokenRefusal.LIBRARY_FAILED, outcome
        _complete(workshop, case, outcome)
        contact()
        if isinstance(outcome, BoundView) and call > FEWEST:
            break
    assert verify(workshop.database).sound
    print(f"\nskf {kind.value}, the library crashes: {call - 1} points tried")  # noqa: T201 - asked for with -s


@pytest.mark.parametrize("kind", KINDS)
def test_a_pull_out_of_a_real_reader_ends_in_one_certificate(
    open_workshop: Callable[[Rig], Workshop],
    reader_rig: ReaderRig,
    kind: OrderKind,
    contact: Callable[[], None],
) -> None:
    """A seeded sample of the points; the next test takes all of them."""
    workshop = open_workshop(reader_rig)
    chance = random.Random(f"{reader_rig.name} {kind.value}")  # noqa: S311 - a sample that can be drawn again
    every = [(exchange, moment) for exchange in range(1, FEWEST + 1) for moment in Moment]
    for exchange, moment in chance.sample(every, SAMPLE):
        case, outcome, reached = _pulled(workshop, kind, exchange, moment)
        assert reached
        _complete(workshop, case, outcome)
        contact()
    assert verify(workshop.database).sound


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_any_pull_out_of_a_real_reader_ends_in_one_certificate(
    open_workshop: Callable[[Rig], Workshop],
    reader_rig: ReaderRig,
    kind: OrderKind,
    contact: Callable[[], None],
) -> None:
    workshop = open_workshop(reader_rig)
    points = -1  # the last of them needed no pull
    for case, outcome in _points(workshop, kind, Moment):
        _complete(workshop, case, outcome)
        contact()
        points += 1
    assert verify(workshop.database).sound
    print(f"\n{reader_rig.name} {kind.value}: {points} points tried")  # noqa: T201 - asked for with -s
