from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from argon2 import PasswordHasher
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from msgspec.structs import asdict, replace

from kiosk.domain import entries
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.dismissals import dismissal
from kiosk.domain.entries import Decision
from kiosk.domain.feed import (
    FORK_CLOSED,
    FORK_RULE,
    AnyFeedBody,
    KeyBoundElsewhere,
    MatterPublished,
    OperatorPublished,
    OrderAssignedHere,
    OrderMoved,
    PolicyPublished,
    RefundRequested,
    RegisterDecision,
    Removed,
)
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import CertificateStatus, PaidHow
from kiosk.domain.members import Review
from kiosk.domain.remarks import RemarkReason
from kiosk.domain.versions import ALL, Version, audience_of_kiosk
from kiosk.labels import REMARK_REASONS
from kiosk.ui.screens.staff import staff_desk
from sync.central.console.kiosks import KioskAdmin
from sync.central.examples import Examples
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.feed.models import FeedRow, KeptRow
from sync.central.fleet.models import Kiosk, KioskPolicy, KioskState, Machine, MachineState
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import Alarm, AlarmKind, Entry, Fact
from sync.central.ledger.models import LedgerAccount, LedgerCertificate, LedgerOrder, Matter
from sync.central.ledger.rules import Action
from sync.central.members.models import DeskStaff, Enterprise, FeeSchedule, Operator
from sync.central.payments import paying
from sync.central.payments.models import DeskPayment, Payment, PaymentAttempt, SandboxTrade
from sync.central.tables import row_key
from sync.central.wording import ENTRY_KINDS, FEED_KINDS, MATTER_ACTIONS, PAID_HOW
from sync.protocol import records
from sync.protocol.errors import ProblemCode
from tests.support import scenes
from tests.support.books import remarks
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db

_SERVED = scenes.Scene(KioskDouble.twin, scenes.KIOSK)


@pytest.fixture
def staff(examples: Examples) -> Client:
    client = Client()
    assert client.login(username="admin", password="Keydesk-admin")
    return client


@pytest.fixture
def clerk(examples: Examples) -> Client:
    """Staff who may look at orders, members and kiosks and decide nothing."""
    user = get_user_model().objects.create_user("clerk", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def served(kiosk: KioskDouble) -> KioskDouble:
    """Kiosk 3 after an order paid by code, one matter, one alarm."""
    return _SERVED.set_up(lambda: _serve(kiosk))


def _serve(kiosk: KioskDouble) -> KioskDouble:
    kiosk.feed()
    placed = kiosk.place()
    Client().post(kiosk.page_path(placed), {"action": "pay"})
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.place(account="11000006", lines=())
    kiosk.pushed()
    return kiosk


def _act(client: Client, model: type[Model], action: str, *keys: object, **more: str) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    chosen = {"action": action, "_selected_action": [str(key) for key in keys], **more}
    return client.post(reverse(name), chosen, follow=True).content.decode()


def test_every_page_of_the_console_opens_in_chinese(staff: Client, served: KioskDouble) -> None:
    index = staff.get("/admin/").content.decode()
    for title in (
        "密钥服务台 中心",
        "终端机",
        "订单",
        "证书登记簿",
        "日志记录",
        "待办事项",
        "会员企业",
        "收费表",
        "策略",
        "告警",
    ):
        assert title in index
    for model, pages in site._registry.items():
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        listed = staff.get(reverse(f"{base}_changelist"))
        assert listed.status_code == 200, base
        row = model._default_manager.first()
        if row is not None:
            assert staff.get(reverse(f"{base}_change", args=[row.pk])).status_code == 200, base
        if pages.has_add_permission(listed.wsgi_request):
            assert staff.get(reverse(f"{base}_add")).status_code == 200, base


REFERENCE = re.compile(r"[0-9]-[0-9]{4,10}-[0-9]\.[0-9a-f]{12}")
RECORDS = re.compile(r"field-(readable|text)")
"""The rows of a page that show a record as it was received."""


def _read(page: str) -> str:
    """What a person reads of a page, but for records as they were received."""
    shown = "".join(each for each in page.split('<div class="form-row') if not RECORDS.search(each[:80]))
    return re.sub(r"<[^>]*>", " ", shown)


def test_people_read_the_orders_number_and_never_its_reference(staff: Client, served: KioskDouble) -> None:
    order = LedgerOrder.objects.all()[0]
    raise_alarm(AlarmKind.PAID_TWICE, 3, order.reference, "", served.now())
    placed = served.place(account="11000005")
    served.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, served.now(), supervisor="林涛"))
    served.pushed()
    seen = {LedgerOrder, LedgerCertificate, Matter, Payment, DeskPayment, Entry, Fact, Alarm}
    for model in seen:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages = [reverse(f"{base}_changelist")]
        pages += [reverse(f"{base}_change", args=[row.pk]) for row in model._default_manager.all()]
        assert len(pages) > 1, model
        read = [_read(staff.get(page).content.decode()) for page in pages]
        assert not [REFERENCE.findall(each) for each in read if REFERENCE.search(each)], base


