"""What differs from one kind of PIV card to the next, and from one exchange's cards to another's."""

from __future__ import annotations

import msgspec

from hardware.token.piv.attestation import authorities_in
from hardware.token.piv.commands import FACTORY_PIN, LONGEST_PIN, MANAGEMENT_KEYS, SHORTEST_PIN, Slot

_MOST_TRIES = 255
_SHORTEST_OBJECT = 256
_LONGEST_OBJECT = 0xFFFF


class PivProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The slot, keys, defaults and limits of one kind of PIV card; fits one table of a TOML file.

    `slot` is 9A unless told otherwise: its key signs any number of times once the PIN was verified, as a binding
    needs, which signs twice. The key of 9C wants the PIN before every signature, so that the driver has to keep
    the PIN while it holds the card (see piv.py).

    `unblocking_pin` is the PUK, empty where the desk shall not know it. `management_key` has 32, 48 or 64
    hexadecimal digits; its algorithm is what the card says. `pin_tries` is how many tries the PIN has where the
    card does not tell. `longest_object` is the most bytes that a certificate object may have on the card, its tag
    and length counted. `attestation_authorities` are the certificates (PEM) of makers whose word on where a key pair was
    made is taken, their roots and what is between; empty where no word is. A value that cannot be one raises ValueError
    (msgspec.ValidationError from TOML).
    """

    name: str = "piv"
    slot: Slot = Slot.AUTHENTICATION
    factory_pin: str = FACTORY_PIN
    unblocking_pin: str = "12345678"
    management_key: str = "010203040506070801020304050607080102030405060708"
    pin_tries: int = 3
    longest_object: int = 3000
    attestation_authorities: str = ""

    def __post_init__(self) -> None:
        """Refuse PINs, keys and limits that no card can have."""
        if not self.name:
            raise ValueError("the profile has a name")
        Slot(self.slot)
        if not pin_possible(self.factory_pin):
            raise ValueError("the factory PIN cannot be one")
        if self.unblocking_pin and not unblocking_pin_possible(self.unblocking_pin):
            raise ValueError("the unblocking PIN cannot be one")
        if not 1 <= self.pin_tries <= _MOST_TRIES:
            raise ValueError(f"a PIN has 1 to {_MOST_TRIES} tries")
        if not _SHORTEST_OBJECT <= self.longest_object <= _LONGEST_OBJECT:
            raise ValueError(f"longest_object lies between {_SHORTEST_OBJECT} and {_LONGEST_OBJECT} bytes")
        authorities_in(self.attestation_authorities)
        try:
            key = bytes.fromhex(self.management_key)
        except ValueError:
            raise ValueError("the management key is not hexadecimal") from None
        if len(key) not in MANAGEMENT_KEYS.values():
            raise ValueError("the management key has 32, 48 or 64 hexadecimal digits")

    def __repr__(self) -> str:
        """Name the profile without its PINs and key."""
        return f"PivProfile({self.name!r}, {str(self.slot)!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """Show no more in a formatted traceback."""
        return [("name", self.name), ("slot", self.slot)]


def pin_possible(pin: str) -> bool:
    """Whether a text can be a PIN: 6 to 8 decimal digits (SP 800-73-4 part 2, 2.4.3)."""
    return SHORTEST_PIN <= len(pin) <= LONGEST_PIN and pin.isascii() and pin.isdecimal()


def unblocking_pin_possible(pin: str) -> bool:
    """Whether a text can be a PUK: 6 to 8 printable ASCII characters (the standard has 8; many cards take fewer)."""
    return SHORTEST_PIN <= len(pin) <= LONGEST_PIN and pin.isascii() and pin.isprintable()
