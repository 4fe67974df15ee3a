"""What differs from one vendor's GM/T keys to the next."""

from __future__ import annotations

import msgspec

from hardware.token.gmt.commands import LONGEST_NAME, LONGEST_PIN, MOST_PIN_TRIES, PIN_KEY, SHORTEST_PIN


class GmtProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The names, defaults and limits of one kind of GM/T key; fits one table of a TOML file.

    `device_key` is the device authentication key, 32 hexadecimal digits; it is wanted only where an
    application is created or deleted. `administrator_pin` and `pin_tries` (1 to 15) are what a created
    application gets; an empty `administrator_pin` says that none is known, so that it can neither be created
    nor unblocked by the configuration alone. `longest_data` is the most data, in bytes, that a command may
    carry before it is cut into a chain. A value that cannot be one raises ValueError (msgspec.ValidationError
    from TOML).
    """

    name: str = "gmt"
    application: str = "KEYDESK"
    container: str = "KEYDESK-SIGN"
    factory_pin: str = "111111"
    administrator_pin: str = "00000000"
    pin_tries: int = 10
    device_key: str = "31323334353637383132333435363738"
    longest_data: int = 1024

    def __post_init__(self) -> None:
        """Refuse names, keys and limits that no key can have."""
        for name in (self.application, self.container):
            if not 1 <= len(name.encode()) <= LONGEST_NAME:
                raise ValueError(f"application and container have names of 1 to {LONGEST_NAME} bytes")
        if not pin_possible(self.factory_pin):
            raise ValueError("the factory PIN cannot be one")
        if self.administrator_pin and not pin_possible(self.administrator_pin):
            raise ValueError("the administrator PIN cannot be one")
        if not 1 <= self.pin_tries <= MOST_PIN_TRIES:
            raise ValueError(f"a PIN has 1 to {MOST_PIN_TRIES} tries")
        if not 16 <= self.longest_data <= 0xFFFF:  # noqa: PLR2004 - below, a chain would hardly advance
            raise ValueError("longest_data lies between 16 and 65535 bytes")
        try:
            key = bytes.fromhex(self.device_key)
        except ValueError:
            raise ValueError("the device key is not hexadecimal") from None
        if len(key) != PIN_KEY:
            raise ValueError("the device key has 32 hexadecimal digits")

    def __repr__(self) -> str:
        """Name the profile without its PINs and key."""
        return f"GmtProfile({self.name!r}, {self.application!r}, {self.container!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """Show no more in a formatted traceback."""
        return [("name", self.name), ("application", self.application), ("container", self.container)]


def pin_possible(pin: str) -> bool:
    """Whether a text can be a PIN: 6 to 16 printable ASCII characters (GM/T 0016 gives the longest)."""
    return SHORTEST_PIN <= len(pin) <= LONGEST_PIN and pin.isascii() and pin.isprintable()