@pytest.mark.parametrize("model", [LedgerOrder, LedgerCertificate, Payment, Matter, Entry, Fact])
def test_a_search_for_a_number_finds_what_belongs_to_its_order(
    staff: Client, served: KioskDouble, model: type[Model]
) -> None:
    matter, certificate = Matter.objects.exclude(order="").first(), LedgerCertificate.objects.get()
    assert matter is not None
    found = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    wanted = matter.order if model is Matter else certificate.order
    page = staff.get(found, {"q": number_in(wanted)}).content.decode()
    assert "共 0 条" not in page
    assert number_in(wanted) in re.sub(r"<input[^>]*>", "", _read(page))


@pytest.mark.parametrize("model", [LedgerOrder, Payment])
def test_of_two_orders_of_a_number_staff_choose_by_account_and_time(
    staff: Client, served: KioskDouble, model: type[Model]
) -> None:
    served.pushed()
    clone = served.twin()
    first = served.place(account="11000005")
    second = clone.place(account="11000006", nonce=b"nonce7")
    for each in (served, clone):
        each.pushed()
    number = number_in(first.order)
    assert number_in(second.order) == number
    for placed in (first, second):
        Client().post(served.page_path(placed), {"action": "pay"})
    found = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for typed in (number, number.replace("-", " "), number.replace("-", "－")):
        page = staff.get(found, {"q": typed}).content.decode()
        assert "这个号有 2 笔订单：按账号和时间分辨" in page
        assert {"11000005", "11000006"} <= set(re.findall(r"[0-9]{8}", _read(page)))
    assert "这个号有" not in staff.get(found, {"q": "11000005"}).content.decode()
    mistyped = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert "校验位不对" in staff.get(found, {"q": mistyped}).content.decode()


