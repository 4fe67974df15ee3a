"""The virtual card's commands on the two PINs of an application."""

from __future__ import annotations

import hmac

import msgspec

from hardware.token.gmt.commands import CHALLENGE, CHALLENGE_PADDING, PinKind, StatusWord
from hardware.virtual.gmt.apdu import read_body
from hardware.virtual.gmt.state import ApplicationRecord, Memory, PinRecord, application_of, unseal
from hardware.virtual.iso7816 import Refusal, Request, refuse


def pin_information(memory: Memory, request: Request) -> bytes:
    """GetPinInfo."""
    application = application_of(memory, read_body(request))
    pin = application.user if request.p2 == PinKind.USER else application.administrator
    return bytes((pin.tries_allowed, pin.tries_left, pin.factory))


def verify_pin(memory: Memory, request: Request) -> bytes:
    """VerifyPin of the user PIN."""
    body = read_body(request)
    _user_only(request)
    application = application_of(memory, body)
    _prove(memory, application, PinKind.USER, body["proof"])
    memory.session.verified.add(application.number)
    return b""


def change_pin(memory: Memory, request: Request) -> bytes:
    """ChangePin of the user PIN."""
    body = read_body(request)
    _user_only(request)
    proved = _prove(memory, application_of(memory, body), PinKind.USER, body["proof"])
    key = unseal(proved.user.key, body["sealed_key"])
    changed = msgspec.structs.replace(proved.user, key=key, factory=False)
    _store_pin(memory, proved, PinKind.USER, changed)
    return b""


def unblock_pin(memory: Memory, request: Request) -> bytes:
    """UnblockPin: by the administrator PIN, the user PIN gets another value and all its tries."""
    body = read_body(request)
    _user_only(request)
    proved = _prove(memory, application_of(memory, body), PinKind.ADMINISTRATOR, body["proof"])
    allowed = proved.user.tries_allowed
    key = unseal(proved.administrator.key, body["sealed_key"])
    memory.session.verified.discard(proved.number)
    _store_pin(memory, proved, PinKind.USER, PinRecord(key, allowed, allowed, factory=False))
    return b""


def _user_only(request: Request) -> None:
    if request.p2 != PinKind.USER:
        refuse(StatusWord.WRONG_PARAMETERS)


def _prove(memory: Memory, application: ApplicationRecord, kind: PinKind, proof: bytes) -> ApplicationRecord:
    """Check a proof of a PIN; the try is counted on the disk before the comparison."""
    challenge = memory.session.take_challenge(CHALLENGE)
    pin = application.user if kind is PinKind.USER else application.administrator
    left = pin.tries_left - 1
    if kind is PinKind.USER:
        memory.session.verified.discard(application.number)
    if left < 0:
        refuse(StatusWord.PIN_BLOCKED)
    _store_pin(memory, application, kind, msgspec.structs.replace(pin, tries_left=left))
    if not hmac.compare_digest(unseal(pin.key, proof), challenge + CHALLENGE_PADDING):
        raise Refusal(StatusWord.PIN_TRIES + left if left else StatusWord.PIN_BLOCKED)
    return _store_pin(memory, application, kind, msgspec.structs.replace(pin, tries_left=pin.tries_allowed))


def _store_pin(
    memory: Memory, application: ApplicationRecord, kind: PinKind, pin: PinRecord
) -> ApplicationRecord:
    if kind is PinKind.USER:
        changed = msgspec.structs.replace(application, user=pin)
    else:
        changed = msgspec.structs.replace(application, administrator=pin)
    memory.store(memory.record.with_application(changed))
    return changed
