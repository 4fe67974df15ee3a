"""ATTEST of a virtual YubiKey: a certificate for a key pair that it made, signed by the key of slot F9."""

from __future__ import annotations

import datetime as dt
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from hardware.virtual.iso7816 import Request, refuse
from hardware.virtual.piv.apdu import StatusWord
from hardware.virtual.piv.objects import unpack
from hardware.virtual.piv.slots import SLOTS
from hardware.virtual.piv.state import Memory
from hardware.virtual.piv.yubikey import VERSION

ATTESTATION_CERTIFICATE: Final = 0x5FFF01

_ARC: Final = "1.3.6.1.4.1.41482.3"
_FIRMWARE, _SERIAL, _POLICY, _FORM_FACTOR = (x509.ObjectIdentifier(f"{_ARC}.{each}") for each in (3, 7, 8, 9))
_BEGINS: Final = dt.datetime(2016, 3, 14, tzinfo=dt.UTC)
_ENDS: Final = dt.datetime(2052, 4, 17, tzinfo=dt.UTC)
_PIN_ONCE: Final = 2
_NO_TOUCH: Final = 1
_USB_A: Final = 1


def attest(memory: Memory, request: Request) -> bytes:
    """ATTEST: P1 names the slot; refused for an empty one, and by a card without an attestation key."""
    record = memory.record
    key = record.key(request.p1) if request.p1 in SLOTS else None
    device = record.value(ATTESTATION_CERTIFICATE)
    if request.p2 != 0 or key is None or record.attestation_key is None or device is None:
        refuse(StatusWord.WRONG_DATA)
    issuer = x509.load_der_x509_certificate(unpack(device)[0x70]).subject
    subject = x509.NameAttribute(x509.NameOID.COMMON_NAME, f"YubiKey PIV Attestation {request.p1:02x}")
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public_key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([subject]))
        .issuer_name(issuer)
        .public_key(point)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGINS)
        .not_valid_after(_ENDS)
    )
    for identifier, value in (
        (_FIRMWARE, VERSION),
        (_SERIAL, _integer(record.yubikey_serial or 0)),
        (_POLICY, bytes((_PIN_ONCE, _NO_TOUCH))),
        (_FORM_FACTOR, bytes((_USB_A,))),
    ):
        builder = builder.add_extension(x509.UnrecognizedExtension(identifier, value), critical=False)
    signer = ec.derive_private_key(int.from_bytes(record.attestation_key), ec.SECP256R1())
    return builder.sign(signer, SHA256()).public_bytes(Encoding.DER)


def _integer(number: int) -> bytes:
    """A DER INTEGER of a number that is not negative."""
    digits = number.to_bytes(number.bit_length() // 8 + 1)
    return bytes((0x02, len(digits))) + digits
