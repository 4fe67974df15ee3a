"""A form that is sent twice, from two browsers at once, or too late."""

from __future__ import annotations

import pytest
from django.test import Client

from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.entries.requests import DeliveryAsked, DeliveryChanged
from sync.central.ledger import applier, requesting, settling
from sync.central.ledger.models import LedgerRequests
from sync.central.payments.orders import form_views, forms
from sync.central.personal.models import PersonalRecord
from tests.support.kiosk_double import KioskDouble
from tests.support.order_forms import (
    ADDRESS,
    INVOICE,
    entered,
    form_path,
    post_form,
    shown_form,
    signed_in,
    value_of,
)

pytestmark = pytest.mark.django_db
_read_delivery = forms.read_delivery


@pytest.mark.parametrize("form", ["delivery", "invoice"])
def test_the_same_form_sent_twice_enters_once(payer: Client, placed: OrderPlaced, form: str) -> None:
    usual = ADDRESS if form == "delivery" else INVOICE
    seen = value_of(shown_form(payer, placed.order, form), "seen")
    said = {
        payer.post(form_path(placed.order, form), {**usual, "seen": seen, "action": "ask"})["Location"]
        for _ in range(3)
    }
    assert said == {f"/orders/?said={form}-kept"}
    assert len(entered()) == 1
    assert PersonalRecord.objects.count() == 1


def test_of_two_browsers_at_once_the_later_is_shown_what_the_other_changed(
    payer: Client, placed: OrderPlaced
) -> None:
    other = signed_in()
    seen = value_of(shown_form(other, placed.order, "delivery"), "seen")
    post_form(payer, placed.order, "delivery", **ADDRESS)
    theirs = {**ADDRESS, "region": "北京市", "seen": seen}
    answer = other.post(form_path(placed.order, "delivery"), theirs)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert 'data-notice="elsewhere"' in page
    assert value_of(page, "region") == "河南省郑州市金水区"
    assert len(entered()) == 1
    theirs["seen"] = value_of(page, "seen")
    assert other.post(form_path(placed.order, "delivery"), theirs)["Location"].endswith("delivery-kept")
    assert entered().count(DeliveryChanged) == 1


def test_what_was_entered_and_is_not_applied_yet_counts(
    payer: Client, placed: OrderPlaced, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as late:
        late.setattr(requesting, "apply_entered", lambda _now: None)
        seen = value_of(shown_form(payer, placed.order, "delivery"), "seen")
        for _ in range(2):
            payer.post(form_path(placed.order, "delivery"), {**ADDRESS, "seen": seen})
        assert not LedgerRequests.objects.exists()
        assert entered().count(DeliveryAsked) == 1
    applier.apply_pending(1)
    assert LedgerRequests.objects.get(order=placed.order).delivery == "asked"


def test_a_change_after_the_key_was_mailed_is_told_to_be_too_late(
    payer: Client, placed: OrderPlaced, kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_form(payer, placed.order, "delivery", **ADDRESS)
    row = LedgerRequests.objects.get(order=placed.order)
    with monkeypatch.context() as late:
        # Between the look at the order and the decision staff enter that it was mailed.
        late.setattr(
            form_views,
            "read_delivery",
            lambda *given, **named: (
                settling.note_mailed(row, "EMS", "E1", "张华", kiosk.now()),
                _read_delivery(*given, **named),
            )[1],
        )
        changed = {**ADDRESS, "region": "北京市"}
        assert post_form(payer, placed.order, "delivery", **changed) == (302, "too-late")
    assert DeliveryChanged not in entered()
    assert not LedgerRequests.objects.filter(delivery="asked").exists()
