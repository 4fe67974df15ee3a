"""Deeds: what the centre signs when it enrols a machine, and the machine keeps.

A deed's bytes are MessagePack of an array (kiosk, machine, device key, issuing certificate, sealed payment secret). They
hold all that the centre has of the machine, so that a centre that lost its record can take it back.
"""

from __future__ import annotations

import msgspec

from kiosk.pki.device_keys import device_sign, device_verify
from kiosk.pki.errors import PublicKeyInvalid
from sync.protocol.errors import BodyMalformed

_LABEL = b"keydesk machine deed\x00"


class Deed(msgspec.Struct, frozen=True, array_like=True):
    """One machine's enrolment; `device_key` is public, the certificate DER, the secret sealed with the centre's key."""

    kiosk: int
    machine: int
    device_key: bytes
    issuing_certificate: bytes
    sealed_secret: bytes


class SignedDeed(msgspec.Struct, frozen=True):
    """A deed's exact bytes and the centre's Ed25519 signature over a label and them."""

    deed: bytes
    signature: bytes


_DECODER = msgspec.msgpack.Decoder(Deed)


def sign_deed(deed: Deed, centre_key: bytes) -> SignedDeed:
    """Sign a deed; `centre_key` is the Ed25519 seed."""
    data = msgspec.msgpack.encode(deed)
    return SignedDeed(data, device_sign(centre_key, _LABEL + data))


def deed_holds(signed: SignedDeed, centre_key: bytes) -> bool:
    """Whether the centre (its public key) signed this deed."""
    try:
        return device_verify(centre_key, _LABEL + signed.deed, signed.signature)
    except PublicKeyInvalid:
        return False


def read_deed(signed: SignedDeed) -> Deed:
    """The deed itself. Raises BodyMalformed."""
    try:
        return _DECODER.decode(signed.deed)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BodyMalformed(f"a deed that cannot be read: {error}") from error
