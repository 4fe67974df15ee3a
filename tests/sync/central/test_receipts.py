"""The centre's receipts: every answer to a machine has one, and what is shown is covered by the request's signature."""

from __future__ import annotations

import pytest
from django.test import Client

from kiosk.domain.versions import ALL, MEMBERS, audience_of_kiosk
from sync.central.fleet.feed.models import Audience
from sync.protocol import records
from sync.protocol.errors import ProblemCode
from sync.protocol.receipts import HEADER, CentreReceipt, believed
from sync.protocol.signatures import machine_key_id, sign_request
from tests.support.kiosk_double import Answer, KioskDouble
from tests.support.values import present

pytestmark = pytest.mark.django_db


def receipt(kiosk: KioskDouble, answer: Answer | None = None) -> CentreReceipt:
    text = kiosk.receipt if answer is None else answer.receipt
    return present(believed(text, kiosk.number, kiosk.answer.centre_key))


def test_an_upload_s_receipt_has_the_new_tip_and_the_heads(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.pushed()
    told = receipt(kiosk)
    assert (told.incarnation, told.strand, told.tip) == (1, 1, kiosk.tip)
    heads = dict(Audience.objects.filter(stamp__gt=0).values_list("number", "stamp"))
    read = (ALL, MEMBERS, audience_of_kiosk(kiosk.number))
    assert told.heads == {each: heads[each] for each in read if each in heads}


def test_enrolment_brings_one(kiosk: KioskDouble) -> None:
    assert receipt(kiosk).tip is None


def test_a_refusal_has_one_too(kiosk: KioskDouble) -> None:
    kiosk.pushed()
    answer = kiosk.upload(kiosk.entries[:1] + kiosk.entries[:1])
    assert answer.status == 409
    assert receipt(kiosk, answer).tip == kiosk.tip


def test_nobody_else_gets_one(kiosk: KioskDouble) -> None:
    assert HEADER not in Client().get(records.PATH_CENTRE).headers
    stranger = KioskDouble(kiosk.number)
    assert not stranger.request("GET", f"{records.PATH_FEED}?after=&wait=0").receipt


@pytest.mark.parametrize("shown", ["", "another"])
def test_a_receipt_on_the_way_is_covered_by_the_signature(kiosk: KioskDouble, shown: str) -> None:
    path = f"{records.PATH_FEED}?after=&wait=0"
    headers = sign_request(
        "GET",
        kiosk.base + path,
        b"",
        key_id=machine_key_id(kiosk.number, kiosk.machine),
        device_key=kiosk.device_key,
        created=kiosk.now(),
        receipt=shown and kiosk.receipt,
    )
    answer = kiosk.send("GET", kiosk.base + path, {**headers, HEADER: "AAAA"}, b"")
    assert (answer.status, answer.problem.code) == (401, ProblemCode.SIGNATURE_REFUSED)
