from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.pki.building import Contents, Signer, build_issuing, build_member, build_root
from kiosk.pki.certificates import parse_certificate, parse_member_certificate
from kiosk.pki.encodings import encode_public_key, to_pem
from kiosk.pki.errors import (
    CertificateExpired,
    CertificateInvalid,
    CertificateMalformed,
    CertificateNotYetValid,
    OutsideNameConstraints,
    SignatureInvalid,
)
from kiosk.pki.names import DEFAULT_ORGANISATION, build_name, issuing_name, member_name, prefix_name
from kiosk.pki.suites import KeyAlgorithm, PrivateKey, suite
from kiosk.pki.verification import verify_certificate, verify_chain, verify_issuing, verify_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kiosk.pki.issuing import IssuingAuthority, RootAuthority
    from kiosk.pki.names import MemberName

    OpenSsl = Callable[..., subprocess.CompletedProcess[str]]

YEAR = 365 * 86_400
NUMBER = 0x0003_000001_000008
PREFIX = (
    ("country_name", "CN"),
    ("organization_name", DEFAULT_ORGANISATION),
    ("organizational_unit_name", "Keydesk"),
)
OUTSIDE = {
    "another exchange": (PREFIX[0], ("organization_name", "另一个交易所"), PREFIX[2]),
    "another unit": (PREFIX[0], PREFIX[1], ("organizational_unit_name", "Keydesk2")),
    "another country": (("country_name", "HK"), *PREFIX[1:]),
    "no unit": PREFIX[:2],
    "another order": (PREFIX[0], PREFIX[2], PREFIX[1]),
    "something before": (("organization_name", "甲"), *PREFIX),
}


def forge_member(issuing: IssuingAuthority, subject: bytes, key: PrivateKey, now: int) -> bytes:
    """Sign with the issuing CA's key what its `issue` would refuse."""
    contents = Contents(
        serial=NUMBER,
        subject=subject,
        algorithm=key.algorithm,
        public_key=key.public_key,
        not_before=now,
        not_after=now + YEAR,
    )
    return build_member(contents, Signer(issuing.certificate.subject, issuing.private_key))


def judge_member(openssl: OpenSsl, issuing: IssuingAuthority, member: bytes, now: int) -> tuple[int, str]:
    judged = openssl(
        "verify", "-x509_strict", "-attime", str(now), "-purpose", "sslclient",
        "-partial_chain", "-trusted", issuing.certificate.der, member,
        signed_by=issuing.private_key.algorithm,
    )  # fmt: skip
    return judged.returncode, judged.stdout + judged.stderr


