"""A smart card in software as a reader sees it, and one that fails on command."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol, assert_never

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


class CardPulled(Exception):
    """The card left the reader while it was being spoken to; the answer, if any, is lost."""


class VirtualCard(Protocol):
    """What a reader does with a card. Not safe for several threads; a reader speaks from one at a time."""

    @property
    def atr(self) -> bytes:
        """The answer to reset (ISO/IEC 7816-3, 8)."""
        ...

    def power_on(self) -> None:
        """Begin a session, forgetting the one before: no verified PIN, no open application."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """Execute a command and return its answer. Raises CardPulled."""
        ...


class FaultKind(enum.StrEnum):
    """How a card can fail at one command."""

    PULLED_BEFORE = "pulled-before"
    """It is pulled before the command reaches it."""
    PULLED_AFTER = "pulled-after"
    """It executes the command and is pulled before its answer arrives."""
    RUBBISH = "rubbish"
    """It executes the command and answers other bytes."""
    INTERNAL_ERROR = "internal-error"
    """It answers 6F00 and executes nothing."""
    TRUNCATED = "truncated"
    """It executes the command and its answer loses its last bytes."""
    SILENT = "silent"
    """It answers nothing at all, not even a status word."""


class Fault(msgspec.Struct, frozen=True):
    """A fault at the nth command from now (the next one is 1), counted across insertions.

    `instruction` counts only commands with that instruction byte. `rubbish` is what RUBBISH answers.
    """

    kind: FaultKind
    at: int = 1
    instruction: int | None = None
    rubbish: bytes = b"\xff\x00\xa5"


class FaultyCard:
    """A card around another that fails as planned, and otherwise does what the other does."""

    def __init__(self, card: VirtualCard, *faults: Fault) -> None:
        self._card = card
        self._faults = list(faults)

    @property
    def atr(self) -> bytes:
        """The other card's."""
        return self._card.atr

    def plan(self, fault: Fault) -> None:
        """Add a fault, counted from now."""
        self._faults.append(fault)

    def power_on(self) -> None:
        """Begin a session of the other card."""
        self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        """Execute a command, or fail at it where a fault is due. Raises CardPulled."""
        due = self._due(command)
        if due is None:
            return self._card.transmit(command)
        return _fail(due, command, self._card.transmit)

    def _due(self, command: bytes) -> Fault | None:
        """Count the command against every planned fault and return the first that is due."""
        due: Fault | None = None
        waiting: list[Fault] = []
        for fault in self._faults:
            counts = fault.instruction is None or command[1:2] == bytes((fault.instruction,))
            left = fault.at - counts
            if left > 0 or not counts:
                waiting.append(msgspec.structs.replace(fault, at=left))
            elif due is None:
                due = fault
        self._faults = waiting
        return due


def _fail(fault: Fault, command: bytes, execute: Callable[[bytes], bytes]) -> bytes:
    match fault.kind:
        case FaultKind.PULLED_BEFORE:
            raise CardPulled
        case FaultKind.PULLED_AFTER:
            execute(command)
            raise CardPulled
        case FaultKind.RUBBISH:
            execute(command)
            return fault.rubbish
        case FaultKind.INTERNAL_ERROR:
            return b"\x6f\x00"
        case FaultKind.TRUNCATED:
            answer = execute(command)
            return answer[: len(answer) // 2] if len(answer) > 2 else answer[:1]  # noqa: PLR2004 - SW alone
        case FaultKind.SILENT:
            return b""
    assert_never(fault.kind)
