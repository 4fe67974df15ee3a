"""Every point of a binding pulled, killed or answered with rubbish once; then the same token goes in again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import BindingProgress, BoundView, TokenRefused
from kiosk.domain.entries.bindings import Bound, CertificateIssued
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus, OrderStatus
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull
from kiosk.store.ledger import LedgerTables
from kiosk.store.verify import verify as verify_store

NOW = 1_795_327_500
DAY = 86_400
PIN = "654321"

Pay = Callable[[str, OrderKind], str]
Elsewhere = Callable[[str, str, int, int], GmtCard]
Prepare = Callable[[int], tuple[GmtCard, str, Session, str]]


class Killed(BaseException):
    """The process is gone: no handler of the program runs."""


@pytest.fixture(params=[OrderKind.NEW, OrderKind.RENEWAL])
def prepare(
    request: pytest.FixtureRequest,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    session_of: Callable[[str], Session],
) -> Prepare:
    """A member of her own for the nth round: her token, her paid order, her session and her PIN."""

    def member(point: int) -> tuple[GmtCard, str, Session, str]:
        account, serial = str(20_000_000 + point), f"TOKEN{point}"
        if request.param is OrderKind.NEW:
            card, pin = blank(serial), "111111"
        else:
            card, pin = bound_elsewhere(account, serial, NOW - 300 * DAY, NOW + 65 * DAY), PIN
        return card, paid_order(account, request.param), session_of(account), pin

    return member


def _quietly(_progress: BindingProgress) -> None:
    """Nobody watches."""


def _container(card: GmtCard) -> tuple[bytes | None, bytes | None]:
    containers = card.record.applications[0].containers
    return (containers[0].public_key, containers[0].certificate) if containers else (None, None)


def _require_one_certificate_and_one_charge(database: Database, number: str, card: GmtCard) -> None:
    with database.read() as tx:
        order = tx.ledger.order(number)
        assert order is not None
        certificates = tx.ledger.certificates(account=order.account)
        bodies = [sealed.entry.body for sealed in tx.journal.entries()]
        receipts = [waiting for waiting in tx.print_queue.waiting() if waiting.order == number]
    assert order.status is OrderStatus.BOUND
    assert len(order.payments) == 1
    assert len(order.bindings) == 1
    assert [each.status for each in certificates] == [CertificateStatus.VALID]
    assert sum(isinstance(body, CertificateIssued) and body.order == number for body in bodies) == 1
    assert sum(isinstance(body, Bound) and body.order == number for body in bodies) == 1
    assert len(receipts) == 1
    assert _container(card)[1] == certificates[0].certificate


def _finish(
    service: DeskService, source: VirtualTokenSource, card: GmtCard, work: tuple[Session, str, str]
) -> None:
    """The member puts the same token in again, if it is out, and goes on."""
    session, number, pin = work
    if not source.present():
        source.insert(card)
    outcome = service.bind(session, number, pin, False, _quietly)  # noqa: FBT003 - the contract
    assert isinstance(outcome, BoundView), outcome
    source.remove()


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_at_any_command_ends_in_one_certificate(
    open_desk: Callable[[], Desk],
    database: Database,
    source: VirtualTokenSource,
    contact: Callable[[], None],
    prepare: Prepare,
    kind: FaultKind,
) -> None:
    service = DeskService(open_desk())
    pulled = kind in {FaultKind.PULLED_BEFORE, FaultKind.PULLED_AFTER}
    for point in range(1, 100, 1 if pulled else 2):
        card, number, session, pin = prepare(point)
        before = _container(card)
        faulty = FaultyCard(card, Fault(kind, point))
        source.insert(faulty)
        outcome = service.bind(session, number, pin, False, _quietly)  # noqa: FBT003 - the contract
        if isinstance(outcome, BoundView):
            source.remove()
        else:
            assert isinstance(outcome, TokenRefused), outcome
            _require_a_usable_token(database, number, before, _container(card))
            source.swap(card)
            _finish(service, source, card, (session, number, pin))
        _require_one_certificate_and_one_charge(database, number, card)
        contact()
        if faulty._faults:
            break  # the binding took fewer commands than this
    assert point > 15
    assert verify_store(database).sound


def _require_a_usable_token(
    database: Database,
    number: str,
    before: tuple[bytes | None, bytes | None],
    after: tuple[bytes | None, bytes | None],
) -> None:
    """A renewal that stopped keeps the key pair, and a certificate that belongs to it: the old or the new one."""
    public_key, old = before
    if public_key is None:
        return
    with database.read() as tx:
        order = tx.ledger.order(number)
        assert order is not None
        issued = [each.certificate for each in tx.ledger.certificates(account=order.account)]
    assert after[0] == public_key
    assert after[1] in (old, *issued)


def test_a_kill_at_any_command_ends_in_one_certificate(
    open_desk: Callable[[], Desk],
    database: Database,
    source: VirtualTokenSource,
    contact: Callable[[], None],
    prepare: Prepare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for point in range(1, 100):
        card, number, session, pin = prepare(point)
        source.insert(card)
        transmit, left = card.transmit, [point]

        def killed(
            command: bytes, transmit: Callable[[bytes], bytes] = transmit, left: list[int] = left
        ) -> bytes:
            left[0] -= 1
            if left[0] == 0:
                transmit(command)
                raise Killed
            return transmit(command)

        with monkeypatch.context() as patch:
            patch.setattr(card, "transmit", killed)
            service = DeskService(open_desk())
            try:
                service.bind(session, number, pin, False, _quietly)  # noqa: FBT003 - the contract
                reached = False
            except Killed:
                reached = True
        source.swap(card)
        if reached and left[0] <= 0 and not _is_bound(database, number):
            _finish(DeskService(open_desk()), source, card, (session, number, pin))
        else:
            source.remove()
        _require_one_certificate_and_one_charge(database, number, card)
        contact()
        if not reached:
            break
    assert point > 15
    assert verify_store(database).sound


def _is_bound(database: Database, number: str) -> bool:
    with database.read() as tx:
        order = tx.ledger.order(number)
    return order is not None and order.status is OrderStatus.BOUND


def test_a_kill_after_any_durable_step_goes_on_there(
    open_desk: Callable[[], Desk], database: Database, source: VirtualTokenSource, prepare: Prepare
) -> None:
    for point in range(1, 13):
        card, number, session, pin = prepare(point)
        source.insert(card)
        seen: list[BindingProgress] = []

        def killed(progress: BindingProgress, seen: list[BindingProgress] = seen, point: int = point) -> None:
            seen.append(progress)
            if len(seen) == point:
                raise Killed

        try:
            DeskService(open_desk()).bind(session, number, pin, False, killed)  # noqa: FBT003 - the contract
        except Killed:
            if seen[-1] != BindingProgress(6, done=True):
                _finish(DeskService(open_desk()), source, card, (session, number, pin))
        source.remove()
        _require_one_certificate_and_one_charge(database, number, card)


def test_a_disk_that_fills_up_at_any_step_ends_in_one_certificate(
    open_desk: Callable[[], Desk],
    database: Database,
    source: VirtualTokenSource,
    prepare: Prepare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put = LedgerTables.put
    for point in range(1, 7):
        card, number, session, pin = prepare(point)
        source.insert(card)
        left = [point]

        def full(tables: LedgerTables, rows: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise DiskFull(database.path)
            put(tables, rows)  # type: ignore[arg-type]

        service = DeskService(open_desk())
        with monkeypatch.context() as patch:
            patch.setattr(LedgerTables, "put", full)
            outcome = service.bind(session, number, pin, False, _quietly)  # noqa: FBT003 - the contract
        if isinstance(outcome, Refused):
            _finish(service, source, card, (session, number, pin))
        source.remove()
        _require_one_certificate_and_one_charge(database, number, card)
