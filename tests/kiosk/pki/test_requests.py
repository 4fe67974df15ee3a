from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kiosk.pki.errors import NameInvalid, PossessionNotProved, PublicKeyInvalid, RequestInvalid
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName, read_member_name
from kiosk.pki.requests import assemble, certification_request_info, verify_request
from kiosk.pki.suites import KeyAlgorithm, PrivateKey, suite

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


def test_a_request_says_who_asks_with_which_key(
    member_request: bytes, member: MemberName, token_key: PrivateKey
) -> None:
    verified = verify_request(member_request)
    assert (verified.algorithm, verified.public_key) == (token_key.algorithm, token_key.public_key)
    assert read_member_name(verified.subject) == member


def test_openssl_verifies_the_request(
    member_request: bytes, algorithm: KeyAlgorithm, openssl: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    judged = openssl(
        "req", "-verify", "-noout", "-in", member_request, signed_by=algorithm, label="CERTIFICATE REQUEST"
    )
    assert judged.returncode == 0, judged.stderr
    assert "verify OK" in judged.stdout + judged.stderr


def test_a_request_signed_by_another_key_proves_nothing(member: MemberName, token_key: PrivateKey) -> None:
    algorithm = token_key.algorithm
    info = certification_request_info(DEFAULT_ORGANISATION, member, algorithm, token_key.public_key)
    thief = suite(algorithm).generate()
    with pytest.raises(PossessionNotProved):
        verify_request(assemble(info, algorithm, suite(algorithm).sign(thief, info)))


def test_a_request_that_names_another_suites_signature_is_refused(
    member: MemberName, token_key: PrivateKey
) -> None:
    algorithm = token_key.algorithm
    other = KeyAlgorithm.P256 if algorithm is KeyAlgorithm.SM2 else KeyAlgorithm.SM2
    info = certification_request_info(DEFAULT_ORGANISATION, member, algorithm, token_key.public_key)
    with pytest.raises(RequestInvalid):
        verify_request(assemble(info, other, suite(algorithm).sign(token_key, info)))


def test_every_changed_byte_of_a_request_is_refused(member_request: bytes) -> None:
    for position in range(len(member_request)):
        changed = bytearray(member_request)
        changed[position] ^= 4
        with pytest.raises(RequestInvalid):
            verify_request(bytes(changed))


def test_a_request_cut_or_lengthened_is_refused(member_request: bytes) -> None:
    for bad in (b"", member_request[:-1], member_request[:100], member_request + b"\0"):
        with pytest.raises(RequestInvalid):
            verify_request(bad)


def test_rubbish_cannot_be_assembled(algorithm: KeyAlgorithm) -> None:
    with pytest.raises(RequestInvalid):
        assemble(b"\x30\x03\x02\x01", algorithm, b"")


def test_no_request_for_a_point_off_the_curve_or_a_name_that_cannot_be(
    member: MemberName, token_key: PrivateKey
) -> None:
    algorithm, point = token_key.algorithm, token_key.public_key
    with pytest.raises(PublicKeyInvalid):
        certification_request_info(DEFAULT_ORGANISATION, member, algorithm, point[:-1] + b"\0\0")
    with pytest.raises(NameInvalid):
        certification_request_info(DEFAULT_ORGANISATION, MemberName("", "甲"), algorithm, point)
