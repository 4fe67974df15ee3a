"""The fold under every order of events: a state machine that tries what a desk, a member and the centre may do."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.errors import DisputeReason, EntryDisputed, EntryRefused, EntryWaits
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.journal import (
    FORM,
    GENESIS,
    AnyBody,
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateRevoked,
    CertificateWritten,
    DeliveryChosen,
    Entry,
    EpochBegan,
    KeyPairMade,
    LossReported,
    OrderAssigned,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    RefundCompleted,
    RefundGranted,
    SealedEntry,
    Tip,
    check_chain,
    check_link,
    seal,
    unseal,
)
from kiosk.domain.ledger import (
    BindingStep,
    Certificate,
    CertificateStatus,
    Delivery,
    MemoryLedger,
    Order,
    OrderStatus,
    PaidHow,
)
from kiosk.domain.transitions import fold, transition

KIOSK, OTHER_KIOSK = 3, 4
YEAR = 365 * 86400
ACCOUNTS = ("11000001", "11000002")
PICKS = st.integers(0, 7)
POINT = b"\x04" + bytes(64)
NEXT = {
    OrderStatus.PLACED: {OrderStatus.PAID, OrderStatus.CANCELLED, OrderStatus.EXPIRED},
    OrderStatus.PAID: {OrderStatus.BOUND, OrderStatus.REFUNDING},
    OrderStatus.CANCELLED: {OrderStatus.REFUNDING},
    OrderStatus.EXPIRED: {OrderStatus.REFUNDING},
    OrderStatus.REFUNDING: {OrderStatus.REFUNDED},
    OrderStatus.REFUNDED: set(),
    OrderStatus.BOUND: set(),
}


def lines_of(kind: OrderKind) -> tuple[PriceLine, ...]:
    yearly = (PriceLine(FeeItem.CERTIFICATE, 20_000), PriceLine(FeeItem.SERVICE, 10_000))
    return (PriceLine(FeeItem.TOKEN, 5_000), *yearly) if kind.wants_new_token else yearly


class Journal:
    """A kiosk's chain and its state in memory; `add` appends what the rules take."""

    def __init__(self, *, complete: bool = False) -> None:
        self.ledger = MemoryLedger(complete=complete)
        self.entries: list[SealedEntry] = []
        self.turns: set[tuple[OrderStatus, OrderStatus]] = set()
        self.tip: Tip | None = None
        self.epoch = 1
        self.clock = FixedClock(1_800_000_000)
        self.add(EpochBegan(given_by_centre=True))

    @property
    def next_sequence(self) -> int:
        return len(self.entries) + 1

    def add(self, body: AnyBody) -> None:
        self.clock.advance(1)
        previous = GENESIS if self.tip is None else self.tip.hash
        place = (FORM, KIOSK, self.epoch, self.next_sequence)
        sealed = seal(Entry(*place, self.clock.wall(), self.clock.monotonic(), "boot", previous, body))
        tip = check_link(self.tip, sealed)
        rows = transition(self.ledger, sealed.entry)
        for row in rows:
            before = self.ledger.orders.get(row.number) if isinstance(row, Order) else None
            if isinstance(row, Order) and before is not None and before.status is not row.status:
                self.turns.add((before.status, row.status))
        self.ledger.put(rows)
        self.entries.append(sealed)
        self.tip = tip

    def try_to(self, body: AnyBody) -> bool:
        try:
            self.add(body)
        except EntryRefused:
            return False
        return True

    def place(
        self, kind: OrderKind = OrderKind.NEW, account: str = ACCOUNTS[0], previous: KeyOnRecord | None = None
    ) -> str:
        number = f"3-{self.next_sequence:04d}"
        deadline = self.clock.wall() + 900
        self.add(
            OrderPlaced(
                number, account, "企业", "经办人", kind, lines_of(kind), 1, 1, 0, deadline, b"", previous
            )
        )
        return number

    def pay(self, order: str, how: PaidHow = PaidHow.CODE, transaction: str | None = None) -> None:
        amount = self.ledger.orders[order].total
        self.add(OrderPaid(order, how, amount, self.clock.wall(), transaction))

    def issue(self, order: str, attempt: int, key: KeyOnRecord | None) -> str:
        number = f"{self.next_sequence:016X}"
        now = self.clock.wall()
        old_end = key.not_after if key else None
        end = max(now, old_end or 0) + YEAR
        predecessor = key.number if key else None
        self.add(CertificateIssued(order, attempt, number, b"DER", now, end, 1, predecessor, old_end))
        return number

    def bind(self, order: str, token: str) -> str:
        row = self.ledger.orders[order]
        account = self.ledger.account(row.account)
        key = account.key if account else None
        attempt = len(row.bindings) + 1
        renewal = row.kind is OrderKind.RENEWAL
        self.add(BindingStarted(order, attempt, token, "gmt", "sm2", POINT if renewal else None))
        if not renewal:
            self.add(KeyPairMade(order, attempt, POINT))
        number = self.issue(order, attempt, key)
        self.add(CertificateWritten(order, attempt))
        self.add(CertificateProved(order, attempt, b"c", b"s"))
        self.add(Bound(order, attempt))
        return number


