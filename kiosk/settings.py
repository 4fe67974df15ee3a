"""What differs from one exchange to another and members see: names, telephone numbers, language and idle times.

The configuration file fills these; the desk, the screens and the receipts read them.
"""

from __future__ import annotations

import msgspec

from kiosk.domain import exchange
from kiosk.text.catalogue import Language


class Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names that stand on screens and receipts."""

    system: str = exchange.SYSTEM
    name: str = exchange.ORGANISATION
    payee: str = exchange.PAYEE
    support: tuple[str, ...] = exchange.SUPPORT
    official_account: str = "郑州华粮"

    @property
    def support_line(self) -> str:
        """The telephone numbers in one line."""
        return " / ".join(self.support)


class Display(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the screens behave; `idle` and `countdown` in seconds."""

    language: Language = Language.CHINESE
    idle: int = 90
    countdown: int = 20
