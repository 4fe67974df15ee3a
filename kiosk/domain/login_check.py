"""登录验证: the desk's requests to the centre while a member waits, and the centre's answers.

    challenge requested → challenge → signed → judged, and an SMS code sent → code typed → right or wrong
    first password chosen, with the code of the message that invited to it → right or wrong

The same records are stored in the mailbox (MessagePack, between app and agent) and sent to the centre (between agent
and centre). A request past its deadline stays unanswered, and the desk continues without.
"""

from __future__ import annotations

import enum

import msgspec

CHALLENGE_LABEL = b"keydesk login check\x00"
"""The prefix of the signed message, so that the key never signs another protocol's bytes."""

CHALLENGE_LENGTH = 32

CODE_DIGITS = 6
"""How long an SMS code is."""


class Registration(enum.StrEnum):
    """What the centre's register says of a certificate; nobody logs in with one that is not LISTED."""

    LISTED = "listed"
    ON_HOLD = "on-hold"
    REVOKED = "revoked"
    RECEIVED = "received"
    """What its kiosk told of it arrived and is not applied or not verified yet: the same check may pass in a moment."""
    UNKNOWN = "unknown"


class CodeJudgement(enum.StrEnum):
    """The result of a typed SMS code."""

    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"
    """No try is left, or its time is over."""


class ChallengeRequested(msgspec.Struct, frozen=True, tag_field="kind", tag="login-challenge-asked"):
    """A member wants to check the login."""

    account: str


class ChallengeIssued(msgspec.Struct, frozen=True, tag_field="kind", tag="login-challenge-given"):
    """A check begins: its name, and 32 fresh bytes, good until `expires` (UTC seconds)."""

    check: str
    challenge: bytes
    expires: int


class ChallengeSigned(msgspec.Struct, frozen=True, tag_field="kind", tag="login-challenge-signed"):
    """The key's signature (DER) over the label and the challenge, with the certificate (DER) that is on it."""

    check: str
    certificate: bytes
    signature: bytes


class LoginJudged(msgspec.Struct, frozen=True, tag_field="kind", tag="login-judged"):
    """What the centre found; `phone` is where it sent a code, e.g. 138****5678, empty where it sent none.

    A code is sent only when all else is in order. `code_expires` in UTC seconds.
    """

    signature: bool
    chain: bool
    registration: Registration
    phone: str = ""
    code_expires: int = 0
    tries: int = 0


class CodeTyped(msgspec.Struct, frozen=True, tag_field="kind", tag="login-code-typed"):
    """The member typed the code from the message."""

    check: str
    code: str


class CodeJudged(msgspec.Struct, frozen=True, tag_field="kind", tag="login-code-judged"):
    """Whether the code was right, and how many tries are left."""

    judgement: CodeJudgement
    tries_left: int = 0


class FirstPasswordChosen(msgspec.Struct, frozen=True, tag_field="kind", tag="first-password-chosen"):
    """A new operator chose the password with the code from the message; `verifier` is its Argon2id hash. A `CodeJudged` answers."""

    account: str
    code: str
    verifier: str


class QuestionRefused(msgspec.Struct, frozen=True, tag_field="kind", tag="login-question-refused"):
    """The centre refuses: the check is over, or unknown."""

    reason: str


LoginQuestion = ChallengeRequested | ChallengeSigned | CodeTyped | FirstPasswordChosen
LoginAnswer = ChallengeIssued | LoginJudged | CodeJudged | QuestionRefused

MAILBOX_KIND = "login-check"


def signed_message(challenge: bytes) -> bytes:
    """The message that the key signs."""
    return CHALLENGE_LABEL + challenge