class AnyOrderOfEvents(RuleBasedStateMachine):
    """Everything that may be tried, whatever the state; the rules refuse what must not be."""

    @initialize()
    def begin(self) -> None:
        self.journal = Journal()
        self.elsewhere: dict[str, KeyOnRecord] = {}
        self.tokens = 0

    def _order(self, pick: int) -> Order | None:
        orders = list(self.journal.ledger.orders.values())
        return orders[-1 - pick % len(orders)] if orders else None

    def _known_key(self, account: str) -> KeyOnRecord | None:
        row = self.journal.ledger.account(account)
        ours, theirs = (row.key if row else None), self.elsewhere.get(account)
        return max((key for key in (ours, theirs) if key), key=lambda key: key.not_after, default=None)

    @rule(account=st.sampled_from(ACCOUNTS), kind=st.sampled_from(OrderKind), knows=st.booleans())
    def place(self, account: str, kind: OrderKind, knows: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        previous = self._known_key(account) if knows else None
        number = f"3-{self.journal.next_sequence:04d}"
        lines = lines_of(kind)
        self.journal.try_to(
            OrderPlaced(number, account, "企", "人", kind, lines, 1, 1, 0, 2**31, b"", previous)
        )

    @rule(account=st.sampled_from(ACCOUNTS), kind=st.sampled_from(OrderKind))
    def assign(self, account: str, kind: OrderKind) -> None:
        number, lines = f"4-{self.journal.next_sequence:04d}", lines_of(kind)
        key = self._known_key(account)
        self.journal.try_to(
            OrderAssigned(
                number, account, "企", "人", kind, lines, 1, 1_700_000_000, number, 1_700_000_001, 5, key
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
                    order.number,
                    order.account,
                    "企",
                    "人",
                    order.kind,
                    lines,
                    1,
                    order.placed_at,
                    "t",
                    1,
                    5,
                    key,
                )
            )
        else:
            self.journal.try_to(OrderReleased(order.number, owner, 6))

    @rule(pick=PICKS, how=st.sampled_from(PaidHow), transaction=st.sampled_from((None, "t1", "t2")))
    def pay(self, pick: int, how: PaidHow, transaction: str | None) -> None:
        order = self._order(pick)
        if order is not None:
            self.journal.pay(
                order.number, how, transaction
            )  # money is taken in every state: nothing may be raised
            assert self.journal.ledger.orders[order.number].received >= order.total

    @rule(pick=PICKS, expired=st.booleans())
    def close(self, pick: int, expired: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        order = self._order(pick)
        if order is not None:
            body = OrderExpired(order.number) if expired else OrderCancelled(order.number, "member")
            self.journal.try_to(body)

    @rule(pick=PICKS, delivery=st.sampled_from(Delivery))
    def deliver(self, pick: int, delivery: Delivery) -> None:
        order = self._order(pick)
        if order is not None:
            self.journal.try_to(DeliveryChosen(order.number, delivery))

    @rule(pick=PICKS, attempt=st.integers(0, 3), old_token=st.booleans())
    def start(self, pick: int, attempt: int, old_token: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        order = self._order(pick)
        if order is None:
            return
        key = self._known_key(order.account)
        self.tokens += 1
        serial = key.token_serial if old_token and key else f"T{self.tokens}"
        self.journal.try_to(
            BindingStarted(order.number, attempt or len(order.bindings) + 1, serial, "gmt", "sm2", POINT)
        )

    @rule(pick=PICKS, step=st.integers(0, 4), wrong=st.booleans())
    def go_on(self, pick: int, step: int, wrong: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        order = self._order(pick)
        if order is None or order.binding is None:
            return
        number, attempt = order.number, order.binding.attempt + (1 if wrong else 0)
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
        row = self.journal.ledger.account(account)
        number = row.open_orders.get(kind) if row else None
        if number is None:
            number = self.journal.place(kind, account, key)
        self.journal.pay(number)
        self._bind(self.journal.ledger.orders[number], steps, key)

    def _bind(self, order: Order, steps: int, key: KeyOnRecord | None) -> None:
        attempt = len(order.bindings) + (0 if order.binding else 1)
        renewal = order.kind is OrderKind.RENEWAL
        self.tokens += 1
        serial = key.token_serial if renewal and key else f"T{self.tokens}"
        if steps > 0:
            self.journal.try_to(BindingStarted(order.number, attempt, serial, "gmt", "sm2", POINT))
        if steps > 1:
            self.journal.try_to(KeyPairMade(order.number, attempt, POINT))
        if steps > 2:
            self._issue(order, attempt, key)
        later: list[AnyBody] = [
            CertificateWritten(order.number, attempt),
            CertificateProved(order.number, attempt, b"c", b"s"),
            Bound(order.number, attempt),
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
            self.journal.issue(order.number, attempt, key)
        except EntryRefused:
            return

    @rule(pick=PICKS)
    def abandon(self, pick: int) -> None:
        order = self._order(pick)
        if order is not None and order.binding is not None:
            body = BindingAbandoned(order.number, order.binding.attempt, "林涛", "token died")
            self.journal.try_to(body)

    @rule(account=st.sampled_from(ACCOUNTS))
    def lose(self, account: str) -> None:
        key = self._known_key(account)
        if key is not None:
            self.journal.try_to(LossReported(account, key))

    @rule(pick=PICKS, asked=st.booleans())
    def refund(self, pick: int, asked: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        order = self._order(pick)
        if order is not None:
            self.journal.try_to(RefundGranted(order.number, "林涛", "paid twice", 9 if asked else None))

    @rule(pick=PICKS)
    def refunded(self, pick: int) -> None:
        order = self._order(pick)
        if order is not None:
            self.journal.try_to(RefundCompleted(order.number, order.received, 11))

    @rule(pick=PICKS)
    def revoke(self, pick: int) -> None:
        key = self._some_key(pick)
        if key is not None:
            assert self.journal.try_to(CertificateRevoked(key.number, "staff", 12))

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
        self.journal.ledger = fold(entries)

    @invariant()
    def rebuilding_gives_the_same_state(self) -> None:
        rebuilt = fold(unseal(sealed.data) for sealed in self.journal.entries)
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
            row = self.journal.ledger.account(account)
            for certificate in valid:
                assert row is not None
                assert row.key is not None
                assert row.key.number == certificate.number

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
        for row in claims:
            old = self.journal.ledger.certificate(row.predecessor or "")
            assert old is None or old.successor == row.number

    @invariant()
    def statuses_follow_the_order_of_life(self) -> None:
        assert all(after in NEXT[before] for before, after in self.journal.turns)

    @invariant()
    def open_orders_are_on_the_account(self) -> None:
        orders = self.journal.ledger.orders.values()
        for account in ACCOUNTS:
            mine = {
                (order.kind, order.number)
                for order in orders
                if order.account == account and order.owner == KIOSK and order.status.is_open
            }
            row = self.journal.ledger.account(account)
            assert set((row.open_orders if row else {}).items()) == mine

    def _certificates(
        self, account: str | None = None, status: CertificateStatus | None = None
    ) -> list[Certificate]:
        return [
            row
            for row in self.journal.ledger.certificates.values()
            if account in {None, row.account} and status in {None, row.status}
        ]


TestAnyOrderOfEvents = AnyOrderOfEvents.TestCase
TestAnyOrderOfEvents.settings = settings(
    max_examples=80, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture
def journal() -> Journal:
    return Journal()


def refused(journal: Journal, body: AnyBody) -> DisputeReason:
    with pytest.raises(EntryDisputed) as caught:
        journal.add(body)
    return caught.value.reason


def in_every_state(journal: Journal) -> dict[OrderStatus, str]:
    """An order in each state, each of an account of its own."""
    orders = {status: journal.place(account=f"2200000{n}") for n, status in enumerate(OrderStatus)}
    journal.add(OrderCancelled(orders[OrderStatus.CANCELLED], "member"))
    journal.add(OrderExpired(orders[OrderStatus.EXPIRED]))
    paid = (OrderStatus.PAID, OrderStatus.BOUND, OrderStatus.REFUNDING, OrderStatus.REFUNDED)
    for status in paid:
        journal.pay(orders[status])
    journal.bind(orders[OrderStatus.BOUND], "T1")
    for status in (OrderStatus.REFUNDING, OrderStatus.REFUNDED):
        journal.add(RefundGranted(orders[status], "林涛", "asked"))
    journal.add(RefundCompleted(orders[OrderStatus.REFUNDED], 35_000, 4))
    assert {status: journal.ledger.orders[number].status for status, number in orders.items()} == {
        status: status for status in OrderStatus
    }
    return orders


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OrderStatus.PLACED, OrderStatus.PAID),
        (OrderStatus.PAID, OrderStatus.PAID),
        (OrderStatus.BOUND, OrderStatus.BOUND),
        (OrderStatus.CANCELLED, OrderStatus.REFUNDING),
        (OrderStatus.EXPIRED, OrderStatus.REFUNDING),
        (OrderStatus.REFUNDING, OrderStatus.REFUNDING),
        (OrderStatus.REFUNDED, OrderStatus.REFUNDED),
    ],
)
def test_money_is_taken_in_every_state(journal: Journal, before: OrderStatus, after: OrderStatus) -> None:
    number = in_every_state(journal)[before]
    noticed = len(journal.ledger.orders[number].payments)
    journal.pay(number, PaidHow.FEED, "t9")
    assert journal.ledger.orders[number].status is after
    assert len(journal.ledger.orders[number].payments) == noticed + 1


NOTICES = st.tuples(st.sampled_from(PaidHow), st.sampled_from((None, "t1", "t2")))


@given(
    notices=st.lists(NOTICES, min_size=1, max_size=5).flatmap(
        lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))
    ),
    before=st.sampled_from(OrderStatus),
)
def test_payments_commute(
    notices: tuple[list[tuple[PaidHow, str | None]], list[tuple[PaidHow, str | None]]], before: OrderStatus
) -> None:
    ends = []
    for order_of_arrival in notices:
        journal = Journal()
        number = in_every_state(journal)[before]
        for how, transaction in order_of_arrival:
            journal.pay(number, how, transaction)
        order = journal.ledger.orders[number]
        ends.append((order.status, order.received, journal.ledger.accounts[order.account]))
    assert ends[0] == ends[1]


def test_one_payment_told_by_code_and_by_feed_counts_once(journal: Journal) -> None:
    number = journal.place()
    journal.pay(number, PaidHow.CODE)
    journal.pay(number, PaidHow.FEED, "t1")
    journal.pay(number, PaidHow.FEED, "t1")
    assert journal.ledger.orders[number].received == 35_000
    journal.pay(number, PaidHow.FEED, "t2")
    assert journal.ledger.orders[number].received == 70_000


def test_another_amount_is_disputed(journal: Journal) -> None:
    number = journal.place()
    body = OrderPaid(number, PaidHow.FEED, 34_999, 1_800_000_000, "t1")
    assert refused(journal, body) is DisputeReason.AMOUNT_DIFFERS


def test_nothing_is_bound_after_a_refund_was_granted(journal: Journal) -> None:
    number = journal.place()
    journal.pay(number)
    journal.add(BindingStarted(number, 1, "T1", "gmt", "sm2"))
    journal.add(KeyPairMade(number, 1, POINT))
    certificate = journal.issue(number, 1, None)
    journal.add(RefundGranted(number, "林涛", "asked"))
    assert journal.ledger.certificates[certificate].status is CertificateStatus.VOID
    bodies = (
        CertificateWritten(number, 1),
        CertificateProved(number, 1, b"", b""),
        Bound(number, 1),
        BindingStarted(number, 2, "T2", "gmt", "sm2"),
        BindingAbandoned(number, 1, "林涛", ""),
    )
    for body in bodies:
        assert refused(journal, body) is DisputeReason.ORDER_IN_ANOTHER_STATE


def test_a_bound_order_is_not_refunded(journal: Journal) -> None:
    number = in_every_state(journal)[OrderStatus.BOUND]
    assert refused(journal, RefundGranted(number, "林涛", "")) is DisputeReason.ORDER_IN_ANOTHER_STATE


def test_a_dead_token_is_abandoned_and_another_bound(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    old = journal.bind(first, "T1")
    second = journal.place(OrderKind.REPLACEMENT)
    journal.pay(second)
    key = journal.ledger.accounts[ACCOUNTS[0]].key
    journal.add(BindingStarted(second, 1, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(second, 1, POINT))
    dead = journal.issue(second, 1, key)
    assert journal.ledger.certificates[old].successor == dead
    journal.add(BindingAbandoned(second, 1, "林涛", "the token died"))
    assert journal.ledger.certificates[old].successor is None
    new = journal.bind(second, "T3")
    statuses = {number: journal.ledger.certificates[number].status for number in (old, dead, new)}
    assert statuses == {
        old: CertificateStatus.REVOKED,
        dead: CertificateStatus.VOID,
        new: CertificateStatus.VALID,
    }


def test_one_open_order_an_account_and_kind(journal: Journal) -> None:
    journal.place(OrderKind.NEW)
    with pytest.raises(EntryDisputed) as caught:
        journal.place(OrderKind.NEW)
    assert caught.value.reason is DisputeReason.ORDER_OPEN_ALREADY
    journal.place(OrderKind.NEW, ACCOUNTS[1])


def two_paid_orders_of_one_key(journal: Journal) -> tuple[str, str, KeyOnRecord]:
    first = journal.place()
    journal.pay(first)
    journal.bind(first, "T1")
    key = journal.ledger.accounts[ACCOUNTS[0]].key
    assert key is not None
    renewal, replacement = journal.place(OrderKind.RENEWAL), journal.place(OrderKind.REPLACEMENT)
    journal.pay(renewal)
    journal.pay(replacement)
    journal.add(BindingStarted(renewal, 1, "T1", "gmt", "sm2", POINT))
    journal.add(BindingStarted(replacement, 1, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(replacement, 1, POINT))
    return renewal, replacement, key


def test_two_orders_do_not_succeed_one_certificate(journal: Journal) -> None:
    renewal, replacement, key = two_paid_orders_of_one_key(journal)
    journal.issue(renewal, 1, key)
    with pytest.raises(EntryDisputed) as caught:
        journal.issue(replacement, 1, key)
    assert caught.value.reason is DisputeReason.PREDECESSOR_SUCCEEDED


def test_a_first_certificate_is_not_issued_beside_a_key(journal: Journal) -> None:
    _, replacement, _ = two_paid_orders_of_one_key(journal)
    with pytest.raises(EntryDisputed) as caught:
        journal.issue(replacement, 1, None)
    assert caught.value.reason is DisputeReason.ANOTHER_CERTIFICATE_VALID


def test_two_orders_do_not_have_certificates_under_way_at_once(journal: Journal) -> None:
    key = KeyOnRecord("4000000000000001", "E1", 1_799_000_000, 1_830_000_000)
    renewal = journal.place(OrderKind.RENEWAL, previous=key)
    replacement = journal.place(OrderKind.REPLACEMENT, previous=key)
    journal.pay(renewal)
    journal.pay(replacement)
    journal.add(BindingStarted(renewal, 1, "E1", "gmt", "sm2", POINT))
    journal.issue(renewal, 1, key)
    journal.add(BindingStarted(replacement, 1, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(replacement, 1, POINT))
    with pytest.raises(EntryDisputed) as caught:
        journal.issue(replacement, 1, key)
    assert caught.value.reason is DisputeReason.ANOTHER_CERTIFICATE_VALID


def test_a_key_renewed_elsewhere_takes_the_place_of_the_kiosks_own(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    own = journal.bind(first, "T1")
    end = journal.ledger.certificates[own].not_after
    elsewhere = KeyOnRecord("4000000000000001", "E1", journal.clock.wall() + 10, end + YEAR)
    renewal = journal.place(OrderKind.RENEWAL, previous=elsewhere)
    assert journal.ledger.accounts[ACCOUNTS[0]].key == elsewhere
    assert journal.ledger.certificates[own].status is CertificateStatus.REVOKED
    journal.pay(renewal)
    new = journal.bind(renewal, "E1")
    assert journal.ledger.certificates[new].predecessor == elsewhere.number
    assert journal.ledger.certificates[new].status is CertificateStatus.VALID


def test_an_earlier_key_told_by_an_order_changes_nothing(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    own = journal.bind(first, "T1")
    stale = KeyOnRecord("4000000000000001", "E1", 1_700_000_000, 1_731_000_000)
    journal.place(OrderKind.RENEWAL, previous=stale)
    key = journal.ledger.accounts[ACCOUNTS[0]].key
    assert key is not None
    assert key.number == own
    assert refused(journal, LossReported(ACCOUNTS[0], stale)) is DisputeReason.CERTIFICATE_DIFFERS


def test_a_loss_puts_the_certificate_on_hold_until_the_next_is_bound(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    old = journal.bind(first, "T1")
    key = journal.ledger.accounts[ACCOUNTS[0]].key
    assert key is not None
    journal.add(LossReported(ACCOUNTS[0], key))
    assert journal.ledger.certificates[old].status is CertificateStatus.ON_HOLD
    assert journal.ledger.accounts[ACCOUNTS[0]].key == key.on_hold()
    second = journal.place(OrderKind.REPLACEMENT)
    journal.pay(second)
    journal.bind(second, "T2")
    assert journal.ledger.certificates[old].status is CertificateStatus.REVOKED


def test_an_order_that_moves_away_leaves_nothing_behind(journal: Journal) -> None:
    number = journal.place()
    journal.pay(number)
    journal.add(BindingStarted(number, 1, "T1", "gmt", "sm2"))
    journal.add(KeyPairMade(number, 1, POINT))
    certificate = journal.issue(number, 1, None)
    journal.add(OrderReleased(number, OTHER_KIOSK, 5))
    assert journal.ledger.certificates[certificate].status is CertificateStatus.VOID
    assert journal.ledger.accounts[ACCOUNTS[0]].open_orders == {}
    assert refused(journal, CertificateWritten(number, 1)) is DisputeReason.ORDER_OF_ANOTHER_KIOSK
    journal.place(OrderKind.NEW)


@pytest.mark.parametrize("release_first", [True, False])
def test_the_centre_takes_a_move_from_either_kiosk_first(*, release_first: bool) -> None:
    centre = Journal(complete=True)
    number = centre.place()
    centre.pay(number)
    centre.add(BindingStarted(number, 1, "T1", "gmt", "sm2"))
    order = centre.ledger.orders[number]
    taken = OrderAssigned(
        number, order.account, "企业", "经办人", order.kind, order.lines, 1, 1, "t1", 1, 8, order.previous
    )
    told = [(KIOSK, OrderReleased(number, OTHER_KIOSK, 8)), (OTHER_KIOSK, taken)]
    for kiosk, body in told if release_first else reversed(told):
        entry = replace(centre.entries[-1].entry, kiosk=kiosk, body=body)
        centre.ledger.put(transition(centre.ledger, entry))
    start = replace(
        centre.entries[-1].entry, kiosk=OTHER_KIOSK, body=BindingStarted(number, 1, "T9", "gmt", "sm2")
    )
    centre.ledger.put(transition(centre.ledger, start))
    moved = centre.ledger.orders[number]
    assert (moved.owner, [binding.token_serial for binding in moved.bindings]) == (OTHER_KIOSK, ["T9"])
    assert centre.ledger.accounts[ACCOUNTS[0]].open_orders == {OrderKind.NEW: number}


def test_only_the_centre_waits_for_a_predecessor_of_another_kiosk() -> None:
    key = KeyOnRecord("4000000000000001", "E1", 1_799_000_000, 1_830_000_000)
    centre, kiosk = Journal(complete=True), Journal()
    for journal in (centre, kiosk):
        number = journal.place(OrderKind.REPLACEMENT, previous=key)
        journal.pay(number)
        journal.add(BindingStarted(number, 1, "T2", "gmt", "sm2"))
        journal.add(KeyPairMade(number, 1, POINT))
    kiosk.issue(number, 1, key)
    with pytest.raises(EntryWaits) as caught:
        centre.issue(number, 1, key)
    assert caught.value.missing == f"certificate {key.number}"


def test_an_entry_for_an_order_that_is_not_there_waits(journal: Journal) -> None:
    with pytest.raises(EntryWaits):
        journal.add(OrderCancelled("3-9999", "member"))


@pytest.mark.parametrize("step", range(5))
def test_steps_of_a_binding_come_one_after_the_other(journal: Journal, step: int) -> None:
    number = journal.place()
    journal.pay(number)
    steps: list[AnyBody] = [
        BindingStarted(number, 1, "T1", "gmt", "sm2"),
        KeyPairMade(number, 1, POINT),
        CertificateIssued(number, 1, "3000000000000001", b"DER", 1_800_000_000, 1_831_536_000, 1),
        CertificateWritten(number, 1),
        CertificateProved(number, 1, b"c", b"s"),
        Bound(number, 1),
    ]
    for body in steps[:step]:
        journal.add(body)
    for body in steps[step + 1 :]:
        assert refused(journal, body) is DisputeReason.BINDING_IN_ANOTHER_STEP
    for body in steps[1:step]:
        assert refused(journal, body) is DisputeReason.BINDING_IN_ANOTHER_STEP
    for body in steps[step:]:
        journal.add(body)
    assert journal.ledger.orders[number].status is OrderStatus.BOUND


def test_a_key_that_came_from_elsewhere_after_the_order_counts_if_it_ends_later(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    own = journal.bind(first, "T1")
    end = journal.ledger.certificates[own].not_after
    order = journal.place(OrderKind.REPLACEMENT)
    journal.pay(order)
    journal.add(BindingStarted(order, 1, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(order, 1, POINT))
    earlier = KeyOnRecord("4000000000000001", "E1", 1_700_000_000, end)
    with pytest.raises(EntryDisputed) as caught:
        journal.issue(order, 1, earlier)
    assert (caught.value.reason, caught.value.subject) == (DisputeReason.ANOTHER_CERTIFICATE_VALID, own)
    new = journal.issue(order, 1, replace(earlier, not_after=end + 1))
    for body in (CertificateWritten(order, 1), CertificateProved(order, 1, b"c", b"s"), Bound(order, 1)):
        journal.add(body)
    assert journal.ledger.certificates[own].status is CertificateStatus.REVOKED
    assert journal.ledger.certificates[new].status is CertificateStatus.VALID
