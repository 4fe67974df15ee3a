from __future__ import annotations

from dataclasses import replace

import pytest

from hardware import ports
from hardware.ports import ReaderUnavailable, Token, TokenPresence
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.reading import token_refused
from kiosk.desk.views.status import TokenStatus
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from tests.support.desk import answered


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (ports.TokenRemoved(), TokenRefused(TokenRefusal.REMOVED)),
        (ports.TokenHeld("reader"), TokenRefused(TokenRefusal.HELD)),
        (
            ports.TokenHeld("reader", ("a (1)", "b (2)")),
            TokenRefused(TokenRefusal.HELD, detail="a (1), b (2)"),
        ),
        (ports.TokenSwapped("A", "B"), TokenRefused(TokenRefusal.SWAPPED, expected="A", found="B")),
        (ports.TokenNotRecognised(b"\x3b\x00"), TokenRefused(TokenRefusal.NOT_RECOGNISED, detail="3B00")),
        (ports.TokenNotPrepared(), TokenRefused(TokenRefusal.NOT_PREPARED)),
        (ports.WrongPin(3), TokenRefused(TokenRefusal.PIN_WRONG, tries_left=3)),
        (ports.WrongPin(None), TokenRefused(TokenRefusal.PIN_WRONG)),
        (ports.WrongPin(0), TokenRefused(TokenRefusal.PIN_BLOCKED, tries_left=0)),
        (ports.PinBlocked(), TokenRefused(TokenRefusal.PIN_BLOCKED, tries_left=0)),
        (ports.PinInvalid(), TokenRefused(TokenRefusal.PIN_INVALID)),
        (ports.SecurityNotSatisfied(), TokenRefused(TokenRefusal.PIN_WANTED)),
        (ports.NoKeyPair(), TokenRefused(TokenRefusal.PROOF_FAILED)),
        (ports.TokenFull(), TokenRefused(TokenRefusal.FULL)),
        (ports.TokenFault(0x50, 0x6F00), TokenRefused(TokenRefusal.FAULT, detail="6F00")),
        (ports.MalformedAnswer(), TokenRefused(TokenRefusal.FAULT, detail="MalformedAnswer")),
        (ports.ReaderUnavailable("no pcscd"), TokenRefused(TokenRefusal.NO_DRIVER)),
        (ports.UnblockingPinRefused(2), TokenRefused(TokenRefusal.UNBLOCKING_PIN_WRONG, tries_left=2)),
        (ports.UnblockingPinRefused(None), TokenRefused(TokenRefusal.UNBLOCKING_PIN_WRONG)),
        (ports.UnblockingPinRefused(0), TokenRefused(TokenRefusal.UNBLOCKING_PIN_BLOCKED, tries_left=0)),
        (ports.UnblockingPinBlocked(), TokenRefused(TokenRefusal.UNBLOCKING_PIN_BLOCKED, tries_left=0)),
        (ports.DeviceKeyRefused(), TokenRefused(TokenRefusal.DEVICE_KEY_REFUSED)),
        (ports.ApplicationShared(), TokenRefused(TokenRefusal.SHARED)),
        (ports.PinShared(), TokenRefused(TokenRefusal.PIN_SHARED)),
        (ports.NotSupported("erase"), TokenRefused(TokenRefusal.NOT_SUPPORTED, detail="erase")),
        (
            ports.VendorLibraryFailed(
                "/opt/vendor/libskf.so", ports.LibraryFailure.HUNG, "no answer in 30 s"
            ),
            TokenRefused(TokenRefusal.LIBRARY_FAILED, detail="libskf.so hung"),
        ),
        (
            ports.VendorLibraryFailed("libskf.so", ports.LibraryFailure.HASHES, "it hashes"),
            TokenRefused(TokenRefusal.LIBRARY_HASHES, detail='digest = "signing"'),
        ),
    ],
)
def test_every_failure_of_a_token_has_its_own_trouble(
    error: ports.HardwareError, refused: TokenRefused
) -> None:
    assert token_refused(error) == refused


class NoDriver(VirtualTokenSource):
    """A machine without a smart card service."""

    def present(self) -> tuple[TokenPresence, ...]:
        raise ReaderUnavailable("no service")


class Unknown(VirtualTokenSource):
    """A reader with some other card in it."""

    def present(self) -> tuple[TokenPresence, ...]:
        return (TokenPresence("reader", b"\x3b\x00", 1),)

    def open(self, presence: TokenPresence) -> Token:
        raise ports.TokenNotRecognised(presence.atr)


def test_without_a_driver_and_with_a_card_of_another_kind_the_screens_are_told(desk: Desk) -> None:
    bare = DeskService(replace(desk, tokens=NoDriver()))
    assert answered(bare.status()).token is TokenStatus.NO_DRIVER
    assert bare.read_token() == TokenRefused(TokenRefusal.NO_DRIVER)
    strange = DeskService(replace(desk, tokens=Unknown()))
    assert strange.read_token() == TokenRefused(TokenRefusal.NOT_RECOGNISED, detail="3B00")


def test_every_kind_of_failure_is_told_as_more_than_a_fault() -> None:
    named = {ports.TokenFault, ports.MalformedAnswer}
    kinds = [
        each for each in _kinds(ports.TokenError) if each.__module__ == ports.__name__ and each not in named
    ]
    plain = [kind for kind in kinds if kind.__init__ is ports.TokenError.__init__]
    assert len(plain) >= 8
    for kind in plain:
        assert token_refused(kind()).reason is not TokenRefusal.FAULT, kind


def _kinds(kind: type[ports.TokenError]) -> list[type[ports.TokenError]]:
    return [each for below in kind.__subclasses__() for each in (below, *_kinds(below))]
