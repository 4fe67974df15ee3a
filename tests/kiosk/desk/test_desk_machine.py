"""The verbs in any order, with pulled keys, kills, payments from the feed, refunds and time: the books always agree."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk, DeskSettings
from kiosk.desk.keys.views import FoundView, KeyView, LiftedView
from kiosk.desk.orders.confirming import CodeAccepted, CodeRefused
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import Placed
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BindingProgress, BindOutcome, BoundView, TokenRefused
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderPaid, RefundCompleted
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Certificate, CertificateStatus, Order, OrderStatus, PaidHow
from kiosk.domain.payment_codes import confirmation_digits, confirmation_key
from kiosk.store.database import Database
from kiosk.store.verify import verify as verify_store

NOW = 1_795_327_500
FIRM = "北京示例粮油贸易有限公司"
ACCOUNTS = ("11000001", "11000003")
SUPERVISOR = StaffSession("林涛", supervisor=True)
STAFF = StaffSession("张华", supervisor=False)
VALID = {CertificateStatus.VALID}
IN_USE = {CertificateStatus.VALID, CertificateStatus.ON_HOLD, CertificateStatus.REVOKED}


class Killed(BaseException):
    """The process is gone."""


class World:
    """One kiosk, its tokens and what the provider was paid."""

    def __init__(
        self,
        folder: Path,
        make_database: Callable[[Path, FixedClock], Database],
        meet_centre: Callable[[Database, FixedClock], None],
        desk_settings: DeskSettings,
    ) -> None:
        self.folder = folder
        self.clock = FixedClock(NOW)
        self.database = make_database(folder / "keydesk.db", self.clock)
        self._meet_centre = meet_centre
        self.meet()
        self.source = VirtualTokenSource()
        self.desk_settings = desk_settings
        self.tokens: dict[str, GmtCard] = {}
        self.provider: set[str] = set()
        self.service = self.started()

    def meet(self) -> None:
        """The agent reaches the centre."""
        self._meet_centre(self.database, self.clock)

    def started(self) -> DeskService:
        """The program, after a start."""
        printer = VirtualPrinter(self.folder / "receipts", 384)
        parts = (self.database, self.clock, os.urandom, self.source, printer, None, self.desk_settings)
        return DeskService(Desk(*parts, agent_runs=lambda: True))

    def orders(self) -> tuple[Order, ...]:
        with self.database.read() as tx:
            return tx.ledger.orders()

    def certificates(self) -> tuple[Certificate, ...]:
        with self.database.read() as tx:
            return tx.ledger.certificates()

    def token_for(self, order: Order) -> GmtCard:
        """The attempt's own token, the account's for a renewal, else a new one from stock."""
        serial = order.binding.token_serial if order.binding else None
        if serial is None and not order.kind.wants_new_token:
            with self.database.read() as tx:
                account = tx.ledger.register(order.account)
            serial = account.key.token_serial if account and account.key else None
        if serial is None or serial not in self.tokens:
            serial = f"STOCK{len(self.tokens)}"
            self.tokens[serial] = blank_key(self.folder / serial, serial)
        return self.tokens[serial]

    def bind(self, order: Order, progress: Callable[[BindingProgress], None]) -> BindOutcome:
        session = Session(order.account, order.operator, order.enterprise, NOW)
        return self.service.bind(session, order.reference, "111111", False, progress)  # noqa: FBT003


class DeskMachine(RuleBasedStateMachine):
    """What members, payers, staff, the centre and accidents do."""

    make_world: Callable[[], World]

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make_world()

        self.place_and_pay_what_fits(ACCOUNTS[0])
        self.bind_what_is_paid(0)

    def _order(self, choice: int, status: OrderStatus | None = None) -> Order | None:
        orders = [each for each in self.world.orders() if status in (None, each.status)]
        return orders[choice % len(orders)] if orders else None

    @rule(account=st.sampled_from(ACCOUNTS), kind=st.sampled_from(OrderKind))
    def place(self, account: str, kind: OrderKind) -> None:
        self.world.service.place_order(Session(account, "操作员", FIRM, NOW), kind)

    @rule(choice=st.integers(0, 9))
    def bind_what_is_paid(self, choice: int) -> None:
        order, world = self._order(choice, OrderStatus.PAID), self.world
        if order is not None:
            world.source.swap(world.token_for(order))
            world.bind(order, lambda _progress: None)
            world.source.remove()

    @rule(account=st.sampled_from(ACCOUNTS))
    def place_and_pay_what_fits(self, account: str) -> None:
        for kind in reversed(OrderKind):
            outcome = self.world.service.place_order(Session(account, "操作员", FIRM, NOW), kind)
            if isinstance(outcome, Placed):
                self.world.service.vouch(SUPERVISOR, outcome.order.reference)
                return

    @rule(choice=st.integers(0, 9))
    def the_feed_confirms(self, choice: int) -> None:
        order, world = self._order(choice), self.world
        if order is not None and order.reference not in world.provider:
            world.provider.add(order.reference)
            with world.database.write() as tx:
                paid = OrderPaid(
                    order.reference,
                    PaidHow.FEED,
                    order.total,
                    world.clock.wall(),
                    f"T{order.reference}",
                    "row/1",
                )
                tx.append(paid, world.clock)

    @rule(choice=st.integers(0, 9))
    def type_the_confirmation(self, choice: int) -> None:
        order = self._order(choice)
        if order is None:
            return
        digits = confirmation_digits(order.order_code, order.total, confirmation_key(bytes(range(32))))
        outcome = self.world.service.confirm_typed(order.reference, digits)
        unpaid = order.status in {OrderStatus.PLACED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
        assert isinstance(outcome, CodeAccepted if unpaid else Refused)
        assert not isinstance(outcome, CodeRefused)

    @rule(choice=st.integers(0, 9))
    def cancel(self, choice: int) -> None:
        order = self._order(choice)
        if order is not None:
            session = Session(order.account, order.operator, order.enterprise, NOW)
            self.world.service.cancel(session, order.reference)

    @rule(choice=st.integers(0, 9))
    def refund(self, choice: int) -> None:
        order, world = self._order(choice), self.world
        if order is None:
            return
        if order.status is not OrderStatus.REFUNDING:
            world.service.grant_refund(SUPERVISOR, order.reference, "不要了")
            return
        with world.database.write() as tx:
            tx.append(RefundCompleted(order.reference, order.received, "row/2"), world.clock)

    @rule(choice=st.integers(0, 9))
    def abandon(self, choice: int) -> None:
        order = self._order(choice)
        if order is not None:
            self.world.service.abandon(SUPERVISOR, order.reference, "key盘坏了")

    @rule(account=st.sampled_from(ACCOUNTS))
    def lose(self, account: str) -> None:
        self.world.service.report_loss(Session(account, "操作员", FIRM, NOW))

    @rule(choice=st.integers(0, 9))
    def find(self, choice: int) -> None:
        if self._insert(choice) is not None:
            assert isinstance(self.world.service.key_found(STAFF), FoundView)
            self.world.source.remove()

    @rule(account=st.sampled_from(ACCOUNTS))
    def lift(self, account: str) -> None:
        """The owner has the key again, whichever that is."""
        world = self.world
        with world.database.read() as tx:
            row = tx.ledger.register(account)
        if row is None or row.key is None or row.key.token_serial not in world.tokens:
            return
        world.source.swap(world.tokens[row.key.token_serial])
        session = Session(account, "操作员", FIRM, NOW)
        outcome = world.service.lift_hold(session, STAFF, "111111", False)  # noqa: FBT003
        assert row.key.lost or not isinstance(outcome, LiftedView)
        world.source.remove()

    @rule(choice=st.integers(0, 9), supervisor=st.booleans(), point=st.none() | st.integers(1, 20))
    def erase(self, choice: int, *, supervisor: bool, point: int | None) -> None:
        serial = self._insert(choice, point)
        if serial is None:
            return
        in_use = {each.token_serial for each in self.world.certificates() if each.status in VALID}
        outcome = self.world.service.erase(SUPERVISOR if supervisor else STAFF, serial)
        assert not (serial in in_use and isinstance(outcome, KeyView))
        self.world.source.remove()

    def _insert(self, choice: int, point: int | None = None) -> str | None:
        """Put one of the tokens in, pulled at the nth command if one is given; its serial, if there is any."""
        tokens = list(self.world.tokens.items())
        if not tokens:
            return None
        serial, card = tokens[choice % len(tokens)]
        faulty = card if point is None else FaultyCard(card, Fault(FaultKind.PULLED_AFTER, point))
        self.world.source.swap(faulty)
        return serial

    @rule(minutes=st.integers(1, 30), online=st.booleans())
    def time_passes(self, minutes: int, *, online: bool) -> None:
        self.world.clock.advance(60 * minutes)
        if online:
            self.world.meet()
        self.world.service.expire_due()

    @rule()
    def restart(self) -> None:
        self.world.service = self.world.started()

    @rule(choice=st.integers(0, 3), kind=st.sampled_from(FaultKind), point=st.integers(1, 35))
    def bind_with_a_fault(self, choice: int, kind: FaultKind, point: int) -> None:
        order, world = self._order(choice, OrderStatus.PAID), self.world
        if order is not None:
            world.source.swap(FaultyCard(world.token_for(order), Fault(kind, point)))
            world.bind(order, lambda _progress: None)
            world.source.remove()

    @rule(choice=st.integers(0, 3), step=st.integers(1, 12))
    def bind_and_kill(self, choice: int, step: int) -> None:
        order, world, left = self._order(choice, OrderStatus.PAID), self.world, [step]
        if order is None:
            return

        def watch(_progress: BindingProgress) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        world.source.swap(world.token_for(order))
        try:
            world.bind(order, watch)
        except Killed:
            world.service = world.started()
        world.source.remove()

    @invariant()
    def one_certificate_an_account_and_order(self) -> None:
        certificates = self.world.certificates()
        for account in ACCOUNTS:
            valid = [
                each.number
                for each in certificates
                if each.account == account and each.status is CertificateStatus.VALID
            ]
            assert len(valid) <= 1
            with self.world.database.read() as tx:
                row = tx.ledger.register(account)
            if valid:
                assert row is not None
                assert row.key is not None
                assert row.key.number == valid[0]
        for order in self.world.orders():
            mine = [each for each in certificates if each.order == order.reference]
            assert sum(each.status is not CertificateStatus.VOID for each in mine) <= 1
            assert any(each.status in IN_USE for each in mine) == (order.status is OrderStatus.BOUND)

    @invariant()
    def one_charge_an_order(self) -> None:
        for order in self.world.orders():
            assert order.received in (0, order.total)
            paid = order.status not in {OrderStatus.PLACED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
            assert (order.received > 0) == paid

    @invariant()
    def every_valid_certificate_is_on_its_token(self) -> None:
        certificates = self.world.certificates()
        for valid in certificates:
            if valid.status is not CertificateStatus.VALID:
                continue
            # a renewal that was killed may have left its own; it is written back or completed on return
            successors = {each.certificate for each in certificates if each.predecessor == valid.number}
            on_token = self.world.tokens[valid.token_serial].record.applications[0].containers[0]
            assert on_token.certificate in {valid.certificate, *successors}

    def teardown(self) -> None:
        """Whatever is paid is bound in the end, and the tables are the fold of the journal."""
        world = self.world
        world.meet()
        for order in world.orders():
            if order.status is not OrderStatus.PAID:
                continue
            world.source.swap(world.token_for(order))
            outcome = world.bind(order, lambda _progress: None)
            # a renewal whose key was lost or replaced meanwhile stays open, for a refund
            changed = isinstance(outcome, TokenRefused) or outcome in (
                Refused(Refusal.KEY_STATE_CHANGED),
                Refused(Refusal.RECORD_DISAGREES),
                Refused(Refusal.ANOTHER_BINDING_UNFINISHED),
                Refused(Refusal.BEGUN_ON_REPLACED_KEY),
            )
            assert isinstance(outcome, BoundView) or (changed and len(world.orders()) > 1), outcome
        self.one_certificate_an_account_and_order()
        self.every_valid_certificate_is_on_its_token()
        assert verify_store(world.database).sound
        world.database.close()


def test_in_whatever_order_things_happen_the_books_agree(
    tmp_path_factory: pytest.TempPathFactory,
    make_database: Callable[[Path, FixedClock], Database],
    meet_centre: Callable[[Database, FixedClock], None],
    desk_settings: DeskSettings,
) -> None:
    def make() -> World:
        return World(tmp_path_factory.mktemp("kiosk"), make_database, meet_centre, desk_settings)

    class Machine(DeskMachine):
        make_world = staticmethod(make)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