def test_openssl_verifies_the_issuing_ca_against_the_root(
    root: RootAuthority, issuing: IssuingAuthority, openssl: OpenSsl, now: int
) -> None:
    judged = openssl(
        "verify", "-x509_strict", "-attime", str(now), "-CAfile", root.certificate.der,
        issuing.certificate.der, signed_by=root.private_key.algorithm,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stderr
    assert judged.stdout.endswith(": OK\n")


def test_openssl_verifies_the_member_against_the_issuing_ca(
    issuing: IssuingAuthority, member_certificate: bytes, openssl: OpenSsl, now: int
) -> None:
    status, output = judge_member(openssl, issuing, member_certificate, now)
    assert status == 0, output
    assert output.endswith(": OK\n")


def test_a_member_whose_kiosks_clock_was_ahead_is_valid_for_openssl_too(
    root: RootAuthority,
    issuing: IssuingAuthority,
    member_request: bytes,
    member: MemberName,
    openssl: OpenSsl,
    now: int,
) -> None:
    ahead = now + 600
    der = issuing.issue(member_request, member, NUMBER, ahead, ahead + YEAR, 600)
    status, output = judge_member(openssl, issuing, der, now)
    assert status == 0, output
    assert judge_member(openssl, issuing, der, now - 1)[0] != 0
    told = verify_chain(der, issuing.certificate.der, root.certificate.der, now)
    assert (told.not_before, told.not_after) == (ahead, ahead + YEAR)


def test_a_beginning_ahead_is_tolerated_and_an_end_is_not(
    root: RootAuthority, issuing: IssuingAuthority, member_certificate: bytes, now: int
) -> None:
    chain = (member_certificate, issuing.certificate.der, root.certificate.der)
    for early in (0, 1, 599, 600):
        assert verify_chain(*chain, now - early, 600).not_before == now
    for early, tolerance in ((1, 0), (601, 600)):
        with pytest.raises(CertificateNotYetValid):
            verify_chain(*chain, now - early, tolerance)
    assert verify_chain(*chain, now + YEAR, 600).not_after == now + YEAR
    with pytest.raises(CertificateExpired):
        verify_chain(*chain, now + YEAR + 1, 600)


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_member_outside_the_constraints_is_refused_here_and_by_openssl(
    kind: str,
    root: RootAuthority,
    issuing: IssuingAuthority,
    token_key: PrivateKey,
    openssl: OpenSsl,
    now: int,
) -> None:
    subject = build_name((*OUTSIDE[kind], ("common_name", "11000001")))
    forged = forge_member(issuing, subject, token_key, now)
    status, output = judge_member(openssl, issuing, forged, now)
    assert status != 0
    assert "error 47 at 0 depth lookup: permitted subtree violation" in output
    with pytest.raises(OutsideNameConstraints):
        verify_chain(forged, issuing.certificate.der, root.certificate.der, now)


def test_openssl_refuses_a_changed_member_certificate(
    issuing: IssuingAuthority, member_certificate: bytes, openssl: OpenSsl, now: int
) -> None:
    changed = member_certificate.replace(b"11000001", b"11000002")
    status, output = judge_member(openssl, issuing, changed, now)
    assert status != 0
    assert "error 7 at 0 depth lookup" in output


def test_a_member_on_the_other_suite_verifies_too(
    root: RootAuthority, issuing: IssuingAuthority, member: MemberName, openssl: OpenSsl, now: int
) -> None:
    other = KeyAlgorithm.P256 if issuing.private_key.algorithm is KeyAlgorithm.SM2 else KeyAlgorithm.SM2
    subject = member_name(DEFAULT_ORGANISATION, member)
    mixed = forge_member(issuing, subject, suite(other).generate(), now)
    status, output = judge_member(openssl, issuing, mixed, now)
    assert status == 0, output
    chain = (mixed, issuing.certificate.der, root.certificate.der)
    assert verify_chain(*chain, now).algorithm is other


def test_a_chain_says_whose_certificate_it_is(
    root: RootAuthority,
    issuing: IssuingAuthority,
    member_certificate: bytes,
    member: MemberName,
    token_key: PrivateKey,
    now: int,
) -> None:
    issued = verify_chain(member_certificate, issuing.certificate.der, root.certificate.der, now)
    assert issued.number == "0003000001000007"
    assert (issued.account, issued.enterprise) == (member.account, member.enterprise)
    assert (issued.algorithm, issued.public_key) == (token_key.algorithm, token_key.public_key)
    assert (issued.not_before, issued.not_after) == (now, now + YEAR)
    assert issued.der == member_certificate


def test_a_chain_holds_in_its_first_and_last_second_only(
    root: RootAuthority, issuing: IssuingAuthority, member_certificate: bytes, now: int
) -> None:
    chain = (member_certificate, issuing.certificate.der, root.certificate.der)
    verify_chain(*chain, now)
    verify_chain(*chain, now + YEAR)
    with pytest.raises(CertificateNotYetValid) as early:
        verify_chain(*chain, now - 1)
    assert (early.value.not_before, early.value.at) == (now, now - 1)
    with pytest.raises(CertificateExpired) as late:
        verify_chain(*chain, now + YEAR + 1)
    assert (late.value.not_after, late.value.at) == (now + YEAR, now + YEAR + 1)
    with pytest.raises(CertificateExpired):
        verify_issuing(issuing.certificate.der, root.certificate.der, issuing.limit + 1)


def test_every_changed_byte_of_a_member_certificate_is_refused(
    root: RootAuthority, issuing: IssuingAuthority, member_certificate: bytes, now: int
) -> None:
    for position in range(len(member_certificate)):
        changed = bytearray(member_certificate)
        changed[position] ^= 2
        with pytest.raises(CertificateInvalid):
            verify_chain(bytes(changed), issuing.certificate.der, root.certificate.der, now)


def test_a_second_encoding_of_the_same_certificate_is_refused(member_certificate: bytes) -> None:
    signature = parse_certificate(member_certificate).signature
    body = member_certificate[4 : -len(signature) - 3]
    assert member_certificate[-len(signature) - 3] == 0x03
    long_length = b"\x03\x81" + bytes((len(signature) + 1,)) + b"\0" + signature
    longer = body + long_length
    with pytest.raises(CertificateMalformed):
        parse_certificate(b"\x30\x82" + len(longer).to_bytes(2, "big") + longer)
    outer = b"\x30\x83\0" + member_certificate[2:]
    with pytest.raises(CertificateMalformed):
        parse_certificate(outer)
    unused_bits = bytearray(member_certificate)
    unused_bits[-len(signature) - 1] = 1
    with pytest.raises(CertificateMalformed):
        parse_certificate(bytes(unused_bits))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_certificate_never_fails_in_another_way(
    data: st.DataObject, issuing: IssuingAuthority, member_certificate: bytes
) -> None:
    source = data.draw(st.sampled_from((member_certificate, issuing.certificate.der)))
    changed = bytearray(source)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(source) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(changed[: data.draw(st.integers(0, len(source)))])
    for der in (bytes(changed), cut):
        try:
            parse_certificate(der)
            parse_member_certificate(der)
        except CertificateMalformed:
            continue


def test_a_member_signed_by_another_kiosks_key_is_refused(
    root: RootAuthority, issuing: IssuingAuthority, member: MemberName, token_key: PrivateKey, now: int
) -> None:
    stranger = suite(issuing.private_key.algorithm).generate()
    contents = Contents(
        serial=NUMBER,
        subject=member_name(DEFAULT_ORGANISATION, member),
        algorithm=token_key.algorithm,
        public_key=token_key.public_key,
        not_before=now,
        not_after=now + YEAR,
    )
    forged = build_member(contents, Signer(issuing.certificate.subject, stranger))
    with pytest.raises(CertificateInvalid, match="another key"):
        verify_chain(forged, issuing.certificate.der, root.certificate.der, now)


def test_a_member_certificate_certifies_nobody(
    issuing: IssuingAuthority, member_certificate: bytes, member: MemberName, token_key: PrivateKey, now: int
) -> None:
    subject = member_name(DEFAULT_ORGANISATION, member)
    contents = Contents(
        serial=NUMBER,
        subject=subject,
        algorithm=token_key.algorithm,
        public_key=token_key.public_key,
        not_before=now,
        not_after=now + YEAR,
    )
    below = build_member(contents, Signer(subject, token_key))
    with pytest.raises(CertificateInvalid, match="no certification authority"):
        verify_certificate(parse_certificate(below), parse_certificate(member_certificate))


def test_an_issuing_ca_cannot_make_another(
    root: RootAuthority, issuing: IssuingAuthority, openssl: OpenSsl, now: int
) -> None:
    key = suite(issuing.private_key.algorithm).generate()
    contents = Contents(
        serial=9,
        subject=issuing_name(DEFAULT_ORGANISATION, 4),
        algorithm=key.algorithm,
        public_key=key.public_key,
        not_before=now,
        not_after=now + YEAR,
    )
    signer = Signer(issuing.certificate.subject, issuing.private_key)
    below = build_issuing(contents, signer, prefix_name(DEFAULT_ORGANISATION))
    with pytest.raises(CertificateInvalid, match="may not certify an authority"):
        verify_certificate(parse_certificate(below), issuing.certificate)
    with pytest.raises(CertificateInvalid):
        verify_issuing(below, root.certificate.der, now)


def test_a_root_is_no_issuing_ca_and_a_changed_root_no_root(root: RootAuthority, now: int) -> None:
    der = root.certificate.der
    assert verify_root(der) == root.certificate
    with pytest.raises(CertificateInvalid, match="path length 0"):
        verify_issuing(der, der, now)
    with pytest.raises(SignatureInvalid):
        verify_root(der[:-1] + bytes((der[-1] ^ 1,)))


def test_another_root_of_the_same_name_is_refused(
    root: RootAuthority, issuing: IssuingAuthority, member_certificate: bytes, now: int
) -> None:
    key = suite(root.private_key.algorithm).generate()
    contents = Contents(
        serial=1,
        subject=root.certificate.subject,
        algorithm=key.algorithm,
        public_key=key.public_key,
        not_before=now - 3600,
        not_after=now + 9 * YEAR,
    )
    with pytest.raises(CertificateInvalid):
        verify_chain(member_certificate, issuing.certificate.der, build_root(contents, key), now)


def test_openssl_finds_the_roots_own_signature_right(root: RootAuthority, tmp_path: Path) -> None:
    # openssl verify gives the SM2 user ID to no certificate that it takes for a root; dgst does.
    certificate = root.certificate
    public_key = encode_public_key(certificate.algorithm, certificate.public_key)
    (tmp_path / "signed").write_bytes(certificate.signed)
    (tmp_path / "signature").write_bytes(certificate.signature)
    (tmp_path / "public.pem").write_text(to_pem("PUBLIC KEY", public_key))
    sm2 = ["-sm3", "-sigopt", "distid:1234567812345678"]
    options = sm2 if certificate.algorithm is KeyAlgorithm.SM2 else ["-sha256"]
    command = ["openssl", "dgst", *options, "-verify", "public.pem", "-signature", "signature", "signed"]
    judged = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert judged.stdout == "Verified OK\n", judged.stderr


def test_times_beyond_2049_are_written_as_the_standard_says(
    issuing: IssuingAuthority, member: MemberName, token_key: PrivateKey
) -> None:
    first_of_2050 = 2_524_608_000
    subject = member_name(DEFAULT_ORGANISATION, member)
    certificate = forge_member(issuing, subject, token_key, first_of_2050 - 1)
    parsed = parse_member_certificate(certificate)
    assert (parsed.not_before, parsed.not_after) == (first_of_2050 - 1, first_of_2050 - 1 + YEAR)
    assert b"\x17\x0d491231235959Z" in certificate
    assert b"\x18\x0f20501231235959Z" in certificate
