"""What the two ends refuse, and how a refusal is sent.

ProtocolError
├── SignatureRefused        a request's signature is missing, by another key, or does not cover what it must (reason)
│   └── ClockOff            the signature is valid, its time is too far from the centre's (created, now)
├── BodyTooLarge            a body, packed or unpacked, exceeds the limit (size, limit)
└── BodyMalformed           a body is not what its path takes (what)

A refusal is sent as a `Problem` in JSON (media type application/problem+json, RFC 9457): `code` for the program,
`sentence` for people; the other fields let the kiosk continue.
"""

from __future__ import annotations

import enum

import msgspec

from kiosk.domain.entries.body import Tip
from kiosk.domain.policy import SignedTime

PROBLEM_MEDIA_TYPE = "application/problem+json"


class ProblemCode(enum.StrEnum):
    """Why the centre refused; beside each, its HTTP status."""

    BODY_MALFORMED = "body-malformed"  # 400
    SIGNATURE_REFUSED = "signature-refused"  # 401
    CLOCK_OFF = "clock-off"  # 401, with `signed_time`: sign again with the centre's time
    TOKEN_REFUSED = "token-refused"  # noqa: S105 - 403: the enrolment token is unknown, too old, or used by another machine
    AWAITING_ROOT = "awaiting-root"  # 409: the centre's root is elsewhere and has to sign first: ask again
    REQUEST_REFUSED = "request-refused"  # 422: the request for the issuing CA's certificate is invalid
    KIOSK_REVOKED = "kiosk-revoked"  # 403
    MACHINE_RETIRED = (
        "machine-retired"  # 403: another machine took its place, or it was reported lost; it may upload
    )
    MACHINE_UNCONFIRMED = "machine-unconfirmed"  # 403: it may upload; staff of the centre have to confirm it
    KIOSK_UNKNOWN = "kiosk-unknown"  # 401: it may show its deed
    CHAIN_HOLE = "chain-hole"  # 409, with `high_water`: send what follows it
    CHAIN_BROKEN = "chain-broken"  # 409: an entry does not continue the one before, or is of another kiosk
    CHECKPOINT_REFUSED = (
        "checkpoint-refused"  # 422: not signed by this kiosk, or not of the batch's last entry
    )
    BODY_TOO_LARGE = "body-too-large"  # 413
    NOT_FOUND = "not-found"  # 405: the method is not taken on this path
    BUSY = "busy"  # 503, with Retry-After
    INTERNAL = "internal"  # 500


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal; `sentence` is one plain English sentence, `error_number` is where the centre's log tells more.

    `newer_token` is when another enrolment token was given out for the kiosk of a refused one (UTC seconds).
    """

    code: ProblemCode
    sentence: str
    high_water: Tip | None = None
    signed_time: SignedTime | None = None
    error_number: str | None = None
    newer_token: int | None = None


class ProtocolError(Exception):
    """The two ends do not agree."""


class SignatureRefused(ProtocolError):
    """A request is not signed as it must be."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ClockOff(SignatureRefused):
    """The signature is valid and its time (UTC seconds) is too far from this end's."""

    def __init__(self, created: int, now: int) -> None:
        super().__init__(f"signed at {created}, received at {now}")
        self.created = created
        self.now = now


class BodyTooLarge(ProtocolError):
    """A body exceeds its limit, in bytes (`size` as far as it was read) or in entries."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"{size} is more than {limit}")
        self.size = size
        self.limit = limit


class BodyMalformed(ProtocolError):
    """A body is not what it should be."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def read_problem(body: bytes) -> Problem | None:
    """The problem in an answer's body; None when it is something else, such as a proxy's page."""
    try:
        return msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
