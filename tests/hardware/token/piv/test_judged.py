"""The driver over the real PC/SC stack, judged by OpenSC: its clients find the certificate and sign with the key."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hardware.pcsc.source import PcscTokenSource
from hardware.token.piv.commands import Slot
from hardware.token.piv.objects import parse
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.token import PivToken, select
from hardware.token.registry import Driver
from hardware.virtual.piv.factory import blank_piv_key
from tests.support.pcsc import do_without
from tests.support.readers import emptied, in_reader, inserted

if TYPE_CHECKING:
    from collections.abc import Callable


def source_of(profile: PivProfile) -> PcscTokenSource:
    return PcscTokenSource(drivers=(Driver("piv", select, lambda channel: PivToken(channel, profile)),))


def said(*command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (command, ran.stdout, ran.stderr)
    return ran.stdout


def written(source: PcscTokenSource, certificate_for: Callable[..., bytes]) -> bytes:
    """Bind the key that is in through the desk's driver; returns its certificate."""
    token = source.open(source.present()[0])
    try:
        token.verify_pin("123456")
        certificate = certificate_for(token.generate_key_pair(), 1500)
        token.write_certificate(certificate)
        assert token.sign(b"message")
    finally:
        token.close()
    return certificate


def read(number: str, folder: Path) -> bytes:
    """Have OpenSC read a certificate, and keep its public key."""
    pem = said("pkcs15-tool", "--read-certificate", number)
    (folder / "read.pem").write_text(pem)
    said("openssl", "x509", "-in", str(folder / "read.pem"), "-pubkey", "-noout", "-out", str(folder / "key"))
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def signs(module: Path, number: str, folder: Path) -> bool:
    """Have OpenSC sign with the key on the card, and OpenSSL judge by the key of the certificate read last."""
    (folder / "message").write_bytes(b"what the member signs")
    said(
        *("pkcs11-tool", "--module", str(module), "--login", "--pin", "123456", "--sign"),
        *("--id", number, "--mechanism", "ECDSA-SHA256", "--signature-format", "openssl"),
        *("--input-file", str(folder / "message"), "--output-file", str(folder / "signature")),
    )
    judged = said(
        *("openssl", "dgst", "-sha256", "-verify", str(folder / "key")),
        *("-signature", str(folder / "signature"), str(folder / "message")),
    )
    return judged.strip() == "Verified OK"


@pytest.mark.pcsc
@pytest.mark.parametrize("kind", ["standard", "yubikey"])
def test_opensc_reads_the_certificates_and_signs_with_the_keys(
    pcscd: tuple[str, int], tmp_path: Path, certificate_for: Callable[..., bytes], kind: str
) -> None:
    module = next(Path("/usr/lib").glob("*/opensc-pkcs11.so"), None)
    if module is None or shutil.which("pkcs15-tool") is None:
        do_without("needs OpenSC: apt-get install opensc")
    profiles = {"01": PivProfile(), "02": PivProfile(slot=Slot.SIGNATURE, longest_object=1500)}
    sources = {number: source_of(profile) for number, profile in profiles.items()}
    card = blank_piv_key(tmp_path / "card.json", "11409355", yubikey=kind == "yubikey")
    emptied(sources["01"])
    with in_reader(card, pcscd):
        inserted(sources["01"])
        certificates = {number: written(source, certificate_for) for number, source in sources.items()}
        for number, certificate in certificates.items():
            assert read(number, tmp_path) == certificate
            assert signs(module, number, tmp_path)
    packed = parse(card.record.value(0x5FC10A) or b"")
    assert packed[0x71] == b"\x01"
    time.sleep(1)  # pcscd looks every 0.4 s: a card back sooner it would take for the one before
