from __future__ import annotations

import dataclasses
from collections.abc import Callable

import msgspec
import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderOpen, OrderView, Placed, Verified, WrongKind
from kiosk.desk.views.people import (
    Field,
    FieldRefusal,
    FieldsRefused,
    Session,
    SignedIn,
    WrongCredentials,
    fields_of,
)
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyState
from kiosk.domain.fees import OrderKind
from kiosk.domain.members import Enterprise, Review
from kiosk.domain.policy import Policy
from kiosk.domain.validity import add_years
from kiosk.pki.issuing import IssuingAuthority
from kiosk.store.database import Database

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY
FIRM_B = "河南中原储备粮有限公司(郑州)"

NEW = {
    Field.LEGAL_PERSON: "王建国",
    Field.ENTERPRISE: "bjsllymyyxgs",
    Field.ACCOUNT: "11000001",
    Field.OPERATOR: "lxm",
    Field.PASSWORD: "Keydesk-1",
}


def _session_of(account: str) -> Session:
    return Session(account, "操作员", "北京示例粮油贸易有限公司", NOW)


def _age(outcome: object) -> int | None:
    assert isinstance(outcome, Refused | WrongKind | FieldsRefused), outcome
    return outcome.feed_as_of


def test_initials_are_taken_for_names(service: DeskService) -> None:
    verified = service.verify(OrderKind.NEW, NEW)
    assert isinstance(verified, Verified)
    assert verified.session == Session("11000001", "李晓梅", "北京示例粮油贸易有限公司", NOW)
    assert verified.quote.ends_at == add_years(NOW, 1)
    assert verified.quote.previous is None


def test_all_that_is_empty_or_malformed_is_told_at_once_before_the_password_is_tried(
    service: DeskService,
) -> None:
    refused = service.verify(
        OrderKind.NEW, {Field.ACCOUNT: "abc", Field.PASSWORD: "wrong", Field.OPERATOR: " "}
    )
    assert refused == FieldsRefused(
        {
            Field.LEGAL_PERSON: FieldRefusal.EMPTY,
            Field.ENTERPRISE: FieldRefusal.EMPTY,
            Field.OPERATOR: FieldRefusal.EMPTY,
            Field.ACCOUNT: FieldRefusal.MALFORMED,
        }
    )
    assert service.sign_in("11000001", "wrong") == WrongCredentials(4)


@pytest.mark.parametrize("typed", ["3-0147-6", "3－0147－6", " 3-0147-5 "])
def test_an_order_number_in_the_account_s_field_is_told_as_one_and_costs_no_try(
    service: DeskService, typed: str
) -> None:
    refused = service.verify(OrderKind.NEW, {**NEW, Field.ACCOUNT: typed, Field.PASSWORD: "wrong"})
    assert refused == FieldsRefused({Field.ACCOUNT: FieldRefusal.ORDER_NUMBER})
    assert service.sign_in("11000001", "wrong") == WrongCredentials(4)


def test_all_names_that_do_not_match_are_told_at_once_but_only_after_the_password(
    service: DeskService,
) -> None:
    names = {Field.LEGAL_PERSON: "张三", Field.ENTERPRISE: "某某公司", Field.OPERATOR: "李四"}
    wrong = service.verify(OrderKind.NEW, {**NEW, **names, Field.PASSWORD: "wrong"})
    assert isinstance(wrong, WrongCredentials)
    assert service.verify(OrderKind.NEW, {**NEW, **names}) == FieldsRefused(
        dict.fromkeys(names, FieldRefusal.DOES_NOT_MATCH)
    )


