"""The management key of a PIV card (9B): how the desk shows that it has it, and the card that it has too.

    desk                                     card
    7C { 80 }                            →   makes a witness w
                                         ←   7C { 80 E(w) }
    7C { 80 w, 81 challenge c }          →   compares w
                                         ←   7C { 82 E(c) }      the desk compares E(c)

That is mutual authentication (SP 800-73-4 part 2, 3.2.4 and appendix A.1). A card that makes no witness is asked
for a challenge instead, whose encryption authenticates the desk alone. E is one block of 3DES or AES.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from hardware.ports import DeviceKeyRefused, MalformedAnswer, NotSupported
from hardware.token.piv.commands import (
    BLOCKS,
    MANAGEMENT_KEYS,
    Algorithm,
    AuthenticationTag,
    Instruction,
    KeyReference,
    MetadataTag,
    StatusWord,
    Tag,
)
from hardware.token.piv.objects import encode, member
from hardware.token.piv.session import accept

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.token.piv.session import PivSession

_NOT_THIS_WAY: Final = frozenset(
    {
        StatusWord.WRONG_DATA,
        StatusWord.FUNCTION_NOT_SUPPORTED,
        StatusWord.WRONG_PARAMETERS,
        StatusWord.NO_REFERENCE,
    }
)
"""The card's management key has another algorithm, or it does not authenticate in this way."""

_NOT_THIS_KEY: Final = frozenset(
    {
        StatusWord.SECURITY_NOT_SATISFIED,
        StatusWord.PIN_BLOCKED,
        StatusWord.WRONG_DATA,
        StatusWord.NOT_ALLOWED_NOW,
    }
)
_FIRST_BYTE: Final = 0xFF00


class ManagementKey:
    """The configured management key in one connection; every method may raise TokenError."""

    def __init__(self, session: PivSession, key: bytes, random: Callable[[int], bytes]) -> None:
        self._session = session
        self._key = key
        self._random = random
        self._authenticated = False
        self._candidates: tuple[Algorithm, ...] | None = None

    def require(self) -> None:
        """Authenticate unless that was done in this connection.

        Raises DeviceKeyRefused where the key is not the card's or not of its kind, or the card has not the key.
        """
        if not self._authenticated:
            self._authenticate()
            self._authenticated = True

    def challenge(self) -> bytes:
        """Have the card make a challenge, 8 or 16 random bytes; the authentication is forgotten for it.

        Raises NotSupported where it makes none.
        """
        self._authenticated = False
        found = self._first_block(self._algorithms(), AuthenticationTag.CHALLENGE)
        if found is None:
            raise NotSupported("random")
        return found[1]

    def _authenticate(self) -> None:
        fitting = tuple(each for each in self._algorithms() if MANAGEMENT_KEYS[each] == len(self._key))
        found = self._first_block(fitting, AuthenticationTag.WITNESS)
        if found is not None:
            self._answer_witness(*found)
            return
        found = self._first_block(fitting, AuthenticationTag.CHALLENGE)
        if found is None:
            raise DeviceKeyRefused("the management key is of another kind than the card's")
        algorithm, challenge = found
        self._answer(algorithm, encode(AuthenticationTag.RESPONSE, self._sealed(algorithm, challenge)))

    def _answer_witness(self, algorithm: Algorithm, witness: bytes) -> None:
        challenge = self._random(BLOCKS[algorithm])
        opened = encode(AuthenticationTag.WITNESS, self._opened(algorithm, witness))
        data = self._answer(algorithm, opened + encode(AuthenticationTag.CHALLENGE, challenge))
        response = member(data, Tag.AUTHENTICATION_TEMPLATE, AuthenticationTag.RESPONSE)
        if not hmac.compare_digest(response, self._sealed(algorithm, challenge)):
            raise DeviceKeyRefused("the card has another management key")

    def _algorithms(self) -> tuple[Algorithm, ...]:
        """Return the algorithm that the card tells, or those that a key of the configured length can have."""
        if self._candidates is None:
            told = self._session.metadata(KeyReference.MANAGEMENT) or {}
            number = int.from_bytes(told.get(MetadataTag.ALGORITHM, b""))
            if number:
                self._candidates = tuple(each for each in BLOCKS if each == number)
            else:
                self._candidates = tuple(each for each in BLOCKS if MANAGEMENT_KEYS[each] == len(self._key))
        return self._candidates

    def _first_block(
        self, algorithms: tuple[Algorithm, ...], tag: AuthenticationTag
    ) -> tuple[Algorithm, bytes] | None:
        """Ask for a witness or challenge with one algorithm after the other; None where the card gives none.

        Twice, since some cards answer 6A80 where they still wait for the answer to the block before (OpenSC found so).
        """
        for algorithm in (*algorithms, *algorithms):
            block = self._block(algorithm, tag)
            if block is not None:
                self._candidates = (algorithm,)
                return algorithm, block
        return None

    def _block(self, algorithm: Algorithm, tag: AuthenticationTag) -> bytes | None:
        instruction = Instruction.GENERAL_AUTHENTICATE
        asked = encode(Tag.AUTHENTICATION_TEMPLATE, encode(tag, b""))
        answer = self._session.send(instruction, algorithm, KeyReference.MANAGEMENT, asked, awaits=True)
        if answer.status_word in _NOT_THIS_WAY:
            return None
        block = member(accept(instruction, answer), Tag.AUTHENTICATION_TEMPLATE, tag)
        if len(block) != BLOCKS[algorithm]:
            raise MalformedAnswer(f"a block of {len(block)} bytes to authenticate with")
        return block

    def _answer(self, algorithm: Algorithm, proof: bytes) -> bytes:
        """Send the proof that the desk has the key. Raises DeviceKeyRefused."""
        instruction = Instruction.GENERAL_AUTHENTICATE
        template = encode(Tag.AUTHENTICATION_TEMPLATE, proof)
        answer = self._session.send(instruction, algorithm, KeyReference.MANAGEMENT, template, awaits=True)
        if answer.status_word in _NOT_THIS_KEY or answer.status_word & _FIRST_BYTE == StatusWord.WARNING:
            raise DeviceKeyRefused("the card refused the management key")
        return accept(instruction, answer)

    def _sealed(self, algorithm: Algorithm, block: bytes) -> bytes:
        encryptor = _cipher(algorithm, self._key).encryptor()
        return encryptor.update(block) + encryptor.finalize()

    def _opened(self, algorithm: Algorithm, block: bytes) -> bytes:
        decryptor = _cipher(algorithm, self._key).decryptor()
        return decryptor.update(block) + decryptor.finalize()


def _cipher(algorithm: Algorithm, key: bytes) -> Cipher[modes.ECB]:
    block_cipher = TripleDES(key) if algorithm is Algorithm.TRIPLE_DES else AES(key)
    return Cipher(block_cipher, modes.ECB())  # noqa: S305 - one block, as the standard says
