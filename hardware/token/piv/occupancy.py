"""Whether a slot has a key pair of somebody's where neither an object nor GET METADATA tells.

A card is asked to sign with keys of one kind after another. One that looks for the key first (CanoKey) answers 6985 or
6A86 where there is none of that kind, and 6982 where there is one and the PIN was not given: that tells all. One that looks for the PIN
first (PivApplet, OpenFIPS201) answers 6982 whatever is there, until it is given. What may be signed is a number
that nobody uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hardware.crypto.certificate_file import certificate_in
from hardware.token.piv.commands import (
    CERTIFICATES,
    CHALLENGES,
    RETIRED_CERTIFICATES,
    RETIRED_KEYS,
    SLOTS,
    Algorithm,
    AuthenticationTag,
    Instruction,
    KeyReference,
    OtherAlgorithm,
    SlotLayout,
    StatusWord,
    Tag,
)
from hardware.token.piv.objects import certified_point, encode
from hardware.token.piv.session import KeyPair, PivSession, refuse_fault

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBER: Final = b"\2"
"""What the key is asked to sign, with zeros before it."""
_FIRST_BYTE: Final = 0xFF00
_ABSENT: Final = (StatusWord.NOT_ALLOWED_NOW, StatusWord.WRONG_DATA, StatusWord.WRONG_PARAMETERS)
_PRESENT: Final = (StatusWord.SUCCESS, StatusWord.SECURITY_NOT_SATISFIED)


def found_in(session: PivSession, slot: SlotLayout, unlock: Callable[[], None] | None) -> KeyPair | None:
    """What a slot holds, by what the card does; None where that cannot be told, or not without the PIN.

    `unlock` presents the PIN before each command of a slot that wants it so, and is None while the PIN was not given.
    A P-256 key pair that the card attests to have made is like the desk's.
    """
    statement = session.attest(slot.key)
    if statement is not None:
        ours = certified_point(certificate_in(statement) or b"") is not None
        return KeyPair.LIKE_OURS if ours else KeyPair.FOREIGN
    for algorithm in CHALLENGES:
        if unlock is not None:
            unlock()
        status_word = _asked_to_sign(session, slot, algorithm)
        if algorithm is Algorithm.P256 and status_word == StatusWord.SECURITY_NOT_SATISFIED:
            return None  # there is one, or the PIN is looked at first
        if status_word in _PRESENT:
            return KeyPair.FOREIGN
        if algorithm is Algorithm.P256 and not _says_absent(status_word):
            return None
    return KeyPair.NONE


def _asked_to_sign(session: PivSession, slot: SlotLayout, algorithm: Algorithm | OtherAlgorithm) -> int:
    challenge = _NUMBER.rjust(CHALLENGES[algorithm], b"\0")
    asked = encode(AuthenticationTag.RESPONSE, b"") + encode(AuthenticationTag.CHALLENGE, challenge)
    instruction = Instruction.GENERAL_AUTHENTICATE
    template = encode(Tag.AUTHENTICATION_TEMPLATE, asked)
    status_word = session.send(instruction, algorithm, slot.key, template, awaits=True).status_word
    refuse_fault(instruction, status_word)
    return status_word


def _says_absent(status_word: int) -> bool:
    return status_word in _ABSENT or status_word & _FIRST_BYTE == StatusWord.WRONG_DATA & _FIRST_BYTE


def certified_elsewhere(session: PivSession, slot: SlotLayout) -> bool:
    """Whether another slot, a retired one among them, has a certificate: the PIN, which is the card's, is then its owner's."""
    others = (*(each for each in CERTIFICATES if each is not slot.certificate), *RETIRED_CERTIFICATES)
    return any(map(session.holds, others))


def used_elsewhere(session: PivSession, slot: SlotLayout) -> bool:
    """Whether another slot, a retired one among them, has a certificate or a key pair that the card tells of."""
    if certified_elsewhere(session, slot):
        return True
    keys = {each.key for each in SLOTS.values()} | {
        KeyReference.KEY_MANAGEMENT,
        KeyReference.CARD_AUTHENTICATION,
    }
    return any(
        session.key_pair(each) in {KeyPair.LIKE_OURS, KeyPair.FOREIGN}
        for each in (*sorted(keys - {slot.key}), *RETIRED_KEYS)
    )