def test_the_operators_name_on_record_is_told_where_it_alone_does_not_match_and_never_without_the_password(
    service: DeskService,
) -> None:
    typed = {**NEW, Field.OPERATOR: "李四"}
    told = service.verify(OrderKind.NEW, typed)
    assert told == FieldsRefused({Field.OPERATOR: FieldRefusal.DOES_NOT_MATCH}, operator="李晓梅")
    assert isinstance(service.verify(OrderKind.NEW, {**typed, Field.OPERATOR: "李晓梅"}), Verified)
    assert isinstance(service.verify(OrderKind.NEW, {**typed, Field.PASSWORD: "wrong"}), WrongCredentials)
    other = service.verify(OrderKind.NEW, {**typed, Field.LEGAL_PERSON: "张三"})
    assert isinstance(other, FieldsRefused)
    assert other.operator is None


@pytest.mark.parametrize("typed", ["cjl", "c?l", "cl"])
def test_a_rare_given_name_passes(service: DeskService, database: Database, typed: str) -> None:
    with database.write() as tx:
        operator = tx.members.operator("11000001")
        assert operator is not None
        tx.members.put_operator(msgspec.structs.replace(operator, name="程𠮷林"))
    assert isinstance(service.verify(OrderKind.NEW, {**NEW, Field.OPERATOR: typed}), Verified)


@pytest.mark.parametrize("name", ["程\uf92c公司", "程\u200b公司", "程\ue000公司"])
def test_no_money_is_taken_for_an_enterprise_that_no_certificate_can_name(
    service: DeskService, database: Database, name: str
) -> None:
    with database.write() as tx:
        operator = tx.members.operator("11000001")
        assert operator is not None
        enterprise = tx.members.enterprise(operator.enterprise_code)
        assert enterprise is not None
        tx.members.put_enterprise(msgspec.structs.replace(enterprise, name=name))
    assert service.verify(OrderKind.NEW, {**NEW, Field.ENTERPRISE: name}) == Refused(Refusal.NAME_UNUSABLE)


@pytest.mark.parametrize(
    ("account", "operator", "reason"),
    [
        ("11000005", "刘洋", Refusal.OPERATOR_UNDER_REVIEW),
        ("11000006", "何芳", Refusal.OPERATOR_REFUSED),
    ],
)
def test_an_operator_under_review_or_refused_does_not_go_on(
    service: DeskService, account: str, operator: str, reason: Refusal
) -> None:
    fields = {
        **NEW,
        Field.ACCOUNT: account,
        Field.OPERATOR: operator,
        Field.PASSWORD: f"Keydesk-{account[-1]}",
    }
    assert service.verify(OrderKind.NEW, fields) == Refused(reason)


def test_an_enterprise_under_review_does_not_stop_its_approved_operator(
    service: DeskService, bound_elsewhere: Callable[[str, str, int, int], object]
) -> None:
    bound_elsewhere("11000002", "B0002", NOW - YEAR + 20 * DAY, NOW + 20 * DAY)
    fields = {Field.ACCOUNT: "11000002", Field.PASSWORD: "Keydesk-2", Field.ENTERPRISE: FIRM_B}
    verified = service.verify(OrderKind.RENEWAL, fields)
    assert isinstance(verified, Verified)
    assert verified.quote.total == 23000
    assert verified.quote.ends_at == add_years(NOW + 20 * DAY, 1)


def test_a_wrong_choice_is_offered_the_right_kind_and_accepting_it_gives_the_quote(
    service: DeskService, bound_elsewhere: Callable[[str, str, int, int], object]
) -> None:
    bound_elsewhere("11000001", "A0001", NOW - YEAR - DAY, NOW - DAY)
    offered = service.verify(OrderKind.NEW, NEW)
    assert isinstance(offered, WrongKind)
    assert (offered.offered, offered.because) == (OrderKind.RENEWAL, KeyState.EXPIRED)
    assert isinstance(service.quote(offered.session, OrderKind.RENEWAL), Verified)


