"""What the rules refuse.

DomainError
├── EntryRefused            an entry does not follow from the state before it (reason, subject)
├── EntryWaits              at the centre: it names something that has not arrived yet (missing)
├── EntryDisputed           at the centre: it contradicts what is on record (reason)
├── EntryMalformed          bytes that are no entry, or no entry of a kind that is known here
└── ChainBroken             an entry does not continue the chain (kiosk, epoch, sequence)
"""

from __future__ import annotations

import enum

from kiosk.domain.remarks import RemarkReason


class DomainError(Exception):
    """Something that the rules do not allow."""


class EntryRefused(DomainError):
    """The entry does not follow from the state before it."""

    def __init__(self, reason: RemarkReason, subject: str) -> None:
        super().__init__(f"{reason.value}: {subject}")
        self.reason = reason
        self.subject = subject


class EntryWaits(DomainError):
    """The entry names something that has not arrived yet; `missing` says what, e.g. order 3-0147-6."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"waits for {missing}")
        self.missing = missing


class DisputeReason(enum.StrEnum):
    """Why an entry contradicts the record; staff read it in the dispute's list."""

    ORDER_EXISTS = "order-exists"
    ORDER_OPEN_ALREADY = "order-open-already"
    ORDER_IN_ANOTHER_STATE = "order-in-another-state"
    ORDER_OF_ANOTHER_KIOSK = "order-of-another-kiosk"
    AMOUNT_DIFFERS = "amount-differs"
    PRICE_DIFFERS = "price-differs"
    BINDING_IN_ANOTHER_STEP = "binding-in-another-step"
    ANOTHER_TOKEN = "another-token"  # noqa: S105 - a token of hardware, no secret
    CERTIFICATE_EXISTS = "certificate-exists"
    CERTIFICATE_DIFFERS = "certificate-differs"
    PREDECESSOR_SUCCEEDED = "predecessor-succeeded"
    ANOTHER_CERTIFICATE_VALID = "another-certificate-valid"
    BEYOND_POLICY = "beyond-policy"
    KIOSK_REVOKED = "kiosk-revoked"


class EntryDisputed(DomainError):
    """The entry contradicts what is on record; a person decides."""

    def __init__(self, reason: DisputeReason, subject: str) -> None:
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
