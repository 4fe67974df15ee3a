"""Policies and prices on the console."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from kiosk.domain.feed import (
    PolicyPublished,
)
from sync.central.fleet.models import KioskPolicy
from sync.central.members.models import FeeSchedule
from sync.protocol import records
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db


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


def test_a_price_in_yuan_is_refused_where_fen_are_meant(staff: Client, kiosk: KioskDouble) -> None:
    """It would stand as ￥1.10 instead of ￥110.00, published and not to be changed."""
    prices = {
        "number": 2,
        "effective_from_0": "2027-01-01",
        "effective_from_1": "00:00:00",
        "token": "110.00",
        "certificate": 8000,
        "service": 15000,
    }
    answer = staff.post(reverse("admin:members_feeschedule_add"), prices)
    assert "11000 就是 110.00 元" in "".join(answer.context["adminform"].form.errors.get("token", ()))
    assert not FeeSchedule.objects.filter(number=2).exists()


def test_a_limit_in_yuan_is_refused_where_fen_are_meant(staff: Client, kiosk: KioskDouble) -> None:
    answer = staff.post(reverse("admin:fleet_kioskpolicy_add"), _limits(unsynced_amount="200000.00"))
    assert "unsynced_amount" in answer.context["adminform"].form.errors
    assert KioskPolicy.objects.count() == 1
