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

from kiosk.domain import entries
from kiosk.domain.entries import StrandDecision
from kiosk.domain.ledger import Delivery, PaidHow
from sync.central.examples import Examples
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.machines import end
from sync.central.fleet.models import Machine, MachineState
from sync.central.journal.models import Alarm, AlarmKind, Entry, Fact, Source, Strand, StrayEntry
from sync.central.ledger import settling
from sync.central.ledger.deciding_strands import decide_quarantine, decide_strand
from sync.central.ledger.models import LedgerCertificate, LedgerOrder
from sync.central.ledger.replaying import differences
from tests.support.books import all_applied, open_matters
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db

TAKE_OVER, SET_ASIDE = StrandDecision.TAKE_OVER, StrandDecision.SET_ASIDE


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


def _pay(kiosk: KioskDouble, account: str, nonce: bytes) -> entries.OrderPlaced:
    placed = kiosk.place(account, nonce=nonce)
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    return placed


def _bind(
    kiosk: KioskDouble, account: str, nonce: bytes, serial: str = "E8AD652202221F03"
) -> tuple[str, str]:
    placed = _pay(kiosk, account, nonce)
    issued = kiosk.certificate(placed, serial=serial)
    kiosk.finish(placed)
    return placed.order, issued.number


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
    clone.append(entries.DeliveryChosen("3-0002-2", Delivery.MAIL))
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


def test_the_key_of_an_order_that_a_strand_set_aside_finished_is_not_listed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = _pay(kiosk, "11000001", b"first0")
    issued = kiosk.certificate(placed)
    kiosk.pushed()
    clone = _clone(kiosk)
    kiosk.append(entries.PinChanged("11000001", "E8AD652202221F03"))
    kiosk.pushed()
    clone.append(entries.CertificateWritten(placed.order, 1))
    clone.pushed()
    _decide(2, SET_ASIDE)
    clone.append(entries.CertificateProved(placed.order, 1, b"challenge", b"signature"))
    clone.append(entries.Bound(placed.order, 1))
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


def test_what_a_retired_machine_sends_late_may_be_set_aside(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.pushed()
    KioskDouble(3).enrol(give_token(3, kiosk.now()))
    late, number = _bind(kiosk, "11000001", b"second")
    _decide(1, SET_ASIDE)
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
    user = get_user_model().objects.create_user("clerk", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def test_the_console_decides_about_strands_by_role_with_remark_and_log(
    staff: Client, branch: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    waiting = _pay(branch, "11000003", b"third0")
    branch.pushed()
    strand = Strand.objects.get(kiosk=3, number=2)
    clerk = _clerk("view_strand")
    assert "take_over" not in clerk.get(reverse("admin:journal_strand_changelist")).content.decode()
    _act(clerk, Strand, "set_aside", strand.pk)
    assert "请先填写备注" in _act(staff, Strand, "set_aside", strand.pk, remark="")
    assert not _may_pay_back(waiting.order)
    assert "搁置：1 条日志线" in _act(staff, Strand, "set_aside", strand.pk, remark="是克隆")
    assert _may_pay_back(waiting.order)
    page = staff.get(reverse("admin:journal_strand_changelist")).content.decode()
    assert "搁置（admin：是克隆）" in page
    assert "接管：1 条日志线" in _act(staff, Strand, "take_over", strand.pk, remark="是真的")
    assert not _may_pay_back(waiting.order)
    said = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(said) == ["搁置：是克隆", "接管：是真的"]
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