@pytest.mark.parametrize("model", [Machine, KioskPolicy, Entry, LedgerOrder])
@pytest.mark.parametrize(
    "query",
    ["kiosk=" + "9" * 20, "kiosk__exact=" + "9" * 20, "kiosk__in=" + "9" * 20, "owner__in=" + "9" * 20],
)
def test_a_number_that_no_column_holds_leads_back_to_the_list(
    staff: Client, served: KioskDouble, model: type[Model], query: str
) -> None:
    base = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    answer = staff.get(f"{base}?{query}", follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain in ([], [(f"{base}?e=1", 302)])


def test_an_entry_without_bottom_is_shown_as_it_came(staff: Client, kiosk: KioskDouble) -> None:
    deep: Any = None
    for _ in range(900):
        deep = [deep]
    kiosk.pushed()
    row = Entry.objects.get(kiosk=3)
    row.data = msgspec.msgpack.encode(deep)
    row.save()
    page = staff.get(reverse("admin:journal_entry_change", args=[row.pk]))
    assert page.status_code == 200
    assert row.data.hex()[:40] in page.content.decode()


def test_nobody_gets_in_without_a_password(db: None) -> None:
    assert Client().get("/admin/").status_code == 302
    assert Client().get("/").url == "/admin/"  # type: ignore[attr-defined]


def test_the_consoles_style_is_served_without_collecting(db: None) -> None:
    response = Client().get("/static/admin/css/base.css")
    assert response.status_code == 200


def test_the_books_cannot_be_edited(staff: Client, served: KioskDouble) -> None:
    order = LedgerOrder.objects.filter(owner=3).first()
    assert order is not None
    change = reverse("admin:ledger_ledgerorder_change", args=[order.pk])
    assert staff.post(change, {"status": "refunded"}).status_code == 403
    delete = reverse("admin:journal_entry_delete", args=[3 << 32 | 1])
    assert staff.post(delete, {"post": "yes"}).status_code == 403


def test_approving_an_operator_publishes_it(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    assert "已通过" in _act(staff, Operator, "approve", "11000005")
    (told,) = [each for each in kiosk.news() if isinstance(each, OperatorPublished)]
    assert (told.operator.account, told.operator.review) == ("11000005", Review.APPROVED)
    assert told.operator.verifier.startswith("$argon2id$")
    assert "已退回" in _act(staff, Operator, "refuse", "11000005")
    assert Operator.objects.get(account="11000005").review == "refused"


def test_what_a_row_is_known_by_is_not_typed_over(staff: Client, kiosk: KioskDouble) -> None:
    person, enterprise = DeskStaff.objects.get(name="张华"), Enterprise.objects.order_by("code")[0]
    counts = DeskStaff.objects.count(), Enterprise.objects.count()
    page = reverse("admin:members_deskstaff_change", args=[person.pk])
    staff.post(page, {"name": "张华华", "role": "supervisor"})
    page = reverse("admin:members_enterprise_change", args=[enterprise.pk])
    typed = {"code": "9111", "name": "新名称", "legal_person": enterprise.legal_person, "review": "approved"}
    staff.post(page, typed)
    person.refresh_from_db()
    enterprise.refresh_from_db()
    assert (person.role, enterprise.name) == ("supervisor", "新名称")
    assert (DeskStaff.objects.count(), Enterprise.objects.count()) == counts


def test_deciding_takes_a_permission(clerk: Client, served: KioskDouble) -> None:
    _act(clerk, Operator, "approve", "11000005")
    assert Operator.objects.get(account="11000005").review == "under-review"
    _act(clerk, Kiosk, "revoke", 3, remark="mine")
    assert Kiosk.objects.get(number=3).state == KioskState.ENROLLED
    for action in ("list_key", "revoke_key", "accept", "refund", "noted", "reopen"):
        _act(clerk, Matter, action, Matter.objects.get(rule="price-differs").pk, remark="mine")
    assert Matter.objects.get(rule="price-differs").state == "open"
    _act(clerk, Payment, "pay_back", Payment.objects.get().pk)
    assert Payment.objects.get().refunded_at is None


def test_a_new_password_is_kept_as_a_hash_alone(staff: Client, kiosk: KioskDouble) -> None:
    page = reverse("admin:members_operator_change", args=["11000001"])
    fields = {"enterprise": Operator.objects.get(account="11000001").enterprise_id, "name": "李晓梅"}
    before = Operator.objects.get(account="11000001").verifier
    staff.post(page, {**fields, "review": "approved", "new_password": ""})
    assert Operator.objects.get(account="11000001").verifier == before
    staff.post(page, {**fields, "review": "approved", "new_password": "Another-1"})
    verifier = Operator.objects.get(account="11000001").verifier
    assert verifier.startswith("$argon2id$")
    assert verifier != before


def test_a_password_is_kept_as_the_desk_takes_it(staff: Client, kiosk: KioskDouble) -> None:
    decomposed = unicodedata.normalize("NFD", " Müller-1 ")
    page = reverse("admin:members_deskstaff_change", args=["张华"])
    staff.post(page, {"role": "staff", "new_password": decomposed})
    assert PasswordHasher().verify(DeskStaff.objects.get(name="张华").verifier, " Müller-1 ")


def test_revoking_a_certificate_takes_a_reason_that_is_kept(staff: Client, served: KioskDouble) -> None:
    (made,) = [
        each.entry.body for each in served.entries if type(each.entry.body) is entries.CertificateIssued
    ]
    listed = LedgerCertificate.objects.filter(number=made.number)
    assert "请先填写备注" in _act(staff, LedgerCertificate, "revoke", made.number)
    assert listed.get().status == CertificateStatus.VALID.value
    assert "吊销 1 张" in _act(staff, LedgerCertificate, "revoke", made.number, remark="会员已注销")
    assert listed.get().status == CertificateStatus.REVOKED.value
    (told,) = [item for item in served.feed() if isinstance(item, RegisterDecision)]
    assert (told.certificate, told.decision, told.by) == (made.number, Decision.REVOKE, "admin")
    assert LogEntry.objects.get(object_id=made.number).get_change_message() == "吊销：会员已注销"


def test_revoking_a_kiosk(staff: Client, served: KioskDouble) -> None:
    assert "请先填写备注" in _act(staff, Kiosk, "revoke", 3, remark=" ")
    assert Kiosk.objects.get(number=3).state == KioskState.ENROLLED
    assert "已吊销 1 台" in _act(staff, Kiosk, "revoke", 3, remark="机器被盗")
    assert "已吊销 0 台" in _act(staff, Kiosk, "revoke", 3, remark="again")
    assert [each.change_message for each in LogEntry.objects.all()] == ["吊销：机器被盗"]
    served.append(entries.OrderExpired("3-0001-1"))
    assert served.pushed().quarantined


@pytest.mark.parametrize(("action", "state"), [("retire", MachineState.RETIRED), ("lost", MachineState.LOST)])
def test_a_machine_that_is_taken_out_of_use_may_upload_and_nothing_else(
    staff: Client, served: KioskDouble, action: str, state: MachineState
) -> None:
    key = row_key(3, 1)
    assert "请先填写备注" in _act(staff, Machine, action, key, remark=" ")
    assert f"{state.label}：1 台" in _act(staff, Machine, action, key, remark="两份数据")
    machine = Machine.objects.get()
    assert (machine.state, machine.ended_by, machine.remark) == (state, "admin", "两份数据")
    served.append(entries.OrderExpired("3-0001-1"))
    answer = served.pushed()
    assert (answer.retired, answer.quarantined, answer.high_water) == (True, False, served.tip)
    beat = records.encode(records.Heartbeat(None, 0, {}, served.now()))
    assert served.request("POST", records.PATH_HEARTBEAT, beat).read(records.HeartbeatAnswer).retired
    for path in (records.PATH_FEED, f"{records.PATH_JOURNAL}"):
        refused = served.request("GET", f"{path}?after=0")
        assert (refused.status, refused.problem.code) == (403, ProblemCode.MACHINE_RETIRED)


def test_a_machine_that_is_revoked_is_quarantined_and_its_kiosk_gets_another(
    staff: Client, served: KioskDouble
) -> None:
    assert "已吊销：1 台" in _act(staff, Machine, "revoke", row_key(3, 1), remark="机器被盗")
    served.append(entries.OrderExpired("3-0001-1"))
    assert served.pushed().quarantined
    other = KioskDouble(3).enrol(give_token(3, served.now()))
    assert other.machine == 2
    assert other.upload().status == 200
    assert [each.state for each in Machine.objects.order_by("number")] == ["revoked", "enrolled"]


def _bound(kiosk: KioskDouble) -> str:
    """The number of the certificate that the kiosk bound for account 11000001."""
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    return str(issued.number)


def _members(kiosk: KioskDouble) -> tuple[set[str], set[str]]:
    """The accounts and the certificates that the kiosk's feed told of."""
    told = kiosk.feed()
    operators = {each.operator.account for each in told if isinstance(each, OperatorPublished)}
    return operators, {each.number for each in told if isinstance(each, KeyBoundElsewhere)}


@pytest.fixture
def reserved(examples: Examples, make_kiosk: Callable[[int], KioskDouble]) -> KioskDouble:
    """Kiosk 9, which serves no members yet."""
    Kiosk.objects.create(number=9, serves_all=False)
    made = make_kiosk(9)
    assert _members(made) == (set(), set())
    return made


def test_a_kiosk_that_an_enterprise_is_given_to_hears_of_its_operators_and_their_keys(
    staff: Client, kiosk: KioskDouble, reserved: KioskDouble
) -> None:
    number, enterprise = _bound(kiosk), Operator.objects.get(account="11000001").enterprise
    typed = {"name": enterprise.name, "legal_person": enterprise.legal_person, "review": "approved"}
    page = reverse("admin:members_enterprise_change", args=[enterprise.pk])
    staff.post(page, {"code": enterprise.code, **typed, "kiosks": ["9"]})
    assert _members(reserved) == ({"11000001", "11000005"}, {number})


def test_a_kiosk_hears_of_the_key_of_an_operator_who_changes_to_an_enterprise_of_its_own(
    staff: Client, kiosk: KioskDouble, reserved: KioskDouble
) -> None:
    number, enterprise = _bound(kiosk), Operator.objects.get(account="11000007").enterprise
    enterprise.kiosks.add(Kiosk.objects.get(number=9))
    page = reverse("admin:members_operator_change", args=["11000001"])
    staff.post(page, {"enterprise": enterprise.pk, "name": "李晓梅", "review": "approved"})
    assert _members(reserved) == ({"11000001"}, {number})


def test_a_kiosk_that_is_to_serve_all_members_hears_of_them_all(
    staff: Client, kiosk: KioskDouble, reserved: KioskDouble
) -> None:
    number = _bound(kiosk)
    staff.post(reverse("admin:fleet_kiosk_change", args=[9]), {"place": "二楼", "serves_all": "on"})
    accounts = set(Operator.objects.values_list("account", flat=True))
    assert _members(reserved) == (accounts, {number})


def test_what_is_typed_about_a_kiosk_undoes_nothing_that_happens_meanwhile(
    staff: Client, kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = KioskAdmin.get_form

    def meanwhile(*told: Any, **more: Any) -> Any:
        Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED, epoch_given=99, announced_sequence=7)
        return shown(*told, **more)

    monkeypatch.setattr(KioskAdmin, "get_form", meanwhile)
    staff.post(reverse("admin:fleet_kiosk_change", args=[3]), {"place": "二楼", "serves_all": "on"})
    row = Kiosk.objects.get(number=3)
    assert (row.place, row.state, row.epoch_given, row.announced_sequence) == ("二楼", "revoked", 99, 7)


def test_a_token_is_given_out_on_the_page(staff: Client) -> None:
    staff.post(reverse("admin:fleet_kiosk_add"), {"number": 8, "place": "二楼", "serves_all": "on"})
    page = _act(staff, Kiosk, "enrolment_token", 8)
    token = page.split("8 号机 二楼：")[1][:31]
    assert KioskDouble(8).enrol_with(token.strip()).status == 200


def _limits(**changes: Any) -> dict[str, Any]:
    """What staff type into the form of a policy."""
    limits: dict[str, Any] = {
        "kiosk": 3,
        "valid_until_0": "2030-01-01",
        "valid_until_1": "00:00:00",
        "unsynced_certificates": 5,
        "unsynced_amount": 100,
        "server_time_age": 86400,
        "clock_deviation": 60,
        "payment_window": 600,
        "certificate_years": 1,
        "losses_a_day": 7,
    }
    return {**limits, **changes}


def test_a_policy_that_is_added_is_signed_and_published(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    staff.post(reverse("admin:fleet_kioskpolicy_add"), _limits())
    assert KioskPolicy.objects.filter(number=2).exists()
    (told,) = [item for item in kiosk.news() if isinstance(item, PolicyPublished)]
    policy = told.policy.read()
    assert (policy.number, policy.unsynced_certificates, policy.payment_window) == (2, 5, 600)
    assert policy.losses_a_day == 7
    assert policy.valid_until == 1893427200  # midnight in China


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("certificate_years", 0),
        ("certificate_years", 9000),
        ("losses_a_day", 1001),
        ("payment_window", 0),
        ("payment_window", 10**12),
        ("server_time_age", -5),
        ("clock_deviation", 0),
        ("unsynced_amount", 10**30),
    ],
)
def test_a_limit_that_no_kiosk_can_work_under_is_not_signed(
    staff: Client, kiosk: KioskDouble, field: str, value: int
) -> None:
    page = staff.post(reverse("admin:fleet_kioskpolicy_add"), _limits(**{field: value}))
    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    assert KioskPolicy.objects.count() == 1


@pytest.mark.parametrize(("ticked", "newest"), [({}, 2), ({"prolonged": "on"}, 3)])
def test_a_policy_ends_when_staff_say_so_unless_it_is_to_be_prolonged(
    staff: Client, kiosk: KioskDouble, ticked: dict[str, str], newest: int
) -> None:
    soon = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * 86400))
    staff.post(reverse("admin:fleet_kioskpolicy_add"), _limits(valid_until_0=soon, **ticked))
    beat = records.Heartbeat(None, 0, kiosk.cursors, kiosk.now())
    assert kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(beat)).status == 200
    assert KioskPolicy.objects.order_by("-number").values_list("number", flat=True)[0] == newest


