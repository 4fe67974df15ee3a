"""The fold of bindings: what each entry is refused for, one rule a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.errors import EntryRefused
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus, PaidHow
from kiosk.domain.remarks import Remark, RemarkReason

if TYPE_CHECKING:
    from tests.support.journal import Journal

FIRST, SECOND = "11000001", "11000002"
POINT = b"\x04" + bytes(64)


def _paid(journal: Journal, kind: OrderKind = OrderKind.NEW, account: str = FIRST) -> str:
    number = journal.place(kind, account)
    journal.pay(number)
    return number


def _with_key_pair(journal: Journal, account: str = FIRST, token: str = "T1") -> str:  # noqa: S107 - a token of hardware
    number = _paid(journal, account=account)
    journal.add(BindingStarted(number, 1, token, "gmt", "sm2"))
    journal.add(KeyPairMade(number, 1, POINT))
    return number


def _renewal(journal: Journal) -> tuple[str, KeyOnRecord]:
    """A paid renewal of the first account's key on T1."""
    journal.bind(_paid(journal), "T1")
    return _paid(journal, OrderKind.RENEWAL), journal.key()


def _refused(journal: Journal, order: str, key: KeyOnRecord | None) -> RemarkReason:
    with pytest.raises(EntryRefused) as caught:
        journal.issue(order, 1, key)
    return caught.value.reason


def test_a_certificate_that_was_revoked_before_it_came_into_use_is_not_bound(journal: Journal) -> None:
    order = _with_key_pair(journal)
    number = journal.issue(order, 1, None)
    journal.add(CertificateWritten(order, 1))
    journal.add(CertificateRevoked(number, "查封", "row/9"))
    journal.add(CertificateProved(order, 1, b"c", b"s"))
    assert journal.refuses(Bound(order, 1)) is RemarkReason.CERTIFICATE_DIFFERS
    journal.add(BindingAbandoned(order, 1, "林涛", "重来"))
    assert journal.ledger.certificates[number].status is CertificateStatus.VOID


@pytest.mark.parametrize("attempt", [0, 2])
def test_attempts_are_counted_from_one(journal: Journal, attempt: int) -> None:
    order = _paid(journal)
    started = BindingStarted(order, attempt, "T1", "gmt", "sm2")
    assert journal.refuses(started) is RemarkReason.BINDING_IN_ANOTHER_STEP


def test_a_renewal_keeps_its_key_pair(journal: Journal) -> None:
    renewal, _ = _renewal(journal)
    without = BindingStarted(renewal, 1, "T1", "gmt", "sm2")
    assert journal.refuses(without) is RemarkReason.ANOTHER_TOKEN
    journal.add(BindingStarted(renewal, 1, "T1", "gmt", "sm2", POINT))
    assert [each.public_key for each in journal.ledger.orders[renewal].bindings] == [POINT]
    assert journal.refuses(KeyPairMade(renewal, 1, POINT)) is RemarkReason.BINDING_IN_ANOTHER_STEP


def test_a_renewal_of_a_certificate_that_was_revoked_meanwhile_is_in_use_itself(journal: Journal) -> None:
    renewal, key = _renewal(journal)
    journal.add(BindingStarted(renewal, 1, "T1", "gmt", "sm2", POINT))
    new = journal.issue(renewal, 1, key)
    journal.add(CertificateRevoked(key.number, "换发", "row/9"))
    for body in (
        CertificateWritten(renewal, 1),
        CertificateProved(renewal, 1, b"c", b"s"),
        Bound(renewal, 1),
    ):
        journal.add(body)
    assert journal.ledger.certificates[new].status is CertificateStatus.VALID
    assert (journal.key().number, journal.key().lost, journal.key().revoked) == (new, False, False)


def test_a_certificate_number_is_given_once(journal: Journal) -> None:
    first, second = _with_key_pair(journal), _with_key_pair(journal, SECOND, "T2")
    number = journal.issue(first, 1, None)
    again = CertificateIssued(second, 1, number, b"DER", 1_800_000_000, 1_831_536_000, 1)
    assert journal.refuses(again) is RemarkReason.CERTIFICATE_EXISTS


