"""The token that is in: reaching the only one, reading it, and its failures as the screens are told them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hardware.ports import (
    HardwareError,
    NoKeyPair,
    PinBlocked,
    PinInvalid,
    ReaderUnavailable,
    SecurityNotSatisfied,
    TokenFault,
    TokenFull,
    TokenNotPrepared,
    TokenNotRecognised,
    TokenRemoved,
    TokenSwapped,
    WrongPin,
)
from kiosk.desk.errors import TokenUnusable
from kiosk.desk.views import TokenRefused, TokenStatus, TokenTrouble, TokenView
from kiosk.pki.certificates import IssuedCertificate, parse_member_certificate
from kiosk.pki.errors import CertificateInvalid

if TYPE_CHECKING:
    from hardware.ports import Token
    from kiosk.desk.context import Desk

_PLAIN: dict[type[HardwareError], TokenTrouble] = {
    ReaderUnavailable: TokenTrouble.NO_DRIVER,
    TokenRemoved: TokenTrouble.REMOVED,
    TokenNotPrepared: TokenTrouble.NOT_PREPARED,
    PinInvalid: TokenTrouble.PIN_INVALID,
    SecurityNotSatisfied: TokenTrouble.PIN_WANTED,
    NoKeyPair: TokenTrouble.PROOF_FAILED,
    TokenFull: TokenTrouble.FULL,
}


def token_refused(error: HardwareError) -> TokenRefused:
    """What the screens are told of a device's failure."""
    match error:
        case TokenSwapped():
            return TokenRefused(TokenTrouble.SWAPPED, expected=error.expected, found=error.found)
        case TokenNotRecognised():
            return TokenRefused(TokenTrouble.NOT_RECOGNISED, detail=error.atr.hex().upper())
        case WrongPin() if error.tries_left != 0:
            return TokenRefused(TokenTrouble.PIN_WRONG, tries_left=error.tries_left)
        case WrongPin() | PinBlocked():
            return TokenRefused(TokenTrouble.PIN_BLOCKED, tries_left=0)
        case TokenFault():
            return TokenRefused(TokenTrouble.FAULT, detail=f"{error.status_word:04X}")
        case _:
            trouble = _PLAIN.get(type(error), TokenTrouble.FAULT)
            return TokenRefused(
                trouble, detail=type(error).__name__ if trouble is TokenTrouble.FAULT else None
            )


@contextlib.contextmanager
def only_token(desk: Desk) -> Iterator[Token]:
    """The one token that is in, nobody else talking to it. Raises TokenUnusable, also for what fails inside."""
    with desk.token_lock:
        try:
            present = desk.tokens.present()
            if not present:
                raise TokenUnusable(TokenRefused(TokenTrouble.ABSENT))
            if len(present) > 1:
                raise TokenUnusable(TokenRefused(TokenTrouble.SEVERAL))
            with contextlib.closing(desk.tokens.open(present[0])) as token:
                yield token
        except HardwareError as error:
            raise TokenUnusable(token_refused(error)) from error


def read_token(desk: Desk) -> TokenView:
    """What the token that is in says of itself, without a PIN. Raises TokenUnusable."""
    with only_token(desk) as token:
        certificate = issued_certificate(token.certificate())
        pin = token.pin_state()
        return TokenView(
            serial=token.serial,
            blank=token.public_key() is None,
            certificate=certificate.number if certificate else None,
            not_before=certificate.not_before if certificate else None,
            not_after=certificate.not_after if certificate else None,
            tries_left=pin.tries_left,
            pin_blocked=pin.blocked,
        )


def issued_certificate(der: bytes | None) -> IssuedCertificate | None:
    """A member's certificate in these bytes; None for none, and for bytes that are something else."""
    if not der:
        return None
    try:
        return parse_member_certificate(der)
    except CertificateInvalid:
        return None


def token_status(desk: Desk) -> TokenStatus:
    """驱动未加载 / 请插入KEY / 已插入, without talking to a token."""
    try:
        present = len(desk.tokens.present())
    except ReaderUnavailable:
        return TokenStatus.NO_DRIVER
    if present == 0:
        return TokenStatus.ABSENT
    return TokenStatus.PRESENT if present == 1 else TokenStatus.SEVERAL