def test_offline_whatever_rests_on_the_feed_tells_its_age(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    clock: FixedClock,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
    paid_order: Callable[[str, OrderKind], str],
) -> None:
    other = bound_elsewhere("11000003", "B0003", NOW - YEAR, NOW + DAY)
    spare = bound_elsewhere("11000001", "SPARE", NOW - 2 * YEAR, NOW - YEAR)
    bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + DAY)
    renewal = paid_order("11000001", OrderKind.RENEWAL)
    nobody = _session_of("11000002")
    assert _age(service.quote(nobody, OrderKind.RENEWAL)) is None
    clock.advance(200)
    assert _age(service.quote(nobody, OrderKind.RENEWAL)) == NOW
    assert _age(service.place_order(nobody, OrderKind.RENEWAL)) == NOW
    assert _age(service.verify(OrderKind.NEW, {**NEW, Field.ENTERPRISE: "另一家公司"})) == NOW
    for card, trouble in (
        (other, TokenRefusal.ANOTHER_MEMBERS),
        (spare, TokenRefusal.NOT_THE_KEY_ON_RECORD),
    ):
        source.swap(card)
        refused = service.bind(session, renewal, "654321", False, lambda _progress: None)  # noqa: FBT003
        assert isinstance(refused, TokenRefused)
        assert (refused.reason, refused.feed_as_of) == (trouble, NOW)


def test_an_open_order_of_that_kind_leads_there(
    service: DeskService, session: Session, placed: Callable[[Session, OrderKind], str]
) -> None:
    number = placed(session, OrderKind.NEW)
    outcome = service.verify(OrderKind.NEW, NEW)
    assert isinstance(outcome, OrderOpen)
    assert outcome.order == number


def test_signing_in_alone_gives_the_session(service: DeskService) -> None:
    outcome = service.sign_in("１１000001", "Keydesk-1")
    assert isinstance(outcome, SignedIn)
    assert outcome.session.account == "11000001"


def test_an_end_past_the_issuing_authoritys_is_refused_before_payment(
    service: DeskService,
    session: Session,
    authority: IssuingAuthority,
    clock: FixedClock,
    contact: Callable[[], None],
    database: Database,
    give_policy: Callable[[Database, Policy], None],
) -> None:
    give_policy(database, Policy(2, 3, authority.limit))
    clock.advance(authority.limit - YEAR - 3 * DAY - NOW)
    contact()
    assert isinstance(service.quote(session, OrderKind.NEW), Verified)
    clock.advance(3 * DAY)
    contact()
    assert service.quote(session, OrderKind.NEW) == Refused(Refusal.ISSUER_ENDS_TOO_SOON)


def test_what_the_policy_does_not_allow_is_refused(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    database: Database,
    placed: Callable[[Session, OrderKind], str],
    give_policy: Callable[[Database, Policy], None],
) -> None:
    give_policy(database, Policy(2, 3, NOW - 1))
    assert service.quote(session, OrderKind.NEW) == Refused(Refusal.POLICY_ENDED)
    give_policy(database, Policy(3, 3, NOW + YEAR, unsynced_certificates=0))
    assert service.quote(session, OrderKind.NEW) == Refused(Refusal.POLICY_CERTIFICATES_REACHED)
    give_policy(database, Policy(4, 3, NOW + YEAR, unsynced_amount=34000))
    placed(session, OrderKind.NEW)
    assert service.quote(session_of("11000003"), OrderKind.NEW) == Refused(Refusal.POLICY_AMOUNT_REACHED)


def test_a_policy_of_another_kiosk_is_none(
    service: DeskService,
    session: Session,
    database: Database,
    give_policy: Callable[[Database, Policy], None],
) -> None:
    give_policy(database, Policy(2, 4, NOW + YEAR))
    assert service.quote(session, OrderKind.NEW) == Refused(Refusal.NOT_ENROLLED)


def test_a_policy_that_was_changed_on_the_way_is_none(
    service: DeskService, session: Session, database: Database
) -> None:
    with database.write() as tx:
        signed = tx.feed.signed_policy()
        assert signed is not None
        more = signed.policy.replace(b":200,", b":900,")
        assert more != signed.policy
        tx.feed.put_policy(type(signed)(more, signed.signature))
    assert service.quote(session, OrderKind.NEW) == Refused(Refusal.NOT_ENROLLED)


