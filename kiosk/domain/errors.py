"""What the rules refuse.

DomainError
├── EntryRefused            an entry does not follow from the state before it (reason, subject)
├── EntryMalformed          bytes that are no entry, or no entry of a kind that is known here
├── CalendarMalformed       a file that is no calendar of working days, in kiosk/domain/working_days.py
├── PersonalMalformed       bytes that are no personal record
├── NameRefused             what cannot be a name (fault, character, instead), in kiosk/domain/names.py
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


class SnapshotMalformed(DomainError):
    """The bytes are no snapshot, no acknowledgement of one, or no row of a state."""


class PersonalMalformed(DomainError):
    """The bytes are no personal record, or none of a kind that is known here."""


class ChainBroken(DomainError):
    """The entry does not continue the chain."""

    def __init__(self, kiosk: int, epoch: int, sequence: int) -> None:
        super().__init__(f"the chain of kiosk {kiosk} breaks at epoch {epoch}, sequence {sequence}")
        self.kiosk = kiosk
        self.epoch = epoch
        self.sequence = sequence
