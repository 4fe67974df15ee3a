"""What is shown of personal facts."""

from __future__ import annotations

import pytest

from kiosk.domain.masking import (
    masked_address,
    masked_bank_account,
    masked_document,
    masked_email,
    masked_name,
    masked_phone,
)


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "**********5678"),
        ("0371680852", "******0852"),
        ("6808523", "***8523"),
        ("680852", "******"),
        ("", ""),
    ],
)
def test_a_phone_is_shown_by_its_end(phone: str, shown: str) -> None:
    assert masked_phone(phone) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("410105199001011234", "4101**********1234"),
        ("12345678901", "1********01"),
        ("123456789012345", "1************45"),
        ("1234567890", "1*******90"),
        ("E12345678", "E******78"),
        ("12345", "1**45"),
        ("1234", "****"),
        ("", ""),
    ],
)
def test_a_document_s_number_is_shown_by_its_ends(number: str, shown: str) -> None:
    assert masked_document(number) == shown


def test_a_name_is_its_first_character() -> None:
    assert [masked_name(each) for each in ("张三丰", "张", "")] == ["张**", "张", ""]


def test_an_e_mail_address_hides_how_long_its_name_is() -> None:
    assert masked_email("finance@example.cn") == "f***@example.cn"
    assert masked_email("") == "***"


def test_an_address_hides_how_long_it_is() -> None:
    assert [masked_address(each) for each in ("花园路1号院2号楼", "花园路1号", "花园路1", "")] == [
        "花园路***",
        "花园路***",
        "***",
        "",
    ]


def test_an_account_at_a_bank_is_shown_by_its_end() -> None:
    assert [masked_bank_account(each) for each in ("170202001234", "12345", "")] == [
        "********1234",
        "*****",
        "",
    ]