def test_a_clock_that_cannot_be_believed_refuses_each_with_its_own_reason(
    service: DeskService, session: Session, clock: FixedClock
) -> None:
    clock.now += 3600
    assert service.quote(session, OrderKind.NEW) == Refused(Refusal.CLOCK_FAR_FROM_SERVER)
    clock.now -= 7200
    assert service.quote(session, OrderKind.NEW) == Refused(Refusal.CLOCK_BEHIND)
    clock.now += 3600
    clock.advance(91 * DAY)
    assert service.quote(session, OrderKind.NEW) == Refused(Refusal.SERVER_TIME_TOO_OLD)


def test_what_is_noted_while_the_clock_is_behind_does_not_make_it_right(
    desk: Desk,
    service: DeskService,
    session: Session,
    database: Database,
    clock: FixedClock,
    meet_centre: Callable[[Database, FixedClock], None],
) -> None:
    clock.advance(20 * DAY)  # without the centre
    placed = service.place_order(session, OrderKind.NEW)
    assert isinstance(placed, Placed)
    behind = FixedClock(clock.wall() - 10 * DAY, "after a start")
    started = DeskService(dataclasses.replace(desk, clock=behind))
    assert isinstance(started.cancel(session, placed.order.reference), OrderView)
    behind.advance(DAY)
    assert started.quote(session, OrderKind.NEW) == Refused(Refusal.CLOCK_BEHIND)
    right = FixedClock(clock.wall() + DAY, "after a start")
    meet_centre(database, right)
    started = DeskService(dataclasses.replace(desk, clock=right))
    assert isinstance(started.quote(session, OrderKind.NEW), Verified)


def test_a_name_that_no_certificate_has_room_for_is_refused_before_payment(
    database: Database, service: DeskService
) -> None:
    name = "长" * 65
    with database.write() as tx:
        tx.members.put_enterprise(Enterprise("A", name, "王建国", Review.APPROVED))
    outcome = service.verify(OrderKind.NEW, {**NEW, Field.ENTERPRISE: name})
    assert outcome == Refused(Refusal.NAME_UNUSABLE)


def test_a_new_key_asks_for_all_five_fields_and_any_other_service_for_three() -> None:
    assert fields_of(OrderKind.NEW) == tuple(Field)
    three = (Field.ACCOUNT, Field.PASSWORD, Field.ENTERPRISE)
    assert fields_of(OrderKind.REPLACEMENT) == fields_of(OrderKind.RENEWAL) == three


@pytest.mark.parametrize("account", ["11000005", "11000006", "99999999"])
def test_offline_a_member_who_is_not_approved_is_told_the_age_of_the_feed(
    service: DeskService, clock: FixedClock, account: str
) -> None:
    clock.advance(200)
    assert _age(service.quote(_session_of(account), OrderKind.NEW)) == NOW


def test_an_operator_whose_enterprise_the_feed_has_not_told_of_does_not_go_on(
    service: DeskService, database: Database, clock: FixedClock
) -> None:
    with database.write() as tx:
        operator = tx.members.operator("11000001")
        assert operator is not None
        tx.members.put_operator(msgspec.structs.replace(operator, enterprise_code="Z"))
    assert service.sign_in("11000001", "Keydesk-1") == Refused(Refusal.NOT_ALLOWED)
    unknown = {Field.ENTERPRISE: FieldRefusal.DOES_NOT_MATCH}
    assert service.verify(OrderKind.NEW, NEW) == FieldsRefused(unknown)
    clock.advance(200)
    assert service.sign_in("11000001", "Keydesk-1") == Refused(Refusal.NOT_ALLOWED, feed_as_of=NOW)


@pytest.mark.parametrize("account", ["", " "])
def test_an_account_without_a_character_is_empty_and_not_malformed(
    service: DeskService, account: str
) -> None:
    refused = service.verify(OrderKind.NEW, {**NEW, Field.ACCOUNT: account})
    assert refused == FieldsRefused({Field.ACCOUNT: FieldRefusal.EMPTY})
