"""SM2 signatures and the reading of certificates, beside what P-256 of the cryptography package takes in the same run."""

from __future__ import annotations

import itertools
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bench.measure import compare
from hardware.crypto.sm2 import KEPT_KEYS
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
MEMBERS = KEPT_KEYS + 100  # so that each, and its key, is forgotten before its next turn
NOW, YEAR = 1_795_000_000, 365 * 86_400
MEMBER = MemberName(account="11000001", enterprise="河南粮油贸易(集团)有限公司")


def signing_and_reading() -> None:
    """Sign, verify, make a pair, verify in two threads, read certificates that were not seen before."""
    message = secrets.token_bytes(400)
    key, floor_key = SM2.generate(), ec.generate_private_key(ec.SECP256R1())
    algorithm, floor_public = ec.ECDSA(hashes.SHA256()), floor_key.public_key()
    made, floor_made = SM2.sign(key, message), floor_key.sign(message, algorithm)

    def floor_sign() -> object:
        return floor_key.sign(message, algorithm)

    def floor_verify() -> object:
        return floor_public.verify(floor_made, message, algorithm)

    def verify() -> object:
        return SM2.verify(key.public_key, message, made)

    _compare("SM2 signature (floor: P-256)", lambda: SM2.sign(key, message), floor_sign)
    _compare("SM2 verification (floor: P-256)", verify, floor_verify)
    _compare("SM2 key pair (floor: P-256)", SM2.generate, lambda: ec.generate_private_key(ec.SECP256R1()))
    _two_threads(verify)
    _certificates(floor_verify)


def _compare(name: str, work: Callable[[], object], floor: Callable[[], object]) -> None:
    compare(name, _repeat(work), _repeat(floor), ROUNDS, CALLS)


def _repeat(work: Callable[[], object]) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(CALLS):
            work()

    return repeated


def _two_threads(verify: Callable[[], object]) -> None:
    def one() -> None:
        for _ in range(2):
            _repeat(verify)()

    with ThreadPoolExecutor(2) as threads:

        def two() -> None:
            for done in [threads.submit(_repeat(verify)) for _ in range(2)]:
                done.result()

        compare("SM2 verified by two threads (floor: one)", two, one, ROUNDS, 2 * CALLS)


def _certificates(floor: Callable[[], object]) -> None:
    authority = _issuing_ca()
    issuing, root = authority.certificate.der, authority.root
    members = itertools.cycle([_member_of(authority, number) for number in range(1, MEMBERS)])
    _compare("reading a certificate (floor: P-256 verified)", lambda: parse_certificate(next(members)), floor)
    _compare(
        "an SM2 chain (floor: P-256 verified)",
        lambda: verify_chain(next(members), issuing, root, NOW + 1),
        floor,
    )


def _issuing_ca() -> IssuingAuthority:
    root = RootAuthority.create(DEFAULT_ORGANISATION, SM2.generate(), 1, NOW - 3600, NOW + 20 * YEAR)
    key = SM2.generate()
    request = issuing_request(DEFAULT_ORGANISATION, 3, key)
    certificate = root.certify_kiosk(request, 3, 2, NOW - 3600, NOW + 5 * YEAR)
    return IssuingAuthority.load(encode_private_key(key), certificate, root.certificate.der, NOW)


def _member_of(authority: IssuingAuthority, number: int) -> bytes:
    """A member's certificate for a new key."""
    token = SM2.generate()
    info = certification_request_info(DEFAULT_ORGANISATION, MEMBER, token.algorithm, token.public_key)
    request = assemble(info, token.algorithm, SM2.sign(token, info))
    return authority.issue(request, MEMBER, number, NOW, NOW + YEAR)
