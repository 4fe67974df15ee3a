"""The virtual PIV card's key slots: making key pairs and signing (SP 800-73-4 part 2, 3.2.4 and 3.3.2; curve P-256)."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hardware.virtual.iso7816 import Request, refuse
from hardware.virtual.piv import management
from hardware.virtual.piv.apdu import StatusWord
from hardware.virtual.piv.objects import only, pack, unpack
from hardware.virtual.piv.state import (
    KeyRecord,
    KeyReference,
    Memory,
    demand_administrator,
    store_within_room,
)

SLOTS: Final = (
    KeyReference.AUTHENTICATION,
    KeyReference.SIGNATURE,
    KeyReference.KEY_MANAGEMENT,
    KeyReference.CARD_AUTHENTICATION,
)
P256: Final = 0x11
"""The algorithm ECC P-256 (SP 800-78-4, table 6-2)."""

_COORDINATE: Final = 32
_TEMPLATE: Final = 0x7C
_CHALLENGE: Final = 0x81
_RESPONSE: Final = 0x82


def generate_key_pair(memory: Memory, request: Request) -> bytes:
    """GENERATE ASYMMETRIC KEY PAIR: a new pair in place of the old one; the certificate object stays as it is."""
    if request.p1 != 0 or request.p2 not in SLOTS:
        refuse(StatusWord.WRONG_PARAMETERS)
    demand_administrator(memory)
    if unpack(only(request.data, 0xAC)) != {0x80: bytes((P256,))}:
        refuse(StatusWord.WRONG_DATA)
    pair = ec.generate_private_key(ec.SECP256R1())
    private_key = pair.private_numbers().private_value.to_bytes(_COORDINATE)
    point = pair.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    store_within_room(memory, memory.record.with_key(KeyRecord(request.p2, private_key, point)))
    return pack(0x7F49, pack(0x86, point))


def general_authenticate(memory: Memory, request: Request) -> bytes:
    """GENERAL AUTHENTICATE: prove the management key, or sign with the key of a slot."""
    if request.p2 == KeyReference.MANAGEMENT:
        return management.authenticate(memory, request.p1, unpack(only(request.data, _TEMPLATE)))
    if request.p2 not in SLOTS:
        refuse(StatusWord.WRONG_PARAMETERS)
    key = memory.record.key(request.p2)
    if key is None or request.p1 != P256:
        refuse(StatusWord.WRONG_PARAMETERS)
    _demand_pin(memory, KeyReference(request.p2))
    template = unpack(only(request.data, _TEMPLATE))
    if set(template) - {_CHALLENGE, _RESPONSE} or template.get(_RESPONSE):
        refuse(StatusWord.WRONG_DATA)
    return pack(_TEMPLATE, pack(_RESPONSE, _sign(key, template.get(_CHALLENGE, b""))))


def _demand_pin(memory: Memory, slot: KeyReference) -> None:
    """Refuse a signature that the PIN does not allow (SP 800-73-4 part 1, table 4).

    Slot 9E signs for anyone, 9C only for a PIN verified by the command before. Raises Refusal with 6982.
    """
    session = memory.session
    if slot is KeyReference.CARD_AUTHENTICATION:
        return
    if not (session.fresh_pin if slot is KeyReference.SIGNATURE else session.verified):
        refuse(StatusWord.SECURITY_NOT_SATISFIED)


def _sign(key: KeyRecord, digest: bytes) -> bytes:
    """Sign a SHA-256 digest: DER (r, s). Raises Refusal with 6A80 where it has not 32 bytes."""
    if len(digest) != SHA256.digest_size:
        refuse(StatusWord.WRONG_DATA)
    private_key = ec.derive_private_key(int.from_bytes(key.private_key), ec.SECP256R1())
    return private_key.sign(digest, ec.ECDSA(Prehashed(SHA256())))
