"""用户中心 at the desk: what a member sees of the enterprise, of others in it, of money, keys and orders."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.desk.member.history import money_lines, story
from kiosk.desk.member.views import MoneyKind, OrderStory, StoryStep, UserCentreView
from kiosk.desk.requests.views import RequestsView
from kiosk.desk.service import DeskService
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.decisions import KeyState
from kiosk.domain.documents import DocumentKind
from kiosk.domain.feed import KeyedBody, OpenOrder, OpenOrdersPublished, ProposalTold
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Order, OrderStatus, PaidHow, Payment
from kiosk.domain.members import Operator, Review
from kiosk.domain.personal import OperatorDetails
from kiosk.domain.requests import ProposalState
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version
from tests.support.desk import DAY, NOW, SCHEDULE, SESSION, SUPERVISOR, DeskSetup, answered, place, session_of

REFERENCE = "3-0147-6.9f86d081884c"


@pytest.fixture
def service(desk_setup: DeskSetup) -> DeskService:
    return desk_setup.open_service()


def centre(service: DeskService, account: str = SESSION.account) -> UserCentreView:
    outcome = service.user_centre(session_of(account))
    assert isinstance(outcome, UserCentreView), outcome
    return outcome


def tell(setup: DeskSetup, body: KeyedBody) -> None:
    with setup.database.write() as tx:
        tx.feed.rows.put(unsigned_row(MEMBERS, row_key_of(body), Version(1, 9), NO_VERSION, body))


def paid(time: int, transaction: str | None, how: PaidHow = PaidHow.FEED, amount: int = 34_000) -> Payment:
    return Payment(how, amount, 5, time, transaction)


def order(*payments: Payment, status: OrderStatus = OrderStatus.PAID) -> Order:
    lines = SCHEDULE.lines(OrderKind.NEW)
    return Order(
        REFERENCE, 3, OrderKind.NEW, "11000001", "企业", "李晓梅", lines, 1, NOW, NOW + 900, 147,
        status=status, payments=payments, told_by=3,
    )  # fmt: skip


def test_of_others_of_the_enterprise_documents_and_phones_are_masked_and_keys_are_dates(
    service: DeskService, desk_setup: DeskSetup
) -> None:
    desk_setup.bound_elsewhere("11000003", "E8AD652202221F33", NOW, NOW + 50 * DAY)
    with desk_setup.database.write() as tx:
        other = tx.members.operator("11000003")
        assert other is not None
        tx.members.put_operator(
            replace(
                other,
                document=DocumentKind.PASSPORT,
                document_number="E******78",
                phone="138****0003",
                authorised=True,
            )
        )
    desk_setup.paid_order("11000003", OrderKind.NEW)
    view = centre(service)
    assert [each.account for each in view.enterprise.operators] == [
        "11000001", "11000003", "11000005", "11000006",
    ]  # fmt: skip
    shown = view.enterprise.operators[1]
    assert (shown.document, shown.document_number, shown.phone, shown.authorised) == (
        DocumentKind.PASSPORT, "E******78", "138****0003", True,
    )  # fmt: skip
    assert (shown.key.state, shown.key.days_left) == (KeyState.VALID, 50)
    assert (view.orders, view.money, view.key.key) == ((), (), None)
    assert "E8AD652202221F33" not in repr(view)
    assert "argon2" not in repr(view)


def test_another_enterprise_is_not_seen(service: DeskService) -> None:
    assert [each.account for each in centre(service, "11000002").enterprise.operators] == ["11000002"]


def test_an_account_that_the_kiosk_does_not_know_sees_nothing(service: DeskService) -> None:
    assert service.user_centre(session_of("19999999")) == Refused(Refusal.NOT_ALLOWED)


def test_proposals_of_the_enterprise_are_shown_until_their_operators_are(
    service: DeskService, desk_setup: DeskSetup
) -> None:
    told = ProposalTold("aa", "11000003", "A", ProposalState.APPROVED, "王*", new_account="12345678")
    for each in (
        told,
        ProposalTold("bb", "11000001", "A", ProposalState.UNDER_REVIEW),
        ProposalTold("cc", "11000001", "A", ProposalState.REFUSED, reason="不清楚"),
        ProposalTold("dd", "11000001", "A", ProposalState.WITHDRAWN),
    ):
        tell(desk_setup, each)
    assert [each.proposal for each in centre(service).enterprise.proposals] == ["bb", "cc", "aa"]
    with desk_setup.database.write() as tx:
        tx.members.put_operator(Operator("12345678", "A", "王晓芳", Review.APPROVED, ""))
    assert [each.proposal for each in centre(service).enterprise.proposals] == ["bb", "cc"]


def test_the_enterprise_is_under_review_while_one_of_its_traders_waits(
    service: DeskService, desk_setup: DeskSetup
) -> None:
    with desk_setup.database.write() as tx:
        operators = tx.members.operators_of("A")
        for each in operators:
            tx.members.put_operator(replace(each, review=Review.APPROVED))

    def shown() -> Review:
        return centre(service).enterprise.review

    assert shown() is Review.APPROVED
    waiting = ProposalTold("bb", "11000001", "A", ProposalState.UNDER_REVIEW)
    for told, wanted in (
        (waiting, Review.UNDER_REVIEW),
        (replace(waiting, state=ProposalState.REFUSED), Review.APPROVED),
    ):
        tell(desk_setup, told)
        assert shown() is wanted
    who = OperatorDetails("王小芳", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")
    proposed = answered(service.propose_operator(SESSION, who, True))  # noqa: FBT003 - the verb's own signature
    assert shown() is Review.UNDER_REVIEW
    answered(service.withdraw_operator(SESSION, proposed.proposal))
    assert shown() is Review.APPROVED
    with desk_setup.database.write() as tx:
        tx.members.put_operator(replace(operators[-1], review=Review.UNDER_REVIEW))
    assert shown() is Review.UNDER_REVIEW


def test_thirty_operators_and_five_hundred_orders_are_all_there(
    service: DeskService, desk_setup: DeskSetup
) -> None:
    with desk_setup.database.write() as tx:
        for number in range(26):
            tx.members.put_operator(Operator(str(12_000_000 + number), "A", "人", Review.APPROVED, ""))
    for _ in range(500):
        service.cancel(SESSION, place(service, SESSION, OrderKind.NEW))
    view = centre(service)
    assert len(view.enterprise.operators) == 30
    assert len(view.orders) == 500
    placed = [each.order.reference for each in view.orders]
    assert len(set(placed)) == 500


def test_open_orders_elsewhere_are_told_without_those_that_are_here(
    service: DeskService, desk_setup: DeskSetup
) -> None:
    here = place(service, SESSION, OrderKind.NEW)
    away = OpenOrder("5-0001-9.aaaaaaaaaaaa", OrderKind.NEW, 5, NOW + 900, paid=True)
    same = OpenOrder(here, OrderKind.NEW, 3, NOW + 900)
    tell(desk_setup, OpenOrdersPublished(SESSION.account, (away, same)))
    assert centre(service).elsewhere == (away,)


def test_a_payment_that_was_told_twice_is_one_line() -> None:
    told = order(paid(NOW, None, PaidHow.CODE), paid(NOW + 60, "T1"))
    (line,) = money_lines([told])
    assert (line.kind, line.amount, line.transaction) == (MoneyKind.PAID, 34_000, "T1")


def test_what_was_paid_twice_and_went_back_is_three_lines() -> None:
    back = replace(paid(NOW + 5, "T2"), returned=True)
    kinds = [(each.kind, each.transaction) for each in money_lines([order(paid(NOW, "T1"), back)])]
    assert kinds == [(MoneyKind.RETURNED, "T2"), (MoneyKind.PAID, "T2"), (MoneyKind.PAID, "T1")]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(OrderStatus.REFUNDING, MoneyKind.REFUNDING), (OrderStatus.REFUNDED, MoneyKind.REFUNDED)],
)
def test_a_refund_stands_above_its_payment(status: OrderStatus, kind: MoneyKind) -> None:
    lines = money_lines([order(paid(NOW, "T1"), status=status)])
    assert [(each.kind, each.amount, each.time) for each in lines] == [
        (kind, 34_000, None),
        (MoneyKind.PAID, 34_000, NOW),
    ]


def test_an_unpaid_order_has_no_money_and_its_story_ends_as_it_did() -> None:
    expired = order(status=OrderStatus.EXPIRED)
    assert money_lines([expired]) == ()
    told = story(expired, RequestsView(REFERENCE), (), lambda _: 0, 3)
    assert [each.step for each in told] == [StoryStep.PLACED, StoryStep.EXPIRED]
    moved = story(expired, RequestsView(REFERENCE), (), lambda _: 0, 5)
    assert moved[-1].step is StoryStep.MOVED


def test_the_story_of_a_bound_order_tells_serial_and_certificate(
    service: DeskService, desk_setup: DeskSetup
) -> None:
    desk_setup.bound_here(service, SESSION.account, "E8AD652202221F03")
    (shown,) = centre(service).orders
    told = service.order_story(SESSION, shown.order.reference)
    assert isinstance(told, OrderStory)
    assert [each.step for each in told.lines] == [
        StoryStep.PLACED, StoryStep.PAID, StoryStep.ASSIGNED, StoryStep.ISSUED, StoryStep.BOUND,
    ]  # fmt: skip
    assert told.lines[-1].detail == "E8AD652202221F03"
    assert told.has_receipt
    assert not shown.can_go_on


def test_another_member_s_order_has_no_story(service: DeskService) -> None:
    reference = place(service, SESSION, OrderKind.NEW)
    assert service.order_story(session_of("11000003"), reference) == Refused(Refusal.NO_ORDER)


def test_a_refunded_order_has_no_receipt_and_says_why(service: DeskService, desk_setup: DeskSetup) -> None:
    reference = place(service, SESSION, OrderKind.NEW)
    desk_setup.pay(reference)
    answered(service.grant_refund(SUPERVISOR, reference, "不要了"))
    told = service.order_story(SESSION, reference)
    assert isinstance(told, OrderStory)
    assert (told.has_receipt, told.shown.can_go_on) == (False, False)
    assert (told.lines[-1].step, told.lines[-1].detail) == (StoryStep.REFUNDING, "不要了")
