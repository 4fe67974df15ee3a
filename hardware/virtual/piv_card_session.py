"""What a virtual PIV card forgets without power, and what its commands share."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Protocol

from hardware.virtual.piv_card_request import StatusWord, refuse

if TYPE_CHECKING:
    from hardware.virtual.piv_card_state import PivCardRecord


class KeyReference(enum.IntEnum):
    """The PINs and keys that P2 names (SP 800-73-4 part 1, table 4)."""

    PIN = 0x80
    UNBLOCKING_PIN = 0x81
    AUTHENTICATION = 0x9A
    MANAGEMENT = 0x9B
    SIGNATURE = 0x9C
    KEY_MANAGEMENT = 0x9D
    CARD_AUTHENTICATION = 0x9E


@dataclasses.dataclass
class Session:
    """One time between power on and power off, or until another application is selected.

    `fresh_pin` says that the command before verified the PIN. `challenge` and `witness` are what the other side
    of GENERAL AUTHENTICATE is to prove itself with, once.
    """

    selected: bool = False
    verified: bool = False
    fresh_pin: bool = False
    administrator: bool = False
    challenge: bytes | None = None
    witness: bytes | None = None


class Memory(Protocol):
    """The parts of the card that a command works with."""

    @property
    def record(self) -> PivCardRecord:
        """What the card remembers."""
        ...

    @property
    def session(self) -> Session:
        """What it forgets."""
        ...

    def store(self, record: PivCardRecord) -> None:
        """Make a new state last before the answer goes out. Raises Refusal with 6581."""
        ...

    def forget(self) -> None:
        """Begin a new session."""
        ...

    def random(self, count: int) -> bytes:
        """Return that many random bytes."""
        ...


def demand_administrator(memory: Memory) -> None:
    """Refuse what only the holder of the management key may do. Raises Refusal with 6982."""
    if not memory.session.administrator:
        refuse(StatusWord.SECURITY_NOT_SATISFIED)


def store_within_room(memory: Memory, record: PivCardRecord) -> None:
    """Make a new state last, if it fits. Raises Refusal with 6A84 where it takes more room than there is, or 6581."""
    if record.used > record.room and record.used > memory.record.used:
        refuse(StatusWord.NO_ROOM)
    memory.store(record)
