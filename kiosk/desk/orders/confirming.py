"""What comes of a confirmation that was typed or scanned. An outcome is data: the screen words it; times UTC seconds."""

from __future__ import annotations

import enum

import msgspec

from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.refusals import Refused


class CodeRefusal(enum.StrEnum):
    """Why a confirmation did not complete the order; the first two cost no try."""

    MALFORMED = "malformed"
    CHECK_DIGIT = "check-digit"
    WRONG = "wrong"
    WAIT = "wait"
    LOCKED = "locked"
    KIOSK_LOCKED = "kiosk-locked"
    ANOTHER_ORDER = "another-order"
    ANOTHER_KIOSK = "another-kiosk"
    NOT_GENUINE = "not-genuine"


class CodeRefused(msgspec.Struct, frozen=True, tag="code-refused"):
    """The confirmation was not accepted; `wait_until` for WAIT and KIOSK_LOCKED."""

    reason: CodeRefusal
    tries_left: int
    wait_until: int | None = None


class CodeAccepted(msgspec.Struct, frozen=True, tag="code-accepted"):
    """The order is paid (or, when it had ended before, refunding)."""

    order: OrderView


CodeOutcome = CodeAccepted | CodeRefused | Refused
