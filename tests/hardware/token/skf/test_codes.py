from __future__ import annotations

import pytest

from hardware.ports import (
    NoKeyPair,
    NotSupported,
    PinBlocked,
    PinInvalid,
    SecurityNotSatisfied,
    TokenError,
    TokenFault,
    TokenFull,
    TokenNotPrepared,
    TokenRemoved,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    WrongPin,
)
from hardware.token.skf.codes import CODES, FIRST_DIVERGING, Certainty, SarCode, standard_code
from hardware.token.skf.errors import FunctionFailed, error_of, named_codes, pin_error_of, unblocking_error_of


def test_every_code_has_one_row_and_diverging_ones_are_marked_assumed() -> None:
    assert set(CODES) == {code.value for code in SarCode}
    assert all(
        (row.certainty is Certainty.ASSUMED) == (number >= FIRST_DIVERGING) for number, row in CODES.items()
    )


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (0, SarCode.OK),
        (0x0A000001, SarCode.FAIL),
        (0x0A000005, SarCode.INVALID_HANDLE),
        (0x0A00000F, SarCode.TIMEOUT),
        (0x0A00001B, SarCode.KEY_NOT_FOUND),
        (0x0A00001C, SarCode.CERTIFICATE_NOT_FOUND),
        (0x0A000020, SarCode.BUFFER_TOO_SMALL),
        (0x0A000023, SarCode.DEVICE_REMOVED),
        (0x0A000024, SarCode.PIN_INCORRECT),
        (0x0A000025, SarCode.PIN_LOCKED),
        (0x0A000026, SarCode.PIN_INVALID),
        (0x0A000027, SarCode.PIN_LENGTH_RANGE),
        (0x0A000029, SarCode.USER_PIN_NOT_INITIALISED),
        (0x0A00002C, SarCode.APPLICATION_EXISTS),
        (0x0A00002D, SarCode.USER_NOT_LOGGED_IN),
        (0x0A00002E, SarCode.APPLICATION_NOT_EXISTS),
        (0x0A000030, SarCode.NO_ROOM),
        (0x0A000031, SarCode.FILE_NOT_EXISTS),
        (0x0A000032, SarCode.REACH_MAX_CONTAINER_COUNT),
    ],
)
def test_the_numbers_are_those_of_the_public_headers(number: int, code: SarCode) -> None:
    assert standard_code(number, {}) == code


def test_a_vendors_table_goes_before_the_standards() -> None:
    vendor = named_codes({"0A000101": "CONTAINER_NOT_EXISTS", "0A000033": "FAIL"})
    assert standard_code(0x0A000101, vendor) == SarCode.CONTAINER_NOT_EXISTS
    assert standard_code(0x0A000033, vendor) == SarCode.FAIL
    assert standard_code(0x0A000102, vendor) is None


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (SarCode.DEVICE_REMOVED, TokenRemoved),
        (SarCode.PIN_LOCKED, PinBlocked),
        (SarCode.PIN_LENGTH_RANGE, PinInvalid),
        (SarCode.USER_NOT_LOGGED_IN, SecurityNotSatisfied),
        (SarCode.DEVICE_NOT_AUTHENTICATED, SecurityNotSatisfied),
        (SarCode.APPLICATION_NOT_EXISTS, TokenNotPrepared),
        (SarCode.CONTAINER_NOT_EXISTS, TokenNotPrepared),
        (SarCode.USER_PIN_NOT_INITIALISED, TokenNotPrepared),
        (SarCode.KEY_NOT_FOUND, NoKeyPair),
        (SarCode.NO_ROOM, TokenFull),
        (SarCode.REACH_MAX_CONTAINER_COUNT, TokenFull),
        (SarCode.NOT_SUPPORTED_YET, NotSupported),
        (SarCode.FAIL, FunctionFailed),
        (SarCode.APPLICATION_EXISTS, FunctionFailed),
        (SarCode.CONTAINER_EXISTS, FunctionFailed),
        (SarCode.BUFFER_TOO_SMALL, FunctionFailed),
        (None, FunctionFailed),
    ],
)
def test_a_code_means_an_error(code: SarCode | None, error: type[TokenError]) -> None:
    assert type(error_of("SKF_ECCSignData", 0x0A0000EE, code)) is error


def test_a_code_without_a_better_error_is_told_with_its_function() -> None:
    failure = error_of("SKF_ECCSignData", 0x0A0000EE, None)
    assert isinstance(failure, TokenFault)
    assert (str(failure), failure.status_word) == ("SKF_ECCSignData answered 0A0000EE", 0x0A0000EE)


@pytest.mark.parametrize("code", [SarCode.PIN_INCORRECT, SarCode.PIN_INVALID])
@pytest.mark.parametrize("left", [3, None, 0])
def test_a_refused_pin_tells_the_tries_left(code: SarCode, left: int | None) -> None:
    user = pin_error_of("SKF_VerifyPIN", code, code, left)
    administrator = unblocking_error_of("SKF_UnblockPIN", code, code, left)
    if left == 0:
        assert isinstance(user, PinBlocked)
        assert isinstance(administrator, UnblockingPinBlocked)
    else:
        assert isinstance(user, WrongPin)
        assert isinstance(administrator, UnblockingPinRefused)
        assert (user.tries_left, administrator.tries_left) == (left, left)


def test_a_locked_administrator_pin_is_not_mistaken_for_the_users() -> None:
    code = SarCode.PIN_LOCKED
    assert isinstance(unblocking_error_of("SKF_UnblockPIN", code, code, None), UnblockingPinBlocked)
    assert isinstance(pin_error_of("SKF_VerifyPIN", code, code, None), PinBlocked)
