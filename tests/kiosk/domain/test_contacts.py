from __future__ import annotations

import pytest

from kiosk.domain.contacts import (
    ContactFault,
    email_fault,
    mobile_fault,
    phone_fault,
    tidy_email,
    tidy_phone,
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("138 1234 5678", "13812345678"),
        ("138-1234-5678", "13812345678"),
        ("１３８１２３４５６７８", "13812345678"),
        ("+86 138 1234 5678", "13812345678"),
        ("008613812345678", "13812345678"),
        ("8613812345678", "13812345678"),
        ("(0371) 6808-5231", "037168085231"),
        ("+86 0371 68085231", "037168085231"),
        ("86123", "86123"),
        ("+852 9123 4567", "+85291234567"),
    ],
)
def test_a_number_is_kept_without_what_separates_its_digits(typed: str, kept: str) -> None:
    assert tidy_phone(typed) == kept


@pytest.mark.parametrize("number", ["13000000000", "13812345678", "19912345678", "16612345678"])
def test_a_mobile_phone_takes_messages_and_calls(number: str) -> None:
    assert mobile_fault(number) is None
    assert phone_fault(number) is None


@pytest.mark.parametrize(
    "number",
    [
        "037168085231",
        "01082345678",
        "02112345678"[:3] + "62345678",
        "04717654321",
        "4008123123",
        "8008100888",
    ],
)
def test_a_telephone_is_called_and_gets_no_messages(number: str) -> None:
    assert phone_fault(number) is None
    assert mobile_fault(number) is ContactFault.MALFORMED


@pytest.mark.parametrize(
    "number",
    [
        "",
        "1381234567",
        "138123456789",
        "12812345678",
        "68085231",
        "0371168085231",
        "037118085231",
        "+85291234567",
        "9008123123",
    ],
)
def test_what_is_no_number_is_told(number: str) -> None:
    assert mobile_fault(number) is ContactFault.MALFORMED
    assert phone_fault(number) is ContactFault.MALFORMED


@pytest.mark.parametrize(
    "address",
    [
        "a@b.cn",
        "finance.dept+tax@mail.example.com.cn",
        "12345678@qq.com",
        "o'neil_x@a-b.org",
        "a@example.xn--fiqs8s",
    ],
)
def test_addresses_that_mail_can_reach(address: str) -> None:
    assert email_fault(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "finance",
        "finance@",
        "@example.cn",
        "finance@example",
        "finance@@example.cn",
        "fin ance@example.cn",
        ".finance@example.cn",
        "finance.@example.cn",
        "fin..ance@example.cn",
        "finance@-example.cn",
        "finance@example-.cn",
        "finance@example..cn",
        "finance@example.c",
        "finance@example.1",
        "finance@[127.0.0.1]",
        "财务@example.cn",
        "finance@example.cn,other@example.cn",
    ],
)
def test_what_is_no_address_is_told(address: str) -> None:
    assert email_fault(address) is ContactFault.MALFORMED


def test_the_longest_address_is_what_the_form_of_invoices_takes() -> None:
    assert email_fault(f"a@{'b' * 60}.{'c' * 6}.cn") is None
    assert email_fault(f"aa@{'b' * 60}.{'c' * 6}.cn") is ContactFault.TOO_LONG
    assert email_fault(f"{'a' * 64}@b.cn") is None
    assert email_fault(f"{'a' * 65}@b.cn") is ContactFault.TOO_LONG


def test_an_address_is_kept_half_width() -> None:
    assert tidy_email("  Finance＠Example．cn ") == "Finance@Example.cn"
