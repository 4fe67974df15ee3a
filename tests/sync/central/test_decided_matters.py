"""What follows from a decision about a matter, and from taking it back: keys listed, held or revoked, money that may go back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.feed import KeyBoundElsewhere, MatterPublished, RefundRequested
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import PaidHow
from kiosk.domain.policy import Policy
from sync.central.centre_keys import CentreKeys
from sync.central.fleet import policies
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerOrder, Matter, MatterState
from sync.central.ledger.rules import Action
from tests.support.books import all_applied, decide, open_matters, status_of
from tests.support.kiosk_double import KioskDouble

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("replay_equals_the_tables")]


def test_a_matter_is_decided_and_its_kiosk_hears_of_it(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    kiosk.pushed()
    matter = decide(Action.ACCEPT)
    assert (matter.state, matter.action, matter.closed_by) == ("decided", "accept", "admin")
    assert [item.outcome for item in kiosk.feed() if isinstance(item, MatterPublished)] == ["accept"]
    assert settling.decide([matter], Action.REOPEN, "admin", "看错了", int(time.time())) == []
    assert open_matters() == [("price-differs", "11000001")]
    assert [item.outcome for item in kiosk.news() if isinstance(item, MatterPublished)] == [""]


def test_the_key_of_an_order_with_a_matter_is_held_until_it_is_taken_as_received(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = kiosk.bind(kiosk.place(policy=99))
    kiosk.pushed()
    assert status_of(issued.number) == "held"
    decide(Action.ACCEPT)
    assert status_of(issued.number) == "valid"
    assert open_matters() == []


def _undo(matter: Matter) -> None:
    assert settling.decide([matter], Action.REOPEN, "admin", "看错了", int(time.time())) == []


def test_undoing_a_decision_holds_again_the_key_that_it_listed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = kiosk.bind(kiosk.place(policy=99))
    kiosk.pushed()
    matter = decide(Action.ACCEPT)
    _undo(matter)
    assert status_of(issued.number) == "held"
    assert open_matters() == [("beyond-policy", "11000001")]
    decide(Action.ACCEPT)
    assert status_of(issued.number) == "valid"


def test_undoing_leaves_a_key_that_was_listed_before_the_matter_was_raised(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    issued = kiosk.bind(placed)
    kiosk.pushed()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 1, kiosk.now()))
    kiosk.pushed()
    _undo(decide(Action.ACCEPT))
    assert open_matters() == [("amount-differs", "11000001")]
    assert status_of(issued.number) == "valid"


def test_undoing_brings_no_key_back_that_a_later_one_replaced(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = kiosk.bind(kiosk.place(policy=99))
    kiosk.pushed()
    matter = decide(Action.ACCEPT)
    old = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)
    placed = kiosk.place(kind=OrderKind.RENEWAL)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    renewed = kiosk.certificate(placed, old)
    kiosk.finish(placed)
    kiosk.pushed()
    _undo(matter)
    assert (status_of(issued.number), status_of(renewed.number)) == ("revoked", "valid")


def test_undoing_the_choice_of_a_key_holds_that_key_until_it_is_chosen_again(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    keys = []
    for each in (kiosk, make_kiosk(4)):
        each.feed()
        keys.append(each.bind(each.place()).number)
        each.pushed()
    _undo(decide(Action.LIST))
    assert [status_of(key) for key in keys] == ["revoked", "held"]
    assert open_matters() == [("certificate-held", "11000001")]
    decide(Action.LIST)
    assert [status_of(key) for key in keys] == ["revoked", "valid"]


def test_a_key_taken_out_of_use_by_a_decision_is_not_brought_back(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    for each in (kiosk, make_kiosk(4)):
        each.feed()
        each.bind(each.place())
        each.pushed()
    matter = decide(Action.REVOKE)
    assert settling.decide([matter], Action.REOPEN, "admin", "看错了", int(time.time())) == [matter]


def test_money_beyond_the_policy_is_pointed_out_again_after_it_was_decided(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    kiosk.feed()
    now = int(time.time())
    policies.issue(3, Policy(0, 3, now + 86400, unsynced_amount=1), keys, now)
    for account in ("11000001", "11000003"):
        placed = kiosk.place(account)
        kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    assert open_matters() == [("amount-beyond-policy", "11000001")]
    decide(Action.NOTED)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    assert open_matters() == [("amount-beyond-policy", "11000003")]
    (told,) = [item for item in kiosk.news() if isinstance(item, MatterPublished)]
    assert (told.sequence, told.outcome) == (6, "")
    decide(Action.NOTED)


def test_an_order_with_two_matters_holds_its_key_until_both_are_decided(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = kiosk.bind(kiosk.place(policy=99), not_after=int(time.time()) + 3000 * 86400)
    kiosk.pushed()
    now = int(time.time())
    for matter in Matter.objects.filter(state=MatterState.OPEN, rule="beyond-policy"):
        settling.decide([matter], Action.ACCEPT, "admin", "照收", now)
    assert status_of(issued.number) != "valid"


def test_a_bound_orders_money_goes_back_once_its_key_is_out_of_use(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place(policy=99)
    issued = kiosk.bind(placed)
    kiosk.pushed()
    decide(Action.REFUND)
    assert status_of(issued.number) == "revoked"
    assert open_matters() == []
    assert settling.may_pay_back(LedgerOrder.objects.get(reference=placed.order))


def test_a_bound_orders_money_stays_while_nobody_decided_otherwise(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.bind(placed)
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=placed.order)
    assert not settling.may_pay_back(row)
    assert not settling.request_refund(row, "admin", "会员要求", int(time.time()))


def test_a_bound_order_of_a_revoked_kiosk_is_paid_back_when_a_person_decides(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place(policy=99)
    kiosk.bind(placed)
    kiosk.pushed()
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    decide(Action.REFUND)
    assert settling.may_pay_back(LedgerOrder.objects.get(reference=placed.order))


def test_a_key_that_is_held_for_its_orders_matter_never_displaces_a_newer_one(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    for each in (kiosk, other):
        each.feed()
    held = kiosk.bind(kiosk.place(policy=99))
    kiosk.pushed()
    newer = other.bind(other.place(nonce=b"other6"), serial="E8AD652202221F99")
    other.pushed()
    for matter in Matter.objects.filter(rule="beyond-policy", state=MatterState.OPEN):
        settling.decide([matter], Action.ACCEPT, "admin", "照收", int(time.time()))
    assert (status_of(newer.number), status_of(held.number)) == ("valid", "held")
    left = Matter.objects.get(rule="certificate-held", state=MatterState.OPEN)
    assert (left.subject, left.kiosk) == (held.number, 3)


def test_of_two_decisions_about_one_matter_the_first_counts(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    kiosk.pushed()
    first, second = Matter.objects.get(), Matter.objects.get()
    assert settling.decide([first], Action.ACCEPT, "甲", "照收", int(time.time())) == []
    assert settling.decide([second], Action.ACCEPT, "乙", "照收", int(time.time())) == [second]
    second.refresh_from_db()
    assert second.closed_by == "甲"


def test_matters_of_one_kiosk_and_kind_are_decided_together(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    for each in (kiosk, other):
        each.feed()
    for account in ("11000001", "11000002", "11000007"):
        kiosk.place(account=account, policy=99)
    other.place(account="11000003", policy=99)
    kiosk.pushed()
    other.pushed()
    first = Matter.objects.filter(kiosk=3)[:1]
    assert settling.decide(settling.alike(first), Action.ACCEPT, "admin", "同一原因", int(time.time())) == []
    assert [account for _, account in open_matters()] == ["11000003"]


def test_of_two_keys_of_one_account_a_person_chooses(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    keys = []
    for each in (kiosk, other):
        each.feed()
        keys.append(each.bind(each.place()).number)
    kiosk.pushed()
    other.pushed()
    assert all_applied()
    assert [status_of(key) for key in keys] == ["valid", "held"]
    assert open_matters() == [("certificate-held", "11000001")]
    decide(Action.LIST)
    assert [status_of(key) for key in keys] == ["revoked", "valid"]
    assert open_matters() == []
    told = [item for item in kiosk.feed() if isinstance(item, KeyBoundElsewhere)]
    assert told[-1].number == keys[1]


def test_the_later_key_goes_out_of_use_when_the_first_one_stays(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    keys = []
    for each in (kiosk, other):
        each.feed()
        keys.append(each.bind(each.place()).number)
        each.pushed()
    decide(Action.REVOKE)
    assert [status_of(key) for key in keys] == ["valid", "revoked"]


def test_money_for_a_key_that_was_held_and_refused_goes_back(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other, now = make_kiosk(4), int(time.time())
    placed = []
    for each in (kiosk, other):
        each.feed()
        placed.append(each.place())
        each.bind(placed[-1])
        each.pushed()
    rows = [LedgerOrder.objects.get(reference=each.order) for each in placed]
    assert [settling.request_refund(row, "admin", "", now) for row in rows] == [False, False]
    decide(Action.REVOKE)
    assert [settling.request_refund(row, "admin", "", now) for row in rows] == [False, True]
    assert [settling.may_pay_back(row) for row in rows] == [False, False]  # its kiosk is asked
    assert [item.order for item in other.feed() if isinstance(item, RefundRequested)] == [placed[1].order]
    Kiosk.objects.update(state=KioskState.REVOKED)
    assert [settling.may_pay_back(row) for row in rows] == [False, True]
