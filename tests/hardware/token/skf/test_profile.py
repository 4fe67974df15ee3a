from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from rich.pretty import pretty_repr

from hardware.token.skf.codes import SarCode
from hardware.token.skf.profile import SkfProfile, configured_profile, shipped_profiles

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_shipped_profile_can_be_one(name: str) -> None:
    assert configured_profile({"profile": name, "library": "/usr/lib/libvendor.so"}).name


def test_the_generic_file_says_what_the_program_takes_by_itself() -> None:
    library = "/usr/lib/libvendor.so"
    assert configured_profile({"library": library}) == SkfProfile(library=library)


def test_vendor_profiles_name_their_library() -> None:
    assert configured_profile({"profile": "longmai-gm3000"}).library == "libgm3000.1.0.so"
    with pytest.raises(ValueError, match="library"):
        configured_profile({"profile": "generic"})


def test_the_configuration_overrides_the_profile_key_by_key() -> None:
    text = """
        [[skf]]
        library = "/opt/vendor/libxxx.so"
        profile = "longmai-gm3000"
        application = "CA-APP"
        device_key = "00112233445566778899AABBCCDDEEFF"
        events = true
        [skf.limits]
        key_generation = 90.0
        [skf.codes]
        0A000101 = "CONTAINER_NOT_EXISTS"
    """
    (table,) = tomllib.loads(text)["skf"]
    profile = configured_profile(table)
    assert (profile.name, profile.application, profile.factory_pin) == (
        "longmai-gm3000",
        "CA-APP",
        "12345678",
    )
    assert (profile.limits.key_generation, profile.limits.call, profile.events) == (90.0, 5.0, True)
    assert profile.vendor_codes == {0x0A000101: SarCode.CONTAINER_NOT_EXISTS}


def test_a_profile_may_be_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "vendor.toml"
    file.write_text('name = "vendor"\nlibrary = "libvendor.so"\nulong_bytes = 8\n')
    profile = configured_profile({"profile": str(file), "events": True})
    assert (profile.name, profile.ulong_bytes, profile.events) == ("vendor", 8, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"library": ""},
        {"profile": "nobody"},
        {"aplication": "CA-APP"},
        {"application": ""},
        {"application": "two\0names"},
        {"container": "C" * 33},
        {"factory_pin": "1"},
        {"factory_pin": "密码密码密码"},
        {"administrator_pin": "x" * 17},
        {"shortest_pin": 9, "longest_pin": 8},
        {"user_tries": 0},
        {"administrator_tries": 16},
        {"device_key": "0011"},
        {"device_key": "XYZ"},
        {"device_challenge": 12},
        {"ulong_bytes": 2},
        {"poll_seconds": 5.0},
        {"digest": "nobody"},
        {"limits": {"call": 0.0}},
        {"limits": {"kall": 1.0}},
        {"codes": {"0A000033": "NO_SUCH_NAME"}},
        {"codes": {"thirty": "FAIL"}},
        {"codes": {"-1": "FAIL"}},
        {"codes": {"0A0000330": "FAIL"}},
        {"limits": 5},
        {"codes": 5},
        {"file_rights": -1},
        {"key_algorithm": 1 << 70},
    ],
)
def test_what_cannot_be_a_profile_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        configured_profile({"library": "libvendor.so", **wrong})


def test_a_profile_does_not_show_its_secrets() -> None:
    profile = SkfProfile(library="libvendor.so", factory_pin="87654321", administrator_pin="13572468")
    for shown in (repr(profile), pretty_repr(profile)):
        assert not any(secret in shown for secret in ("87654321", "13572468", profile.device_key))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ulong_bytes = 8\ndevice_key = 31\n", "str"),
        ("ulong_bytes = 2\n", "ulong_bytes is 4 or 8"),
        ("ulong_bytes = 8\nevents = tru\n", "line 2"),
        ("aplication = 'CA-APP'\n", "no key `aplication`; those that exist: library, name, application"),
        ("digest = 'nobody'\n", "accepted: desk, library"),
        ("limits = 5\n", "accepted: call, enumeration"),
        ("[limits]\nkall = 5\n", "accepted: call, enumeration"),
        ("[limits]\ncall = 0\n", "call lies between 0 and 600 seconds"),
        ("[codes]\n0A000033 = 'KEY_NOTFOUND'\n", "such as KEY_NOT_FOUND"),
        ("[codes]\n0A00003 3 = 'FAIL'\n", "line 2"),
        ("name = '\udcb5'\n", "UTF-8"),
    ],
)
@pytest.mark.parametrize("limits", [{}, {"limits": {"load": 20.0}}], ids=["alone", "overridden"])
def test_a_problem_of_a_file_names_it_and_what_is_accepted(
    tmp_path: Path, text: str, said: str, limits: dict[str, Any]
) -> None:
    file = tmp_path / "vendor.toml"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(ValueError, match=r"\w") as caught:
        configured_profile({"profile": str(file), "library": "libvendor.so", **limits})
    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)


def test_a_problem_of_the_configuration_is_not_put_on_the_file(tmp_path: Path) -> None:
    file = tmp_path / "vendor.toml"
    file.write_text("shortest_pin = 4\n")
    with pytest.raises(ValueError, match="factory_pin has 4 to 16") as caught:
        configured_profile({"profile": str(file), "library": "libvendor.so", "factory_pin": "123"})
    assert "vendor.toml" not in str(caught.value)
