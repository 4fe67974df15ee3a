from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest

from hardware.token.piv.commands import Slot
from hardware.token.piv.profile import PivProfile


def test_a_profile_is_read_from_toml() -> None:
    text = """
        name = "canokey"
        slot = "9C"
        factory_pin = "654321"
        unblocking_pin = ""
        management_key = "00112233445566778899AABBCCDDEEFF"
        pin_tries = 5
        longest_object = 1900
    """
    assert msgspec.convert(tomllib.loads(text), PivProfile) == PivProfile(
        name="canokey",
        slot=Slot.SIGNATURE,
        factory_pin="654321",
        unblocking_pin="",
        management_key="00112233445566778899AABBCCDDEEFF",
        pin_tries=5,
        longest_object=1900,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"pin": "123456"},
        {"name": ""},
        {"slot": "9D"},
        {"factory_pin": "12345"},
        {"factory_pin": "123456789"},
        {"factory_pin": "12345a"},
        {"factory_pin": "１２３４５６"},
        {"unblocking_pin": "1234567890"},
        {"unblocking_pin": "密码密码密码"},
        {"management_key": "XYZ"},
        {"management_key": "00" * 20},
        {"management_key": ""},
        {"pin_tries": 0},
        {"pin_tries": 256},
        {"longest_object": 100},
        {"longest_object": 70000},
    ],
)
def test_a_profile_that_cannot_be_one_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, PivProfile)


def test_a_profile_made_in_the_program_is_judged_too() -> None:
    with pytest.raises(ValueError, match="9D"):
        PivProfile(slot="9D")  # type: ignore[arg-type]


def test_a_profile_does_not_show_its_secrets() -> None:
    profile = PivProfile(factory_pin="87654321", unblocking_pin="PUK-1234")
    for secret in (profile.factory_pin, profile.unblocking_pin, profile.management_key):
        assert secret not in repr(profile)
        assert secret not in str(profile)
