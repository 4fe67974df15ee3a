"""What a token says of itself, and its failures as the screens are told them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, assert_never

import msgspec

from hardware.ports import (
    ApplicationShared,
    DeviceKeyRefused,
    HardwareError,
    LibraryFailure,
    MalformedAnswer,
    NoKeyPair,
    NotSupported,
    PinBlocked,
    PinInvalid,
    PinShared,
    ReaderUnavailable,
    SecurityNotSatisfied,
    SerialMissing,
    TokenFault,
    TokenFull,
    TokenHeld,
    TokenNotPrepared,
    TokenNotRecognised,
    TokenRemoved,
    TokenSwapped,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    VendorLibraryFailed,
    WrongPin,
)
from hardware.token.known_cards import describe_card
from hardware.token.skf.profile import DigestBy
from kiosk.desk.views.status import TokenStatus
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused, TokenView
from kiosk.pki.certificates import IssuedCertificate, parse_member_certificate
from kiosk.pki.errors import CertificateInvalid

if TYPE_CHECKING:
    from hardware.ports import Token
    from kiosk.desk.context import Desk


# Stands for what is on a token and makes no sense: it is no certificate of ours, and the token is not blank.
UNREADABLE = b"\0"


class TokenFacts(msgspec.Struct, frozen=True):
    """What was read from the token: its serial, its public key (04 ‖ x ‖ y) and its certificate (DER).

    `twins` are the public keys of the other tokens of that serial that are in at the same time: it is none of those.
    """

    serial: str
    public_key: bytes | None
    certificate: bytes | None
    twins: frozenset[bytes] = frozenset()

    @property
    def blank(self) -> bool:
        """Whether there is nothing on it."""
        return self.public_key is None and self.certificate is None

    @classmethod
    def of(cls, token: Token, twins: frozenset[bytes] = frozenset()) -> TokenFacts:
        """Read them. Raises TokenError."""
        return cls(token.serial, token.public_key(), token.certificate(), twins)

    @classmethod
    def as_far_as_readable(cls, token: Token) -> TokenFacts:
        """Read them for whoever only looks at the token or erases it; UNREADABLE for what makes no sense. Raises TokenError."""
        return cls(token.serial, _readable(token.public_key), _readable(token.certificate))


def _readable(read: Callable[[], bytes | None]) -> bytes | None:
    # Twice, since an answer may also have been spoilt on its way.
    for _ in range(2):
        with contextlib.suppress(MalformedAnswer):
            return read()
    return UNREADABLE


_PLAIN: dict[type[HardwareError], TokenRefusal] = {
    ReaderUnavailable: TokenRefusal.NO_DRIVER,
    TokenRemoved: TokenRefusal.REMOVED,
    SerialMissing: TokenRefusal.NO_SERIAL,
    TokenNotPrepared: TokenRefusal.NOT_PREPARED,
    PinInvalid: TokenRefusal.PIN_INVALID,
    SecurityNotSatisfied: TokenRefusal.PIN_WANTED,
    NoKeyPair: TokenRefusal.PROOF_FAILED,
    TokenFull: TokenRefusal.FULL,
    DeviceKeyRefused: TokenRefusal.DEVICE_KEY_REFUSED,
    ApplicationShared: TokenRefusal.SHARED,
    PinShared: TokenRefusal.PIN_SHARED,
}


def token_refused(error: HardwareError) -> TokenRefused:  # noqa: PLR0911 - one case a kind of failure
    """What the screens are told of a device's failure."""
    match error:
        case TokenSwapped():
            return TokenRefused(TokenRefusal.SWAPPED, expected=error.expected, found=error.found)
        case TokenHeld():
            return TokenRefused(TokenRefusal.HELD, detail=", ".join(error.programs) or None)
        case TokenNotRecognised():
            card = describe_card(error.atr)
            return TokenRefused(
                TokenRefusal.NOT_RECOGNISED, detail=error.atr.hex().upper(), card=card.value if card else None
            )
        case WrongPin() | PinBlocked() | UnblockingPinRefused() | UnblockingPinBlocked():
            return _pin_refused(error)
        case NotSupported():
            return TokenRefused(TokenRefusal.NOT_SUPPORTED, detail=error.function)
        case VendorLibraryFailed(failure=LibraryFailure.HASHES):
            return TokenRefused(TokenRefusal.LIBRARY_HASHES, detail=f'digest = "{DigestBy.SIGNING}"')
        case VendorLibraryFailed():
            detail = f"{PurePath(error.library).name} {error.failure.value}"
            return TokenRefused(TokenRefusal.LIBRARY_FAILED, detail=detail)
        case TokenFault():
            return TokenRefused(TokenRefusal.FAULT, detail=f"{error.status_word:04X}")
        case _:
            trouble = _PLAIN.get(type(error), TokenRefusal.FAULT)
            return TokenRefused(
                trouble, detail=type(error).__name__ if trouble is TokenRefusal.FAULT else None
            )


