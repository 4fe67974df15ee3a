"""Certificates for the keys of PIV cards."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID


def issue(point: bytes, filling: int = 0) -> bytes:
    """Issue a certificate for a public key, with a name of about that many bytes that do not pack well."""
    issuer = ec.generate_private_key(ec.SECP256R1())
    digest = hashes.Hash(hashes.SHAKE256(filling or 1))
    noise = digest.finalize()[:filling].hex()[:filling]
    names = [x509.NameAttribute(NameOID.COMMON_NAME, "李晓梅")]
    names += [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, noise[at : at + 60]) for at in range(0, len(noise), 60)
    ]
    curve = ec.SECP256R1() if len(point) == 65 else ec.SECP384R1()
    start = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(x509.Name(names[:1]))
        .public_key(ec.EllipticCurvePublicKey.from_encoded_point(curve, point))
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start.replace(year=2027))
    )
    return builder.sign(issuer, hashes.SHA256()).public_bytes(Encoding.DER)
