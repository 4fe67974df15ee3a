"""Strands and quarantine: staff take over what is to count and set aside what is not; nothing else waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from kiosk.domain.echoes import echo_of
from kiosk.domain.entries.bindings import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateProved,
    CertificateWritten,
)
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.decisions import MatterDecided, RegisterDecided, StrandDecision
from kiosk.domain.entries.keys import PinChanged
from kiosk.domain.entries.orders import DeliveryChosen, OrderExpired, OrderPaid, OrderPlaced, RefundGranted
from kiosk.domain.feed import RegisterDecision
from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH
from kiosk.domain.ledger import Delivery, PaidHow
from sync.central.examples import Examples
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.machines import end
from sync.central.fleet.models import Machine, MachineState
from sync.central.journal.models import Alarm, AlarmKind, Entry, Fact, Source, Strand, StrayEntry
from sync.central.ledger import settling
from sync.central.ledger.deciding_strands import decide_quarantine, decide_strand
from sync.central.ledger.models import LedgerCertificate, LedgerOrder, Matter, MatterState
from sync.central.ledger.replaying import differences
from sync.central.ledger.rules import Action
from sync.central.payments import paying
from sync.central.payments.models import Payment
from tests.support.books import all_applied, open_matters
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db

TAKE_OVER, SET_ASIDE = StrandDecision.TAKE_OVER, StrandDecision.SET_ASIDE
GIVEN_UP = StrandDecision.GIVEN_UP


@pytest.fixture(autouse=True)
def replay_equals_the_tables() -> Iterator[None]:
    """After each of these tests the journals alone make the same books."""
    yield
    assert differences() == []


def _clone(kiosk: KioskDouble) -> KioskDouble:
    """A copy of the kiosk's data directory, with the same keys."""
    made = KioskDouble(kiosk.number)
    made.__dict__.update(kiosk.__dict__)
    made.entries = list(kiosk.entries)
    return made


def _pay(kiosk: KioskDouble, account: str, nonce: bytes) -> OrderPlaced:
    placed = kiosk.place(account, nonce=nonce)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    return placed


def _bind(
    kiosk: KioskDouble, account: str, nonce: bytes, serial: str = "E8AD652202221F03"
) -> tuple[str, str]:
    placed = _pay(kiosk, account, nonce)
    issued = kiosk.certificate(placed, serial=serial)
    kiosk.finish(placed)
    return placed.order, issued.number


def _retire() -> None:
    end(Machine.objects.get(kiosk=3, number=1), MachineState.RETIRED, "admin", "停用", int(time.time()))


def _status(number: str) -> str:
    return LedgerCertificate.objects.get(number=number).status


def _may_pay_back(order: str) -> bool:
    return settling.may_pay_back(LedgerOrder.objects.get(reference=order))


def _decide(strand: int, decision: StrandDecision) -> None:
    row = Strand.objects.get(kiosk=3, number=strand)
    decide_strand(row, decision, "admin", "看过了", int(time.time()))


@pytest.fixture
def branch(kiosk: KioskDouble) -> KioskDouble:
    """A clone of kiosk 3 that goes on beside it, on strand 2."""
    kiosk.feed()
    kiosk.pushed()
    clone = _clone(kiosk)
    _pay(kiosk, "11000007", b"first0")
    kiosk.pushed()
    clone.append(DeliveryChosen("3-0002-2", Delivery.MAIL))
    assert clone.pushed().strand == 2
    return clone


def test_of_a_strand_that_is_set_aside_nothing_comes_into_use_and_money_may_go_back(
    kiosk: KioskDouble, branch: KioskDouble
) -> None:
    listed, key = _bind(branch, "11000001", b"second")
    waiting = _pay(branch, "11000003", b"third0")
    issued = branch.certificate(waiting)
    branch.pushed()
    assert (_status(key), _status(issued.number)) == ("valid", "issued")
    assert not _may_pay_back(waiting.order)
    _decide(2, SET_ASIDE)
    assert (_status(key), _status(issued.number)) == ("valid", "revoked")
    assert not _may_pay_back(waiting.order)  # the kiosk's machine works, and may bind it
    _retire()
    assert _may_pay_back(waiting.order)
    assert not _may_pay_back(listed)
    branch.finish(waiting)
    later, late = _bind(branch, "11000006", b"fourth")
    branch.pushed()
    assert all_applied()
    assert (_status(issued.number), _status(late)) == ("revoked", "revoked")
    assert _may_pay_back(later)
    assert settling.may_return(waiting.order, 3)
    assert open_matters() == []
    ours = LedgerOrder.objects.get(account="11000007")
    assert not settling.may_pay_back(ours)


