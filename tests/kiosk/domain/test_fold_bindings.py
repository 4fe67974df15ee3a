"""The fold of bindings: steps, abandoned attempts, and which certificate succeeds which."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

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
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.errors import EntryRefused
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import BindingStep, CertificateStatus, OrderStatus
from kiosk.domain.remarks import RemarkReason

if TYPE_CHECKING:
    from tests.support.journal import Journal

KIOSK, OTHER_KIOSK = 3, 4
YEAR = 365 * 86400
ACCOUNTS = ("11000001", "11000002")
POINT = b"\x04" + bytes(64)


def test_a_dead_token_is_abandoned_and_another_bound(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    old = journal.bind(first, "T1")
    second = journal.place(OrderKind.REPLACEMENT)
    journal.pay(second)
    key = journal.ledger.registers[ACCOUNTS[0]].key
    journal.add(BindingStarted(second, 1, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(second, 1, POINT))
    dead = journal.issue(second, 1, key)
    journal.add(BindingAbandoned(second, 1, "林涛", "the token died"))
    new = journal.bind(second, "T3")
    statuses = {number: journal.ledger.certificates[number].status for number in (old, dead, new)}
    assert statuses == {
        old: CertificateStatus.REVOKED,
        dead: CertificateStatus.VOID,
        new: CertificateStatus.VALID,
    }


def two_paid_orders_of_one_key(journal: Journal) -> tuple[str, str, KeyOnRecord]:
    first = journal.place()
    journal.pay(first)
    journal.bind(first, "T1")
    key = journal.ledger.registers[ACCOUNTS[0]].key
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
    with pytest.raises(EntryRefused) as caught:
        journal.issue(replacement, 1, key)
    assert caught.value.reason is RemarkReason.PREDECESSOR_SUCCEEDED


def test_a_first_certificate_is_not_issued_beside_a_key(journal: Journal) -> None:
    _, replacement, _ = two_paid_orders_of_one_key(journal)
    with pytest.raises(EntryRefused) as caught:
        journal.issue(replacement, 1, None)
    assert caught.value.reason is RemarkReason.ANOTHER_CERTIFICATE_VALID


@pytest.mark.parametrize("beyond", [None, 1])
def test_a_first_certificate_is_not_issued_beside_a_key_whatever_end_it_names(
    journal: Journal, beyond: int | None
) -> None:
    _, replacement, key = two_paid_orders_of_one_key(journal)
    end = None if beyond is None else key.not_after + beyond
    first = CertificateIssued(replacement, 1, "0003000000000099", b"DER", 1, 2, 1, None, end)
    assert journal.refuses(first) is RemarkReason.ANOTHER_CERTIFICATE_VALID


def test_a_predecessor_of_another_kiosk_without_its_end_does_not_take_the_place_of_the_key(
    journal: Journal,
) -> None:
    _, replacement, _ = two_paid_orders_of_one_key(journal)
    unknown = CertificateIssued(replacement, 1, "0003000000000099", b"DER", 1, 2, 1, "4000000000000001")
    assert journal.refuses(unknown) is RemarkReason.ANOTHER_CERTIFICATE_VALID


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
    with pytest.raises(EntryRefused) as caught:
        journal.issue(replacement, 1, key)
    assert caught.value.reason is RemarkReason.ANOTHER_CERTIFICATE_VALID


def test_a_key_renewed_elsewhere_takes_the_place_of_the_kiosks_own(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    own = journal.bind(first, "T1")
    end = journal.ledger.certificates[own].not_after
    elsewhere = KeyOnRecord("4000000000000001", "E1", journal.clock.wall() + 10, end + YEAR)
    renewal = journal.place(OrderKind.RENEWAL, previous=elsewhere)
    assert journal.ledger.registers[ACCOUNTS[0]].key == elsewhere
    assert journal.ledger.certificates[own].status is CertificateStatus.REVOKED
    journal.pay(renewal)
    new = journal.bind(renewal, "E1")
    assert journal.ledger.certificates[new].predecessor == elsewhere.number
    assert journal.ledger.certificates[new].status is CertificateStatus.VALID


def test_a_renewal_names_the_key_that_came_from_elsewhere_after_its_order(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    own = journal.bind(first, "T1")
    end = journal.ledger.certificates[own].not_after
    elsewhere = KeyOnRecord("4000000000000001", "E1", journal.clock.wall() + 10, end + YEAR)
    renewal = journal.place(OrderKind.RENEWAL)
    journal.pay(renewal)
    silent = BindingStarted(renewal, 1, "E1", "gmt", "sm2", POINT)
    assert journal.refuses(silent) is RemarkReason.ANOTHER_TOKEN
    journal.add(replace(silent, key=elsewhere))
    assert journal.key() == elsewhere
    assert journal.ledger.certificates[own].status is CertificateStatus.REVOKED


def test_a_binding_that_tells_of_no_key_is_written_so_that_an_older_centre_reads_it() -> None:
    body = BindingStarted("3-0001", 1, "T1", "gmt", "sm2", POINT)
    written = msgspec.msgpack.decode(msgspec.msgpack.encode(body))
    assert set(written) == {
        "kind", "order", "attempt", "token_serial", "driver", "algorithm", "public_key",
    }  # fmt: skip


def test_an_earlier_key_told_by_an_order_changes_nothing(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    own = journal.bind(first, "T1")
    stale = KeyOnRecord("4000000000000001", "E1", 1_700_000_000, 1_731_000_000)
    journal.place(OrderKind.RENEWAL, previous=stale)
    key = journal.ledger.registers[ACCOUNTS[0]].key
    assert key is not None
    assert key.number == own
    assert journal.refuses(LossReported(ACCOUNTS[0], stale)) is RemarkReason.CERTIFICATE_UNKNOWN


def test_a_predecessor_of_another_kiosk_is_named_on_the_feed_s_word(journal: Journal) -> None:
    key = KeyOnRecord("4000000000000001", "E1", 1_799_000_000, 1_830_000_000)
    number = journal.place(OrderKind.REPLACEMENT, previous=key)
    journal.pay(number)
    journal.add(BindingStarted(number, 1, "T2", "gmt", "sm2"))
    journal.add(KeyPairMade(number, 1, POINT))
    issued = journal.issue(number, 1, key)
    assert journal.ledger.certificates[issued].predecessor == key.number


@pytest.mark.parametrize("step", range(5))
def test_steps_of_a_binding_come_one_after_the_other(journal: Journal, step: int) -> None:
    number = journal.place()
    journal.pay(number)
    steps: list[AnyBody] = [
        BindingStarted(number, 1, "T1", "gmt", "sm2"),
        KeyPairMade(number, 1, POINT),
        CertificateIssued(number, 1, "0003000000000001", b"DER", 1_800_000_000, 1_831_536_000, 1),
        CertificateWritten(number, 1),
        CertificateProved(number, 1, b"c", b"s"),
        Bound(number, 1),
    ]
    for body in steps[:step]:
        journal.add(body)
    for body in steps[step + 1 :]:
        assert journal.refuses(body) is RemarkReason.BINDING_IN_ANOTHER_STEP
    for body in steps[1:step]:
        assert journal.refuses(body) is RemarkReason.BINDING_IN_ANOTHER_STEP
    for body in steps[step:]:
        journal.add(body)
    assert journal.ledger.orders[number].status is OrderStatus.BOUND


@pytest.mark.parametrize("attempt", [1, 3])
def test_a_step_is_of_the_attempt_that_is_under_way(journal: Journal, attempt: int) -> None:
    number = journal.place()
    journal.pay(number)
    journal.add(BindingStarted(number, 1, "T1", "gmt", "sm2"))
    journal.add(BindingAbandoned(number, 1, "林涛", "the token died"))
    journal.add(BindingStarted(number, 2, "T2", "gmt", "sm2"))
    for body in (KeyPairMade(number, attempt, POINT), BindingAbandoned(number, attempt, "林涛", "")):
        assert journal.refuses(body) is RemarkReason.BINDING_IN_ANOTHER_STEP
    journal.add(KeyPairMade(number, 2, POINT))


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
    with pytest.raises(EntryRefused) as caught:
        journal.issue(order, 1, earlier)
    assert (caught.value.reason, caught.value.subject) == (RemarkReason.ANOTHER_CERTIFICATE_VALID, own)
    new = journal.issue(order, 1, replace(earlier, not_after=end + 1))
    for body in (CertificateWritten(order, 1), CertificateProved(order, 1, b"c", b"s"), Bound(order, 1)):
        journal.add(body)
    assert journal.ledger.certificates[own].status is CertificateStatus.REVOKED
    assert journal.ledger.certificates[new].status is CertificateStatus.VALID


def test_every_attempt_of_an_order_stays_on_record(journal: Journal) -> None:
    order = journal.place()
    journal.pay(order)
    for attempt, token in enumerate(("T1", "T2"), 1):
        journal.add(BindingStarted(order, attempt, token, "gmt", "sm2"))
        journal.add(KeyPairMade(order, attempt, POINT))
        journal.add(BindingAbandoned(order, attempt, "林涛", "坏了"))
    journal.bind(order, "T3")
    attempts = journal.ledger.orders[order].bindings
    assert [(each.attempt, each.token_serial, each.step) for each in attempts] == [
        (1, "T1", BindingStep.ABANDONED),
        (2, "T2", BindingStep.ABANDONED),
        (3, "T3", BindingStep.BOUND),
    ]


@pytest.mark.parametrize("kind", [OrderKind.NEW, OrderKind.REPLACEMENT])
def test_a_key_pair_from_before_the_attempt_is_none_of_a_new_token(journal: Journal, kind: OrderKind) -> None:
    order = journal.place(kind)
    journal.pay(order)
    journal.add(BindingStarted(order, 1, "T1", "gmt", "sm2", POINT))
    attempt = journal.ledger.orders[order].binding
    assert attempt is not None
    assert attempt.public_key is None


def test_the_centre_takes_a_renewal_of_a_key_that_only_its_order_tells_of(
    make_journal: Callable[[bool], Journal],
) -> None:
    centre = make_journal(True)  # noqa: FBT003 - the centre's
    told = KeyOnRecord("4000000000000001", "E1", 1_700_000_000, 1_731_000_000)
    renewal = centre.place(OrderKind.RENEWAL, previous=told)
    centre.pay(renewal)
    assert centre.ledger.register(ACCOUNTS[0]) is None
    number = centre.bind(renewal, "E1")
    assert (centre.key().number, centre.key().lost) == (number, False)
