"""What the screens of the key's own services are given: 状态, 修改PIN, 登录验证, 挂失, and what staff do to a key.

Outcomes are data, the screen words them. Times are UTC seconds.
"""

from __future__ import annotations

import enum

import msgspec

from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenRefused, TokenView
from kiosk.domain.decisions import KeyOnRecord


class KeyView(msgspec.Struct, frozen=True, tag="key"):
    """状态: the token and what is on record about it.

    A member sees `account` and `order` only of a key of their own; `days_left` until the certificate's end, negative
    after it; `feed_as_of` when that rests on an old feed.
    """

    token: TokenView
    status: KeyStatus
    account: str | None = None
    enterprise: str | None = None
    operator: str | None = None
    order: str | None = None
    days_left: int | None = None
    feed_as_of: int | None = None


KeyOutcome = KeyView | TokenRefused | Refused


class KeyIntroduced(msgspec.Struct, frozen=True, tag="introduced"):
    """What a key is, for whoever put it in, without a password: nobody's name and no serial.

    `account` fills in forms, and only of a key in use; so are the certificate's end, `not_after`, and `days_left` until then,
    negative after it.
    """

    status: KeyStatus
    account: str | None = None
    not_after: int | None = None
    days_left: int | None = None


IntroducedOutcome = KeyIntroduced | TokenRefused | Refused


class LossView(msgspec.Struct, frozen=True, tag="loss"):
    """挂失 is done; `registered` once the centre has it (else 「联网后生效」)."""

    key: KeyOnRecord
    registered: bool


LossOutcome = LossView | Refused


class FoundView(msgspec.Struct, frozen=True, tag="found"):
    """A found key is recorded; `held` when that placed a key in use on hold."""

    key: KeyView
    held: bool


FoundOutcome = FoundView | TokenRefused | Refused


class LiftedView(msgspec.Struct, frozen=True, tag="lifted"):
    """解除挂失 is done; `registered` once the centre has it."""

    key: KeyOnRecord
    registered: bool


LiftOutcome = LiftedView | TokenRefused | Refused


class Check(enum.StrEnum):
    """What 登录验证 looks at, in this order."""

    PASSWORD = "password"  # noqa: S105 - a check's name
    PIN = "pin"
    SIGNATURE = "signature"
    CHAIN = "chain"
    VALIDITY = "validity"
    REVOCATION = "revocation"
    REGISTER = "register"
    SMS = "sms"


class CheckResult(enum.StrEnum):
    """How one check ended; WAITS for the SMS code to be typed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"
    WAITS = "waits"


class LoginCheckView(msgspec.Struct, frozen=True, tag="login-check"):
    """登录验证 as far as it came: every check with its result.

    `check` names it for typing the SMS code, which went to `phone` and has `tries_left` until `code_expires`. Without
    the centre REVOCATION rests on the feed of `feed_as_of`, REGISTER and SMS are NOT_CHECKED; so are these two while the
    centre has `received` the certificate and has it not on its register yet.
    """

    serial: str
    certificate: str
    not_after: int
    results: tuple[tuple[Check, CheckResult], ...]
    check: str = ""
    phone: str = ""
    code_expires: int = 0
    tries_left: int = 0
    feed_as_of: int | None = None
    received: bool = False

    @property
    def usable(self) -> bool:
        """Whether nothing failed: the member can log in, as far as was checked."""
        return all(result is not CheckResult.FAILED for _, result in self.results)

    @property
    def complete(self) -> bool:
        """Whether everything was checked, and passed."""
        return all(result is CheckResult.PASSED for _, result in self.results)


LoginCheckOutcome = LoginCheckView | TokenRefused | Refused
