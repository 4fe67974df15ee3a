from __future__ import annotations

import pytest
from asn1crypto import x509  # type: ignore[import-untyped]  # the package has no types

from kiosk.pki.errors import NameInvalid
from kiosk.pki.names import (
    DEFAULT_ORGANISATION,
    MemberName,
    build_name,
    is_within,
    issuing_name,
    member_name,
    organisation_of,
    prefix_name,
    read_member_name,
    root_name,
)

MEMBER = MemberName(account="11000001", enterprise="河南粮油贸易（集团）有限公司")


def test_a_members_name_comes_back() -> None:
    name = member_name(DEFAULT_ORGANISATION, MEMBER)
    assert read_member_name(name) == MEMBER
    assert organisation_of(name) == DEFAULT_ORGANISATION


def test_texts_are_utf8_and_the_country_is_printable() -> None:
    name = x509.Name.load(member_name(DEFAULT_ORGANISATION, MEMBER), strict=True)
    chosen = [rdn[0]["value"].name for rdn in name.chosen]
    assert chosen == ["printable_string", *["utf8_string"] * 4]


def test_spaces_are_single_so_that_openssl_compares_what_is_written() -> None:
    spaced = MemberName(account="11000001", enterprise=" Grain  and　Oil ")
    assert read_member_name(member_name(DEFAULT_ORGANISATION, spaced)).enterprise == "Grain and Oil"


@pytest.mark.parametrize("text", ["", "  ", "粮" * 65, "a\0b", "a\u202eb"])
def test_what_no_name_may_hold_is_refused(text: str) -> None:
    with pytest.raises(NameInvalid) as refused:
        member_name(DEFAULT_ORGANISATION, MemberName(account="11000001", enterprise=text))
    assert refused.value.part == "enterprise"
    with pytest.raises(NameInvalid) as refused:
        member_name(DEFAULT_ORGANISATION, MemberName(account=text, enterprise="甲"))
    assert refused.value.part == "account"
    with pytest.raises(NameInvalid):
        prefix_name(text)


def test_the_prefix_permits_members_and_no_other_exchange_or_unit() -> None:
    prefix = prefix_name(DEFAULT_ORGANISATION)
    assert is_within(member_name(DEFAULT_ORGANISATION, MEMBER), prefix)
    assert is_within(issuing_name(DEFAULT_ORGANISATION, 3), prefix)
    assert not is_within(member_name("另一个交易所", MEMBER), prefix)
    assert not is_within(root_name(DEFAULT_ORGANISATION), prefix)
    assert not is_within(build_name((("country_name", "CN"), ("common_name", "11000001"))), prefix)
    assert not is_within(build_name(()), prefix)


def test_a_name_of_another_form_names_no_member() -> None:
    for name in (
        issuing_name(DEFAULT_ORGANISATION, 3),
        root_name(DEFAULT_ORGANISATION),
        prefix_name(DEFAULT_ORGANISATION),
        build_name(
            (
                ("country_name", "CN"),
                ("organization_name", DEFAULT_ORGANISATION),
                ("organizational_unit_name", "Keydesk"),
                ("common_name", "11000001"),
                ("organizational_unit_name", "甲"),
            )
        ),
    ):
        with pytest.raises(NameInvalid):
            read_member_name(name)