def _granted(kiosk: KioskDouble, order: str) -> None:
    kiosk.append(RefundGranted(order, "林涛", "中心要求"))
    kiosk.pushed()


def test_a_machine_that_works_is_asked_before_the_money_of_a_strand_set_aside_goes_back(
    kiosk: KioskDouble, branch: KioskDouble
) -> None:
    waiting = _pay(branch, "11000003", b"third0")
    branch.pushed()
    _decide(2, SET_ASIDE)
    row = LedgerOrder.objects.get(reference=waiting.order)
    assert not settling.may_return(waiting.order, 3)
    assert settling.request_refund(row, "admin", "会员要求", int(time.time()))
    _granted(kiosk, waiting.order)  # the other copy takes in what the branch told
    assert settling.may_return(waiting.order, 3)


def test_who_answers_for_it_that_nobody_binds_the_orders_of_a_strand_has_their_money_paid_back(
    branch: KioskDouble,
) -> None:
    waiting = _pay(branch, "11000003", b"third0")
    issued = branch.certificate(waiting)
    branch.pushed()
    _decide(2, GIVEN_UP)
    assert _may_pay_back(waiting.order)
    branch.finish(waiting)
    branch.pushed()
    assert _status(issued.number) == "revoked"
    assert open_matters() == []


def test_a_machine_that_replaced_another_is_asked_as_well(kiosk: KioskDouble, branch: KioskDouble) -> None:
    waiting = _pay(branch, "11000003", b"third0")
    branch.pushed()
    _decide(2, SET_ASIDE)
    KioskDouble(3).enrol(give_token(3, kiosk.now()))
    assert not _may_pay_back(waiting.order)
    end(Machine.objects.get(kiosk=3, number=2), MachineState.LOST, "admin", "丢了", kiosk.now())
    assert _may_pay_back(waiting.order)


def _returned(order: str) -> None:
    """The order was paid on its page, and its money is back."""
    payment = Payment.objects.get(order=order)
    assert settling.may_return(order, payment.kiosk)
    assert paying.pay_back(payment, int(time.time()))


def _paid_on_its_page(kiosk: KioskDouble, account: str, nonce: bytes) -> OrderPlaced:
    placed = kiosk.place(account, nonce=nonce)
    assert Client().post(kiosk.page_path(placed), {"action": "pay"}).status_code in {200, 302}
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.pushed()
    return placed


@pytest.fixture
def given_back(branch: KioskDouble) -> OrderPlaced:
    """An order of the branch whose money went back before the branch was taken over again."""
    placed = _paid_on_its_page(branch, "11000003", b"third0")
    _decide(2, GIVEN_UP)
    _returned(placed.order)
    _decide(2, TAKE_OVER)
    return placed


def test_a_key_for_which_the_money_went_back_is_never_accepted(
    staff: Client, branch: KioskDouble, given_back: OrderPlaced
) -> None:
    issued = branch.certificate(given_back)
    branch.finish(given_back)
    branch.pushed()
    assert _status(issued.number) == "held"
    assert open_matters() == [("money-returned", "11000003")]
    (matter,) = Matter.objects.filter(state=MatterState.OPEN)
    assert "款已退回" in _act(staff, Matter, "accept", matter.pk)
    assert _status(issued.number) == "held"
    assert "款已退回" not in _act(staff, Matter, "refund", matter.pk)
    assert (_status(issued.number), open_matters()) == ("revoked", [])


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.REFUND])
def test_what_was_decided_before_the_key_was_bound_does_not_list_it(
    branch: KioskDouble, given_back: OrderPlaced, action: Action
) -> None:
    branch.append(BindingStarted(given_back.order, 1, "E8AD652202221F03", "gmt", "SM2"))
    branch.pushed()
    now = int(time.time())
    assert (
        settling.decide(Matter.objects.filter(state=MatterState.OPEN), action, "admin", "看过了", now) == []
    )
    branch.append(BindingAbandoned(given_back.order, 1, "林涛", "换一个key盘"))
    issued = branch.certificate(given_back, attempt=2)
    branch.finish(given_back, attempt=2)
    branch.pushed()
    assert _status(issued.number) == "held"
    assert open_matters() == [("certificate-held", "11000003")]
    (matter,) = Matter.objects.filter(state=MatterState.OPEN)
    assert settling.decide([matter], Action.LIST, "admin", "照收", now) == [matter]
    assert settling.decide([matter], Action.REVOKE, "admin", "停用", now) == []
    assert (_status(issued.number), open_matters()) == ("revoked", [])


