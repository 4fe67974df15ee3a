from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest

from hardware.token.gmt_profile import GmtProfile


def test_a_profile_is_read_from_toml() -> None:
    text = """
        application = "CA-APP"
        container = "SIGN"
        factory_pin = "12345678"
        device_key = "00112233445566778899AABBCCDDEEFF"
        longest_data = 240
    """
    assert msgspec.convert(tomllib.loads(text), GmtProfile) == GmtProfile(
        application="CA-APP",
        container="SIGN",
        factory_pin="12345678",
        device_key="00112233445566778899AABBCCDDEEFF",
        longest_data=240,
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
        {"longest_data": 1},
        {"longest_data": 70000},
    ],
)
def test_a_profile_that_cannot_be_one_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, GmtProfile)


def test_a_profile_does_not_show_its_secrets() -> None:
    profile = GmtProfile(factory_pin="87654321")
    assert "87654321" not in repr(profile)
    assert profile.device_key not in repr(profile)
