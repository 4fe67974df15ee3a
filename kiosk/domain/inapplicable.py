"""Why a kiosk cannot apply a row of the feed, and the text that says so on record."""

from __future__ import annotations

import enum


class InapplicableReason(enum.StrEnum):
    """Why a row was not applied; the record of the row begins with it, its detail follows after a colon.

    The detail is made of what the wording (kiosk/labels.py) names: an order's reference and its status or owner, a
    number, a remark's reason and its subject; or, where a program's fault is told, of the library's own words.
    """

    UNKNOWN_KIND = "unknown-kind"
    MALFORMED = "malformed"
    SIGNATURE_WRONG = "signature-wrong"
    FOR_ANOTHER_KIOSK = "for-another-kiosk"
    SUPERSEDED = "superseded"
    ORDER_UNKNOWN = "order-unknown"
    ORDER_IN_ANOTHER_STATE = "order-in-another-state"
    ORDER_OF_ANOTHER_KIOSK = "order-of-another-kiosk"
    CONTRADICTS_RECORD = "contradicts-record"
    CERTIFICATE_UNKNOWN = "certificate-unknown"
    ARRIVES_TOO_EARLY = "arrives-too-early"
    TOLD_OTHERWISE = "told-otherwise"
    """Another fact has the row's key."""
    STRICTER_HOLDS = "stricter-holds"
    """Of two rows about the same, neither knew of the other; this one does not forbid more."""


def parse_problem(problem: str) -> tuple[InapplicableReason | None, str]:
    """The reason and the detail in the text of an Inapplicable; None and the whole text where it names no reason."""
    reason, _, detail = problem.partition(": ")
    if reason in set(InapplicableReason):
        return InapplicableReason(reason), detail
    return None, problem
