"""Members who sign in with a phone: account and password, then the code that the operator's phone gets.

A cookie names a session; its hash alone is stored. A password's try counts before it is judged, so that tries at once count too; an
unknown account takes as long as a wrong password and gets the same answer. Times are UTC seconds.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import re
import secrets

import msgspec
from django.conf import settings
from django.db import transaction

from kiosk.domain.identifiers import is_account
from kiosk.domain.lockouts import ACCOUNT_RULE, lockout_state
from kiosk.pki.passwords import DUMMY_VERIFIER, password_matches
from sync.central.login.codes import CODE_SECONDS, CODE_TRIES, code_message, hashed, new_code
from sync.central.login.messages import Purpose
from sync.central.login.models import MemberSession, PasswordTry
from sync.central.login.sms import Message, MessageNotSent, sms_provider
from sync.central.members.models import Operator

SESSION_SECONDS = 1800
CODES_AN_HOUR = 5
_HOUR = 3600
_NAME = re.compile(r"[0-9a-f]{32}")


class SignIn(enum.StrEnum):
    """What became of an account and a password."""

    CODE_SENT = "code-sent"
    WRONG = "wrong"
    LOCKED = "locked"
    NO_PHONE = "no-phone"
    """The password is right, and there is no phone that a code could go to."""
    TOO_MANY = "too-many"
    NOT_SENT = "not-sent"


class Begun(msgspec.Struct, frozen=True):
    """The answer to an account and a password; `name` is the session's, once a code was sent."""

    said: SignIn
    name: str = ""


class Session(msgspec.Struct, frozen=True):
    """Whose session it is, and whether the code was typed."""

    account: str
    proved: bool


def begin(account: str, password: str, now: int) -> Begun:
    """Judge account and password, and send a code; slow."""
    if not is_account(account):
        password_matches(DUMMY_VERIFIER, password)
        return Begun(SignIn.WRONG)
    if not _may_try(account, now):
        return Begun(SignIn.LOCKED)
    operator = Operator.objects.filter(account=account).first()
    verifier = "" if operator is None else operator.verifier
    matches = password_matches(verifier or DUMMY_VERIFIER, password)
    if operator is None or not verifier or not matches:
        return Begun(SignIn.WRONG)
    PasswordTry.objects.filter(account=account).delete()
    if not operator.phone or not sms_provider(settings.KEYDESK.sms).sends:
        return Begun(SignIn.NO_PHONE)
    return _send_code(operator, now)


def _may_try(account: str, now: int) -> bool:
    """Count a try as a failure, which a right password takes back; False while the account is locked."""
    with transaction.atomic():
        PasswordTry.objects.filter(tried_at__lt=now - ACCOUNT_RULE.memory).delete()
        Operator.objects.select_for_update().filter(account=account).first()
        tries = PasswordTry.objects.filter(account=account).values_list("tried_at", flat=True)
        if lockout_state(ACCOUNT_RULE, list(tries), now).until is not None:
            return False
        PasswordTry.objects.create(account=account, tried_at=now)
    return True


def _send_code(operator: Operator, now: int) -> Begun:
    name, code = secrets.token_hex(16), new_code()
    with transaction.atomic():
        Operator.objects.select_for_update().get(account=operator.account)
        MemberSession.objects.filter(began_at__lt=now - 24 * _HOUR).delete()
        lately = MemberSession.objects.filter(
            account=operator.account, began_at__range=(now - _HOUR + 1, now)
        )
        if lately.count() >= CODES_AN_HOUR:
            return Begun(SignIn.TOO_MANY)
        MemberSession.objects.create(
            key=_hash(name),
            account=operator.account,
            code_hash=hashed(_hash(name), code),
            tries_left=CODE_TRIES,
            began_at=now,
            expires=now + CODE_SECONDS,
        )
    message = Message(operator.account, operator.phone, code_message(code, Purpose.ORDERS), now)
    try:
        sms_provider(settings.KEYDESK.sms).send(message)
    except MessageNotSent:
        MemberSession.objects.filter(key=_hash(name)).update(tries_left=0, expires=now)
        return Begun(SignIn.NOT_SENT)
    return Begun(SignIn.CODE_SENT, name)


def take_code(name: str, typed: str, now: int) -> bool:
    """Whether the typed code is the session's; then it is signed in. After the last wrong one it is over."""
    with transaction.atomic():
        row = MemberSession.objects.select_for_update().filter(key=_hash(name)).first()
        if row is None or row.proved or not row.tries_left or now > row.expires:
            return False
        row.tries_left -= 1
        if hmac.compare_digest(row.code_hash, hashed(row.key, typed)):
            row.proved, row.tries_left, row.expires = True, 0, now + SESSION_SECONDS
        elif not row.tries_left:
            row.expires = now - 1
        row.save(update_fields=["proved", "tries_left", "expires"])
        return row.proved


def session(name: str, now: int) -> Session | None:
    """The session of that name; None for none, and for one that is over."""
    if _NAME.fullmatch(name) is None:
        return None
    row = MemberSession.objects.filter(key=_hash(name), expires__gte=now, began_at__lte=now).first()
    return None if row is None else Session(row.account, row.proved)


def end(name: str, now: int) -> None:
    """Sign out; that a code was sent still counts."""
    MemberSession.objects.filter(key=_hash(name)).update(tries_left=0, expires=now - 1)


def end_all(sender: object, **_named: object) -> None:
    """End every session once the centre was put back; limits begin anew (a receiver of `incarnation_began`)."""
    del sender
    MemberSession.objects.all().delete()
    PasswordTry.objects.all().delete()


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
