"""The rows that the kiosks are told: their versions, audiences, pages, signatures and ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from msgspec.structs import asdict

from kiosk.domain import entries
from kiosk.domain.feed import (
    AudiencesPublished,
    CertificateRegistered,
    EnterprisePublished,
    KeyBoundElsewhere,
    MatterPublished,
    OpenOrdersPublished,
    OperatorPublished,
    OrderAssignedHere,
    OrderMoved,
    PaymentConfirmed,
    PolicyPublished,
    RefundPaid,
    RefundRequested,
    RegisterDecision,
    RegisteredState,
    Removed,
    StaffPublished,
)
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.members import Role, StaffMember
from kiosk.domain.payment_codes import order_code_text
from kiosk.domain.policy import DAY, Policy
from kiosk.domain.versions import ALL, COUNTER_BITS, MEMBERS, NO_VERSION, Version, audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.fleet import policies
from sync.central.fleet.feed import reading
from sync.central.fleet.feed.models import Audience, FeedRow, Incarnation
from sync.central.fleet.feed.reading import Pull
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.models import Kiosk
from sync.central.ledger import applier, settling
from sync.central.ledger.folding import Folder
from sync.central.ledger.models import LedgerCertificate, LedgerOrder, Matter, MatterState
from sync.central.ledger.open_orders import MOST
from sync.central.ledger.publishing import publish_audiences, publish_enterprise, publish_operators
from sync.central.ledger.replaying import differences
from sync.central.ledger.rules import Action
from sync.central.members.models import Enterprise, Operator
from sync.central.payments import paying
from sync.central.payments.models import Payment
from sync.central.payments.pages import read_bill
from sync.protocol import records
from sync.protocol.rows import row_holds
from tests.support.books import remarks
from tests.support.kiosk_double import ACCOUNT, KioskDouble

pytestmark = pytest.mark.django_db
BEGINNING = 1_790_000_000
OWN = audience_of_kiosk(3)


def staff(name: str, role: Role = Role.STAFF) -> StaffPublished:
    return StaffPublished(StaffMember(name, role, ""))


def tell(*bodies: Any, audience: int = ALL, now: int = BEGINNING) -> list[FeedRow]:
    """The rows that a transaction wrote."""
    last = FeedRow.objects.order_by("-id").values_list("id", flat=True).first() or 0
    with telling(now) as told:
        for body in bodies:
            told.tell(audience, body)
    return list(FeedRow.objects.filter(id__gt=last).order_by("id"))


def version(row: FeedRow) -> Version:
    return Version(row.incarnation, row.stamp)


def head(audience: int = ALL) -> Version:
    return reading.heads((audience,))[audience]


@pytest.fixture
def three(db: None) -> Kiosk:
    return Kiosk.objects.create(number=3)


def test_versions_follow_the_clock_and_rise_within_a_moment() -> None:
    first, second = tell(staff("甲"), staff("乙"))
    assert version(first) == Version(1, BEGINNING * 1000 << COUNTER_BITS)
    assert version(second) == Version(1, first.stamp + 1)
    (third,) = tell(staff("丙"), now=BEGINNING - 100)  # a clock that went back is not followed
    assert version(third) == Version(1, second.stamp + 1)
    (fourth,) = tell(staff("丁"), now=BEGINNING + 40 * DAY)  # nor is one that leaps
    assert version(fourth) == Version(1, third.stamp + 1) == head()
    assert Incarnation.objects.get().number == 1
    assert len(bytes(Incarnation.objects.get().bits)) == 8


def test_an_audience_that_was_told_nothing_for_long_follows_the_clock_as_the_others_do() -> None:
    tell(staff("甲"), audience=OWN)
    tell(staff("乙"), now=BEGINNING + 20 * DAY)
    (row,) = tell(staff("丙"), audience=OWN, now=BEGINNING + 40 * DAY)
    assert version(row) == Version(1, (BEGINNING + 40 * DAY) * 1000 << COUNTER_BITS)


def test_a_row_takes_the_place_of_the_earlier_one_which_is_closed() -> None:
    (first,) = tell(staff("甲"))
    (second,) = tell(staff("甲", Role.SUPERVISOR))
    first.refresh_from_db()
    assert (first.live, second.live, bytes(first.body)) == (False, True, b"")
    assert len(bytes(first.digest)) == 32


def test_a_row_names_the_last_version_of_an_earlier_incarnation() -> None:
    first, second = tell(staff("甲")) + tell(staff("甲", Role.SUPERVISOR))
    Incarnation.objects.create(number=2, bits=bytes(8))
    third, fourth = tell(staff("甲")) + tell(staff("甲", Role.SUPERVISOR))
    bases = [Version(each.base_incarnation, each.base_stamp) for each in (first, second, third, fourth)]
    assert bases == [NO_VERSION, NO_VERSION, version(second), version(second)]
    assert version(fourth).incarnation == 2


def test_a_row_that_says_nothing_new_is_not_written_again() -> None:
    tell(staff("甲"))
    before = head()
    assert tell(staff("甲")) == []
    assert head() == before


def test_of_a_transactions_rows_of_one_key_the_last_one_counts() -> None:
    (row,) = tell(staff("甲"), staff("甲", Role.SUPERVISOR))
    assert b"supervisor" in bytes(row.body)


def test_a_removal_is_a_row_and_what_was_never_told_needs_none(three: Kiosk, keys: CentreKeys) -> None:
    (row,) = tell(staff("甲"))
    with telling(BEGINNING) as told:
        told.remove(ALL, row.key)
        told.remove(ALL, "staff/乙")
    (sent,) = Pull(three, {}, keys).page().rows
    assert (sent.key, sent.read(), sent.base) == (row.key, Removed(), NO_VERSION)
    with telling(BEGINNING) as told:
        told.remove(ALL, row.key)
    assert FeedRow.objects.count() == 2


def test_a_fact_that_was_told_once_stays_as_it_was_told() -> None:
    moved = OrderMoved("3-0147-6.9f86d081884c", 4, 1)
    (row,) = tell(moved, audience=OWN)
    assert tell(OrderMoved(moved.order, 5, 1), audience=OWN) == []
    FeedRow.objects.filter(id=row.id).update(live=False, echoed_at=BEGINNING, body=b"")
    assert tell(moved, audience=OWN) == []


def test_what_was_told_in_a_part_that_failed_is_not_told() -> None:
    def fail() -> None:
        with telling(BEGINNING) as told:
            told.tell(ALL, staff("乙"))
            raise LookupError

    with telling(BEGINNING) as told:
        told.tell(ALL, staff("甲"))
        with pytest.raises(LookupError):
            fail()
    assert list(FeedRow.objects.values_list("key", flat=True)) == ["staff/甲"]


@pytest.mark.django_db(transaction=True)
def test_versions_are_never_given_before_the_last_step_of_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        tell(staff("甲"))


def test_from_zero_the_live_rows_come_by_audience_and_version(three: Kiosk, keys: CentreKeys) -> None:
    tell(staff("甲"), staff("乙"), now=BEGINNING + 5)
    tell(OrderMoved("3-0147-6.9f86d081884c", 4, 1), audience=OWN)
    tell(staff("甲", Role.SUPERVISOR))
    page = Pull(three, {}, keys).page()
    assert [row.key for row in page.rows] == [
        "staff/乙",
        "staff/甲",
        "order-moved/3-0147-6.9f86d081884c/1",
    ]
    assert page.heads == {ALL: page.rows[1].version, MEMBERS: NO_VERSION, OWN: page.rows[2].version}
    assert Pull(three, page.heads, keys).page() == records.FeedPage((), page.heads, more=False)


def test_a_long_feed_comes_in_pages_across_its_audiences(three: Kiosk, keys: CentreKeys) -> None:
    tell(*(staff(str(each)) for each in range(records.FEED_PAGE - 1)))
    tell(*(staff(str(each)) for each in range(5)), audience=MEMBERS)
    first = Pull(three, {}, keys).page()
    assert (len(first.rows), first.more) == (records.FEED_PAGE, True)
    cursors = {row.audience: row.version for row in first.rows}
    rest = Pull(three, cursors, keys).page()
    assert ([row.key for row in rest.rows], rest.more) == ([f"staff/{each}" for each in range(1, 5)], False)


def test_a_page_brings_no_more_than_a_kiosk_takes_and_one_row_however_long(
    three: Kiosk, keys: CentreKeys
) -> None:
    long = "S" * records.FEED_PAGE_BODIES
    keyed = [KeyBoundElsewhere(str(each), "0" * 16, long[: len(long) // 3], 0, 1) for each in range(1, 6)]
    tell(*keyed, audience=MEMBERS)
    tell(KeyBoundElsewhere("6", "0" * 16, long, 0, 1), audience=MEMBERS)
    cursors, pages, more = dict[int, Version](), list[list[str]](), True
    while more:
        page = Pull(three, cursors, keys).page()
        pages.append([row.key for row in page.rows])
        cursors |= {row.audience: row.version for row in page.rows}
        more = page.more
    assert pages == [["key/1", "key/2"], ["key/3", "key/4"], ["key/5"], ["key/6"]]


def test_a_cursor_of_another_incarnation_or_audience_reads_from_zero(three: Kiosk, keys: CentreKeys) -> None:
    tell(staff("甲"))
    for cursors in ({ALL: Version(2, 0)}, {ALL: NO_VERSION}, {MEMBERS: head(), 7: head()}):
        assert [row.key for row in Pull(three, cursors, keys).page().rows] == ["staff/甲"]


def test_a_kiosk_pulls_the_audiences_that_it_reads_and_no_other(three: Kiosk, keys: CentreKeys) -> None:
    tell(staff("甲"), audience=MEMBERS)
    tell(staff("乙"), audience=audience_of_kiosk(4))
    assert [row.key for row in Pull(three, {}, keys).page().rows] == ["staff/甲"]
    three.serves_all = False
    page = Pull(three, {audience_of_kiosk(4): NO_VERSION}, keys).page()
    assert (page.rows, set(page.heads)) == ((), {ALL, OWN})


def test_rows_are_signed_when_they_are_first_sent_and_the_signature_is_kept(
    three: Kiosk, keys: CentreKeys
) -> None:
    (row,) = tell(staff("甲"))
    assert bytes(row.signature) == b""
    (sent,) = Pull(three, {}, keys).page().rows
    assert row_holds(sent, keys.centre_public_key)
    row.refresh_from_db()
    assert bytes(row.signature) == sent.signature
    assert Pull(three, {}, keys).page().rows == (sent,)


def test_a_row_whose_kiosk_entered_it_is_closed_and_a_second_entry_is_remarked(kiosk: KioskDouble) -> None:
    (given,) = [each for each in kiosk.feed() if isinstance(each, OrderAssignedHere)]
    echo = entries.OrderAssigned(**asdict(given.facts), feed=kiosk.feed_key(given))
    kiosk.append(echo)
    kiosk.append(echo)
    kiosk.pushed()
    row = FeedRow.objects.get(key=echo.feed)
    assert (row.live, bytes(row.body), row.echoed_at is None) == (False, b"", False)
    assert remarks() == {3: ["echoed-already"]}
    assert not [each for each in kiosk.feed() if isinstance(each, OrderAssignedHere)]
    assert differences() == []


def test_a_row_that_an_entry_repeats_otherwise_stays_open(kiosk: KioskDouble) -> None:
    (given,) = [each for each in kiosk.feed() if isinstance(each, OrderAssignedHere)]
    facts = asdict(given.facts) | {"operator": "乙"}
    kiosk.append(entries.OrderAssigned(**facts, feed=kiosk.feed_key(given)))
    kiosk.pushed()
    assert remarks() == {2: ["order-of-another-kiosk"]}
    assert FeedRow.objects.get(key=kiosk.feed_key(given)).live
    assert differences() == []


def test_what_an_entry_named_before_it_was_told_reads_the_same_in_a_replay(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    from sync.central.fleet import policies  # noqa: PLC0415

    kiosk.feed()
    placed = kiosk.place(policy=2)
    moved = OrderMoved(placed.order, 4, 1)
    kiosk.append(entries.OrderReleased(**asdict(moved), feed=row_key_of(moved)))
    kiosk.pushed()
    assert remarks() == {2: ["beyond-policy"], 3: ["order-of-another-kiosk"]}
    tell(moved, audience=OWN, now=int(time.time()))
    policies.issue(3, policies.read(policies.newest(3)), keys, int(time.time()))  # type: ignore[arg-type]
    assert differences() == []


def test_a_price_that_was_told_later_than_an_entry_names_reads_the_same_in_a_replay(
    kiosk: KioskDouble,
) -> None:
    from sync.central.members.models import FeeSchedule  # noqa: PLC0415
    from sync.central.members.publishing import publish_schedule  # noqa: PLC0415

    kiosk.feed()
    row = FeeSchedule(number=2, effective_from=int(time.time()) - 3600, token=1, certificate=2, service=3)
    kiosk.place(schedule=row.record(), feed=Version(1, 2**63 - 1))
    kiosk.pushed()
    assert remarks() == {2: ["price-differs"]}
    row.save()
    publish_schedule(row, int(time.time()))
    assert differences() == []


def bind(kiosk: KioskDouble, placed: entries.OrderPlaced) -> entries.CertificateIssued:
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    return issued


def test_the_issuer_hears_where_its_certificate_stands(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    issued = []
    for each in (kiosk, other):
        each.feed()
        issued.append(bind(each, each.place()))
        each.pushed()
    states = [
        [item for item in each.news() if isinstance(item, CertificateRegistered)] for each in (kiosk, other)
    ]
    listed, held = RegisteredState.LISTED, RegisteredState.HELD
    assert states[0] == [CertificateRegistered(issued[0].number, ACCOUNT, listed)]
    assert states[1] == [CertificateRegistered(issued[1].number, ACCOUNT, held, (issued[0].number,))]
    matter = Matter.objects.get(rule="certificate-held")
    assert settling.decide([matter], Action.LIST, "admin", "后一个", int(time.time())) == []
    for each, state in ((kiosk, RegisteredState.REVOKED), (other, listed)):
        told = [item.state for item in each.news() if isinstance(item, CertificateRegistered)]
        assert told == [state]
    decided = [item for item in other.feed() if isinstance(item, RegisterDecision)]
    assert [(item.certificate, item.decision) for item in decided] == [
        (issued[1].number, entries.Decision.LIST)
    ]
    matters = [item.outcome for item in other.feed() if isinstance(item, MatterPublished)]
    assert matters == ["list"]


def test_money_that_a_supervisor_vouched_for_is_no_echo_of_the_row_that_it_names(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    """The kiosk repeats a row in one form alone, by which the centre knows it."""
    kiosk.feed()
    placed = kiosk.place()
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    (paid,) = [item for item in kiosk.news() if isinstance(item, PaymentConfirmed)]
    key, amount = kiosk.feed_key(paid), (paid.amount, paid.paid_at, paid.transaction)
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, *amount, feed=key, supervisor="林涛"))
    kiosk.pushed()
    assert FeedRow.objects.get(audience=OWN, key=key).live
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.FEED, *amount, feed=key))
    kiosk.pushed()
    assert not FeedRow.objects.get(audience=OWN, key=key).live
    assert differences() == []


def test_a_bound_order_ends_as_refunded_by_its_kiosks_own_entries(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    kiosk.feed()
    placed = kiosk.place(policy=99)
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    (paid,) = [item for item in kiosk.news() if isinstance(item, PaymentConfirmed)]
    amount = (paid.amount, paid.paid_at, paid.transaction)
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.FEED, *amount, feed=kiosk.feed_key(paid)))
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    for matter in Matter.objects.filter(state=MatterState.OPEN, order=placed.order)[:1]:
        assert settling.decide([matter], Action.REFUND, "admin", "退", int(time.time())) == []
    news = kiosk.news()
    (decided,) = [item for item in news if isinstance(item, RegisterDecision)]
    (asked,) = [item for item in news if isinstance(item, RefundRequested)]
    assert (decided.certificate, asked.order) == (issued.number, placed.order)
    facts = (
        decided.account,
        decided.order,
        decided.certificate,
        decided.decision,
        decided.by,
        decided.remark,
    )
    kiosk.append(entries.RegisterDecided(*facts, feed=kiosk.feed_key(decided)))
    kiosk.append(entries.RefundGranted(placed.order, asked.by, asked.reason, kiosk.feed_key(asked)))
    kiosk.pushed()
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.REFUNDING.value
    assert paying.pay_back(Payment.objects.get(order=placed.order), int(time.time()))
    (back,) = [item for item in kiosk.news() if isinstance(item, RefundPaid)]
    kiosk.append(entries.RefundCompleted(placed.order, back.amount, kiosk.feed_key(back)))
    kiosk.pushed()
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.REFUNDED.value
    assert LedgerCertificate.objects.get().status == "revoked"
    own = FeedRow.objects.filter(audience=OWN, live=True, key__contains=placed.order)
    assert not own.exclude(kind="matter").exists()
    assert not {reason for some in remarks().values() for reason in some} - {
        "beyond-policy",
        "certificate-held",
    }
    assert differences() == []


def test_a_decision_that_a_kiosk_made_up_takes_no_effect(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = bind(kiosk, kiosk.place())
    kiosk.append(
        entries.RegisterDecided(
            ACCOUNT,
            "",
            issued.number,
            entries.Decision.REVOKE,
            "我",
            "",
            f"register-decided/{issued.number}/1",
        )
    )
    kiosk.pushed()
    assert LedgerCertificate.objects.get().status == "valid"
    assert remarks()[max(remarks())] == ["not-the-exchange"]


def test_the_open_orders_of_an_account_are_told_wherever_they_are(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    other = make_kiosk(4)
    other.feed()
    kiosk.feed()
    placed = kiosk.place()
    kiosk.pushed()

    def told() -> list[list[tuple[str, int, bool]]]:
        found = [item for item in other.news() if isinstance(item, OpenOrdersPublished | Removed)]
        orders = [item.orders if isinstance(item, OpenOrdersPublished) else () for item in found]
        return [[(each.order, each.kiosk, each.centre_holds_money) for each in some] for some in orders]

    assert told() == [[(placed.order, 3, False)]]
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    assert told() == [[(placed.order, 3, True)]]
    bind(kiosk, placed)
    kiosk.pushed()
    assert told() == [[]]


def test_of_very_many_open_orders_of_an_account_the_last_are_told_and_all_with_money(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.pushed()
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    hostile = make_kiosk(8)
    hostile.feed()
    junk = [hostile.place(nonce=bytes([each] * 6)) for each in range(3 * MOST)]
    hostile.pushed()
    (told,) = [
        item
        for item in make_kiosk(4).feed()
        if isinstance(item, OpenOrdersPublished) and item.account == ACCOUNT
    ]
    assert {each.order for each in told.orders if each.centre_holds_money} == {placed.order}
    assert {each.order for each in told.orders} - {placed.order} == {each.order for each in junk[-MOST:]}


def test_an_order_that_its_kiosk_calls_paid_is_told_as_paid(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    heard = [item for item in make_kiosk(4).feed() if isinstance(item, OpenOrdersPublished)]
    (told,) = [item for item in heard if item.account == ACCOUNT]
    assert [(each.order, each.paid, each.centre_holds_money) for each in told.orders] == [
        (placed.order, True, False)
    ]


def test_an_order_that_is_paid_while_its_kiosk_cannot_tell_of_it_is_told(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    other = make_kiosk(4)
    other.feed()
    kiosk.feed()
    placed = kiosk.place()
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    (told,) = [item for item in other.news() if isinstance(item, OpenOrdersPublished)]
    (order,) = told.orders
    assert (order.order, order.order_kind, order.kiosk) == (placed.order, placed.order_kind, 3)
    assert order.centre_holds_money
    bind(kiosk, placed)
    kiosk.pushed()
    assert [item for item in other.news() if isinstance(item, OpenOrdersPublished | Removed)] == [Removed()]


def members_told(kiosk: KioskDouble) -> tuple[set[str], set[str], set[str]]:
    """The enterprises, operators and keys that a kiosk that pulls from zero holds in the end."""
    told = kiosk.feed()
    return (
        {item.enterprise.code for item in told if isinstance(item, EnterprisePublished)},
        {item.operator.account for item in told if isinstance(item, OperatorPublished)},
        {item.account for item in told if isinstance(item, KeyBoundElsewhere)},
    )


def test_a_kiosk_that_enterprises_are_assigned_to_reads_these_alone(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    now = int(time.time())
    Kiosk.objects.create(number=5, serves_all=False)
    operator = Operator.objects.get(account=ACCOUNT)
    enterprise = operator.enterprise
    enterprise.kiosks.add(5)
    reserved = make_kiosk(5)
    accounts = set(enterprise.operator_set.values_list("account", flat=True))
    assert members_told(reserved) == ({enterprise.code}, accounts, set())
    kiosk.feed()
    bind(kiosk, kiosk.place())
    kiosk.pushed()
    assert members_told(reserved) == ({enterprise.code}, accounts, {ACCOUNT})
    operator.enterprise = Enterprise.objects.exclude(code=enterprise.code)[0]
    operator.save()
    publish_operators([operator], now)
    assert members_told(reserved) == ({enterprise.code}, accounts - {ACCOUNT}, set())
    enterprise.kiosks.remove(5)
    publish_enterprise(enterprise, now)
    assert members_told(reserved) == (set(), set(), set())
    assert members_told(kiosk)[0] >= {enterprise.code}


def test_a_kiosk_that_is_assigned_an_enterprise_while_a_batch_is_folded_hears_of_the_key(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    Kiosk.objects.create(number=5, serves_all=False)
    reserved = make_kiosk(5)
    enterprise = Operator.objects.get(account=ACCOUNT).enterprise
    kiosk.feed()
    issued = bind(kiosk, kiosk.place())
    fold = applier.fold

    def assigned_meanwhile(*positional: Any, **named: Any) -> Folder:
        folder = fold(*positional, **named)
        if folder.news.keys:
            enterprise.kiosks.add(5)
            publish_enterprise(enterprise, int(time.time()))
        return folder

    monkeypatch.setattr(applier, "fold", assigned_meanwhile)
    kiosk.pushed()
    told = [item.number for item in reserved.feed() if isinstance(item, KeyBoundElsewhere)]
    assert told == [issued.number]


def test_a_kiosk_hears_which_audiences_it_reads(kiosk: KioskDouble) -> None:
    (told,) = [item for item in kiosk.feed() if isinstance(item, AudiencesPublished)]
    assert told.audiences == (ALL, MEMBERS, OWN)
    Kiosk.objects.filter(number=3).update(serves_all=False)
    enterprise = Enterprise.objects.get(operator=ACCOUNT)
    enterprise.kiosks.add(3)
    publish_audiences(Kiosk.objects.get(number=3), int(time.time()))
    (told,) = [item for item in kiosk.feed() if isinstance(item, AudiencesPublished)]
    assert told.audiences == (ALL, OWN)
    assert members_told(kiosk)[0] == {enterprise.code}
    Kiosk.objects.filter(number=3).update(serves_all=True)
    publish_audiences(Kiosk.objects.get(number=3), int(time.time()))
    own = FeedRow.objects.filter(audience=OWN, live=True, kind__in=("enterprise", "operator"))
    assert not own.exists()
    assert len(members_told(kiosk)[0]) > 1


def test_a_kiosk_that_reads_from_zero_is_told_of_the_policy_in_force_alone(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    for _ in range(2):
        policies.issue(3, Policy(0, 3, 1_893_427_200), keys, int(time.time()))
    told = [item.policy.read().number for item in kiosk.feed() if isinstance(item, PolicyPublished)]
    assert told == [3]


def test_a_kiosk_is_told_whom_it_serves_after_what_speaks_against_it(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    bind(kiosk, kiosk.place())
    kiosk.place()
    kiosk.pushed()
    reserved = make_kiosk(5)
    reserved.feed()
    Operator.objects.get(account=ACCOUNT).enterprise.kiosks.add(5)
    Kiosk.objects.filter(number=5).update(serves_all=False)
    publish_audiences(Kiosk.objects.get(number=5), int(time.time()))

    def names() -> list[str]:
        page = reserved.page(reserved.cursors)
        reserved.cursors = dict(page.heads)
        own = [row.key for row in page.rows if row.audience == audience_of_kiosk(5)]
        return list(dict.fromkeys(key.partition("/")[0] for key in own))

    assert names() == ["key", "open-orders", "enterprise", "operator", "audiences"]
    Kiosk.objects.filter(number=5).update(serves_all=True)
    publish_audiences(Kiosk.objects.get(number=5), int(time.time()))
    assert names() == ["operator", "enterprise", "key", "open-orders", "audiences"]


def test_rows_of_an_earlier_incarnation_are_read_page_by_page_as_well(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FEED_PAGE", 3)
    Incarnation.objects.create(number=2, bits=bytes(8))
    tell(staff("丙"))  # nothing was told to the other audiences since
    keys, cursors, more = set[str](), dict[int, Version](), True
    while more:
        page = kiosk.page(cursors)
        assert all(head.incarnation == 2 for head in page.heads.values())
        for row in page.rows:  # as a kiosk moves its cursors
            cursors[row.audience] = Version(page.heads[row.audience].incarnation, row.version.stamp)
        keys.update(row.key for row in page.rows)
        more = page.more
    live = FeedRow.objects.filter(audience__in=(ALL, MEMBERS, OWN), live=True)
    assert keys == set(live.values_list("key", flat=True))
    assert kiosk.page(page.heads).rows == ()


def test_a_refund_is_asked_once_until_the_kiosk_answers(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=placed.order)
    for _ in range(2):
        assert settling.request_refund(row, "admin", "退", int(time.time()))
    assert len([item for item in kiosk.feed() if isinstance(item, RefundRequested)]) == 1


def test_every_audience_has_a_head_that_no_row_is_beyond(kiosk: KioskDouble) -> None:
    kiosk.feed()
    bind(kiosk, kiosk.place())
    kiosk.pushed()
    for audience in Audience.objects.all():
        newest = FeedRow.objects.filter(audience=audience.number).order_by("-stamp")[0]
        assert (audience.incarnation, audience.stamp) == (newest.incarnation, newest.stamp)
