"""What differs from one vendor's library to the next, as data: one TOML file a vendor in `profiles/`."""

from __future__ import annotations

import enum
import importlib.resources
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hardware.token.skf.codes import SarCode
from hardware.token.skf.errors import named_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_NAME: Final = 32
_LONGEST_PIN: Final = 16
_KEY_LENGTH: Final = 16
_MOST_TRIES: Final = 15
_ULONG_WIDTHS: Final = (4, 8)
_CHALLENGES: Final = (8, 16)
_MERGED: Final = ("codes", "limits")


class DigestBy(enum.StrEnum):
    """Who computes the hash that is signed."""

    DESK = "desk"
    """Here: one pure function, the same for every vendor, where libraries differ in what they take for the user ID."""
    LIBRARY = "library"
    """The library's SKF_DigestInit with public key and user ID, for one that signs nothing else."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Time limits in seconds, after which a call counts as hung and its process is ended."""

    call: float = 5.0
    enumeration: float = 3.0
    key_generation: float = 60.0
    erasure: float = 30.0
    load: float = 10.0

    def __post_init__(self) -> None:
        """Refuse limits that nothing could keep."""
        if not all(
            0 < limit <= 600  # noqa: PLR2004 - ten minutes: nobody waits longer at a desk
            for limit in (self.call, self.enumeration, self.key_generation, self.erasure, self.load)
        ):
            raise ValueError("limits lie between 0 and 600 seconds")


class SkfProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One vendor's library: names, defaults, limits and peculiarities.

    `library` is the file's path, or its name where the system's loader finds it. `factory_pin` and
    `administrator_pin` are what `erase` gives to the application that it makes; the latter also unblocks.
    `device_key` is the device authentication key (32 hexadecimal digits), `device_challenge` how many random bytes
    are taken into its proof; an empty administrator PIN or device key is none. `ulong_bytes` and `packed` describe
    the library's structures. A value that cannot be one raises ValueError (msgspec.ValidationError from TOML).
    """

    library: str
    name: str = "skf"
    application: str = "KEYDESK"
    container: str = "KEYDESK-SIGN"
    factory_pin: str = "111111"
    administrator_pin: str = "12345678"
    shortest_pin: int = 6
    longest_pin: int = _LONGEST_PIN
    user_tries: int = 10
    administrator_tries: int = 10
    file_rights: int = 0x10
    device_key: str = "31323334353637383132333435363738"
    device_challenge: int = 8
    key_algorithm: int = 0x00020200
    digest: DigestBy = DigestBy.DESK
    events: bool = False
    poll_seconds: float = 0.3
    ulong_bytes: int = 4
    packed: bool = True
    limits: Limits = Limits()
    codes: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse names, PINs, keys and figures that no library can have."""
        if not self.library or "\0" in self.library:
            raise ValueError("library names the vendor's file")
        for name in (self.application, self.container):
            if not (1 <= len(name.encode()) <= _LONGEST_NAME and name.isprintable()):
                raise ValueError(f"application and container have names of 1 to {_LONGEST_NAME} bytes")
        self._require_pins()
        if self.device_key and not _is_key(self.device_key):
            raise ValueError("the device key has 32 hexadecimal digits")
        if self.ulong_bytes not in _ULONG_WIDTHS or self.device_challenge not in _CHALLENGES:
            raise ValueError("ulong_bytes is 4 or 8, device_challenge 8 or 16")
        if not 0.05 <= self.poll_seconds <= 1:  # noqa: PLR2004 - faster is a burden, slower is late
            raise ValueError("poll_seconds lies between 0.05 and 1")
        named_codes(self.codes)

    def _require_pins(self) -> None:
        if not 1 <= self.shortest_pin <= self.longest_pin <= _LONGEST_PIN:
            raise ValueError(f"PINs have 1 to {_LONGEST_PIN} characters")
        if not self.pin_possible(self.factory_pin):
            raise ValueError("the factory PIN cannot be one")
        if self.administrator_pin and not administrator_pin_possible(self.administrator_pin):
            raise ValueError("the administrator PIN cannot be one")
        if not all(1 <= tries <= _MOST_TRIES for tries in (self.user_tries, self.administrator_tries)):
            raise ValueError(f"PINs have 1 to {_MOST_TRIES} tries")

    def __repr__(self) -> str:
        """Name the profile without its PINs and key."""
        return f"SkfProfile({self.name!r}, {self.library!r}, {self.application!r}, {self.container!r})"

    @property
    def vendor_codes(self) -> dict[int, SarCode]:
        """The library's own numbers and what they mean."""
        return named_codes(self.codes)

    def pin_possible(self, pin: str) -> bool:
        """Whether a text can be a user PIN of such a key."""
        return self.shortest_pin <= len(pin) <= self.longest_pin and pin.isascii() and pin.isprintable()


def administrator_pin_possible(pin: str) -> bool:
    """Whether a text can be an administrator PIN: vendors give them five characters and more."""
    return 1 <= len(pin) <= _LONGEST_PIN and pin.isascii() and pin.isprintable()


def shipped_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that come with the program."""
    folder = importlib.resources.files(__package__).joinpath("profiles")
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    )


def configured_profile(table: Mapping[str, Any]) -> SkfProfile:
    """Read one `[[skf]]` table: `profile` names a shipped one (else generic) or a TOML file, the rest overrides it.

    Raises ValueError (also as msgspec.ValidationError and tomllib.TOMLDecodeError) for what no profile can be,
    OSError for a file that cannot be read.
    """
    chosen = {key: value for key, value in table.items() if key != "profile"}
    profile = dict(_profile_table(str(table.get("profile", "generic"))))
    for key in _MERGED:
        if isinstance(chosen.get(key), dict):
            chosen[key] = {**profile.get(key, {}), **chosen[key]}
    return msgspec.convert({**profile, **chosen}, SkfProfile)


def _profile_table(name: str) -> dict[str, Any]:
    if name.endswith(".toml"):
        return tomllib.loads(Path(name).read_text(encoding="utf-8"))
    if name not in shipped_profiles():
        raise ValueError(f"there is no profile {name!r}; those that exist: {', '.join(shipped_profiles())}")
    file = importlib.resources.files(__package__).joinpath("profiles", f"{name}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == _KEY_LENGTH
    except ValueError:
        return False
