"""How the virtual PIV card makes sure of the management key (SP 800-73-4 part 2, appendix A.1: external and mutual)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from hardware.virtual.iso7816 import Refusal, refuse
from hardware.virtual.piv.apdu import StatusWord
from hardware.virtual.piv.objects import pack
from hardware.virtual.piv.state import ManagementAlgorithm, ManagementRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hardware.virtual.piv.state import Memory

_TEMPLATE: Final = 0x7C
_WITNESS: Final = 0x80
_CHALLENGE: Final = 0x81
_RESPONSE: Final = 0x82
_TRIPLE_DES_TOO: Final = 0x00
"""The other number of 3DES (SP 800-78-4, table 6-2)."""


def authenticate(memory: Memory, algorithm: int, template: Mapping[int, bytes]) -> bytes:
    """One step of the management key's proof; a step that fails ends the proof and the rights of one before.

    Raises Refusal with 6A86 for another algorithm than the key's, 6A80 for a template of no step, 6982.
    """
    management = memory.record.management
    triple_des = management.algorithm is ManagementAlgorithm.TRIPLE_DES
    if algorithm != management.algorithm and not (triple_des and algorithm == _TRIPLE_DES_TOO):
        refuse(StatusWord.WRONG_PARAMETERS)
    session = memory.session
    challenge, witness = session.challenge, session.witness
    session.challenge = session.witness = None
    match dict(template):
        case {0x81: b"", **rest} if not rest:
            session.challenge = memory.random(management.algorithm.block)
            return pack(_TEMPLATE, pack(_CHALLENGE, session.challenge))
        case {0x80: b"", **rest} if not rest:
            session.witness = memory.random(management.algorithm.block)
            return pack(_TEMPLATE, pack(_WITNESS, _seal(management, session.witness)))
        case {0x82: response, **rest} if response and not rest:
            _grant_administrator(
                memory, None if challenge is None else _seal(management, challenge), response
            )
            return b""
        case {0x80: opened, 0x81: asked, **rest} if len(asked) == management.algorithm.block and not any(
            rest.values()
        ):
            _grant_administrator(memory, witness, opened)
            return pack(_TEMPLATE, pack(_RESPONSE, _seal(management, asked)))
    session.administrator = False
    raise Refusal(StatusWord.WRONG_DATA)


def _grant_administrator(memory: Memory, expected: bytes | None, proof: bytes) -> None:
    """Grant the administrator's rights for a correct proof. Raises Refusal with 6982, 6985 where none was asked for."""
    memory.session.administrator = False
    if expected is None:
        refuse(StatusWord.NOT_ALLOWED_NOW)
    if not hmac.compare_digest(expected, proof):
        refuse(StatusWord.SECURITY_NOT_SATISFIED)
    memory.session.administrator = True


def _seal(management: ManagementRecord, block: bytes) -> bytes:
    """Encrypt one block under the management key."""
    triple_des = management.algorithm is ManagementAlgorithm.TRIPLE_DES
    cipher = TripleDES(management.key) if triple_des else AES(management.key)
    encryptor = Cipher(cipher, modes.ECB()).encryptor()  # noqa: S305 - one block, as the standard says
    return encryptor.update(block) + encryptor.finalize()