def test_a_fee_schedule_that_is_added_is_published_and_stays(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    prices = {
        "number": 2,
        "effective_from_0": "2027-01-01",
        "effective_from_1": "00:00:00",
        "token": 12000,
        "certificate": 8000,
        "service": 15000,
    }
    staff.post(reverse("admin:members_feeschedule_add"), prices)
    (told,) = kiosk.news()
    assert (told.schedule.number, told.schedule.token) == (2, 12000)
    change = reverse("admin:members_feeschedule_change", args=[2])
    assert staff.post(change, {**prices, "token": 1}).status_code == 403
    assert FeeSchedule.objects.get(number=2).token == 12000


def test_a_matter_is_decided_with_a_remark_that_is_logged(staff: Client, served: KioskDouble) -> None:
    matter = Matter.objects.get(rule="price-differs")
    assert "请先填写备注" in _act(staff, Matter, "accept", matter.pk)
    assert Matter.objects.get(rule="price-differs").state == "open"
    assert "照收：1 项" in _act(staff, Matter, "accept", matter.pk, remark="与会员核对过")
    assert (
        Matter.objects.get(rule="price-differs").closed_by,
        Matter.objects.get(rule="price-differs").remark,
    ) == ("admin", "与会员核对过")
    assert LogEntry.objects.filter(object_id=matter.pk, change_message__contains="与会员核对过").exists()
    assert "不能这样处理" in _act(staff, Matter, "accept", matter.pk, remark="再一次")
    _act(staff, Matter, "reopen", matter.pk, remark="看错了")
    assert Matter.objects.get(rule="price-differs").state == "open"


def test_a_refund_is_asked_of_the_kiosk_and_then_paid_back(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    Client().post(kiosk.page_path(placed), {"action": "pay"})
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.pushed()
    assert "尚未同意" in _act(staff, Payment, "pay_back", placed.order)
    assert "已要求 3 号机退款" in _act(staff, Payment, "ask", placed.order)
    (asked,) = [each for each in kiosk.feed() if isinstance(each, RefundRequested)]
    assert (asked.order, asked.by) == (placed.order, "admin")
    kiosk.append(entries.RefundGranted(placed.order, "admin", "asked", feed=kiosk.feed_key(asked)))
    kiosk.pushed()
    assert "已原路退回" in _act(staff, Payment, "pay_back", placed.order)
    assert Payment.objects.get().state == "refunded"


def test_what_was_paid_twice_is_paid_back_alone(staff: Client, kiosk: KioskDouble) -> None:
    placed = kiosk.place()
    path = kiosk.page_path(placed)
    for action in ("decline", "pay"):
        Client().post(path, {"action": action})
    assert "没有多付的款" in _act(staff, Payment, "return_surplus", placed.order)
    first = PaymentAttempt.objects.get(attempt=1)
    trades = SandboxTrade.objects.filter(pk=first.pk)
    trades.update(state="SUCCESS", transaction="LATE", paid_at=kiosk.now())
    paying.settle(first.pk, paying.provider().query(first.pk), kiosk.now())
    assert "重复付款" in staff.get(reverse("admin:journal_alarm_changelist")).content.decode()
    trades.update(amount=1)  # the provider refuses to pay another amount back
    assert "支付机构没有退回" in _act(staff, Payment, "return_surplus", placed.order)
    trades.update(amount=34_000)
    assert "多付的 340.00 元已原路退回" in _act(staff, Payment, "return_surplus", placed.order)
    assert Payment.objects.get().state == "paid"


def test_a_working_kiosk_lets_go_of_an_order_before_another_gets_it(
    staff: Client, kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    other.feed()
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    assert "不能移交" in _act(staff, LedgerOrder, "move", placed.order)
    assert "不能移交" in _act(staff, LedgerOrder, "move", placed.order, target="99")
    assert "移交到 4 号机" in _act(staff, LedgerOrder, "move", placed.order, target="4")
    (moved,) = [each for each in kiosk.feed() if isinstance(each, OrderMoved)]
    assert not [each for each in other.feed() if isinstance(each, OrderAssignedHere)]
    kiosk.append(entries.OrderReleased(**asdict(moved), feed=kiosk.feed_key(moved)))
    kiosk.pushed()
    (given,) = [each for each in other.feed() if isinstance(each, OrderAssignedHere)]
    assert (given.order, given.lines, given.account) == (placed.order, placed.lines, placed.account)
    assert LedgerOrder.objects.get(reference=placed.order).owner == 4


def test_an_order_that_staff_moved_twice_at_once_goes_to_one_kiosk(
    staff: Client, kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    others = [make_kiosk(4), make_kiosk(5)]
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    assert "移交到 4 号机" in _act(staff, LedgerOrder, "move", placed.order, target="4")
    assert "不能移交" in _act(staff, LedgerOrder, "move", placed.order, target="5")
    assert "移交到 4 号机" in _act(staff, LedgerOrder, "move", placed.order, target="4")
    (moved,) = [each for each in kiosk.feed() if isinstance(each, OrderMoved)]
    kiosk.append(entries.OrderReleased(**asdict(moved), feed=kiosk.feed_key(moved)))
    kiosk.append(entries.OrderReleased(moved.order, 5, moved.handover, feed=kiosk.feed_key(moved)))
    kiosk.pushed()
    given = [[each for each in other.feed() if isinstance(each, OrderAssignedHere)] for other in others]
    assert [len(each) for each in given] == [1, 0]
    assert LedgerOrder.objects.get(reference=placed.order).owner == 4
    assert remarks() == {5: ["echoed-already"]}


def test_a_revoked_kiosks_order_is_given_to_another_at_once(
    staff: Client, kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    _act(staff, Kiosk, "revoke", 3, remark="坏了")
    _act(staff, LedgerOrder, "move", placed.order, target="4")
    assert [each.order for each in other.feed() if isinstance(each, OrderAssignedHere)] == [placed.order]


def test_everything_that_travels_has_a_chinese_name() -> None:
    bodies = {str(kind.__struct_config__.tag) for kind in get_args(entries.AnyBody)}
    assert set(ENTRY_KINDS) == bodies | {"unreadable"}
    assert set(FEED_KINDS) == {str(kind.__struct_config__.tag) for kind in get_args(AnyFeedBody)}
    assert set(REMARK_REASONS) == {reason.value for reason in RemarkReason}
    assert set(MATTER_ACTIONS) == {action.value for action in Action} | {"keep"}
    assert set(PAID_HOW) == {how.value for how in PaidHow}


def test_a_matter_has_one_name_at_the_centre_and_at_the_desk() -> None:
    named = {FEED_KINDS["matter"], str(Matter._meta.verbose_name), staff_desk.VIEWS[1]}
    assert named == {"待办事项"}


def test_alarms_are_ticked_off(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.pushed()
    alarm = Alarm.objects.get(kind=AlarmKind.UNPAID_CONFIRMATION)
    assert "请先填写备注" in _act(staff, Alarm, "clear", alarm.pk, remark=" ")
    alarm.refresh_from_db()
    assert alarm.cleared_at is None
    assert "已处理 1 条" in _act(staff, Alarm, "clear", alarm.pk, remark="已查账")
    alarm.refresh_from_db()
    assert (alarm.cleared_by, alarm.remark) == ("admin", "已查账")
    logged = LogEntry.objects.get(object_id=alarm.pk)
    assert (logged.user.get_username(), logged.get_change_message()) == ("admin", "已处理：已查账")
    assert abs((alarm.cleared_at or 0) - time.time()) < 10


def test_password_verifiers_are_not_shown_in_the_feed(staff: Client, kiosk: KioskDouble) -> None:
    rows = FeedRow.objects.filter(kind__in=("operator", "staff"))
    assert rows.exists()
    for row in rows:
        assert b"argon2" in bytes(row.body)
        page = staff.get(reverse("admin:fleet_feedrow_change", args=[row.pk])).content.decode()
        assert "argon2" not in page


def test_closing_a_fork_s_alarm_closes_it_at_the_kiosk_too(staff: Client, kiosk: KioskDouble) -> None:
    raise_alarm(AlarmKind.FORK, 3, "1/7", "序号 7", kiosk.now())
    kiosk.feed()
    _act(staff, Alarm, "clear", Alarm.objects.get().pk, remark="副本已收回")
    assert kiosk.news() == [MatterPublished(FORK_RULE, "1/7", "", 0, FORK_CLOSED)]


def test_what_a_kiosk_could_not_apply_is_listed_and_closed_with_a_remark(
    staff: Client, kiosk: KioskDouble
) -> None:
    kiosk.feed()

    def beat(*kept: records.UnappliedNotice) -> None:
        said = records.Heartbeat(None, 0, kiosk.cursors, kiosk.now(), kept=kept)
        assert kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(said)).status == 200

    own, (key,) = audience_of_kiosk(3), [key for key, _ in kiosk.told if key.startswith("order-assigned/")]
    places = (
        (own, key),
        (own, "odd"),
        (ALL, key),
        (own + 1, key),
        (2**70, key),
        (own, "x" * 999),
        (own, "\x00"),
    )
    notices = [records.UnappliedNotice(*place, "order-unknown: 3-1") for place in places]
    beat(*notices)
    beat(*notices)
    (item,) = KeptRow.objects.all()
    assert (item.audience, item.key, item.problem, item.gone_at) == (own, key, "order-unknown: 3-1", None)
    assert (
        "终端机没有这笔订单（3-1）" in staff.get(reverse("admin:fleet_keptrow_changelist")).content.decode()
    )
    item.problem = "order-in-another-state: 3-0147-6.9f86d081884c bound"
    item.save()
    for page in (
        reverse("admin:fleet_keptrow_changelist"),
        reverse("admin:fleet_keptrow_change", args=[item.pk]),
    ):
        shown = staff.get(page).content.decode()
        assert "订单状态不符（3-0147-6 已绑定）" in shown
        assert "another-state" not in shown
    assert "请先填写备注" in _act(staff, KeptRow, "dismiss", item.pk)
    assert kiosk.news() == []
    assert "已处理 1 项" in _act(staff, KeptRow, "dismiss", item.pk, remark="已电话处理")
    sent = FeedRow.objects.get(audience=own, key=key, live=False)
    assert kiosk.news() == [Removed(), dismissal(own, Version(sent.incarnation, sent.stamp))]
    beat()
    item.refresh_from_db()
    assert (item.closed_by, item.remark) == ("admin", "已电话处理")
    assert item.gone_at is not None
    assert LogEntry.objects.get(object_id=str(item.pk)).get_change_message() == "已处理：已电话处理"
    assert "已处理 0 项" in _act(staff, KeptRow, "dismiss", item.pk, remark="again")


def test_staff_lift_holds_account_by_account_and_a_revoked_kiosks_at_once(
    staff: Client, clerk: Client, served: KioskDouble
) -> None:
    certificate = LedgerCertificate.objects.get(account="11000001")
    key = KeyOnRecord(
        certificate.number, certificate.token_serial, certificate.not_before, certificate.not_after
    )
    for holds in (0, 2):
        served.append(entries.LossReported("11000001", replace(key, holds=holds)))
        served.pushed()
        assert LedgerCertificate.objects.get(account="11000001").status == "on-hold"
        if not holds:
            assert "没有权限" not in _act(clerk, LedgerAccount, "lift", "11000001", remark="x")
            assert "请先填写备注" in _act(staff, LedgerAccount, "lift", "11000001")
            assert LedgerCertificate.objects.get(account="11000001").status == "on-hold"
            assert "已解除 1 个账号" in _act(staff, LedgerAccount, "lift", "11000001", remark="本人到场")
        else:
            Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
            assert "已解除 1 个账号" in _act(staff, Kiosk, "lift_holds", 3, remark="误报")
        assert LedgerCertificate.objects.get(account="11000001").status == "valid"
    said = LogEntry.objects.values_list("change_message", flat=True)
    assert any("解除挂失 11000001：误报" in each for each in said)
