from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from kiosk.pki.building import Contents, Signer, build_member
from kiosk.pki.certificates import parse_certificate, parse_member_certificate
from kiosk.pki.encodings import encode_private_key
from kiosk.pki.errors import (
    CertificateExpired,
    CertificateInvalid,
    CertificateMalformed,
    EndBeyondIssuer,
    IssueRefused,
    OutsideNameConstraints,
    PossessionNotProved,
    RequestInvalid,
)
from kiosk.pki.issuing import IssuingAuthority, RootAuthority, issuing_request
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName, member_name
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import PrivateKey, suite

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeRequest = Callable[[MemberName, PrivateKey], bytes]

YEAR = 365 * 86_400
NUMBER = 0x0003_000001_000009


def test_what_was_asked_is_issued(
    issuing: IssuingAuthority, member_request: bytes, member: MemberName, token_key: PrivateKey, now: int
) -> None:
    issued = parse_member_certificate(issuing.issue(member_request, member, NUMBER, now, now + YEAR))
    assert issued.number == "0003000001000009"
    assert (issued.account, issued.enterprise) == (member.account, member.enterprise)
    assert issued.public_key == token_key.public_key
    assert (issued.not_before, issued.not_after) == (now, now + YEAR)


def test_the_end_may_reach_but_not_pass_the_issuing_cas(
    issuing: IssuingAuthority, member_request: bytes, member: MemberName, now: int
) -> None:
    issuing.issue(member_request, member, NUMBER, now, issuing.limit)
    with pytest.raises(EndBeyondIssuer) as refused:
        issuing.issue(member_request, member, NUMBER, now, issuing.limit + 1)
    assert (refused.value.end, refused.value.limit) == (issuing.limit + 1, issuing.limit)


@pytest.mark.parametrize(("early", "begins"), [(0, 0), (1, 1), (600, 600), (86_400, 3600)])
def test_a_certificate_begins_early_but_not_before_the_issuing_cas_and_tells_when_it_was_issued(
    issuing: IssuingAuthority, member_request: bytes, member: MemberName, now: int, early: int, begins: int
) -> None:
    assert now - issuing.certificate.not_before == 3600
    der = issuing.issue(member_request, member, NUMBER, now, now + YEAR, early)
    assert parse_certificate(der).not_before == now - begins
    read = parse_member_certificate(der)
    assert (read.not_before, read.not_after) == (now, now + YEAR)
    theirs = x509.load_der_x509_certificate(der)
    assert int(theirs.not_valid_before_utc.timestamp()) == now - begins
    assert int(theirs.not_valid_after_utc.timestamp()) == now + YEAR


@pytest.mark.parametrize("issued", [-601, YEAR + 1])
def test_a_moment_of_issue_outside_the_validity_is_malformed(
    issuing: IssuingAuthority, member: MemberName, token_key: PrivateKey, now: int, issued: int
) -> None:
    contents = Contents(
        serial=NUMBER,
        subject=member_name(DEFAULT_ORGANISATION, member),
        algorithm=token_key.algorithm,
        public_key=token_key.public_key,
        not_before=now - 600,
        not_after=now + YEAR,
    )
    signer = Signer(issuing.certificate.subject, issuing.private_key)
    with pytest.raises(CertificateMalformed):
        parse_member_certificate(build_member(contents, signer, now + issued))


def test_an_empty_or_too_early_validity_is_refused(
    issuing: IssuingAuthority, member_request: bytes, member: MemberName, now: int
) -> None:
    for start, end in ((now, now), (now, now - 1), (issuing.certificate.not_before - 1, now)):
        with pytest.raises(IssueRefused):
            issuing.issue(member_request, member, NUMBER, start, end)


@pytest.mark.parametrize("number", [0, -1, 1 << 63])
def test_a_number_without_63_bits_is_refused(
    issuing: IssuingAuthority, member_request: bytes, member: MemberName, now: int, number: int
) -> None:
    with pytest.raises(IssueRefused):
        issuing.issue(member_request, member, number, now, now + YEAR)


def test_a_request_of_another_member_is_refused(
    issuing: IssuingAuthority, member_request: bytes, member: MemberName, now: int
) -> None:
    for other in (
        MemberName(account="11000002", enterprise=member.enterprise),
        MemberName(account=member.account, enterprise="乙"),
    ):
        with pytest.raises(RequestInvalid):
            issuing.issue(member_request, other, NUMBER, now, now + YEAR)


def test_a_request_outside_the_constraints_is_refused(
    issuing: IssuingAuthority, member: MemberName, token_key: PrivateKey, now: int
) -> None:
    algorithm = token_key.algorithm
    info = certification_request_info("另一个交易所", member, algorithm, token_key.public_key)
    request = assemble(info, algorithm, suite(algorithm).sign(token_key, info))
    with pytest.raises(OutsideNameConstraints):
        issuing.issue(request, member, NUMBER, now, now + YEAR)


def test_a_key_that_the_token_does_not_hold_is_refused(
    issuing: IssuingAuthority, member: MemberName, token_key: PrivateKey, now: int
) -> None:
    algorithm = token_key.algorithm
    info = certification_request_info(DEFAULT_ORGANISATION, member, algorithm, token_key.public_key)
    request = assemble(info, algorithm, suite(algorithm).sign(suite(algorithm).generate(), info))
    with pytest.raises(PossessionNotProved):
        issuing.issue(request, member, NUMBER, now, now + YEAR)


def test_an_authority_is_taken_up_only_with_its_own_key_and_in_its_time(
    issuing: IssuingAuthority, root: RootAuthority, now: int
) -> None:
    der, top = issuing.certificate.der, root.certificate.der
    stored = encode_private_key(issuing.private_key)
    assert IssuingAuthority.load(stored, der, top, now) == issuing
    other = encode_private_key(suite(issuing.private_key.algorithm).generate())
    with pytest.raises(CertificateInvalid, match="another key"):
        IssuingAuthority.load(other, der, top, now)
    with pytest.raises(CertificateExpired):
        IssuingAuthority.load(stored, der, top, issuing.limit + 1)


def test_a_root_comes_back_and_certifies(root: RootAuthority, now: int) -> None:
    again = RootAuthority.load(encode_private_key(root.private_key), root.certificate.der)
    assert again == root
    key = suite(root.private_key.algorithm).generate()
    request = issuing_request(DEFAULT_ORGANISATION, 4, key)
    certificate = again.certify_kiosk(request, 4, 3, now, now + YEAR)
    kiosk = IssuingAuthority.load(encode_private_key(key), certificate, root.certificate.der, now)
    assert kiosk.organisation == DEFAULT_ORGANISATION


def test_a_root_refuses_another_kiosks_request_and_an_end_beyond_its_own(
    root: RootAuthority, now: int
) -> None:
    request = issuing_request(DEFAULT_ORGANISATION, 4, suite(root.private_key.algorithm).generate())
    with pytest.raises(RequestInvalid):
        root.certify_kiosk(request, 5, 3, now, now + YEAR)
    with pytest.raises(EndBeyondIssuer):
        root.certify_kiosk(request, 4, 3, now, root.certificate.not_after + 1)
