"""Certificates of a form that no program here makes."""

from __future__ import annotations

from kiosk.pki import asn1
from kiosk.pki.issuing import RootAuthority
from kiosk.pki.suites import SM2

WITHOUT_PARAMETERS = bytes.fromhex("300f300906072a8648ce3d020103020004")
"""A SubjectPublicKeyInfo of an elliptic curve's key that does not say which curve."""

_KEY = 6  # the place in the signed part


def without_key_parameters(certificate: bytes) -> bytes:
    """The same certificate with such a key; its signature stays."""
    signed, algorithm, signature = asn1.elements(asn1.only(certificate, asn1.SEQUENCE))
    fields = [field.whole for field in asn1.elements(signed.content)]
    fields[_KEY] = WITHOUT_PARAMETERS
    return asn1.sequence(asn1.sequence(*fields), algorithm.whole, signature.whole)


def root_without_key_parameters() -> bytes:
    """A root with such a key."""
    return without_key_parameters(RootAuthority.create("甲", SM2.generate(), 1, 0, 1).certificate.der)