def test_another_accounts_certificate_is_no_predecessor(journal: Journal) -> None:
    journal.bind(_paid(journal), "T1")
    other = _with_key_pair(journal, SECOND, "T2")
    assert _refused(journal, other, journal.key()) is RemarkReason.CERTIFICATE_DIFFERS


def test_a_certificate_that_never_came_into_use_is_no_predecessor(journal: Journal) -> None:
    order = _with_key_pair(journal)
    void = journal.issue(order, 1, None)
    journal.add(BindingAbandoned(order, 1, "林涛", "坏了"))
    journal.add(BindingStarted(order, 2, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(order, 2, POINT))
    told = journal.ledger.certificates[void]
    predecessor = KeyOnRecord(void, "T1", told.not_before, told.not_after)
    with pytest.raises(EntryRefused) as caught:
        journal.issue(order, 2, predecessor)
    assert caught.value.reason is RemarkReason.CERTIFICATE_DIFFERS


def test_a_certificate_that_is_under_way_is_no_predecessor(journal: Journal) -> None:
    journal.issue(_with_key_pair(journal), 1, None)
    (issued,) = journal.ledger.certificates.values()
    renewal = journal.place(OrderKind.REPLACEMENT)
    journal.pay(renewal)
    journal.add(BindingStarted(renewal, 1, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(renewal, 1, POINT))
    key = KeyOnRecord(issued.number, "T1", issued.not_before, issued.not_after)
    assert _refused(journal, renewal, key) is RemarkReason.CERTIFICATE_DIFFERS


def test_money_for_an_order_of_another_kiosk_is_taken_into_the_journal(journal: Journal) -> None:
    told = OrderPaid("4-0001-1.aa", PaidHow.CODE, 35_000, 1_800_000_000)
    journal.add(told)
    assert journal.entries[-1].entry.body == told
    assert journal.remarks == (Remark(RemarkReason.MONEY_TOLD_BY_ANOTHER, told.order),)
    assert journal.ledger.orders == {}


def test_one_certificate_is_under_way_however_many_attempts_have_begun(journal: Journal) -> None:
    begun = _paid(journal)
    journal.add(BindingStarted(begun, 1, "T1", "gmt", "sm2"))
    orders = [_paid(journal, OrderKind.REPLACEMENT)]
    key = KeyOnRecord("4000000000000001", "E1", 1_799_000_000, 1_830_000_000)
    orders.append(journal.place(OrderKind.RENEWAL, previous=key))
    journal.pay(orders[1])
    journal.add(BindingStarted(orders[0], 1, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(orders[0], 1, POINT))
    journal.issue(orders[0], 1, key)
    journal.add(BindingStarted(orders[1], 1, "E1", "gmt", "sm2", POINT))
    assert _refused(journal, orders[1], key) is RemarkReason.ANOTHER_CERTIFICATE_VALID


@pytest.mark.parametrize("end", [1, -1], ids=["ends later", "ends earlier"])
def test_a_key_that_was_replaced_elsewhere_is_no_predecessor(journal: Journal, end: int) -> None:
    journal.bind(_paid(journal), "T1")
    own = journal.key()
    later = KeyOnRecord("4000000000000001", "E1", own.not_before + 1, own.not_after + end)
    order = journal.place(OrderKind.REPLACEMENT, previous=later)
    journal.pay(order)
    journal.add(BindingStarted(order, 1, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(order, 1, POINT))
    assert _refused(journal, order, own) is RemarkReason.ANOTHER_CERTIFICATE_VALID
    journal.issue(order, 1, later)


def test_a_certificate_that_never_came_into_use_stays_void_when_it_is_revoked(journal: Journal) -> None:
    order = _with_key_pair(journal)
    void = journal.issue(order, 1, None)
    journal.add(BindingAbandoned(order, 1, "林涛", "坏了"))
    journal.add(CertificateRevoked(void, "查封", "row/9"))
    assert journal.ledger.certificates[void].status is CertificateStatus.VOID


def test_a_renewal_of_no_key_begins_on_no_token(journal: Journal) -> None:
    renewal = _paid(journal, OrderKind.RENEWAL)
    started = BindingStarted(renewal, 1, "T1", "gmt", "sm2", POINT)
    assert journal.refuses(started) is RemarkReason.ANOTHER_TOKEN
