"""A maker of YubiKeys: a root, what is between, and the attestation certificate of each card."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_BEGINS = dt.datetime(2016, 3, 14, tzinfo=dt.UTC)
_ENDS = dt.datetime(2052, 4, 17, tzinfo=dt.UTC)


class Maker:
    """A maker whose cards are certified by its root, or over so many authorities between."""

    def __init__(self, between: int = 0, name: str = "Maker") -> None:
        keys: list[Key] = [rsa.generate_private_key(65537, 2048)]
        keys += [ec.generate_private_key(ec.SECP384R1()) for _ in range(between)]
        self._chain = [certificate(f"{name} {0}", keys[0], f"{name} {0}", keys[0])]
        for number in range(1, between + 1):
            self._chain.append(
                certificate(f"{name} {number}", keys[number], f"{name} {number - 1}", keys[number - 1])
            )
        self._name, self._key = f"{name} {between}", keys[-1]

    @property
    def root(self) -> x509.Certificate:
        return self._chain[0]

    @property
    def pem(self) -> str:
        """All its authorities."""
        return "".join(each.public_bytes(Encoding.PEM).decode() for each in self._chain)

    def device(self) -> tuple[bytes, bytes]:
        """What is in slot F9 of a card: the scalar of its key, and its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = certificate("Yubico PIV Attestation", key, self._name, self._key)
        return key.private_numbers().private_value.to_bytes(32), own.public_bytes(Encoding.DER)

    def card(self, path: Path, serial: str = "17345678") -> PivCard:
        """A blank card that attests."""
        return blank_piv_key(path, serial, yubikey=True, attestation=self.device())


def certificate(subject: str, key: Key, issuer: str, signer: Key) -> x509.Certificate:
    """A certificate of an authority."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGINS)
        .not_valid_after(_ENDS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return builder.sign(signer, SHA256())
