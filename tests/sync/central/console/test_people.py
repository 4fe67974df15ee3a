"""Members, operators and the desks' staff on the console."""

from __future__ import annotations

import unicodedata

import pytest
from argon2 import PasswordHasher
from django.test import Client
from django.urls import reverse

from kiosk.domain.feed import (
    OperatorPublished,
)
from kiosk.domain.members import Review
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.ledger.models import Matter
from sync.central.members.models import DeskStaff, Enterprise, Operator
from sync.central.payments.models import Payment
from tests.support.kiosk_double import KioskDouble
from tests.sync.central.console.acting import act

pytestmark = pytest.mark.django_db


def test_approving_an_operator_publishes_it(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    assert "已通过" in act(staff, Operator, "approve", "11000005")
    (told,) = [each for each in kiosk.news() if isinstance(each, OperatorPublished)]
    assert (told.operator.account, told.operator.review) == ("11000005", Review.APPROVED)
    assert told.operator.verifier.startswith("$argon2id$")
    assert "已退回" in act(staff, Operator, "refuse", "11000005")
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
    act(clerk, Operator, "approve", "11000005")
    assert Operator.objects.get(account="11000005").review == "under-review"
    act(clerk, Kiosk, "revoke", 3, remark="mine")
    assert Kiosk.objects.get(number=3).state == KioskState.ENROLLED
    for action in ("list_key", "revoke_key", "accept", "refund", "noted", "reopen"):
        act(clerk, Matter, action, Matter.objects.get(rule="price-differs").pk, remark="mine")
    assert Matter.objects.get(rule="price-differs").state == "open"
    act(clerk, Payment, "pay_back", Payment.objects.get().pk)
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
