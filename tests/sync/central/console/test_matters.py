"""What staff close on the console with a word: matters, alarms, rows, holds, certificates."""

from __future__ import annotations

import time

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.dismissals import dismissal
from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.decisions import Decision
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.feed import (
    FORK_CLOSED,
    FORK_RULE,
    MatterPublished,
    RegisterDecision,
    Removed,
)
from kiosk.domain.ledger import CertificateStatus, PaidHow
from kiosk.domain.versions import ALL, Version, audience_of_kiosk
from sync.central.fleet.feed.models import FeedRow, KeptRow
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import Alarm, AlarmKind
from sync.central.ledger.models import LedgerAccount, LedgerCertificate, Matter
from sync.protocol import records
from tests.support.kiosk_double import KioskDouble
from tests.sync.central.console.acting import act

pytestmark = pytest.mark.django_db


def test_revoking_a_certificate_takes_a_reason_that_is_kept(staff: Client, served: KioskDouble) -> None:
    (made,) = [each.entry.body for each in served.entries if type(each.entry.body) is CertificateIssued]
    listed = LedgerCertificate.objects.filter(number=made.number)
    assert "请先填写备注" in act(staff, LedgerCertificate, "revoke", made.number)
    assert listed.get().status == CertificateStatus.VALID.value
    assert "吊销 1 张" in act(staff, LedgerCertificate, "revoke", made.number, remark="会员已注销")
    assert listed.get().status == CertificateStatus.REVOKED.value
    (told,) = [item for item in served.feed() if isinstance(item, RegisterDecision)]
    assert (told.certificate, told.decision, told.by) == (made.number, Decision.REVOKE, "admin")
    assert LogEntry.objects.get(object_id=made.number).get_change_message() == "吊销：会员已注销"


def test_a_matter_is_decided_with_a_remark_that_is_logged(staff: Client, served: KioskDouble) -> None:
    matter = Matter.objects.get(rule="price-differs")
    assert "请先填写备注" in act(staff, Matter, "accept", matter.pk)
    assert Matter.objects.get(rule="price-differs").state == "open"
    assert "照收：1 项" in act(staff, Matter, "accept", matter.pk, remark="与会员核对过")
    assert (
        Matter.objects.get(rule="price-differs").closed_by,
        Matter.objects.get(rule="price-differs").remark,
    ) == ("admin", "与会员核对过")
    assert LogEntry.objects.filter(object_id=matter.pk, change_message__contains="与会员核对过").exists()
    assert "不能这样处理" in act(staff, Matter, "accept", matter.pk, remark="再一次")
    act(staff, Matter, "reopen", matter.pk, remark="看错了")
    assert Matter.objects.get(rule="price-differs").state == "open"


def test_alarms_are_ticked_off(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.pushed()
    alarm = Alarm.objects.get(kind=AlarmKind.UNPAID_CONFIRMATION)
    assert "请先填写备注" in act(staff, Alarm, "clear", alarm.pk, remark=" ")
    alarm.refresh_from_db()
    assert alarm.cleared_at is None
    assert "已处理 1 条" in act(staff, Alarm, "clear", alarm.pk, remark="已查账")
    alarm.refresh_from_db()
    assert (alarm.cleared_by, alarm.remark) == ("admin", "已查账")
    logged = LogEntry.objects.get(object_id=alarm.pk)
    assert (logged.user.get_username(), logged.get_change_message()) == ("admin", "已处理：已查账")
    assert abs((alarm.cleared_at or 0) - time.time()) < 10


def test_closing_a_fork_s_alarm_closes_it_at_the_kiosk_too(staff: Client, kiosk: KioskDouble) -> None:
    raise_alarm(AlarmKind.FORK, 3, "1/7", "序号 7", kiosk.now())
    kiosk.feed()
    act(staff, Alarm, "clear", Alarm.objects.get().pk, remark="副本已收回")
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
    assert "请先填写备注" in act(staff, KeptRow, "dismiss", item.pk)
    assert kiosk.news() == []
    assert "已处理 1 项" in act(staff, KeptRow, "dismiss", item.pk, remark="已电话处理")
    sent = FeedRow.objects.get(audience=own, key=key, live=False)
    assert kiosk.news() == [Removed(), dismissal(own, Version(sent.incarnation, sent.stamp))]
    beat()
    item.refresh_from_db()
    assert (item.closed_by, item.remark) == ("admin", "已电话处理")
    assert item.gone_at is not None
    assert LogEntry.objects.get(object_id=str(item.pk)).get_change_message() == "已处理：已电话处理"
    assert "已处理 0 项" in act(staff, KeptRow, "dismiss", item.pk, remark="again")


def test_staff_lift_holds_account_by_account_and_a_revoked_kiosks_at_once(
    staff: Client, clerk: Client, served: KioskDouble
) -> None:
    certificate = LedgerCertificate.objects.get(account="11000001")
    key = KeyOnRecord(
        certificate.number, certificate.token_serial, certificate.not_before, certificate.not_after
    )
    for holds in (0, 2):
        served.append(LossReported("11000001", replace(key, holds=holds)))
        served.pushed()
        assert LedgerCertificate.objects.get(account="11000001").status == "on-hold"
        if not holds:
            assert "没有权限" not in act(clerk, LedgerAccount, "lift", "11000001", remark="x")
            assert "请先填写备注" in act(staff, LedgerAccount, "lift", "11000001")
            assert LedgerCertificate.objects.get(account="11000001").status == "on-hold"
            assert "已解除 1 个账号" in act(staff, LedgerAccount, "lift", "11000001", remark="本人到场")
        else:
            Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
            assert "已解除 1 个账号" in act(staff, Kiosk, "lift_holds", 3, remark="误报")
        assert LedgerCertificate.objects.get(account="11000001").status == "valid"
    said = LogEntry.objects.values_list("change_message", flat=True)
    assert any("解除挂失 11000001：误报" in each for each in said)
