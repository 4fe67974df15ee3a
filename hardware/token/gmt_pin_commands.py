"""The commands on an application's user PIN, with the keys made of PINs; each is sent once and never repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardware.apdu import EVERYTHING
from hardware.ports import MalformedAnswer, PinState
from hardware.token.gmt_codec import unpack
from hardware.token.gmt_errors import refuse_pin, refuse_unblocking
from hardware.token.gmt_layout import CHALLENGE, LAYOUTS, Instruction, PinKind, StatusWord
from hardware.token.gmt_pin import pin_proof, seal

if TYPE_CHECKING:
    from hardware.token.gmt_session import GmtSession


def read_pin_state(session: GmtSession, application: bytes) -> PinState:
    """Ask for the user PIN's tries; `factory` is None where the card does not tell it."""
    instruction = Instruction.GET_PIN_INFORMATION
    data = session.demand(instruction, 0, PinKind.USER, expected=EVERYTHING, application=application)
    fields = LAYOUTS[instruction].answer
    values = unpack(fields[:-1] if len(data) == len(fields) - 1 else fields, data)
    factory = values.get("factory")
    left, allowed = values["tries_left"][0], values["tries_allowed"][0]
    if left > allowed:
        raise MalformedAnswer("more PIN tries left than allowed")
    return PinState(left, allowed, None if factory is None else factory != b"\x00")


def verify_user_pin(session: GmtSession, application: bytes, key: bytes) -> None:
    """Prove the user PIN's key against the card's random bytes. Raises WrongPin, PinBlocked."""
    proof = pin_proof(key, session.random(CHALLENGE))
    instruction = Instruction.VERIFY_PIN
    answer = session.send(instruction, 0, PinKind.USER, application=application, proof=proof)
    if answer.status_word != StatusWord.SUCCESS:
        refuse_pin(instruction, answer.status_word)


def change_user_pin(session: GmtSession, application: bytes, old: bytes, new: bytes) -> None:
    """Give the user PIN another value. Raises WrongPin, PinBlocked."""
    status_word = _replace(session, application, Instruction.CHANGE_PIN, old, new)
    if status_word != StatusWord.SUCCESS:
        refuse_pin(Instruction.CHANGE_PIN, status_word)


def unblock_user_pin(session: GmtSession, application: bytes, administrator: bytes, new: bytes) -> None:
    """Give the user PIN another value and all its tries back by the administrator PIN's key.

    Raises UnblockingPinRefused, UnblockingPinBlocked.
    """
    status_word = _replace(session, application, Instruction.UNBLOCK_PIN, administrator, new)
    if status_word != StatusWord.SUCCESS:
        refuse_unblocking(Instruction.UNBLOCK_PIN, status_word)


def _replace(
    session: GmtSession, application: bytes, instruction: Instruction, known: bytes, new: bytes
) -> int:
    """Prove one PIN's key and seal the user PIN's new one under it; return the card's status word."""
    proof = pin_proof(known, session.random(CHALLENGE))
    answer = session.send(
        instruction, 0, PinKind.USER, application=application, proof=proof, sealed_key=seal(known, new)
    )
    return answer.status_word
