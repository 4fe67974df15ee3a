"""Kiosks and their machines on the console: given out, assigned, taken out of use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from kiosk.domain.entries.orders import OrderExpired, OrderPaid
from kiosk.domain.feed import (
    KeyBoundElsewhere,
    OperatorPublished,
)
from kiosk.domain.ledger import PaidHow
from kiosk.pki.issuing import key_fingerprint
from sync.central.console.kiosks import KioskAdmin
from sync.central.examples import Examples
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.central.members.models import Operator
from sync.central.tables import row_key
from sync.protocol import records
from sync.protocol.errors import ProblemCode
from tests.support.kiosk_double import KioskDouble
from tests.sync.central.console.acting import act

pytestmark = pytest.mark.django_db


def test_revoking_a_kiosk(staff: Client, served: KioskDouble) -> None:
    assert "请先填写备注" in act(staff, Kiosk, "revoke", 3, remark=" ")
    assert Kiosk.objects.get(number=3).state == KioskState.ENROLLED
    assert "已吊销 1 台" in act(staff, Kiosk, "revoke", 3, remark="机器被盗")
    assert "已吊销 0 台" in act(staff, Kiosk, "revoke", 3, remark="again")
    assert [each.change_message for each in LogEntry.objects.all()] == ["吊销：机器被盗"]
    served.append(OrderExpired("3-0001-1"))
    assert served.pushed().quarantined


@pytest.mark.parametrize(("action", "state"), [("retire", MachineState.RETIRED), ("lost", MachineState.LOST)])
def test_a_machine_that_is_taken_out_of_use_may_upload_and_nothing_else(
    staff: Client, served: KioskDouble, action: str, state: MachineState
) -> None:
    key = row_key(3, 1)
    assert "请先填写备注" in act(staff, Machine, action, key, remark=" ")
    assert f"{state.label}：1 台" in act(staff, Machine, action, key, remark="两份数据")
    machine = Machine.objects.get()
    assert (machine.state, machine.ended_by, machine.remark) == (state, "admin", "两份数据")
    served.append(OrderExpired("3-0001-1"))
    answer = served.pushed()
    assert (answer.retired, answer.quarantined, answer.high_water) == (True, False, served.tip)
    beat = records.encode(records.Heartbeat(None, 0, {}, served.now()))
    assert served.request("POST", records.PATH_HEARTBEAT, beat).read(records.HeartbeatAnswer).retired
    for path in (records.PATH_FEED, f"{records.PATH_JOURNAL}"):
        refused = served.request("GET", f"{path}?after=0")
        assert (refused.status, refused.problem.code) == (403, ProblemCode.MACHINE_RETIRED)


def test_a_machine_that_waits_after_a_restore_is_confirmed_or_taken_out_of_use(
    staff: Client, served: KioskDouble
) -> None:
    key, machines = row_key(served.number, 1), Machine.objects.filter(kiosk=served.number)
    page = act(staff, Machine, "confirm", key, remark="电话核对")
    assert "已确认 0 台" in page
    assert "另有 1 台不在等确认，没有改动" in page
    machines.update(state=MachineState.UNCONFIRMED)
    page = act(staff, Machine, "confirm", key, remark="电话核对")
    assert "已确认 1 台" in page
    assert "另有" not in page
    assert machines.get().state == MachineState.ENROLLED
    machines.update(state=MachineState.UNCONFIRMED)
    assert "已停用：1 台" in act(staff, Machine, "retire", key, remark="备份之后停用的")
    assert machines.get().state == MachineState.RETIRED


def test_a_machine_that_is_revoked_is_quarantined_and_its_kiosk_gets_another(
    staff: Client, served: KioskDouble
) -> None:
    assert "已吊销：1 台" in act(staff, Machine, "revoke", row_key(3, 1), remark="机器被盗")
    served.append(OrderExpired("3-0001-1"))
    assert served.pushed().quarantined
    other = KioskDouble(3).enrol(give_token(3, served.now()))
    assert other.machine == 2
    assert other.upload().status == 200
    assert [each.state for each in Machine.objects.order_by("number")] == ["revoked", "enrolled"]


def _bound(kiosk: KioskDouble) -> str:
    """The number of the certificate that the kiosk bound for account 11000001."""
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
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
    page = act(staff, Kiosk, "enrolment_token", 8)
    token = page.split("8 号机 二楼：")[1][:31]
    assert KioskDouble(8).enrol_with(token.strip()).status == 200


def test_a_token_that_makes_another_void_says_so_on_the_page_and_at_the_kiosk(staff: Client) -> None:
    staff.post(reverse("admin:fleet_kiosk_add"), {"number": 8, "place": "二楼", "serves_all": "on"})
    first = act(staff, Kiosk, "enrolment_token", 8)
    assert "作废" not in first
    assert "还没有用" in staff.get(reverse("admin:fleet_kiosk_change", args=[8])).content.decode()
    assert "先前发放、还没有用的令牌已作废（1 个）" in act(staff, Kiosk, "enrolment_token", 8)
    refused = KioskDouble(8).enrol_with(first.split("8 号机 二楼：")[1][:31].strip())
    assert refused.problem.newer_token is not None


def test_a_machine_is_known_by_the_fingerprint_that_its_kiosk_shows(
    staff: Client, served: KioskDouble
) -> None:
    page = staff.get(reverse("admin:fleet_machine_changelist")).content.decode()
    assert key_fingerprint(served.issuing_key.public_key) in page