def test_the_last_matter_of_an_order_whose_money_went_back_lists_no_key(branch: KioskDouble) -> None:
    placed = branch.place("11000003", nonce=b"third0", policy=99)
    assert Client().post(branch.page_path(placed), {"action": "pay"}).status_code in {200, 302}
    branch.append(OrderPaid(placed.order, PaidHow.CODE, 34000, branch.now()))
    branch.append(BindingStarted(placed.order, 1, "E8AD652202221F03", "gmt", "SM2"))
    branch.pushed()
    _decide(2, GIVEN_UP)
    _returned(placed.order)
    _decide(2, TAKE_OVER)
    branch.append(BindingAbandoned(placed.order, 1, "林涛", "换一个key盘"))
    issued = branch.certificate(placed, attempt=2)
    branch.pushed()
    now = int(time.time())
    matters = Matter.objects.filter(state=MatterState.OPEN, rule="money-returned")
    assert settling.decide(matters, Action.REFUND, "admin", "已退", now) == []
    branch.finish(placed, attempt=2)
    branch.pushed()
    left = Matter.objects.filter(state=MatterState.OPEN).exclude(rule="certificate-held")
    assert settling.decide(left, Action.ACCEPT, "admin", "照收", now) == list(left)
    for each in left:  # as if the money had come back in the same moment
        accepted = MatterDecided(each.rule, each.subject, "accept", "admin", "照收", each.account)
        settling.enter_and_apply([accepted], now)
    assert _status(issued.number) == "held"
    assert ("certificate-held", "11000003") in open_matters()


