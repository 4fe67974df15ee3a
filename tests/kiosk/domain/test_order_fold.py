"""The order's fold over the journals of several kiosks: total, and the same in every order in which they arrive."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kiosk.domain import order_fold
from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.decisions import Decision, RegisterDecided
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import (
    DeliveryChosen,
    OrderCancelled,
    OrderReleased,
    RefundCompleted,
    RefundGranted,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.journal import FORM, GENESIS, Entry
from kiosk.domain.ledger import (
    CertificateStatus,
    Delivery,
    Order,
    OrderStatus,
)
from kiosk.domain.ledger_fold import bound_event, fold_entry
from kiosk.domain.order_fold import Folded, fold_order
from kiosk.domain.remarks import RemarkReason
from kiosk.domain.subjects import subjects
from tests.support.order_journals import (
    ACCOUNT,
    EVERY_BODY,
    HISTORIES,
    ORDER,
    A,
    B,
    C,
    Kiosks,
    binding,
    fold,
    given_to,
    number_of,
    paid,
    placed,
    remarked,
    taken_from_the_dead,
)


@pytest.mark.parametrize("history", HISTORIES)
def test_fifty_orders_of_arrival_give_the_same_order(history: str) -> None:
    kiosks, owner, status, bound = HISTORIES[history]
    seen: set[Order] = set()
    for seed in range(50):
        records = fold(kiosks().interleaved(random.Random(seed)))  # noqa: S311 - a seed to repeat it by
        order = records.orders[ORDER]
        seen.add(order)
        counted = {
            number
            for number, each in records.certificates.items()
            if each.status not in {CertificateStatus.VOID, CertificateStatus.ISSUED}
        }
        assert counted == ({bound} if bound else set())
        for register in records.registers.values():
            for row in register.certificates:
                assert records.certificates[row.key.number].status is row.status
    assert len(seen) == 1
    (order,) = seen
    assert (order.owner, order.status, order.proven) == (owner, status, True)


@pytest.mark.parametrize("history", HISTORIES)
def test_the_owners_own_journal_makes_the_order_that_the_centre_has(history: str) -> None:
    kiosks, owner, _, _ = HISTORIES[history]
    journals = kiosks()
    centre = fold(journals.interleaved(random.Random(1))).orders[ORDER]  # noqa: S311 - as above
    own = fold(journals.written[owner], complete=False).orders[ORDER]
    assert replace(centre, others=()) == own


def test_an_assignment_takes_nothing_until_the_release_comes() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), OrderReleased(ORDER, B, 1, "row/9"))
    kiosks.write(B, given_to(1), *binding(B, 1))
    records, remarks = remarked([*kiosks.written[B], *kiosks.written[A][:2]])
    assert records.orders[ORDER].owner == A
    assert records.certificates[number_of(B, 1)].status is CertificateStatus.VOID
    assert set(remarks) == {RemarkReason.ASSIGNMENT_UNPROVEN, RemarkReason.NOT_THE_OWNER}
    records.put(fold_entry(records, kiosks.written[A][2], bound_event).rows)
    assert records.orders[ORDER].owner == B
    assert records.certificates[number_of(B, 1)].status is CertificateStatus.VALID


def test_what_a_kiosk_gave_away_before_it_was_given_the_order_leads_nowhere() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), OrderReleased(ORDER, B, 2, f"order-moved/{ORDER}/2"))
    kiosks.write(B, given_to(1), OrderReleased(ORDER, C, 2, f"order-moved/{ORDER}/2"))
    kiosks.write(C, given_to(2), *binding(C, 1))
    records = fold([*kiosks.written[A], *kiosks.written[B], *kiosks.written[C]])
    order = records.orders[ORDER]
    assert (order.owner, order.told_by, order.proven) == (B, A, True)
    assert records.certificates[number_of(C, 1)].status is CertificateStatus.VOID


def test_a_claim_from_before_the_hand_over_is_not_the_new_owners_word() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), OrderReleased(ORDER, B, 3, f"order-moved/{ORDER}/3"))
    kiosks.write(B, given_to(2), *binding(B, 1))
    records, remarks = remarked([*kiosks.written[A], *kiosks.written[B]])
    assert (records.orders[ORDER].owner, records.orders[ORDER].told_by) == (B, A)
    assert records.certificates[number_of(B, 1)].status is CertificateStatus.VOID
    assert remarks == [RemarkReason.ASSIGNMENT_UNPROVEN, *[RemarkReason.NOT_THE_OWNER] * len(binding(B, 1))]


def test_who_gave_an_order_away_has_no_word_on_it_though_its_new_owner_is_silent() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), OrderReleased(ORDER, B, 1, "row/9"), paid(), OrderCancelled(ORDER, "member"))
    for complete in (True, False):
        _, remarks = remarked(kiosks.written[A], complete=complete)
        assert remarks == [RemarkReason.MONEY_TOLD_BY_ANOTHER, RemarkReason.ORDER_OF_ANOTHER_KIOSK]


def test_a_former_owner_that_repeats_what_was_decided_is_not_remarked() -> None:
    journals = taken_from_the_dead()
    records, _ = remarked([*journals.written[A], *journals.written[EXCHANGE_KIOSK]])
    decided = RegisterDecided(ACCOUNT, ORDER, number_of(A, 1), Decision.REVOKE, "林涛", "", "row/4")
    journals.write(A, DeliveryChosen(ORDER, Delivery.MAIL), decided)
    chosen, repeated = journals.written[A][-2:]
    assert remarked([chosen], records=records)[1] == [RemarkReason.NOT_THE_OWNER]
    assert remarked([repeated], records=records)[1] == []


def test_a_certificate_of_an_order_that_is_refunded_stays_void_once_the_money_is_back() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1, 5), RefundGranted(ORDER, "林涛", ""))
    kiosks.write(A, RefundCompleted(ORDER, 25_000, "row/3"))
    for entries in (kiosks.written[A][:-1], kiosks.written[A]):
        assert fold(entries).certificates[number_of(A, 1)].status is CertificateStatus.VOID


def test_a_bound_certificate_is_void_on_the_register_once_its_order_was_taken_over() -> None:
    journals = taken_from_the_dead().written
    records = fold([*journals[A], *journals[EXCHANGE_KIOSK]])
    found = records.registers[ACCOUNT].find(number_of(A, 1))
    assert found is not None
    assert found.status is CertificateStatus.VOID
    assert records.registers[ACCOUNT].key is None


def test_an_entry_of_another_order_changes_nothing() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), replace(paid(), order="3-0002-1.aa"))
    order = fold(kiosks.written[A][:1]).orders[ORDER]
    assert fold_order(order, {}, kiosks.written[A][1], complete=True) == Folded(order)


def test_an_order_whose_certificate_is_not_among_the_rows_is_folded_without_it() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1, 3), RefundGranted(ORDER, "林涛", "asked"))
    order = fold(kiosks.written[A][:-1]).orders[ORDER]
    folded = fold_order(order, {}, kiosks.written[A][-1], complete=True)
    assert folded.order is not None
    assert folded.order.status is OrderStatus.REFUNDING
    assert (folded.certificates, folded.remarks) == ((), ())


def test_an_order_that_only_a_stranger_claims_binds_nothing() -> None:
    kiosks = Kiosks()
    kiosks.write(B, given_to(1), *binding(B, 1))
    records = fold(kiosks.written[B])
    assert not records.orders[ORDER].proven
    assert records.certificates[number_of(B, 1)].status is CertificateStatus.ISSUED
    assert records.registers == {}


def test_money_told_by_another_kiosk_is_remarked_and_changes_nothing_of_the_owners() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed())
    kiosks.write(B, paid())
    records = fold(kiosks.written[A])
    folded = fold_entry(records, kiosks.written[B][0], bound_event)
    assert folded.rows == ()
    assert [remark.reason for remark in folded.remarks] == [RemarkReason.MONEY_TOLD_BY_ANOTHER]


def test_a_certificate_issued_against_the_rules_is_on_record_as_void() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), binding(A, 1)[2])
    records = fold(kiosks.written[A])
    assert records.certificates[number_of(A, 1)].status is CertificateStatus.VOID
    assert records.orders[ORDER].status is OrderStatus.PLACED


def test_a_kiosk_cannot_take_another_ones_certificate_number() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1)[:2])
    records = fold(kiosks.written[A])
    foreign = CertificateIssued(ORDER, 1, number_of(B, 1), b"DER", 1, 2, 1)
    folded = fold_entry(records, replace(kiosks.written[A][-1], body=foreign), bound_event)
    assert folded.rows == ()
    assert [remark.reason for remark in folded.remarks] == [RemarkReason.CERTIFICATE_OF_ANOTHER_KIOSK]


def test_a_bound_order_is_refunded_only_once_its_certificate_was_decided_to_be_out_of_use() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1), RefundGranted(ORDER, "林涛", ""))
    decided = RegisterDecided(ACCOUNT, ORDER, number_of(A, 1), Decision.REVOKE, "林涛", "", "row/4")
    assert fold(kiosks.written[A]).orders[ORDER].status is OrderStatus.BOUND
    for other in (Decision.LIST, Decision.KEEP):
        kiosks.write(A, replace(decided, decision=other), RefundGranted(ORDER, "林涛", ""))
        assert fold(kiosks.written[A]).orders[ORDER].status is OrderStatus.BOUND
    kiosks.write(A, decided, RefundGranted(ORDER, "林涛", ""))
    kiosks.write(EXCHANGE_KIOSK, decided)
    records = fold([*kiosks.written[EXCHANGE_KIOSK], *kiosks.written[A]])
    assert records.orders[ORDER].status is OrderStatus.REFUNDING
    assert records.certificates[number_of(A, 1)].status is CertificateStatus.REVOKED


STEPS = st.lists(st.tuples(st.sampled_from((A, B, EXCHANGE_KIOSK)), st.sampled_from(EVERY_BODY)), max_size=40)

USUAL = st.integers(0, 8)


def test_every_kind_of_entry_is_tried() -> None:
    assert {type(body) for body in EVERY_BODY} == set(get_args(AnyBody))


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, usual=USUAL, complete=st.booleans())
def test_every_entry_is_folded_in_every_state(
    steps: list[tuple[int, AnyBody]],
    usual: int,
    complete: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1))
    records = fold(kiosks.written[A][:usual], complete=complete)
    for place, (kiosk, body) in enumerate(steps, 100):
        entry = Entry(FORM, kiosk, 1, 1, place, 1_800_000_000 + place, 0, "boot", GENESIS, body)
        before = {row.reference: row for row in records.orders.values()}
        folded = fold_entry(records, entry, bound_event)
        records.put(folded.rows)
        named = subjects(body)
        assert {row.reference for row in folded.rows if isinstance(row, Order)} <= {named.order}
        for number, order in before.items():
            assert records.orders[number].account == order.account
        for register in records.registers.values():
            assert sum(each.is_listed and not each.key.lost for each in register.certificates) <= 1


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, seeds=st.tuples(st.integers(0, 2**32), st.integers(0, 2**32)))
def test_any_journals_make_the_same_order_in_two_orders_of_arrival(
    steps: list[tuple[int, AnyBody]], seeds: tuple[int, int]
) -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid())
    for kiosk, body in steps:
        kiosks.write(kiosk, body)
    one, other = (fold(kiosks.interleaved(random.Random(seed))) for seed in seeds)  # noqa: S311 - as above
    assert one.orders == other.orders


def _hand_overs_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_fold, "_next", lambda *_: None)


def _claims_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    def latest(_: str, views: dict[int, Order]) -> tuple[Order, bool]:
        return max(views.values(), key=lambda view: (view.handover, view.told_by)), True

    monkeypatch.setattr(order_fold, "_owners_view", latest)


def _last_word_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def last(latest: Order, views: dict[int, Order], *, complete: bool) -> Order:
        others = tuple(views[kiosk] for kiosk in sorted(views) if complete and kiosk != latest.told_by)
        return replace(latest, others=others)

    monkeypatch.setattr(order_fold, "_combined", last)


@pytest.mark.parametrize("plant", [_hand_overs_ignored, _claims_believed, _last_word_counts])
def test_a_planted_fault_is_noticed(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    noticed = []
    for history in HISTORIES:
        try:
            test_fifty_orders_of_arrival_give_the_same_order(history)
        except AssertionError:
            noticed.append(history)
    assert noticed
