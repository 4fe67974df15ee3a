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
_LARGEST_NUMBER: Final = 0xFFFFFFFF
_LONGEST_LIMIT: Final = 600
"""Seconds: nobody waits longer at a desk."""

_MERGED: Final = ("codes", "limits")


class DigestBy(enum.StrEnum):
    """Who computes the hash that is signed."""

    DESK = "desk"
    """Here: one pure function, the same for every vendor, where libraries differ in what they take for the user ID."""
    LIBRARY = "library"
    """The library's SKF_DigestInit with public key and user ID, for one that signs nothing else."""
    SIGNING = "signing"
    """SKF_ECCSignData itself, which hashes whatever it is given with the signer's Z: it gets the message."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Time limits in seconds, after which a call counts as hung and its process is ended."""

    call: float = 5.0
    enumeration: float = 3.0
    key_generation: float = 60.0
    erasure: float = 30.0
    load: float = 10.0

    def __post_init__(self) -> None:
        """Refuse limits that nothing could keep."""
        for name, limit in msgspec.structs.asdict(self).items():
            if not 0 < limit <= _LONGEST_LIMIT:
                raise ValueError(f"{name} lies between 0 and {_LONGEST_LIMIT} seconds")


class SkfProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One vendor's library: names, defaults, limits and peculiarities.

    `library` is the file's path, or its name where the system's loader finds it. `factory_pin` and
    `administrator_pin` are what `erase` gives to the application that it makes; the latter also unblocks.
    `device_key` is the device authentication key (32 hexadecimal digits), `device_challenge` how many random bytes
    are taken into its proof; an empty administrator PIN or device key is none. `ulong_bytes` and `packed` describe
    the library's structures as expected; what they hold decides (`hardware.token.skf.probes`). So it does for
    `key_algorithm`, SGD_SM2_1, where that is None. A value that cannot be one raises ValueError
    (msgspec.ValidationError from TOML).
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
    key_algorithm: int | None = None
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
        for key, name in (("application", self.application), ("container", self.container)):
            if not (1 <= len(name.encode()) <= _LONGEST_NAME and name.isprintable()):
                raise ValueError(f"{key} has 1 to {_LONGEST_NAME} bytes that can be shown")
        self._require_pins()
        if self.device_key and not _is_key(self.device_key):
            raise ValueError("device_key has 32 hexadecimal digits, or is empty")
        if self.ulong_bytes not in _ULONG_WIDTHS:
            raise ValueError("ulong_bytes is 4 or 8")
        if self.device_challenge not in _CHALLENGES:
            raise ValueError("device_challenge is 8 or 16")
        for key, number in (("file_rights", self.file_rights), ("key_algorithm", self.key_algorithm)):
            if number is not None and not 0 <= number <= _LARGEST_NUMBER:
                raise ValueError(f"{key} lies between 0 and 0x{_LARGEST_NUMBER:X}")
        if not 0.05 <= self.poll_seconds <= 1:  # noqa: PLR2004 - faster is a burden, slower is late
            raise ValueError("poll_seconds lies between 0.05 and 1")
        named_codes(self.codes)

    def _require_pins(self) -> None:
        if not 1 <= self.shortest_pin <= self.longest_pin <= _LONGEST_PIN:
            raise ValueError(f"shortest_pin and longest_pin lie between 1 and {_LONGEST_PIN}, in this order")
        if not self.pin_possible(self.factory_pin):
            lengths = f"{self.shortest_pin} to {self.longest_pin}"
            raise ValueError(f"factory_pin has {lengths} printable ASCII characters")
        if self.administrator_pin and not administrator_pin_possible(self.administrator_pin):
            raise ValueError(
                f"administrator_pin has 1 to {_LONGEST_PIN} printable ASCII characters, or is empty"
            )
        for key, tries in (
            ("user_tries", self.user_tries),
            ("administrator_tries", self.administrator_tries),
        ):
            if not 1 <= tries <= _MOST_TRIES:
                raise ValueError(f"{key} lies between 1 and {_MOST_TRIES}")

    def __repr__(self) -> str:
        """Name the profile without its PINs and key."""
        return f"SkfProfile({self.name!r}, {self.library!r}, {self.application!r}, {self.container!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """Show no more in a formatted traceback."""
        return [("name", self.name), ("library", self.library), ("application", self.application)]

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


_ACCEPTED: Final[Mapping[str, tuple[str, ...]]] = {
    "digest": tuple(DigestBy),
    "limits": Limits.__struct_fields__,
}
"""What msgspec does not say of a key: its words, or the keys of its table."""


def shipped_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that come with the program."""
    folder = importlib.resources.files(__package__).joinpath("profiles")
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    )


def configured_profile(table: Mapping[str, Any]) -> SkfProfile:
    """Read one `[[skf]]` table: `profile` names a shipped one (else generic) or a TOML file, the rest overrides it.

    Raises ValueError for what no profile can be: it names the key and what is accepted, and the file and line where
    that is a profile's own. Raises OSError for a file that cannot be read.
    """
    chosen = {key: value for key, value in table.items() if key != "profile"}
    name = str(table.get("profile", "generic"))
    profile = _profile_table(name)
    merged = {**profile, **chosen}
    for key in _MERGED:
        if key in profile and isinstance(chosen.get(key), dict):
            table_of_file = profile[key]
            merged[key] = (
                {**table_of_file, **chosen[key]} if isinstance(table_of_file, dict) else table_of_file
            )
    problem = _problem_of(merged)
    if problem is None:
        return msgspec.convert(merged, SkfProfile)
    # The same problem without what was chosen here is the file's own.
    if problem == _problem_of({"library": "named elsewhere", **profile}):
        raise ValueError(f"{name}: {problem}")
    raise ValueError(problem)


def _problem_of(table: dict[str, Any]) -> str | None:
    """Say what keeps a table from being a profile, and what would be accepted."""
    unknown = sorted(table.keys() - set(SkfProfile.__struct_fields__))
    if unknown:
        return f"there is no key `{unknown[0]}`; those that exist: {', '.join(SkfProfile.__struct_fields__)}"
    try:
        msgspec.convert(table, SkfProfile)
    except msgspec.ValidationError as invalid:
        problem = str(invalid)
        for key, accepted in _ACCEPTED.items():
            if f"`$.{key}`" in problem:
                problem += f"; accepted: {', '.join(accepted)}"
        return problem
    return None


def _profile_table(name: str) -> dict[str, Any]:
    if name.endswith(".toml"):
        try:
            return tomllib.loads(Path(name).read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise ValueError(f"{name}: it is not text in UTF-8") from None
        except tomllib.TOMLDecodeError as invalid:
            raise ValueError(f"{name}: it is not valid TOML: {invalid}") from None
    if name not in shipped_profiles():
        raise ValueError(f"there is no profile {name!r}; those that exist: {', '.join(shipped_profiles())}")
    file = importlib.resources.files(__package__).joinpath("profiles", f"{name}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == _KEY_LENGTH
    except ValueError:
        return False
