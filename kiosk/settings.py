"""What differs from one exchange to another and members see: names, telephone numbers, language, colours and idle times.

The configuration file fills these; the desk, the screens and the receipts read them.
"""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from kiosk.domain import exchange
from kiosk.text.catalogue import Language

# Not longer than a code on a receipt may be.
Address = Annotated[str, msgspec.Meta(pattern=r"^(https?://[!-~]{1,150})?$")]


class Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names that stand on screens and receipts.

    `site` is the address where members download the driver and log in, and `initial_pin` what their keys come with: both are told
    to people and used for nothing else.
    """

    system: str = exchange.SYSTEM
    name: str = exchange.ORGANISATION
    payee: str = exchange.PAYEE
    support: tuple[str, ...] = exchange.SUPPORT
    official_account: str = exchange.OFFICIAL_ACCOUNT
    follow_picture: str = ""
    site: Address = ""
    initial_pin: str = exchange.INITIAL_PIN

    @property
    def support_line(self) -> str:
        """The telephone numbers in one line."""
        return " / ".join(self.support)


class Colours(enum.StrEnum):
    """The themes: the usual one, and one for weak eyes."""

    STANDARD = "standard"
    HIGH_CONTRAST = "high-contrast"


class TouchTyping(enum.StrEnum):
    """When the on-screen keyboard is shown."""

    AUTO = "auto"
    """For a field that was entered by touch."""
    ALWAYS = "always"
    NEVER = "never"


class Display(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the screens behave; `idle` and `countdown` in seconds."""

    language: Language = Language.CHINESE
    idle: int = 90
    countdown: int = 20
    theme: Colours = Colours.STANDARD
    keyboard: TouchTyping = TouchTyping.AUTO