def _pin_refused(
    error: WrongPin | PinBlocked | UnblockingPinRefused | UnblockingPinBlocked,
) -> TokenRefused:
    match error:
        case WrongPin() if error.tries_left != 0:
            return TokenRefused(TokenRefusal.PIN_WRONG, tries_left=error.tries_left)
        case WrongPin() | PinBlocked():
            return TokenRefused(TokenRefusal.PIN_BLOCKED, tries_left=0)
        case UnblockingPinRefused() if error.tries_left != 0:
            return TokenRefused(TokenRefusal.UNBLOCKING_PIN_WRONG, tries_left=error.tries_left)
        case UnblockingPinRefused() | UnblockingPinBlocked():
            return TokenRefused(TokenRefusal.UNBLOCKING_PIN_BLOCKED, tries_left=0)
    assert_never(error)


def token_view(token: Token, reader: str, facts: TokenFacts) -> TokenView:
    """The token in that reader with what was read from it, and its PIN's state. Raises TokenError."""
    certificate = issued_certificate(facts.certificate)
    pin = token.pin_state()
    return TokenView(
        serial=facts.serial,
        blank=facts.blank,
        certificate=certificate.number if certificate else None,
        not_before=certificate.not_before if certificate else None,
        not_after=certificate.not_after if certificate else None,
        tries_left=pin.tries_left,
        pin_blocked=pin.blocked,
        tries_allowed=pin.tries_allowed,
        factory_pin=pin.factory,
        driver=token.driver,
        application=token.application,
        reader=reader,
        issued_pin=token.factory_pin,
    )


def unprepared_view(token: Token, reader: str) -> TokenView:
    """A token that lacks the desk's application: its serial and nothing else."""
    return TokenView(
        serial=token.serial,
        blank=True,
        certificate=None,
        not_before=None,
        not_after=None,
        tries_left=None,
        pin_blocked=False,
        driver=token.driver,
        application=token.application,
        reader=reader,
        prepared=False,
    )


def issued_certificate(der: bytes | None) -> IssuedCertificate | None:
    """A member's certificate in these bytes; None for none, and for bytes that are something else."""
    if not der:
        return None
    try:
        return parse_member_certificate(der)
    except CertificateInvalid:
        return None


class ReadersNow(msgspec.Struct, frozen=True):
    """What the readers have: `to_take` where a key is in that no visit left there."""

    status: TokenStatus
    to_take: bool = False


def readers_now(desk: Desk) -> ReadersNow:
    """驱动未加载 / 请插入KEY / 已插入, without talking to a token."""
    try:
        present = desk.tokens.present()
    except ReaderUnavailable:
        return ReadersNow(TokenStatus.NO_DRIVER)
    others = desk.left_keys.others(present)
    if not present:
        return ReadersNow(TokenStatus.ABSENT)
    status = TokenStatus.PRESENT if len(present) == 1 else TokenStatus.SEVERAL
    return ReadersNow(status, to_take=bool(others))
