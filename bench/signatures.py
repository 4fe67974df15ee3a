"""SM2 signatures and the reading of certificates, beside what P-256 of the cryptography package takes in the same run."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bench.measure import compare
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.encodings import encode_private_key
from kiosk.pki.issuing import IssuingAuthority, RootAuthority, issuing_request
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2
from kiosk.pki.verification import verify_chain

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS, ROUNDS = 50, 15
NOW, YEAR = 1_795_000_000, 365 * 86_400
MEMBER = MemberName(account="11000001", enterprise="河南粮油贸易(集团)有限公司")


def _repeat(work: Callable[[], object]) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(CALLS):
            work()

    return repeated


def chain() -> tuple[bytes, bytes, bytes]:
    """Make a member's certificate, its issuing CA's and the root's, all SM2."""
    root = RootAuthority.create(DEFAULT_ORGANISATION, SM2.generate(), 1, NOW - 3600, NOW + 20 * YEAR)
    key = SM2.generate()
    request = issuing_request(DEFAULT_ORGANISATION, 3, key)
    certificate = root.certify_kiosk(request, 3, 2, NOW - 3600, NOW + 5 * YEAR)
    issuing = IssuingAuthority.load(encode_private_key(key), certificate, root.certificate.der, NOW)
    token = SM2.generate()
    info = certification_request_info(DEFAULT_ORGANISATION, MEMBER, token.algorithm, token.public_key)
    asked = assemble(info, token.algorithm, SM2.sign(token, info))
    return (
        issuing.issue(asked, MEMBER, 0x0003_000001_000007, NOW, NOW + YEAR),
        certificate,
        root.certificate.der,
    )


def signing_and_reading() -> None:
    """Sign, verify, make a pair, read one certificate, check a whole chain."""
    message = secrets.token_bytes(400)
    ours, theirs = SM2.generate(), ec.generate_private_key(ec.SECP256R1())
    algorithm, public = ec.ECDSA(hashes.SHA256()), theirs.public_key()
    made, floor_made = SM2.sign(ours, message), theirs.sign(message, algorithm)
    member, issuing, root = chain()

    def sign() -> object:
        return theirs.sign(message, algorithm)

    def verify() -> object:
        return public.verify(floor_made, message, algorithm)

    for name, work, floor in (
        ("SM2 signature (floor: P-256)", lambda: SM2.sign(ours, message), sign),
        ("SM2 verification (floor: P-256)", lambda: SM2.verify(ours.public_key, message, made), verify),
        (
            "SM2 key pair (floor: P-256)",
            SM2.generate,
            lambda: ec.generate_private_key(ec.SECP256R1()),
        ),
        ("reading a certificate (floor: P-256 verified)", lambda: parse_certificate(member), verify),
        (
            "a whole SM2 chain (floor: P-256 verified)",
            lambda: verify_chain(member, issuing, root, NOW + 1),
            verify,
        ),
    ):
        compare(name, _repeat(work), _repeat(floor), ROUNDS, CALLS)
