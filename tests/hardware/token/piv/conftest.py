from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hardware.token.piv.token import PivToken
from hardware.virtual.piv.factory import blank_piv_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.token.piv.profile import PivProfile
    from hardware.virtual.card import VirtualCard
    from hardware.virtual.piv.card import PivCard


@pytest.fixture(params=["standard", "yubikey"])
def piv_card(request: pytest.FixtureRequest, tmp_path: Path) -> PivCard:
    yubikey = request.param == "yubikey"
    return blank_piv_key(
        tmp_path / "card.json", "11409355", yubikey=yubikey, management_algorithm=0x0A if yubikey else 0x03
    )


@pytest.fixture
def opened(direct: Any) -> Callable[..., PivToken]:
    def open_card(card: VirtualCard, profile: PivProfile | None = None) -> PivToken:
        return PivToken(direct(card), profile)

    return open_card


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


@pytest.fixture(scope="session")
def certificate_for() -> Callable[..., bytes]:
    """Give what issues a certificate for a point of P-256 or P-384, with a subject of about so many bytes."""
    return issue


@pytest.fixture(scope="session")
def made() -> Callable[[PivToken], bytes]:
    """Give what makes a key pair with the factory PIN verified, and returns its public key."""

    def make(token: PivToken) -> bytes:
        token.verify_pin("123456")
        return token.generate_key_pair()

    return make


@pytest.fixture(scope="session")
def bound(made: Callable[[PivToken], bytes]) -> Callable[[PivToken], bytes]:
    """Give what makes a key pair and writes its certificate, which it returns."""

    def bind(token: PivToken) -> bytes:
        certificate = issue(made(token))
        token.write_certificate(certificate)
        return certificate

    return bind
