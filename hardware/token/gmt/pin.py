"""The commands on an application's user PIN, with the keys made of PINs; each is sent once and never repeated."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from hardware.apdu import EVERYTHING
from hardware.ports import MalformedAnswer, PinInvalid, PinState
from hardware.token.gmt.codec import unpack
from hardware.token.gmt.commands import (
    CHALLENGE,
    CHALLENGE_PADDING,
    LAYOUTS,
    PIN_KEY,
    Instruction,
    PinKind,
    StatusWord,
)
from hardware.token.gmt.profile import pin_possible
from hardware.token.gmt.session import refuse_pin, refuse_unblocking

if TYPE_CHECKING:
    from hardware.token.gmt.session import GmtSession


def pin_key(pin: str) -> bytes:
    """Return the SM4 key made of a PIN: SHA-1(PIN)[:16] (GM/T 0017, VerifyPin).

    Raises PinInvalid where the text can be no PIN.
    """
    if not pin_possible(pin):
        raise PinInvalid("a PIN has 6 to 16 printable ASCII characters")
    return hashlib.sha1(pin.encode(), usedforsecurity=False).digest()[:PIN_KEY]


def pin_proof(key: bytes, challenge: bytes) -> bytes:
    """Return the block that proves a PIN's key against the card's 8 random bytes."""
    return seal(key, challenge + CHALLENGE_PADDING)


def seal(key: bytes, block: bytes) -> bytes:
    """Encrypt one 16-byte block with SM4 (GB/T 32907)."""
    encryptor = Cipher(SM4(key), modes.ECB()).encryptor()  # noqa: S305 - one block, as the standard says
    return encryptor.update(block) + encryptor.finalize()


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
