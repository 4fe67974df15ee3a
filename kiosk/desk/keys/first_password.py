"""设置登录密码: a new operator's own password, with the code of the message that the centre sent.

The password is hashed here, and its verifier alone goes to the centre, which judges the code; the feed brings it back to every kiosk.
"""

from __future__ import annotations

import enum
import unicodedata
from typing import TYPE_CHECKING

import msgspec

from kiosk.desk.keys.login_check import ask_centre
from kiosk.desk.views.refusals import Refused
from kiosk.domain.identifiers import is_account
from kiosk.domain.login_check import CODE_DIGITS, CodeJudged, CodeJudgement, FirstPasswordChosen
from kiosk.domain.password_rules import PasswordFault, password_fault
from kiosk.pki.passwords import make_verifier

if TYPE_CHECKING:
    from kiosk.desk.context import Desk


class FirstPasswordResult(enum.StrEnum):
    """What became of it."""

    SET = "set"
    FAULTY = "faulty"
    """The password cannot be chosen; nothing was asked."""
    MALFORMED = "malformed"
    """What was typed is no account, or no code; nothing was asked, and no try is gone."""
    WRONG_CODE = "wrong-code"
    OVER = "over"
    """Nobody was invited, no try is left, the time is over, or the password is set: the centre tells none apart."""
    NOT_HEARD = "not-heard"
    """The centre did not answer; the link on the phone works all the same."""


class FirstPasswordView(msgspec.Struct, frozen=True, tag="first-password"):
    """What became of it; `tries_left` of a wrong code, `fault` of a password that cannot be chosen."""

    result: FirstPasswordResult
    tries_left: int = 0
    fault: PasswordFault | None = None


FirstPasswordOutcome = FirstPasswordView | Refused


def choose_first_password(desk: Desk, account: str, code: str, password: str) -> FirstPasswordView:
    """Set the password of an account that was invited to it. Slow: Argon2id, and it waits for the centre."""
    account, code = _digits(account), _digits(code)
    if not is_account(account) or len(code) != CODE_DIGITS or not (code.isascii() and code.isdigit()):
        return FirstPasswordView(FirstPasswordResult.MALFORMED)
    fault = password_fault(password, account)
    if fault is not None:
        return FirstPasswordView(FirstPasswordResult.FAULTY, fault=fault)
    chosen = FirstPasswordChosen(account, code, make_verifier(password))
    judged = ask_centre(desk, chosen, desk.settings.judgement_wait)
    if not isinstance(judged, CodeJudged):
        return FirstPasswordView(FirstPasswordResult.NOT_HEARD)
    match judged.judgement:
        case CodeJudgement.RIGHT:
            return FirstPasswordView(FirstPasswordResult.SET)
        case CodeJudgement.WRONG:
            return FirstPasswordView(FirstPasswordResult.WRONG_CODE, judged.tries_left)
        case CodeJudgement.OVER:
            return FirstPasswordView(FirstPasswordResult.OVER)


def _digits(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
