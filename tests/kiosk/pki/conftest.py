"""One hierarchy for each suite, made once, and stock OpenSSL as the judge."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from kiosk.pki.encodings import encode_private_key, to_pem
from kiosk.pki.issuing import IssuingAuthority, RootAuthority, issuing_request
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import KeyAlgorithm, PrivateKey, suite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = 1_795_000_000
YEAR = 365 * 86_400
DISTINGUISHING_ID = ("-vfyopt", "distid:1234567812345678")


@pytest.fixture(scope="session", params=list(KeyAlgorithm))
def algorithm(request: pytest.FixtureRequest) -> KeyAlgorithm:
    chosen = request.param
    assert isinstance(chosen, KeyAlgorithm)
    return chosen


@pytest.fixture(scope="session")
def now() -> int:
    return NOW


@pytest.fixture(scope="session")
def member() -> MemberName:
    return MemberName(account="11000001", enterprise="河南粮油贸易(集团)有限公司")


@pytest.fixture(scope="session")
def root(algorithm: KeyAlgorithm) -> RootAuthority:
    key = suite(algorithm).generate()
    return RootAuthority.create(DEFAULT_ORGANISATION, key, 1, NOW - 3600, NOW + 20 * YEAR)


@pytest.fixture(scope="session")
def issuing(root: RootAuthority, algorithm: KeyAlgorithm) -> IssuingAuthority:
    key = suite(algorithm).generate()
    request = issuing_request(DEFAULT_ORGANISATION, 3, key)
    certificate = root.certify_kiosk(request, 3, 2, NOW - 3600, NOW + 5 * YEAR)
    return IssuingAuthority.load(encode_private_key(key), certificate, root.certificate.der, NOW)


@pytest.fixture(scope="session")
def token_key(algorithm: KeyAlgorithm) -> PrivateKey:
    return suite(algorithm).generate()


@pytest.fixture(scope="session")
def make_request() -> Callable[[MemberName, PrivateKey], bytes]:
    def make(name: MemberName, key: PrivateKey) -> bytes:
        info = certification_request_info(DEFAULT_ORGANISATION, name, key.algorithm, key.public_key)
        return assemble(info, key.algorithm, suite(key.algorithm).sign(key, info))

    return make


@pytest.fixture(scope="session")
def member_request(
    make_request: Callable[[MemberName, PrivateKey], bytes], member: MemberName, token_key: PrivateKey
) -> bytes:
    return make_request(member, token_key)


@pytest.fixture(scope="session")
def member_certificate(issuing: IssuingAuthority, member_request: bytes, member: MemberName) -> bytes:
    return issuing.issue(member_request, member, 0x0003_000001_000007, NOW, NOW + YEAR)


@pytest.fixture
def openssl(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run openssl; a bytes argument becomes a PEM file, `signed_by` adds the SM2 user ID where it is needed."""

    def run(
        *arguments: str | bytes, signed_by: KeyAlgorithm, label: str = "CERTIFICATE"
    ) -> subprocess.CompletedProcess[str]:
        words: list[str] = []
        for position, argument in enumerate(arguments):
            if isinstance(argument, bytes):
                path = tmp_path / f"{position}.pem"
                path.write_text(to_pem(label, argument), encoding="ascii")
                words.append(str(path))
            else:
                words.append(argument)
        if signed_by is KeyAlgorithm.SM2:
            words[1:1] = DISTINGUISHING_ID
        return subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)

    return run
