"""The openssl program judges what the driver has a key sign, and the certificate that it wrote and read back."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from asn1crypto import core  # type: ignore[import-untyped]  # the package has no types

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Protocol

    from hardware.ports import Token
    from hardware.token.skf.profile import SkfProfile
    from hardware.token.skf.source import SkfTokenSource

    Sources = Callable[..., SkfTokenSource]

    class SoftKeys(Protocol):
        def profile(self, **overrides: object) -> SkfProfile: ...


_ID = "distid:1234567812345678"
_ANOTHER_ID = "distid:8765432187654321"
_MESSAGE = "国家储备商品".encode()

# SubjectPublicKeyInfo of an SM2 key up to x and y: id-ecPublicKey, 1.2.156.10197.1.301.
_KEY_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
_SM2_WITH_SM3 = bytes.fromhex("300a06082a811ccf55018375")


class OpenSsl:
    """The program, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> bytes:
        """Run a command that must succeed, and return what it prints."""
        command = ["openssl", *arguments]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True).stdout

    def accepts(self, *arguments: str) -> bool:
        """Whether a command succeeds."""
        command = ["openssl", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, check=False).returncode == 0

    def says(self, *arguments: str) -> str:
        """Return the first line of what a command says of its success."""
        command = ["openssl", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, check=False, text=True)
        return (done.stderr + done.stdout).splitlines()[0]

    def write(self, name: str, data: bytes) -> None:
        """Put a file where the commands find it."""
        (self.folder / name).write_bytes(data)

    def request_content(self, point: bytes) -> bytes:
        """Have a request made, and return what is signed of it, with the token's public key."""
        made = (
            "req",
            "-new",
            "-newkey",
            "SM2",
            "-nodes",
            "-sm3",
            "-keyout",
            "made.key",
            "-subj",
            "/CN=ZQ000123",
        )
        whole = core.Sequence.load(self.run(*made, "-sigopt", _ID, "-outform", "DER"))
        public = self.run("pkey", "-in", "made.key", "-pubout", "-outform", "DER")
        assert public.startswith(_KEY_PREFIX)
        signed: bytes = whole[0].dump()
        assert signed.count(public) == 1
        return signed.replace(public, _KEY_PREFIX + point[1:])

    def issue(self, request: str, certificate: str) -> None:
        """Have a CA verify a request and issue a certificate for it; the CA's is ca.pem."""
        made = ("-newkey", "SM2", "-nodes", "-sm3", "-keyout", "ca.key", "-subj", "/CN=CA")
        self.run("req", "-new", "-x509", *made, "-sigopt", _ID, "-out", "ca.pem")
        signs = (
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-set_serial",
            "7",
            "-sm3",
            "-sigopt",
            _ID,
            "-vfyopt",
            _ID,
        )
        self.run(
            "x509", "-req", "-inform", "DER", "-in", request, "-out", certificate, "-outform", "DER", *signs
        )


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSsl:
    if shutil.which("openssl") is None:
        reason = "needs the openssl program: apt-get install openssl"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path / "openssl"
    folder.mkdir()
    return OpenSsl(folder)


@pytest.fixture(params=["desk", "library"])
def token(request: pytest.FixtureRequest, soft_keys: SoftKeys, skf_source: Sources) -> Token:
    """Give a key that is ready to make a key pair and sign, by either way to hash."""
    source = skf_source(soft_keys.profile(digest=request.param))
    token = source.open(source.present()[0])
    token.erase()
    token.verify_pin("111111")
    return token


def _signed(token: Token, content: bytes) -> bytes:
    """Sign what a request or certificate consists of, and put the three parts together."""
    signature = b"\0" + token.sign(content)
    body = content + _SM2_WITH_SM3 + b"\x03" + _length(len(signature)) + signature
    return b"\x30" + _length(len(body)) + body


def _length(number: int) -> bytes:
    return bytes([number]) if number < 128 else b"\x82" + number.to_bytes(2)


def test_openssl_verifies_what_a_key_signs_through_the_driver(token: Token, openssl: OpenSsl) -> None:
    public = token.generate_key_pair()
    openssl.write("key.der", _KEY_PREFIX + public[1:])
    openssl.write("message", _MESSAGE)
    openssl.write("another", _MESSAGE + b"!")
    openssl.write("signature", token.sign(_MESSAGE))

    def verifies(message: str, user_id: str) -> bool:
        key = ("-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin", "-digest", "sm3")
        files = ("-in", message, "-sigfile", "signature", "-pkeyopt", user_id)
        return openssl.accepts("pkeyutl", "-verify", *key, *files)

    assert verifies("message", _ID)
    assert not verifies("another", _ID)
    assert not verifies("message", _ANOTHER_ID), "the user ID is in the signature"


def test_openssl_verifies_a_request_that_a_key_signed(token: Token, openssl: OpenSsl) -> None:
    request = _signed(token, openssl.request_content(token.generate_key_pair()))
    openssl.write("request.der", request)
    openssl.write("broken.der", request.replace(b"ZQ000123", b"ZQ000124"))

    def verifies(name: str, user_id: str) -> bool:
        # The program succeeds whatever it finds, and says it.
        words = openssl.says("req", "-verify", "-noout", "-inform", "DER", "-in", name, "-vfyopt", user_id)
        assert words.endswith(("verify OK", "verify failure"))
        return words.endswith("OK")

    assert verifies("request.der", _ID)
    assert not verifies("broken.der", _ID)
    assert not verifies("request.der", _ANOTHER_ID)


def test_a_certificate_that_was_written_and_read_back_is_whole_for_openssl(
    token: Token, openssl: OpenSsl
) -> None:
    public = token.generate_key_pair()
    openssl.write("request.der", _signed(token, openssl.request_content(public)))
    openssl.issue("request.der", "issued.der")
    issued = (openssl.folder / "issued.der").read_bytes()
    token.write_certificate(issued)
    found = token.certificate()
    assert found == issued
    openssl.write("found.pem", openssl.run("x509", "-inform", "DER", "-in", "issued.der"))
    openssl.write("found.key", openssl.run("x509", "-in", "found.pem", "-noout", "-pubkey"))
    assert openssl.run("pkey", "-pubin", "-in", "found.key", "-outform", "DER") == _KEY_PREFIX + public[1:]
    assert openssl.accepts("verify", "-partial_chain", "-trusted", "ca.pem", "-vfyopt", _ID, "found.pem")
