"""The facts that a request takes, judged field by field."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import asdict, replace

from kiosk.domain.contacts import ContactFault
from kiosk.domain.credit_codes import CreditCodeFault
from kiosk.domain.documents import DocumentFault, DocumentKind, HolderFault
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.names import NameFault
from kiosk.domain.personal import (
    MAXIMUM_RECORD,
    DeliveryAddress,
    InvoiceDetails,
    OperatorDetails,
    encode_personal,
)
from kiosk.domain.request_facts import (
    LONGEST,
    FactFault,
    NumberFault,
    OperatorFault,
    judged_delivery,
    judged_invoice,
    judged_operator,
    usable_code,
)

ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678", "450000")
CODE = "9144030071526726XG"
INVOICE = InvoiceDetails(
    "某粮油有限公司", CODE, "fin@example.cn", "花园路1号", "0371-68085231", "中国银行", "17020200"
)
SPECIAL, ORDINARY = InvoiceKind.SPECIAL, InvoiceKind.ORDINARY


def test_a_whole_address_is_tidied_and_nothing_is_wrong() -> None:
    typed = DeliveryAddress(" 张三丰 ", "河南省  郑州市", "花园路1号", "+86 138-1234-5678", "450 000")
    tidy = DeliveryAddress("张三丰", "河南省 郑州市", "花园路1号", "13812345678", "450000")
    assert judged_delivery(typed) == (tidy, {})
    assert judged_delivery(tidy) == (tidy, {})
    assert judged_delivery(replace(ADDRESS, phone="", postcode=""))[1] == {}


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("recipient", " ", NameFault.EMPTY),
        ("region", "", NameFault.EMPTY),
        ("address", "", NameFault.EMPTY),
        ("address", "路" * 101, NameFault.TOO_LONG),
        ("recipient", "张\x00", NameFault.INVISIBLE),
        ("region", "…", NameFault.NOTHING_SPOKEN),
        ("address", "\ue000路", NameFault.PRIVATE_USE),
        ("phone", "123", ContactFault.MALFORMED),
        ("postcode", "45000", NumberFault.POSTCODE),
        ("postcode", "45000A", NumberFault.POSTCODE),
    ],
)
def test_what_is_wrong_with_an_address_is_told_by_its_field(field: str, text: str, fault: FactFault) -> None:
    assert judged_delivery(DeliveryAddress(**asdict(ADDRESS) | {field: text}))[1] == {field: fault}


def test_all_that_is_wrong_is_told_at_once() -> None:
    faults = judged_delivery(DeliveryAddress("", "", "", "1", "1"))[1]
    assert set(faults) == {"recipient", "region", "address", "phone", "postcode"}
    faults = judged_invoice(SPECIAL, InvoiceDetails("", "", "", "\x00", "1", "\x00", "1"))[1]
    assert set(faults) == {"title", "credit_code", "email", "address", "phone", "bank", "bank_account"}


@pytest.mark.parametrize("kind", list(InvoiceKind))
def test_a_whole_invoice_is_tidied_and_nothing_is_wrong(kind: InvoiceKind) -> None:
    typed = replace(
        INVOICE, credit_code=" 9144 0300 7152 6726xg", email=" fin@example.cn ", bank_account="1702 0200-1"
    )
    tidy = replace(INVOICE, phone="037168085231", bank_account="170202001")
    assert judged_invoice(kind, typed) == (tidy, {})


@pytest.mark.parametrize(
    ("kind", "code", "fault"),
    [
        (SPECIAL, "", NameFault.EMPTY),
        (ORDINARY, "", None),
        (ORDINARY, CODE[:-1] + "0", CreditCodeFault.CHECK),
        (ORDINARY, CODE[:-1], CreditCodeFault.LENGTH),
        (SPECIAL, CODE[:-1] + "I", CreditCodeFault.CHARACTER),
    ],
)
def test_a_special_invoice_needs_a_code_and_one_that_is_typed_must_be_right(
    kind: InvoiceKind, code: str, fault: FactFault | None
) -> None:
    wanted = {} if fault is None else {"credit_code": fault}
    assert judged_invoice(kind, replace(INVOICE, credit_code=code))[1] == wanted


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("title", "", NameFault.EMPTY),
        ("email", "", NameFault.EMPTY),
        ("email", "a@b", ContactFault.MALFORMED),
        ("email", "a" * 61 + "@example.cn.cn", ContactFault.TOO_LONG),
        ("phone", "12", ContactFault.MALFORMED),
        ("bank", "行" * 101, NameFault.TOO_LONG),
        ("bank_account", "1234", NumberFault.BANK_ACCOUNT),
        ("bank_account", "1" * 33, NumberFault.BANK_ACCOUNT),
    ],
)
def test_what_is_wrong_with_an_invoice_is_told_by_its_field(field: str, text: str, fault: FactFault) -> None:
    assert judged_invoice(SPECIAL, InvoiceDetails(**asdict(INVOICE) | {field: text}))[1] == {field: fault}


def test_what_is_optional_may_be_left_out() -> None:
    alone = InvoiceDetails("李晓梅", "", "li@example.cn", " ", "", " ", "")
    assert judged_invoice(ORDINARY, alone) == (InvoiceDetails("李晓梅", "", "li@example.cn"), {})


def test_the_longest_record_of_both_kinds_can_be_kept() -> None:
    han = "\U00020000"
    recipient, region, street = (han * LONGEST[each] for each in ("recipient", "region", "address"))
    address = DeliveryAddress(recipient, region, street, "0" * 20, "450000")
    texts = han * 100, CODE, "a" * 72, han * 100, "0" * 20, han * 100, "1" * 32
    for record in (address, InvoiceDetails(*texts)):
        assert len(encode_personal(record)) < MAXIMUM_RECORD


def test_only_a_right_code_is_usable() -> None:
    assert usable_code(f" {CODE.lower()}") == CODE
    assert [usable_code(each) for each in ("", "c", CODE[:-1] + "0")] == ["", "", ""]


TODAY = date(2026, 12, 1)
PROPOSED = OperatorDetails("王晓芳", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")


def test_who_is_proposed_is_tidied_and_nothing_is_wrong() -> None:
    typed = OperatorDetails(
        " 王 晓\u3000芳 ", DocumentKind.RESIDENT_ID, "110105 19491231-002x", "+86 139-1234-1234"
    )
    assert judged_operator(typed, TODAY) == (PROPOSED, {})
    passport = OperatorDetails("MU\u0308LLER  JEAN-PAUL", DocumentKind.PASSPORT, "e 1234 5678", "13912341234")
    tidy, faults = judged_operator(passport, TODAY)
    assert (tidy.name, tidy.document_number, faults) == ("MÜLLER JEAN-PAUL", "E12345678", {})


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("name", " ", NameFault.EMPTY),
        ("name", "王xiao", HolderFault.SPELT),
        ("name", "王\u200b芳", HolderFault.CHARACTER),
        ("name", "\ufa0c", HolderFault.CHARACTER),
        ("name", "王" * 65, HolderFault.LENGTH),
        ("document_number", "", NameFault.EMPTY),
        ("document_number", "110105194912310021", DocumentFault.CHECK),
        ("phone", "", NameFault.EMPTY),
        ("phone", "0371-68085231", ContactFault.MALFORMED),
    ],
)
def test_what_is_wrong_with_who_is_proposed_is_told_by_its_field(
    field: str, text: str, fault: OperatorFault
) -> None:
    _, faults = judged_operator(replace(PROPOSED, **{field: text}), TODAY)
    assert faults == {field: fault}