def test_a_key_that_is_bound_after_a_refund_was_decided_is_held(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place("11000003", policy=99)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    now = int(time.time())
    assert settling.decide(Matter.objects.all(), Action.REFUND, "admin", "退款", now) == []
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    assert _status(issued.number) == "held"
    assert open_matters() == [("certificate-held", "11000003")]


def test_an_order_that_an_offline_branch_may_tell_of_is_not_lost(kiosk: KioskDouble) -> None:
    kiosk.feed()
    copy = kiosk.twin()
    for nonce in (b"first0", b"second", b"third0", b"fourth"):
        kiosk.append(OrderExpired(kiosk.place("11000007", nonce=nonce).order))
    kiosk.pushed()
    copy.epoch = FIRST_RANDOM_EPOCH + 7  # the copy was put back, and begins an epoch by itself
    copy.append(EpochBegan(given_by_centre=False, continues=copy.tip))
    copy.pushed()
    unheard = copy.place("11000003", nonce=b"unhear")
    assert Client().post(copy.page_path(unheard), {"action": "pay"}).status_code in {200, 302}
    assert not settling.may_return(unheard.order, 3)
    copy.pushed()
    assert not settling.may_return(unheard.order, 3)


def test_an_order_is_lost_once_its_machine_left_the_epoch_of_its_number(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.pushed()
    copy = kiosk.twin()
    _pay(kiosk, "11000007", b"first0")
    kiosk.pushed()
    lost = kiosk.place("11000003", nonce=b"second")
    assert Client().post(kiosk.page_path(lost), {"action": "pay"}).status_code in {200, 302}
    assert not settling.may_return(lost.order, 3)
    copy.epoch = FIRST_RANDOM_EPOCH + 7
    copy.append(EpochBegan(given_by_centre=False, continues=copy.tip))
    copy.pushed()
    assert settling.may_return(lost.order, 3)


def test_an_order_in_quarantine_that_nobody_decided_about_is_not_lost(
    revoked: tuple[Machine, str, str],
) -> None:
    _, order, _ = revoked
    new = KioskDouble(3).enrol(give_token(3, int(time.time())))
    for count in range(7):
        new.append(OrderExpired(new.place("11000006", nonce=b"count%d" % count).order))
    new.pushed()
    assert not settling.may_return(order, 3)


def test_the_key_of_an_order_that_a_strand_set_aside_finished_is_not_listed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = _pay(kiosk, "11000001", b"first0")
    issued = kiosk.certificate(placed)
    kiosk.pushed()
    clone = _clone(kiosk)
    kiosk.append(PinChanged("11000001", "E8AD652202221F03"))
    kiosk.pushed()
    clone.append(CertificateWritten(placed.order, 1))
    clone.pushed()
    _decide(2, SET_ASIDE)
    clone.append(CertificateProved(placed.order, 1, b"challenge", b"signature"))
    clone.append(Bound(placed.order, 1))
    clone.pushed()
    assert _status(issued.number) == "revoked"


def test_a_strand_that_is_taken_over_counts_again_from_then_on(
    kiosk: KioskDouble, branch: KioskDouble
) -> None:
    _decide(2, SET_ASIDE)
    lost, number = _bind(branch, "11000001", b"second")
    branch.pushed()
    assert _status(number) == "revoked"
    _decide(2, TAKE_OVER)
    _, later = _bind(branch, "11000003", b"third0")
    branch.pushed()
    assert (_status(number), _status(later)) == ("revoked", "valid")
    assert not _may_pay_back(lost)
    branch.feed()
    row = LedgerOrder.objects.get(reference=lost)
    assert settling.request_refund(row, "admin", "没有用过的key盘", int(time.time()))
    (decided,) = (each for each in branch.news() if isinstance(each, RegisterDecision))
    echo = echo_of(decided)
    assert isinstance(echo, RegisterDecided)
    branch.append(echo)
    _granted(branch, lost)
    assert _may_pay_back(lost)
    ours = LedgerOrder.objects.get(account="11000003")
    assert not settling.request_refund(ours, "admin", "退款", int(time.time()))


def test_what_a_retired_machine_sends_late_may_be_set_aside(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.pushed()
    KioskDouble(3).enrol(give_token(3, kiosk.now()))
    late, number = _bind(kiosk, "11000001", b"second")
    _decide(1, GIVEN_UP)
    kiosk.pushed()
    assert _status(number) == "revoked"
    assert _may_pay_back(late)


@pytest.fixture
def revoked(kiosk: KioskDouble) -> tuple[Machine, str, str]:
    """A machine of kiosk 3 that was revoked, an order that it sent into quarantine afterwards, and that order's key."""
    kiosk.feed()
    _pay(kiosk, "11000007", b"first0")
    kiosk.pushed()
    machine = Machine.objects.get(kiosk=3)
    end(machine, MachineState.REVOKED, "admin", "丢了", kiosk.now())
    order, number = _bind(kiosk, "11000001", b"second")
    assert kiosk.pushed().quarantined
    return Machine.objects.select_related("kiosk").get(kiosk=3), order, number


def test_quarantine_that_is_taken_over_is_read_into_the_books(revoked: tuple[Machine, str, str]) -> None:
    machine, order, number = revoked
    assert not LedgerOrder.objects.filter(reference=order).exists()
    received = set(StrayEntry.objects.values_list("received_at", flat=True))
    moved, left = decide_quarantine(machine, TAKE_OVER, "admin", "机器找回", int(time.time()))
    assert (moved > 0, left) == (True, 0)
    assert not StrayEntry.objects.exists()
    assert all_applied()
    assert _status(number) == "valid"
    assert LedgerOrder.objects.get(reference=order).status == "bound"
    assert not Fact.objects.filter(source=Source.QUARANTINE).exists()
    assert set(Entry.objects.filter(kiosk=3).values_list("received_at", flat=True)) >= received
    assert not Alarm.objects.filter(kind=AlarmKind.REVOKED_SENDS, cleared_at=None).exists()
    assert decide_quarantine(machine, TAKE_OVER, "admin", "再看", int(time.time())) == (0, 0)


def test_of_quarantine_what_continues_nothing_that_is_here_stays(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.pushed()
    end(Machine.objects.get(kiosk=3), MachineState.REVOKED, "admin", "丢了", kiosk.now())
    _pay(kiosk, "11000001", b"second")
    _pay(kiosk, "11000003", b"third0")
    assert kiosk.upload(kiosk.entries[3:]).status == 200
    machine = Machine.objects.select_related("kiosk").get(kiosk=3)
    assert decide_quarantine(machine, TAKE_OVER, "admin", "找回", int(time.time())) == (0, 2)
    assert StrayEntry.objects.count() == 2
    assert kiosk.upload(kiosk.entries[1:3]).status == 200
    assert decide_quarantine(machine, TAKE_OVER, "admin", "找回", int(time.time())) == (4, 0)
    assert (
        LedgerOrder.objects.filter(owner=3, status="paid", account__in=("11000001", "11000003")).count() == 2
    )
    assert open_matters() == []


def test_the_money_of_an_order_in_quarantine_goes_back_once_that_is_set_aside(
    revoked: tuple[Machine, str, str],
) -> None:
    machine, order, _ = revoked
    assert not settling.may_return(order, 3)
    assert decide_quarantine(machine, SET_ASIDE, "admin", "不认", int(time.time())) == (0, 0)
    assert settling.may_return(order, 3)
    assert not LedgerOrder.objects.filter(reference=order).exists()
    decide_quarantine(machine, TAKE_OVER, "admin", "认", int(time.time()))
    assert not settling.may_return(order, 3)


@pytest.fixture
def staff(examples: Examples) -> Client:
    client = Client()
    assert client.login(username="admin", password="Keydesk-admin")
    return client


def _act(client: Client, model: type[Model], action: str, key: object, remark: str = "看过了") -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    chosen = {"action": action, "_selected_action": [str(key)], "remark": remark}
    return client.post(reverse(name), chosen, follow=True).content.decode()


def _clerk(*codenames: str) -> Client:
    user = get_user_model().objects.create_user("-".join(codenames), password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def test_the_console_decides_about_strands_by_role_with_remark_and_log(
    staff: Client, branch: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    waiting = _pay(branch, "11000003", b"third0")
    branch.pushed()
    strand, page = Strand.objects.get(kiosk=3, number=2), reverse("admin:journal_strand_changelist")
    clerk = _clerk("view_strand")
    assert "take_over" not in clerk.get(page).content.decode()
    decider = _clerk("view_strand", "decide_strand")
    assert "set_aside" in decider.get(page).content.decode()
    assert "give_up" not in decider.get(page).content.decode()
    refunder = _clerk("view_strand", "decide_strand", "refund_payment")
    assert "give_up" in refunder.get(page).content.decode()
    _act(clerk, Strand, "set_aside", strand.pk)
    assert "请先填写备注" in _act(staff, Strand, "set_aside", strand.pk, remark="")
    assert not _may_pay_back(waiting.order)
    said = _act(staff, Strand, "set_aside", strand.pk, remark="是克隆")
    assert "搁置：1 条日志线" in said
    assert "3 号机还有机器在用" in said
    assert not _may_pay_back(waiting.order)
    assert "搁置（admin：是克隆）" in staff.get(page).content.decode()
    assert "舍弃：1 条日志线" in _act(staff, Strand, "give_up", strand.pk, remark="克隆已删除")
    assert _may_pay_back(waiting.order)
    assert "接管：1 条日志线" in _act(staff, Strand, "take_over", strand.pk, remark="是真的")
    assert not _may_pay_back(waiting.order)
    logged = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(logged) == ["搁置：是克隆", "舍弃：克隆已删除", "接管：是真的"]
    assert not Alarm.objects.filter(kind=AlarmKind.FORK, cleared_at=None).exists()


def test_the_console_reads_a_revoked_machines_quarantine_into_the_books(
    staff: Client, revoked: tuple[Machine, str, str]
) -> None:
    machine, order, _ = revoked
    page = staff.get(reverse("admin:fleet_machine_changelist")).content.decode()
    assert "有，待处理" in page
    assert "搁置隔离记录" in _act(staff, Machine, "set_aside", machine.pk)
    assert "接不上的 0 条" in _act(staff, Machine, "take_over", machine.pk)
    assert LedgerOrder.objects.get(reference=order).status == "bound"
