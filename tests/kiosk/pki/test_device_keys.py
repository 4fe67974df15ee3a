from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from kiosk.pki.device_keys import (
    device_public_key,
    device_sign,
    device_verify,
    generate_device_key,
    seal,
    unseal,
)
from kiosk.pki.encodings import to_pem
from kiosk.pki.errors import PrivateKeyMalformed, PublicKeyInvalid, SealBroken

if TYPE_CHECKING:
    from pathlib import Path

# RFC 8032, section 7.1, test 2
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
KEY, NONCE = bytes(range(32)), bytes(range(12))


def test_the_standards_own_example() -> None:
    assert device_public_key(SEED) == PUBLIC
    assert device_sign(SEED, b"\x72") == SIGNATURE
    assert device_verify(PUBLIC, b"\x72", SIGNATURE)


def test_openssl_verifies_a_device_signature(tmp_path: Path) -> None:
    seed = generate_device_key()
    prefix = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo, RFC 8410, section 4
    (tmp_path / "public.pem").write_text(to_pem("PUBLIC KEY", prefix + device_public_key(seed)))
    (tmp_path / "message").write_bytes(b"checkpoint")
    (tmp_path / "signature").write_bytes(device_sign(seed, b"checkpoint"))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin"]
    files = ["-in", "message", "-sigfile", "signature"]
    judged = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


def test_another_message_key_or_signature_does_not_hold() -> None:
    assert not device_verify(PUBLIC, b"\x73", SIGNATURE)
    assert not device_verify(device_public_key(generate_device_key()), b"\x72", SIGNATURE)
    assert not device_verify(PUBLIC, b"\x72", SIGNATURE[:-1])
    assert not device_verify(PUBLIC, b"\x72", b"")


def test_keys_of_another_length_are_refused() -> None:
    with pytest.raises(PrivateKeyMalformed):
        device_sign(SEED[:-1], b"")
    with pytest.raises(PublicKeyInvalid):
        device_verify(PUBLIC + b"\0", b"", SIGNATURE)


def test_a_seal_opens_with_its_key_and_context_alone() -> None:
    sealed = seal(KEY, NONCE, b"secret", b"issuing CA key")
    assert unseal(KEY, sealed, b"issuing CA key") == b"secret"
    assert b"secret" not in sealed
    with pytest.raises(SealBroken):
        unseal(KEY, sealed, b"payment secret")
    with pytest.raises(SealBroken):
        unseal(bytes(32), sealed, b"issuing CA key")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealBroken):
            unseal(KEY, bytes(changed), b"issuing CA key")
    for cut in (b"", sealed[:5], sealed[:12], sealed[:-1]):
        with pytest.raises(SealBroken):
            unseal(KEY, cut, b"issuing CA key")


def test_a_seal_needs_the_right_lengths() -> None:
    with pytest.raises(ValueError, match="nonce"):
        seal(KEY, NONCE[:-1], b"secret", b"")
    with pytest.raises(ValueError, match="key"):
        seal(KEY[:16], NONCE, b"secret", b"")
