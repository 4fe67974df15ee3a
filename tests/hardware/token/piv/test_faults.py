from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.ports import (
    MalformedAnswer,
    NoKeyPair,
    TokenError,
    TokenFault,
)
from hardware.token.piv.commands import Instruction, ObjectIdentifier
from hardware.token.piv.token import PivToken
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.piv.card import PivCard

if TYPE_CHECKING:
    from collections.abc import Callable

    Opened = Callable[..., PivToken]
    Make = Callable[[PivToken], bytes]


@pytest.mark.parametrize("value", ["70", "7005AA", "7001AA7001AA", "7F4903860104", "7F4900"])
def test_a_broken_certificate_object_is_malformed_and_can_be_made_anew(
    piv_card: PivCard, opened: Opened, value: str, made: Make
) -> None:
    token = opened(piv_card)
    made(token)
    record = piv_card.record.with_value(ObjectIdentifier.AUTHENTICATION_CERTIFICATE, bytes.fromhex(value))
    piv_card.store(record)
    for read in (token.public_key, token.certificate):
        with pytest.raises(MalformedAnswer):
            read()
    assert token.generate_key_pair() == token.public_key()


def test_a_fault_of_the_card_names_command_and_status_word(piv_card: PivCard, opened: Opened) -> None:
    faulty = FaultyCard(piv_card)
    token = opened(faulty)
    faulty.plan(Fault(FaultKind.INTERNAL_ERROR, instruction=Instruction.GENERATE_ASYMMETRIC_KEY_PAIR))
    with pytest.raises(TokenFault) as failed:
        token.generate_key_pair()
    assert (failed.value.instruction, failed.value.status_word) == (0x47, 0x6F00)
    assert token.generate_key_pair()[0] == 4


def test_after_a_write_of_which_the_answer_was_damaged_the_card_is_asked_what_it_holds(
    piv_card: PivCard, opened: Opened, bound: Make
) -> None:
    faulty = FaultyCard(piv_card)
    token = opened(faulty)
    bound(token)
    faulty.plan(Fault(FaultKind.RUBBISH, instruction=Instruction.PUT_DATA))
    with pytest.raises(TokenError):
        token.generate_key_pair()
    with pytest.raises(NoKeyPair):
        token.sign(b"message")


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATED, FaultKind.RUBBISH, FaultKind.SILENT])
@pytest.mark.parametrize("instruction", [Instruction.GET_DATA, Instruction.GENERAL_AUTHENTICATE])
def test_a_damaged_answer_is_an_error_and_no_value(
    piv_card: PivCard, opened: Opened, kind: FaultKind, instruction: Instruction, made: Make
) -> None:
    faulty = FaultyCard(piv_card)
    token = opened(faulty)
    public_key = made(token)
    faulty.plan(Fault(kind, instruction=instruction, rubbish=b"\x01\x02\x90\x00"))
    signing = instruction is Instruction.GENERAL_AUTHENTICATE
    with pytest.raises((MalformedAnswer, TokenFault)):
        token.sign(b"message") if signing else token.public_key()
    assert token.public_key() == public_key
