"""Every status word means one typed error, at every command that it can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.ports import (
    DeviceKeyRefused,
    NoKeyPair,
    NotSupported,
    PinBlocked,
    SecurityNotSatisfied,
    TokenError,
    TokenFault,
    TokenFull,
    TokenNotPrepared,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    WrongPin,
)
from hardware.token.gmt.commands import Instruction, StatusWord
from hardware.token.gmt.token import GmtToken
from tests.support.channels import DirectChannel

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.virtual.gmt.card import GmtCard

MEANT: dict[int, type[TokenError]] = {
    StatusWord.PIN_TRIES: TokenFault,
    StatusWord.EXECUTION: TokenFault,
    StatusWord.MEMORY: TokenFault,
    StatusWord.WRONG_LENGTH: TokenFault,
    StatusWord.SECURITY_NOT_SATISFIED: SecurityNotSatisfied,
    StatusWord.PIN_BLOCKED: PinBlocked,
    StatusWord.NOT_ALLOWED_NOW: TokenFault,
    StatusWord.WRONG_DATA: TokenFault,
    StatusWord.NO_CERTIFICATE: TokenFault,
    StatusWord.NO_ROOM: TokenFull,
    StatusWord.WRONG_PARAMETERS: TokenFault,
    StatusWord.NO_APPLICATION: TokenNotPrepared,
    StatusWord.ALREADY_THERE: TokenFault,
    StatusWord.NO_CONTAINER: TokenNotPrepared,
    StatusWord.NO_KEY_PAIR: NoKeyPair,
    StatusWord.MORE_FOLLOWS: TokenFault,
    StatusWord.UNKNOWN_INSTRUCTION: NotSupported,
    StatusWord.UNKNOWN_CLASS: NotSupported,
    StatusWord.INTERNAL: TokenFault,
    0x6283: TokenFault,
    0x6A81: TokenFault,
    0x9100: TokenFault,
    0xFFFF: TokenFault,
    0x0000: TokenFault,
}

USES: dict[Instruction, Callable[[GmtToken], object]] = {
    Instruction.IMPORT_CERTIFICATE: lambda token: token.write_certificate(b"certificate"),
    Instruction.VERIFY_PIN: lambda token: token.verify_pin("111111"),
    Instruction.CHANGE_PIN: lambda token: token.change_pin("111111", "222222"),
    Instruction.UNBLOCK_PIN: lambda token: token.unblock_pin(None, "222222"),
    Instruction.DEVICE_AUTHENTICATION: lambda token: token.erase(),
    Instruction.DELETE_APPLICATION: lambda token: token.erase(),
    Instruction.CREATE_APPLICATION: lambda token: token.erase(),
}
"""The commands that await no data, so that a status word is never the beginning of more."""

OTHERWISE: dict[tuple[Instruction, int], type[TokenError]] = {
    (Instruction.VERIFY_PIN, StatusWord.PIN_TRIES): PinBlocked,
    (Instruction.CHANGE_PIN, StatusWord.PIN_TRIES): PinBlocked,
    (Instruction.UNBLOCK_PIN, StatusWord.PIN_TRIES): UnblockingPinBlocked,
    (Instruction.UNBLOCK_PIN, StatusWord.PIN_BLOCKED): UnblockingPinBlocked,
    (Instruction.DEVICE_AUTHENTICATION, StatusWord.PIN_TRIES): DeviceKeyRefused,
    (Instruction.DEVICE_AUTHENTICATION, StatusWord.PIN_BLOCKED): DeviceKeyRefused,
    (Instruction.DEVICE_AUTHENTICATION, StatusWord.SECURITY_NOT_SATISFIED): DeviceKeyRefused,
}


class Answering:
    """The card, except that one instruction is answered by a status word and not executed."""

    def __init__(self, card: GmtCard) -> None:
        self.card = card
        self.instruction: Instruction | None = None
        self.status_word = 0

    def transmit(self, command: bytes) -> bytes:
        if command[1] == self.instruction:
            return self.status_word.to_bytes(2)
        return self.card.transmit(command)


@pytest.fixture
def answering(card: GmtCard) -> tuple[GmtToken, Answering]:
    transport = Answering(card)
    token = GmtToken(DirectChannel(transport))
    token.verify_pin("111111")
    token.generate_key_pair()
    return token, transport


def test_the_table_knows_every_status_word() -> None:
    assert set(StatusWord) - {StatusWord.SUCCESS} <= set(MEANT)


@pytest.mark.parametrize("instruction", list(USES))
def test_each_status_word_is_a_typed_error_at_each_command(
    answering: tuple[GmtToken, Answering], instruction: Instruction
) -> None:
    token, transport = answering
    for status_word, meant in MEANT.items():
        if (instruction, status_word) == (Instruction.DELETE_APPLICATION, StatusWord.NO_APPLICATION):
            continue
        transport.instruction, transport.status_word = instruction, status_word
        with pytest.raises(TokenError) as failed:
            USES[instruction](token)
        error = failed.value
        assert type(error) is OTHERWISE.get((instruction, status_word), meant), f"{status_word:04X}"
        if isinstance(error, TokenFault):
            assert (error.instruction, error.status_word) == (instruction, status_word)
        transport.instruction = None
        token.erase()
        token.verify_pin("111111")
        token.generate_key_pair()


def test_a_deletion_is_believed_only_if_the_application_can_be_created(
    answering: tuple[GmtToken, Answering],
) -> None:
    token, transport = answering
    transport.instruction, transport.status_word = Instruction.DELETE_APPLICATION, StatusWord.NO_APPLICATION
    with pytest.raises(TokenFault) as failed:
        token.erase()
    assert (failed.value.instruction, failed.value.status_word) == (
        Instruction.CREATE_APPLICATION,
        StatusWord.ALREADY_THERE,
    )


@pytest.mark.parametrize("left", range(1, 16))
def test_63cx_tells_the_tries_left_to_whoever_presented_a_pin(
    answering: tuple[GmtToken, Answering], left: int
) -> None:
    token, transport = answering
    transport.status_word = StatusWord.PIN_TRIES + left
    for instruction in (Instruction.VERIFY_PIN, Instruction.CHANGE_PIN, Instruction.UNBLOCK_PIN):
        transport.instruction = instruction
        refused = UnblockingPinRefused if instruction is Instruction.UNBLOCK_PIN else WrongPin
        with pytest.raises(refused) as failed:
            USES[instruction](token)
        assert vars(failed.value)["tries_left"] == left


@pytest.mark.parametrize("status_word", [0x6300, 0x6381, 0x63A0, 0x63FF])
def test_another_63xx_refuses_a_pin_without_a_count(
    answering: tuple[GmtToken, Answering], status_word: int
) -> None:
    token, transport = answering
    transport.instruction, transport.status_word = Instruction.VERIFY_PIN, status_word
    with pytest.raises(WrongPin) as refused:
        token.verify_pin("111111")
    assert refused.value.tries_left is None


def test_a_command_that_the_card_does_not_know_is_named(answering: tuple[GmtToken, Answering]) -> None:
    token, transport = answering
    transport.instruction = Instruction.UNBLOCK_PIN
    transport.status_word = StatusWord.UNKNOWN_INSTRUCTION
    with pytest.raises(NotSupported) as refused:
        token.unblock_pin(None, "222222")
    assert refused.value.function == "unblock pin"
