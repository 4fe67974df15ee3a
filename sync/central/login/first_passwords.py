"""Setting a password without anybody else knowing it: by a one-time link, or at a kiosk with the code of the same message.

An invitation has a token of 128 bits for the link and a short code with few tries; a new one ends the former. Whichever is used first
ends both. What is set is a verifier, so that a kiosk sends no password. Times are UTC seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

import msgspec
from django.conf import settings

from kiosk.domain.login_check import CodeJudged, CodeJudgement, FirstPasswordChosen
from kiosk.pki.passwords import is_verifier
from sync.central.fleet.feed.telling import telling
from sync.central.ledger.publishing import publish_operators
from sync.central.login.codes import hashed, new_code
from sync.central.login.messages import OperatorApproved, Parameters, PasswordLink
from sync.central.login.models import MemberSession, PasswordInvitation, PasswordTry
from sync.central.login.sms import Message, MessageNotSent, sms_provider
from sync.central.members.models import Operator, ReviewState

PATH = "/password/"
HOURS = 72
LINK_TRIES = 5
LINKS_AN_HOUR = 5
_TOKEN_BYTES = 16
_HOUR = 3600
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class Invitation(msgspec.Struct, frozen=True):
    """What the message has to tell; it is nowhere else."""

    account: str
    token: str
    code: str

    def __repr__(self) -> str:
        """Name the account alone."""
        return f"Invitation({self.account})"


def invite(account: str, now: int) -> Invitation | None:
    """Make a link and a code for an account, and end the former ones; None where the hour has had its links."""
    token, code = secrets.token_urlsafe(_TOKEN_BYTES), new_code()
    with telling(now):
        Operator.objects.select_for_update().get(account=account)
        row = PasswordInvitation.objects.filter(account=account).first()
        counted_at, sent = (now, 0) if row is None else (row.counted_at, row.sent)
        if not now - _HOUR < counted_at <= now:
            counted_at, sent = now, 0
        if sent >= LINKS_AN_HOUR:
            return None
        PasswordInvitation(
            account=account,
            link_hash=_hash(token),
            code_hash=hashed(_place(account), code),
            tries_left=LINK_TRIES,
            made_at=now,
            expires=now + HOURS * _HOUR,
            counted_at=counted_at,
            sent=sent + 1,
        ).save()
    return Invitation(account, token, code)


def send(invitation: Invitation, base: str, now: int, *, approved: bool) -> bool:
    """Send an invitation to the operator's phone; False where it did not go out, and another has to be made."""
    link = f"{base.rstrip('/')}{PATH}{invitation.token}"
    told = OperatorApproved if approved else PasswordLink
    operator = Operator.objects.get(account=invitation.account)
    if not send_message(operator, told(operator.account, link, invitation.code, HOURS), now):
        return False
    rows = PasswordInvitation.objects.filter(account=invitation.account, link_hash=_hash(invitation.token))
    rows.update(sent_at=now)
    return True


def send_message(operator: Operator, parameters: Parameters, now: int) -> bool:
    """Send something to an operator's bound phone; False where there is none, or the provider did not take it."""
    if not operator.phone:
        return False
    try:
        sms_provider(settings.KEYDESK.sms).send(Message(operator.account, operator.phone, parameters, now))
    except MessageNotSent:
        return False
    return True


def account_of(token: str, now: int) -> str | None:
    """Whose password a link sets; None for one that is over, or none. Looking uses nothing up."""
    row = _of_token(token)
    return row.account if row is not None and _is_open(row, now) else None


def set_by_link(token: str, verifier: str, now: int) -> bool:
    """Set the password's verifier by a link; False where it is over."""
    found = _of_token(token)
    if found is None:
        return False
    with telling(now):
        operator, row = _locked(found.account)
        if operator is None or row is None or row.link_hash != found.link_hash or not _is_open(row, now):
            return False
        return _set(operator, row, verifier, now)


def take_code(chosen: FirstPasswordChosen, now: int) -> CodeJudged:
    """Judge the code that was typed at a kiosk, and set the verifier; of an account without invitation nothing is told apart."""
    over = CodeJudged(CodeJudgement.OVER)
    if not is_verifier(chosen.verifier):
        return over
    with telling(now):
        operator, row = _locked(chosen.account)
        if operator is None or row is None:
            return over
        if row.used_at is not None:  # the same again, since the answer was lost
            same = hmac.compare_digest(operator.verifier, chosen.verifier)
            return CodeJudged(CodeJudgement.RIGHT) if same else over
        if not row.tries_left or not _is_open(row, now):
            return over
        row.tries_left -= 1
        row.save(update_fields=["tries_left"])
        if hmac.compare_digest(row.code_hash, hashed(_place(row.account), chosen.code)):
            is_set = _set(operator, row, chosen.verifier, now)
            return CodeJudged(CodeJudgement.RIGHT) if is_set else over
        return CodeJudged(CodeJudgement.WRONG, row.tries_left) if row.tries_left else over


def end_of(account: str, now: int) -> bool:
    """End what went to an operator's phone, which is another's now: link and code, and who signed in with one; whether a link was open.

    In the transaction that is open. `now` is UTC seconds.
    """
    rows = PasswordInvitation.objects.filter(account=account, used_at=None, expires__gte=now)
    ended = rows.update(link_hash="", code_hash="", tries_left=0, expires=now - 1)
    MemberSession.objects.filter(account=account).update(tries_left=0, expires=now - 1)
    return bool(ended)


def end_all(sender: object, **_named: object) -> None:
    """End every link and code once the centre was put back (a receiver of `incarnation_began`): some may have been used since."""
    del sender
    PasswordInvitation.objects.all().delete()


def _locked(account: str) -> tuple[Operator | None, PasswordInvitation | None]:
    """The operator, locked before the invitation, as everywhere."""
    operator = Operator.objects.select_for_update().filter(account=account[:12]).first()
    row = PasswordInvitation.objects.select_for_update().filter(account=account[:12]).first()
    return operator, row


def _set(operator: Operator, row: PasswordInvitation, verifier: str, now: int) -> bool:
    """Set it, in the transaction that tells; whoever was signed in with another is signed out."""
    if operator.review != ReviewState.APPROVED:
        return False
    operator.verifier = verifier
    operator.save(update_fields=["verifier"])
    row.link_hash = row.code_hash = ""
    row.tries_left, row.used_at = 0, now
    row.save(update_fields=["link_hash", "code_hash", "tries_left", "used_at"])
    MemberSession.objects.filter(account=row.account).update(tries_left=0, expires=now - 1)
    PasswordTry.objects.filter(account=row.account).delete()
    publish_operators([operator], now)
    return True


def is_token(text: str) -> bool:
    """Whether a text has the form of a link's token."""
    return _TOKEN.fullmatch(text) is not None


def _of_token(token: str) -> PasswordInvitation | None:
    if not is_token(token):
        return None
    return PasswordInvitation.objects.filter(link_hash=_hash(token)).first()


def _is_open(row: PasswordInvitation, now: int) -> bool:
    return row.used_at is None and row.made_at <= now <= row.expires


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _place(account: str) -> str:
    return f"password {account}"
