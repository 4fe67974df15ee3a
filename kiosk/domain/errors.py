"""What the rules refuse.

DomainError
├── EntryRefused            an entry does not follow from the state before it (reason, subject)
├── EntryMalformed          bytes that are no entry, or no entry of a kind that is known here
└── ChainBroken             an entry does not continue the chain (kiosk, epoch, sequence)
"""

from __future__ import annotations

from kiosk.domain.remarks import RemarkReason


class DomainError(Exception):
    """Something that the rules do not allow."""


class EntryRefused(DomainError):
    """The entry does not follow from the state before it."""

    def __init__(self, reason: RemarkReason, subject: str) -> None:
        super().__init__(f"{reason.value}: {subject}")
        self.reason = reason
        self.subject = subject


class EntryMalformed(DomainError):
    """The bytes are no entry, or none of a kind that is known here."""


class ChainBroken(DomainError):
    """The entry does not continue the chain."""

    def __init__(self, kiosk: int, epoch: int, sequence: int) -> None:
        super().__init__(f"the chain of kiosk {kiosk} breaks at epoch {epoch}, sequence {sequence}")
        self.kiosk = kiosk
        self.epoch = epoch
        self.sequence = sequence
