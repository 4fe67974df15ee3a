"""What the centre makes of entries: nothing waits, nothing is blocked, what does not fit is a matter beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.decisions import RegisterDecided
from kiosk.domain.entries.keys import HoldLifted, LossReported
from kiosk.domain.entries.orders import OrderAssigned, OrderCancelled, OrderExpired, OrderPaid, OrderPlaced
from kiosk.domain.feed import (
    KeyBoundElsewhere,
    MatterPublished,
    RefundRequested,
    RegisterDecision,
    RevocationPublished,
)
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Certificate, CertificateStatus, OrderStatus, PaidHow
from kiosk.domain.policy import Policy
from kiosk.domain.versions import ALL
from kiosk.pki import issuing
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2, KeyAlgorithm
from sync.central.centre_keys import CentreKeys
from sync.central.examples import SCHEDULE, BoundKey, Examples, make_examples
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.models import Fact
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerAccount, LedgerCertificate, LedgerOrder, Matter, MatterState
from sync.central.ledger.replaying import differences
from sync.central.ledger.rules import Action
from sync.central.ledger.verifying import is_genuine
from sync.central.members.models import FeeSchedule
from sync.central.members.publishing import publish_schedule
from sync.protocol import records
from tests.support.books import all_applied, open_matters, remarks, the_matter
from tests.support.desk import NOW, authorities
from tests.support.kiosk_double import KioskDouble
from tests.support.odd_certificates import root_without_key_parameters

pytestmark = pytest.mark.django_db


def _bind(kiosk: KioskDouble, placed: OrderPlaced, old: KeyOnRecord | None = None, **changes: Any) -> Any:
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, old, **changes)
    kiosk.finish(placed)
    return issued


def _decide(action: Action) -> Matter:
    """Decide the one open matter."""
    matter = the_matter()
    assert settling.decide([matter], action, "admin", "看过了", int(time.time())) == []
    matter.refresh_from_db()
    return matter


def _status(number: str) -> str:
    return LedgerCertificate.objects.get(number=number).status


@pytest.fixture(autouse=True)
def replay_equals_the_tables() -> Iterator[None]:
    """After each of these tests the journals alone make the same books."""
    yield
    assert differences() == []


def test_a_matter_holds_up_nobody(kiosk: KioskDouble) -> None:
    kiosk.feed()
    cheap = tuple(line for line in SCHEDULE.lines(OrderKind.NEW) if line.item != "token")
    wrong = kiosk.place(lines=cheap)
    kiosk.append(OrderCancelled(wrong.order, "member"))
    right = kiosk.place()
    kiosk.pushed()
    assert all_applied()
    assert remarks() == {2: ["price-differs"]}
    assert LedgerOrder.objects.get(reference=wrong.order).status == OrderStatus.CANCELLED.value
    assert LedgerOrder.objects.get(reference=right.order).status == OrderStatus.PLACED.value
    assert open_matters() == [("price-differs", "11000001")]
    (told,) = [item for item in kiosk.feed() if isinstance(item, MatterPublished)]
    assert told == MatterPublished("price-differs", wrong.order, "11000001", 2)


def test_a_matter_is_decided_and_its_kiosk_hears_of_it(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    kiosk.pushed()
    matter = _decide(Action.ACCEPT)
    assert (matter.state, matter.action, matter.closed_by) == ("decided", "accept", "admin")
    assert [item.outcome for item in kiosk.feed() if isinstance(item, MatterPublished)] == ["accept"]
    assert settling.decide([matter], Action.REOPEN, "admin", "看错了", int(time.time())) == []
    assert open_matters() == [("price-differs", "11000001")]
    assert [item.outcome for item in kiosk.news() if isinstance(item, MatterPublished)] == [""]


def test_the_key_of_an_order_with_a_matter_is_held_until_it_is_taken_as_received(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = _bind(kiosk, kiosk.place(policy=99))
    kiosk.pushed()
    assert _status(issued.number) == "held"
    _decide(Action.ACCEPT)
    assert _status(issued.number) == "valid"
    assert open_matters() == []


def _undo(matter: Matter) -> None:
    assert settling.decide([matter], Action.REOPEN, "admin", "看错了", int(time.time())) == []


def test_undoing_a_decision_holds_again_the_key_that_it_listed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = _bind(kiosk, kiosk.place(policy=99))
    kiosk.pushed()
    matter = _decide(Action.ACCEPT)
    _undo(matter)
    assert _status(issued.number) == "held"
    assert open_matters() == [("beyond-policy", "11000001")]
    _decide(Action.ACCEPT)
    assert _status(issued.number) == "valid"


def test_undoing_leaves_a_key_that_was_listed_before_the_matter_was_raised(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    issued = _bind(kiosk, placed)
    kiosk.pushed()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 1, kiosk.now()))
    kiosk.pushed()
    _undo(_decide(Action.ACCEPT))
    assert open_matters() == [("amount-differs", "11000001")]
    assert _status(issued.number) == "valid"


def test_undoing_brings_no_key_back_that_a_later_one_replaced(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = _bind(kiosk, kiosk.place(policy=99))
    kiosk.pushed()
    matter = _decide(Action.ACCEPT)
    old = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)
    placed = kiosk.place(kind=OrderKind.RENEWAL)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    renewed = kiosk.certificate(placed, old)
    kiosk.finish(placed)
    kiosk.pushed()
    _undo(matter)
    assert (_status(issued.number), _status(renewed.number)) == ("revoked", "valid")


def test_undoing_the_choice_of_a_key_holds_that_key_until_it_is_chosen_again(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    keys = []
    for each in (kiosk, make_kiosk(4)):
        each.feed()
        keys.append(_bind(each, each.place()).number)
        each.pushed()
    _undo(_decide(Action.LIST))
    assert [_status(key) for key in keys] == ["revoked", "held"]
    assert open_matters() == [("certificate-held", "11000001")]
    _decide(Action.LIST)
    assert [_status(key) for key in keys] == ["revoked", "valid"]


def test_a_key_taken_out_of_use_by_a_decision_is_not_brought_back(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    for each in (kiosk, make_kiosk(4)):
        each.feed()
        _bind(each, each.place())
        each.pushed()
    matter = _decide(Action.REVOKE)
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
    _decide(Action.NOTED)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    assert open_matters() == [("amount-beyond-policy", "11000003")]
    (told,) = [item for item in kiosk.news() if isinstance(item, MatterPublished)]
    assert (told.sequence, told.outcome) == (6, "")
    _decide(Action.NOTED)


def test_an_order_with_two_matters_holds_its_key_until_both_are_decided(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = _bind(kiosk, kiosk.place(policy=99), not_after=int(time.time()) + 3000 * 86400)
    kiosk.pushed()
    now = int(time.time())
    for matter in Matter.objects.filter(state=MatterState.OPEN, rule="beyond-policy"):
        settling.decide([matter], Action.ACCEPT, "admin", "照收", now)
    assert _status(issued.number) != "valid"


def test_a_bound_orders_money_goes_back_once_its_key_is_out_of_use(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place(policy=99)
    issued = _bind(kiosk, placed)
    kiosk.pushed()
    _decide(Action.REFUND)
    assert _status(issued.number) == "revoked"
    assert open_matters() == []
    assert settling.may_pay_back(LedgerOrder.objects.get(reference=placed.order))


def test_a_bound_orders_money_stays_while_nobody_decided_otherwise(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    _bind(kiosk, placed)
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=placed.order)
    assert not settling.may_pay_back(row)
    assert not settling.request_refund(row, "admin", "会员要求", int(time.time()))


def test_a_bound_order_of_a_revoked_kiosk_is_paid_back_when_a_person_decides(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place(policy=99)
    _bind(kiosk, placed)
    kiosk.pushed()
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    _decide(Action.REFUND)
    assert settling.may_pay_back(LedgerOrder.objects.get(reference=placed.order))


def test_a_key_that_is_held_for_its_orders_matter_never_displaces_a_newer_one(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    for each in (kiosk, other):
        each.feed()
    held = _bind(kiosk, kiosk.place(policy=99))
    kiosk.pushed()
    newer = _bind(other, other.place(nonce=b"other6"), serial="E8AD652202221F99")
    other.pushed()
    for matter in Matter.objects.filter(rule="beyond-policy", state=MatterState.OPEN):
        settling.decide([matter], Action.ACCEPT, "admin", "照收", int(time.time()))
    assert (_status(newer.number), _status(held.number)) == ("valid", "held")
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


def test_a_superseded_schedule_is_taken_while_the_kiosk_could_not_know(kiosk: KioskDouble) -> None:
    kiosk.feed()
    knew = kiosk.cursors[ALL]
    row = FeeSchedule.objects.create(
        number=2, effective_from=int(time.time()) - 3600, token=1, certificate=2, service=3
    )
    publish_schedule(row, int(time.time()))
    assert knew < kiosk.page().heads[ALL]
    old = kiosk.place(feed=knew)
    kiosk.append(OrderExpired(old.order))
    kiosk.feed()
    still = kiosk.place(feed=kiosk.cursors[ALL])  # still at the old price, though it was told
    kiosk.append(OrderExpired(still.order))
    new = kiosk.place(feed=kiosk.cursors[ALL], schedule=row.record())
    kiosk.pushed()
    assert remarks() == {4: ["price-differs"]}
    assert LedgerOrder.objects.get(reference=new.order).total == 6


def test_money_that_another_kiosk_tells_of_is_on_record_and_waits_for_nobody(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    other = make_kiosk(4)
    other.feed()
    placed = kiosk.place()
    other.append(OrderPaid(placed.order, PaidHow.DESK, 34000, other.now(), supervisor="林涛"))
    other.pushed()
    assert all_applied()
    assert remarks(4) == {2: ["money-told-by-another"]}
    kiosk.pushed()
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.PLACED.value


def test_of_two_keys_of_one_account_a_person_chooses(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    keys = []
    for each in (kiosk, other):
        each.feed()
        keys.append(_bind(each, each.place()).number)
    kiosk.pushed()
    other.pushed()
    assert all_applied()
    assert [_status(key) for key in keys] == ["valid", "held"]
    assert open_matters() == [("certificate-held", "11000001")]
    _decide(Action.LIST)
    assert [_status(key) for key in keys] == ["revoked", "valid"]
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
        keys.append(_bind(each, each.place()).number)
        each.pushed()
    _decide(Action.REVOKE)
    assert [_status(key) for key in keys] == ["valid", "revoked"]


def test_money_for_a_key_that_was_held_and_refused_goes_back(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other, now = make_kiosk(4), int(time.time())
    placed = []
    for each in (kiosk, other):
        each.feed()
        placed.append(each.place())
        _bind(each, placed[-1])
        each.pushed()
    rows = [LedgerOrder.objects.get(reference=each.order) for each in placed]
    assert [settling.request_refund(row, "admin", "", now) for row in rows] == [False, False]
    _decide(Action.REVOKE)
    assert [settling.request_refund(row, "admin", "", now) for row in rows] == [False, True]
    assert [settling.may_pay_back(row) for row in rows] == [False, False]  # its kiosk is asked
    assert [item.order for item in other.feed() if isinstance(item, RefundRequested)] == [placed[1].order]
    Kiosk.objects.update(state=KioskState.REVOKED)
    assert [settling.may_pay_back(row) for row in rows] == [False, True]


def test_an_unpaid_order_elsewhere_is_a_warning_that_ends_by_itself(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    """Two healthy kiosks with one account: unpaid at 4, paid and bound at 3; nobody has to do anything."""
    other = make_kiosk(4)
    for each in (kiosk, other):
        each.feed()
    unpaid = other.place()
    other.pushed()
    placed = kiosk.place()
    kiosk.pushed()
    assert open_matters() == [("order-open-already", "11000001")]
    issued = _bind(kiosk, placed)
    kiosk.pushed()
    assert _status(issued.number) == "valid"
    assert open_matters() == []
    other.append(OrderExpired(unpaid.order))
    other.pushed()
    assert open_matters() == []
    assert all_applied()
    assert LedgerOrder.objects.get(reference=unpaid.order).status == OrderStatus.EXPIRED.value


def test_a_renewal_of_a_key_bound_elsewhere(
    examples: Examples, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    pair = SM2.generate()
    bound = {"11000002": BoundKey("OLD-SERIAL", pair.public_key.hex())}
    (made,) = make_examples(3, bound, keys, int(time.time())).certificates
    assert make_examples(3, bound, keys, int(time.time())).certificates == (made,)
    kiosk, other = make_kiosk(3), make_kiosk(4)
    (told,) = [item for item in kiosk.feed() if isinstance(item, KeyBoundElsewhere)]
    assert (told.number, told.certificate.hex()) == (made.number, made.certificate)
    old = KeyOnRecord(made.number, "OLD-SERIAL", made.not_before, made.not_after)
    placed = kiosk.place("11000002", OrderKind.RENEWAL, enterprise="河南中原储备粮有限公司（郑州）")
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, old, serial="OLD-SERIAL")
    kiosk.finish(placed)
    kiosk.pushed()
    assert remarks() == {}
    assert _status(made.number) == "revoked"
    assert _status(issued.number) == "valid"
    assert issued.not_after > made.not_after + 364 * 86400
    news = other.feed()
    assert [item.number for item in news if isinstance(item, KeyBoundElsewhere)] == [issued.number]


def test_a_renewal_with_another_token_than_the_one_on_record_is_held(
    examples: Examples, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    bound = {"11000002": BoundKey("OLD-SERIAL", SM2.generate().public_key.hex())}
    (made,) = make_examples(3, bound, keys, int(time.time())).certificates
    kiosk = make_kiosk(3)
    kiosk.feed()
    old = KeyOnRecord(made.number, "OTHER", made.not_before, made.not_after)
    placed = kiosk.place("11000002", OrderKind.RENEWAL, enterprise="河南中原储备粮有限公司（郑州）")
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, old, serial="OTHER")
    kiosk.finish(placed)
    kiosk.pushed()
    assert the_matter().rule == "another-token"
    assert (_status(made.number), _status(issued.number)) == ("valid", "held")


def test_other_kiosks_hear_of_a_new_key_and_of_its_loss(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    kiosk.feed()
    other.feed()
    issued = _bind(kiosk, kiosk.place())
    kiosk.pushed()
    (bound,) = [item for item in other.news() if isinstance(item, KeyBoundElsewhere)]
    assert (bound.account, bound.number, bound.lost) == ("11000001", issued.number, False)
    key = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)
    kiosk.append(LossReported("11000001", key))
    kiosk.pushed()
    news = other.news()
    assert [item.lost for item in news if isinstance(item, KeyBoundElsewhere)] == [True]
    assert not [item for item in news if isinstance(item, RevocationPublished)]  # a hold can be lifted
    assert LedgerCertificate.objects.get().status == "on-hold"
    kiosk.append(HoldLifted("11000001", key.on_hold(), "张华"))
    kiosk.pushed()
    told = [item for item in other.news() if isinstance(item, KeyBoundElsewhere)]
    assert [(item.lost, item.holds) for item in told] == [(False, 2)]
    assert LedgerCertificate.objects.get().status == "valid"


def test_a_certificate_by_another_authority_is_a_matter(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    other = make_kiosk(4)
    kiosk.issuing_key, kiosk.enrolment = other.issuing_key, other.enrolment
    placed = kiosk.place(order_code=b"")
    kiosk.pushed()
    assert the_matter().rule == "order-of-another-kiosk"
    assert placed.order_code == b""


def test_a_certificate_by_a_stolen_authority_is_never_listed_and_on_record(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    own, other = kiosk.enrolment, make_kiosk(4)
    kiosk.issuing_key, kiosk.enrolment = other.issuing_key, other.enrolment
    issued = _bind(kiosk, placed)
    kiosk.enrolment = own
    kiosk.pushed()
    assert open_matters() == [("signature-wrong", "11000001")]
    assert Fact.objects.filter(kind="certificate").count() == 1
    assert _status(issued.number) == "bound"
    assert not LedgerAccount.objects.filter(account="11000001").exists()


def test_what_came_before_the_machine_was_replaced_is_judged_by_its_own_authority(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    issued = _bind(kiosk, kiosk.place())
    kiosk.pushed()
    KioskDouble(3).enrol(give_token(3, int(time.time())))
    _decide(Action.ACCEPT)
    assert LedgerCertificate.objects.get().number == issued.number


def test_a_certificate_by_the_authority_of_a_machine_that_was_replaced_is_a_matter(
    kiosk: KioskDouble,
) -> None:
    kiosk.feed()
    kiosk.pushed()
    machine = KioskDouble(3)
    machine.enrolment = machine.enrol_with(give_token(3, int(time.time()) - 10)).read(records.EnrolAnswer)
    machine.tip, machine.cursors = kiosk.tip, kiosk.cursors
    machine.epoch, machine.machine = machine.answer.epoch, machine.answer.machine
    machine.append(EpochBegan(given_by_centre=True, continues=kiosk.tip))
    machine.issuing_key = kiosk.issuing_key
    machine.enrolment = msgspec.structs.replace(
        machine.answer, issuing_certificate=kiosk.answer.issuing_certificate
    )
    _bind(machine, machine.place())
    machine.pushed()
    assert the_matter().rule == "signature-wrong"


def test_a_certificate_of_an_odd_form_is_never_listed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.certificate(placed, certificate=root_without_key_parameters())
    kiosk.finish(placed)
    kiosk.pushed()
    assert the_matter().rule == "signature-wrong"


def test_a_certificate_that_ends_too_late_is_a_matter(kiosk: KioskDouble) -> None:
    kiosk.feed()
    _bind(kiosk, kiosk.place(), old_end=int(time.time()) + 300 * 86400)
    kiosk.pushed()
    assert the_matter().rule == "certificate-differs"


@pytest.mark.parametrize(("seconds", "stands"), [(660, False), (540, True), (-660, False), (-5, False)])
def test_a_certificate_that_begins_at_another_time_than_its_entry_tells_is_a_matter(
    kiosk: KioskDouble,
    seconds: int,
    stands: bool,  # noqa: FBT001 - the parameter
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    issued = kiosk.certificate(placed, wall=kiosk.now() + seconds)
    kiosk.finish(placed)
    kiosk.pushed()
    assert _status(issued.number) == ("valid" if stands else "held")
    if not stands:
        assert ("certificate-differs", "11000001") in open_matters()


@pytest.mark.parametrize(("before", "stands"), [(1, False), (0, True)])
def test_a_certificate_that_begins_before_its_issuer_s_is_a_matter(
    kiosk: KioskDouble,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    stands: bool,  # noqa: FBT001 - the parameter
) -> None:
    monkeypatch.setattr(issuing, "_require_period", lambda *_: None)  # what an honest kiosk refuses itself
    issuer = parse_certificate(kiosk.answer.issuing_certificate)
    kiosk.feed()
    kiosk.clock_offset = issuer.not_before + 300 - kiosk.now()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    issued = kiosk.certificate(placed, begin=issuer.not_before - before)
    kiosk.finish(placed)
    kiosk.clock_offset = 0
    kiosk.pushed()
    assert _status(issued.number) == ("valid" if stands else "bound")
    assert Fact.objects.filter(certificate_number=issued.number).count() == 1
    if not stands:
        assert the_matter().rule == "signature-wrong"


@pytest.mark.parametrize(("early", "genuine"), [(0, True), (600, True), (86_400, True), (86_401, False)])
def test_a_certificate_that_begins_longer_before_its_issue_than_any_policy_allows_is_not_genuine(
    early: int,
    genuine: bool,  # noqa: FBT001 - the parameter
) -> None:
    authority, key = authorities().issuing, SM2.generate()
    member = MemberName("11000001", "甲")
    info = certification_request_info(DEFAULT_ORGANISATION, member, KeyAlgorithm.SM2, key.public_key)
    request = assemble(info, KeyAlgorithm.SM2, SM2.sign(key, info))
    end = NOW + 86_400
    der = authority.issue(request, member, 1, NOW, end, early)
    status = CertificateStatus.BOUND
    certificate = Certificate("0000000000000001", "3-0147-6", "11000001", "A", der, NOW, end, 3, 1, status)
    assert is_genuine(certificate, None, authority.certificate) is genuine


def test_certificates_beyond_the_policy_are_matters(kiosk: KioskDouble, keys: CentreKeys) -> None:
    kiosk.feed()
    now = int(time.time())
    limits = Policy(number=0, kiosk=3, valid_until=now + 86400, unsynced_certificates=0, unsynced_amount=1)
    row = policies.issue(3, limits, keys, now)
    issued = _bind(kiosk, kiosk.place(), policy=row.number)
    kiosk.pushed()
    assert sorted(rule for rule, _ in open_matters()) == ["amount-beyond-policy", "beyond-policy"]
    assert _status(issued.number) == "held"


def test_a_copy_that_is_put_back_begins_no_count_anew(kiosk: KioskDouble, keys: CentreKeys) -> None:
    """Both were issued before either was uploaded: on strands of their own, and beyond the policy together."""
    kiosk.feed()
    now = int(time.time())
    limits = Policy(
        number=0, kiosk=3, valid_until=now + 86400, unsynced_certificates=1, unsynced_amount=34000
    )
    row = policies.issue(3, limits, keys, now)
    kiosk.clock_offset = -60
    copy = kiosk.twin()
    first = _bind(kiosk, kiosk.place("11000001"), policy=row.number)
    kiosk.pushed()
    assert open_matters() == []
    second = _bind(copy, copy.place("11000003", nonce=b"other6"), policy=row.number, serial="7F3A")
    copy.pushed()
    assert sorted(rule for rule, _ in open_matters()) == ["amount-beyond-policy", "beyond-policy"]
    assert (_status(first.number), _status(second.number)) == ("valid", "held")


def test_a_policy_that_was_never_given_is_a_matter(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(policy=99)
    kiosk.pushed()
    assert the_matter().rule == "beyond-policy"


def _revoked_by_staff(number: str) -> None:
    row = LedgerCertificate.objects.get(number=number)
    settling.revoke_certificate(row, "admin", "stolen", int(time.time()))


def _enter_revocation(kiosk: KioskDouble) -> None:
    """Enter what the feed tells of the decision, as the kiosk does."""
    (told,) = [item for item in kiosk.feed() if isinstance(item, RegisterDecision)]
    decided = (told.account, told.order, told.certificate, told.decision, told.by, told.remark)
    kiosk.append(RegisterDecided(*decided, feed=kiosk.feed_key(told)))


def test_a_revocation_counts_at_once_and_comes_back_in_the_issuing_kiosks_journal(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = _bind(kiosk, kiosk.place())
    kiosk.pushed()
    _revoked_by_staff(issued.number)
    assert LedgerCertificate.objects.get(number=issued.number).status == "revoked"
    _enter_revocation(kiosk)
    kiosk.pushed()
    assert LedgerCertificate.objects.get(number=issued.number).status == "revoked"
    assert all_applied()


def test_a_certificate_that_is_being_bound_is_revoked_at_once(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.pushed()
    _revoked_by_staff(issued.number)
    assert LedgerCertificate.objects.get().status == "revoked"
    kiosk.finish(placed)
    _enter_revocation(kiosk)
    kiosk.pushed()
    assert LedgerCertificate.objects.get().status == "revoked"
    assert all_applied()


def test_a_renewal_bound_before_its_kiosk_heard_of_a_revocation_holds(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = _bind(kiosk, kiosk.place())
    kiosk.pushed()
    _revoked_by_staff(issued.number)
    placed = kiosk.place(kind=OrderKind.RENEWAL)
    old = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    renewed = kiosk.certificate(placed, old)
    kiosk.finish(placed)
    _enter_revocation(kiosk)
    kiosk.pushed()
    assert all_applied()
    assert dict(LedgerCertificate.objects.values_list("number", "status")) == {
        issued.number: "revoked",
        renewed.number: "valid",
    }


def test_a_certificate_of_the_exchange_is_revoked_at_once(
    examples: Examples, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    bound = {"11000007": BoundKey("SERIAL", SM2.generate().public_key.hex())}
    (made,) = make_examples(3, bound, keys, int(time.time())).certificates
    kiosk = make_kiosk(3)
    _revoked_by_staff(made.number)
    assert LedgerCertificate.objects.get(number=made.number).status == "revoked"
    told = [item for item in kiosk.feed() if isinstance(item, KeyBoundElsewhere)]
    assert [(item.number, item.revoked) for item in told] == [(made.number, True)]


def test_the_web_order_is_taken_over_by_its_kiosk(kiosk: KioskDouble) -> None:
    (item,) = [each for each in kiosk.feed() if type(each).__name__ == "OrderAssignedHere"]
    kiosk.append(OrderAssigned(**asdict(item.facts), feed=kiosk.feed_key(item)))
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=item.order)
    assert (row.owner, row.status, row.account) == (3, OrderStatus.PAID.value, "11000006")
