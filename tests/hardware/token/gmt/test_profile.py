from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest

from hardware.token.gmt.profile import GmtProfile


def test_a_profile_is_read_from_toml() -> None:
    text = """
        application = "CA-APP"
        container = "SIGN"
        factory_pin = "12345678"
        device_key = "00112233445566778899AABBCCDDEEFF"
        longest_data = 240
        administrator_pin = "87654321"
        pin_tries = 8
    """
    assert msgspec.convert(tomllib.loads(text), GmtProfile) == GmtProfile(
        application="CA-APP",
        container="SIGN",
        factory_pin="12345678",
        device_key="00112233445566778899AABBCCDDEEFF",
        longest_data=240,
        administrator_pin="87654321",
        pin_tries=8,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"aplication": "CA-APP"},
        {"application": ""},
        {"container": "C" * 33},
        {"factory_pin": "1"},
        {"device_key": "XYZ"},
        {"device_key": "0011"},
        {"administrator_pin": "12345"},
        {"pin_tries": 0},
        {"pin_tries": 16},
        {"longest_data": 1},
        {"longest_data": 70000},
    ],
)
def test_a_profile_that_cannot_be_one_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, GmtProfile)


def test_a_profile_may_know_no_administrator_pin() -> None:
    assert msgspec.convert({"administrator_pin": ""}, GmtProfile).administrator_pin == ""


def test_a_profile_does_not_show_its_secrets() -> None:
    profile = GmtProfile(factory_pin="87654321", administrator_pin="98765432")
    for shown in (repr(profile), str(profile)):
        assert "87654321" not in shown
        assert "98765432" not in shown
        assert profile.device_key not in shown
