"""Why a feed item is kept instead of applied."""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """Kept items name one of these first, then what they are about."""

    UNKNOWN_KIND = "unknown-kind"
    MALFORMED = "malformed"
    SIGNATURE_WRONG = "signature-wrong"
    FOR_ANOTHER_KIOSK = "for-another-kiosk"
    SUPERSEDED = "superseded"
    ORDER_UNKNOWN = "order-unknown"
    ORDER_IN_ANOTHER_STATE = "order-in-another-state"
    CONTRADICTS_RECORD = "contradicts-record"
    ARRIVES_TOO_EARLY = "arrives-too-early"


class Inapplicable(Exception):
    """An item that cannot be applied here and now; `detail` is for staff and support."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


def told(problem: str) -> tuple[Reason | None, str]:
    """The reason and the detail in the text of an Inapplicable; None and the whole where it names no reason."""
    reason, _, detail = problem.partition(": ")
    return (Reason(reason), detail) if reason in set(Reason) else (None, problem)
