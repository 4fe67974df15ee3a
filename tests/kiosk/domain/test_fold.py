"""The fold under every order of events: a state machine that tries what a desk, a member and the centre may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import (
    HoldLifted,
    KeyErased,
    KeyFound,
    LossReported,
    PinChanged,
    PinChangeSkipped,
    PinUnblocked,
)
from kiosk.domain.entries.orders import (
    DeliveryChosen,
    OrderAssigned,
    OrderCancelled,
    OrderExpired,
    OrderPlaced,
    OrderReleased,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.errors import EntryRefused
from kiosk.domain.fees import OrderKind
from kiosk.domain.guard import open_order
from kiosk.domain.journal import check_chain, unseal
from kiosk.domain.ledger import (
    BindingStep,
    Certificate,
    CertificateStatus,
    Delivery,
    Order,
    OrderStatus,
    PaidHow,
)
from kiosk.domain.ledger_fold import fold_journal
from kiosk.domain.versions import NO_VERSION

if TYPE_CHECKING:
    from tests.support.journal import Journal

KIOSK, OTHER_KIOSK = 3, 4
YEAR = 365 * 86400
ACCOUNTS = ("11000001", "11000002")
PICKS = st.integers(0, 7)
POINT = b"\x04" + bytes(64)
NEXT = {
    OrderStatus.PLACED: {OrderStatus.PAID, OrderStatus.CANCELLED, OrderStatus.EXPIRED},
    OrderStatus.PAID: {OrderStatus.BOUND, OrderStatus.REFUNDING, OrderStatus.REFUNDED},
    OrderStatus.CANCELLED: {OrderStatus.REFUNDING},
    OrderStatus.EXPIRED: {OrderStatus.REFUNDING},
    OrderStatus.REFUNDING: {OrderStatus.REFUNDED},
    OrderStatus.REFUNDED: set(),
    OrderStatus.BOUND: set(),
}


class AnyOrderOfEvents(RuleBasedStateMachine):
    """Everything that may be tried, whatever the state; the rules refuse what must not be."""

    make_journal: Callable[[bool], Journal]

    @initialize()
    def begin(self) -> None:
        self.journal = type(self).make_journal(False)  # noqa: FBT003 - not the centre's
        self.out_of_use: set[str] = set()
        self.elsewhere: dict[str, KeyOnRecord] = {}
        self.tokens = 0

    def _order(self, pick: int) -> Order | None:
        orders = list(self.journal.ledger.orders.values())
        return orders[-1 - pick % len(orders)] if orders else None

    def _known_key(self, account: str) -> KeyOnRecord | None:
        row = self.journal.ledger.register(account)
        ours, theirs = (row.key if row else None), self.elsewhere.get(account)
        return max((key for key in (ours, theirs) if key), key=lambda key: key.not_after, default=None)

    @rule(account=st.sampled_from(ACCOUNTS), kind=st.sampled_from(OrderKind), knows=st.booleans())
    def place(self, account: str, kind: OrderKind, knows: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        previous = self._known_key(account) if knows else None
        number = f"3-{self.journal.next_sequence:04d}"
        lines = self.journal.lines_of(kind)
        self.journal.try_to(
            OrderPlaced(
                number, account, "企", "人", kind, lines, 1, bytes(8), 1, NO_VERSION, 2**31, b"", previous
            )
        )

    @rule(account=st.sampled_from(ACCOUNTS), kind=st.sampled_from(OrderKind))
    def assign(self, account: str, kind: OrderKind) -> None:
        number, lines = f"4-{self.journal.next_sequence:04d}", self.journal.lines_of(kind)
        key = self._known_key(account)
        self.journal.try_to(
            OrderAssigned(
                number,
                account,
                "企",
                "人",
                kind,
                lines,
                1,
                1_700_000_000,
                number,
                1_700_000_001,
                1,
                "row/5",
                key,
            )
        )

    @rule(pick=PICKS, owner=st.sampled_from((KIOSK, OTHER_KIOSK)))
    def move(self, pick: int, owner: int) -> None:
        order = self._order(pick)
        if order is None:
            return
        if owner == KIOSK:
            lines, key = order.lines, order.previous
            self.journal.try_to(
                OrderAssigned(
                    order.reference,
                    order.account,
                    "企",
                    "人",
                    order.kind,
                    lines,
                    1,
                    order.placed_at,
                    "t",
                    1,
                    order.handover + 1,
                    "row/5",
                    key,
                )
            )
        else:
            self.journal.try_to(OrderReleased(order.reference, owner, order.handover + 1, "row/6"))

    @rule(pick=PICKS, how=st.sampled_from(PaidHow), transaction=st.sampled_from((None, "t1", "t2")))
    def pay(self, pick: int, how: PaidHow, transaction: str | None) -> None:
        order = self._order(pick)
        if order is not None:
            self.journal.pay(
                order.reference, how, transaction
            )  # money is taken in every state: nothing may be raised
            assert self.journal.ledger.orders[order.reference].received >= order.total

    @rule(pick=PICKS, expired=st.booleans())
    def close(self, pick: int, expired: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        order = self._order(pick)
        if order is not None:
            body = OrderExpired(order.reference) if expired else OrderCancelled(order.reference, "member")
            self.journal.try_to(body)

    @rule(pick=PICKS, delivery=st.sampled_from(Delivery))
    def deliver(self, pick: int, delivery: Delivery) -> None:
        order = self._order(pick)
        if order is not None:
            self.journal.try_to(DeliveryChosen(order.reference, delivery))

    @rule(pick=PICKS, attempt=st.integers(0, 3), old_token=st.booleans())
    def start(self, pick: int, attempt: int, old_token: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        order = self._order(pick)
        if order is None:
            return
        key = self._known_key(order.account)
        self.tokens += 1
        serial = key.token_serial if old_token and key else f"T{self.tokens}"
        self.journal.try_to(
            BindingStarted(order.reference, attempt or len(order.bindings) + 1, serial, "gmt", "sm2", POINT)
        )

    @rule(pick=PICKS, step=st.integers(0, 4), wrong=st.booleans())
    def go_on(self, pick: int, step: int, wrong: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        order = self._order(pick)
        if order is None or order.binding is None:
            return
        number, attempt = order.reference, order.binding.attempt + (1 if wrong else 0)
        if step == 1:
            self._issue(order, attempt, self._known_key(order.account))
            return
        bodies: dict[int, AnyBody] = {
            0: KeyPairMade(number, attempt, POINT),
            2: CertificateWritten(number, attempt),
            3: CertificateProved(number, attempt, b"c", b"s"),
            4: Bound(number, attempt),
        }
        self.journal.try_to(bodies[step])

    @rule(pick=PICKS, steps=st.integers(1, 6), claims=st.integers(0, 9))
    def bind_for_a_while(self, pick: int, steps: int, claims: int) -> None:
        """The usual order of steps, cut off anywhere; now and then with a predecessor that is not the key's."""
        order = self._order(pick)
        if order is not None:
            self._bind(order, steps, self._some_key(claims) if claims < 2 else self._known_key(order.account))

    @rule(account=st.sampled_from(ACCOUNTS), steps=st.integers(0, 6), renewal=st.booleans())
    def serve(self, account: str, steps: int, renewal: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """A member gets what fits, up to the step at which the power fails."""
        key = self._known_key(account)
        kind = OrderKind.NEW if key is None else OrderKind.RENEWAL if renewal else OrderKind.REPLACEMENT
        pending = open_order(self.journal.ledger, account, kind)
        number = self.journal.place(kind, account, key) if pending is None else pending.reference
        self.journal.pay(number)
        self._bind(self.journal.ledger.orders[number], steps, key)

    def _bind(self, order: Order, steps: int, key: KeyOnRecord | None) -> None:
        attempt = len(order.bindings) + (0 if order.binding else 1)
        renewal = order.kind is OrderKind.RENEWAL
        self.tokens += 1
        serial = key.token_serial if renewal and key else f"T{self.tokens}"
        if steps > 0:
            self.journal.try_to(BindingStarted(order.reference, attempt, serial, "gmt", "sm2", POINT))
        if steps > 1:
            self.journal.try_to(KeyPairMade(order.reference, attempt, POINT))
        if steps > 2:
            self._issue(order, attempt, key)
        later: list[AnyBody] = [
            CertificateWritten(order.reference, attempt),
            CertificateProved(order.reference, attempt, b"c", b"s"),
            Bound(order.reference, attempt),
        ]
        for body in later[: max(0, steps - 3)]:
            self.journal.try_to(body)

    def _some_key(self, pick: int) -> KeyOnRecord | None:
        certificates = list(self.journal.ledger.certificates.values())
        if not certificates:
            return None
        certificate = certificates[pick % len(certificates)]
        return KeyOnRecord(
            certificate.number, certificate.token_serial, certificate.not_before, certificate.not_after
        )

    def _issue(self, order: Order, attempt: int, key: KeyOnRecord | None) -> None:
        try:
            self.journal.issue(order.reference, attempt, key)
        except EntryRefused:
            return

    @rule(pick=PICKS)
    def abandon(self, pick: int) -> None:
        order = self._order(pick)
        if order is not None and order.binding is not None:
            body = BindingAbandoned(order.reference, order.binding.attempt, "林涛", "token died")
            self.journal.try_to(body)

    @rule(account=st.sampled_from(ACCOUNTS))
    def lose(self, account: str) -> None:
        key = self._known_key(account)
        if key is not None:
            self.journal.try_to(LossReported(account, key))

    @rule(account=st.sampled_from(ACCOUNTS), stale=st.booleans())
    def lift(self, account: str, stale: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        key = self._known_key(account)
        if key is not None:
            told = replace(key, holds=max(0, key.holds - 2)) if stale else key
            self.journal.try_to(HoldLifted(account, told, "张华"))

    @rule(account=st.sampled_from(ACCOUNTS), told=st.booleans())
    def find_a_key(self, account: str, told: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        key = self._known_key(account)
        if key is not None:
            body = KeyFound(account, key.token_serial, "张华", key if told else None)
            self.journal.try_to(body)

    @rule(account=st.sampled_from(ACCOUNTS), which=st.integers(0, 3))
    def do_to_a_key(self, account: str, which: int) -> None:
        """What a token had done to it changes no state, and is never refused."""
        bodies: tuple[AnyBody, ...] = (
            PinChanged(account, "T1"),
            PinChangeSkipped(account, "T1"),
            PinUnblocked(account, "T1", "林涛"),
            KeyErased(account, "T1", "张华"),
        )
        assert self.journal.try_to(bodies[which])

    @rule(pick=PICKS, asked=st.booleans())
    def refund(self, pick: int, asked: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        order = self._order(pick)
        if order is not None:
            self.journal.try_to(
                RefundGranted(order.reference, "林涛", "paid twice", "row/9" if asked else None)
            )

    @rule(pick=PICKS)
    def refunded(self, pick: int) -> None:
        order = self._order(pick)
        if order is not None:
            self.journal.try_to(RefundCompleted(order.reference, order.received, "row/11"))

    @rule(pick=PICKS, transaction=st.sampled_from(("t1", "t2")))
    def return_surplus(self, pick: int, transaction: str) -> None:
        order = self._order(pick)
        if order is not None:
            self.journal.try_to(SurplusReturned(order.reference, transaction, order.total, "row/11"))

    @rule(pick=PICKS)
    def revoke(self, pick: int) -> None:
        key = self._some_key(pick)
        if key is not None:
            assert self.journal.try_to(CertificateRevoked(key.number, "staff", "row/12"))

    @rule(account=st.sampled_from(ACCOUNTS))
    def bound_elsewhere(self, account: str) -> None:
        """Another kiosk renewed or replaced the key; the feed told, and the journal does not know yet."""
        key = self._known_key(account)
        now = self.journal.clock.wall()
        self.tokens += 1
        end = max(now, key.not_after if key else 0) + YEAR
        self.elsewhere[account] = KeyOnRecord(f"{0x4000 + self.tokens:016X}", f"E{self.tokens}", now, end)

    @rule()
    def begin_epoch(self) -> None:
        self.journal.epoch += 7
        self.journal.add(EpochBegan(given_by_centre=False, continues=self.journal.tip))

    @rule()
    def kill_and_start_again(self) -> None:
        kept = [sealed.data for sealed in self.journal.entries]
        entries = [unseal(data) for data in kept]
        self.journal.entries = entries
        self.journal.tip = check_chain(None, entries)
        self.journal.ledger = fold_journal(entries)

    @invariant()
    def rebuilding_gives_the_same_state(self) -> None:
        rebuilt = fold_journal(unseal(sealed.data) for sealed in self.journal.entries)
        assert vars(rebuilt) == vars(self.journal.ledger)

    @invariant()
    def the_chain_has_no_gap(self) -> None:
        assert [sealed.entry.sequence for sealed in self.journal.entries] == list(
            range(1, self.journal.next_sequence)
        )
        assert check_chain(None, self.journal.entries) == self.journal.tip

    @invariant()
    def an_account_has_one_valid_certificate_and_it_is_the_key(self) -> None:
        for account in ACCOUNTS:
            valid = self._certificates(account=account, status=CertificateStatus.VALID)
            assert len(valid) <= 1
            row = self.journal.ledger.register(account)
            for certificate in valid:
                assert row is not None
                assert row.key is not None
                assert row.key.number == certificate.number

    @invariant()
    def a_revoked_certificate_stays_out_of_use(self) -> None:
        unused = (CertificateStatus.REVOKED, CertificateStatus.VOID)
        now = {row.number for row in self._certificates() if row.status in unused}
        assert self.out_of_use <= now
        self.out_of_use = now

    @invariant()
    def a_key_is_lost_exactly_while_its_certificate_is_on_hold_or_revoked(self) -> None:
        for account in self.journal.ledger.registers.values():
            certificate = self.journal.ledger.certificate(account.key.number) if account.key else None
            if account.key is not None and certificate is not None:
                assert account.key.lost == (certificate.status is not CertificateStatus.VALID)

    @invariant()
    def an_order_has_one_certificate_that_is_not_void(self) -> None:
        for number, order in self.journal.ledger.orders.items():
            issued = [row for row in self._certificates() if row.order == number]
            alive = [row for row in issued if row.status is not CertificateStatus.VOID]
            assert len(alive) <= 1
            if order.status in {OrderStatus.REFUNDING, OrderStatus.REFUNDED}:
                assert not alive
            if order.status is OrderStatus.BOUND:
                assert order.binding is not None
                assert order.binding.step is BindingStep.BOUND
                assert len(alive) == 1

    @invariant()
    def a_certificate_is_a_predecessor_once(self) -> None:
        claims = [
            row
            for row in self._certificates()
            if row.predecessor and row.status is not CertificateStatus.VOID
        ]
        assert len({row.predecessor for row in claims}) == len(claims)

    @invariant()
    def statuses_follow_the_order_of_life(self) -> None:
        assert all(after in NEXT[before] for before, after in self.journal.turns)

    @invariant()
    def open_orders_are_on_the_account(self) -> None:
        orders = self.journal.ledger.orders.values()
        for account in ACCOUNTS:
            mine = {
                (order.kind, order.reference)
                for order in orders
                if order.account == account and order.owner == KIOSK and order.status.is_open
            }
            known = self.journal.ledger.open_orders_of(account)
            assert {(order.kind, order.reference) for order in known} == mine
            assert len({order.kind for order in known}) == len(known)

    def _certificates(
        self, account: str | None = None, status: CertificateStatus | None = None
    ) -> list[Certificate]:
        return [
            row
            for row in self.journal.ledger.certificates.values()
            if account in {None, row.account} and status in {None, row.status}
        ]


def test_in_whatever_order_events_happen_the_state_agrees(make_journal: Callable[[bool], Journal]) -> None:
    class Machine(AnyOrderOfEvents):
        pass

    Machine.make_journal = staticmethod(make_journal)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=80,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
