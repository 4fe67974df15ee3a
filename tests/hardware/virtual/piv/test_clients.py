"""The virtual PIV card judged by clients that are not ours: OpenSC's tools and Yubico's ykman, over pcscd and vpcd.

A plain card is in the first reader and a YubiKey in the second, both for the whole module.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hardware.pcsc.source import PcscTokenSource
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.reader import serve
from tests.support.pcsc import PcscService
from tests.support.readers import soon
from tests.support.waiting import ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.virtual.piv.card import PivCard

pytestmark = pytest.mark.pcsc

MANAGEMENT_KEY: Final = "0102030405060708" * 3
PLAIN, YUBIKEY = 0, 1
SLOTS: Final = {"9A": ("01", "5FC105"), "9C": ("02", "5FC10A")}
"""OpenSC's number and the certificate object of each slot that is filled beforehand."""
MESSAGE: Final = b"a message to be signed\n" * 100


class Desk:
    """The two cards in their readers, and the programs that are run on them."""

    def __init__(self, folder: Path, cards: tuple[PivCard, PivCard], names: tuple[str, ...]) -> None:
        self.folder = folder
        self.cards = cards
        self.names = names

    def run(self, *command: str | Path, status: int | None = 0, key: str = MANAGEMENT_KEY) -> str:
        """Run a program, hold it to its exit status and return what it said."""
        key_file = self.folder / "management-key"
        key_file.write_text(":".join(key[at : at + 2] for at in range(0, len(key), 2)))
        told = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HOME": str(self.folder), "PIV_EXT_AUTH_KEY": str(key_file)},
        )
        assert status in (None, told.returncode), told.stdout + told.stderr
        return told.stdout + told.stderr

    def pkcs15(self, *options: str, reader: int = PLAIN, status: int | None = 0) -> str:
        return self.run("pkcs15-tool", "--reader", str(reader), *options, status=status)

    def piv_tool(self, *options: str | Path, reader: int = PLAIN, key: str = MANAGEMENT_KEY) -> str:
        """Run piv-tool, whose exit status says nothing: 0.23 gives the count of what it wrote, for one."""
        return self.run("piv-tool", "--reader", str(reader), *options, status=None, key=key)

    def pkcs11(self, *options: str | Path, pin: str, status: int = 0) -> str:
        (module, *_) = Path("/usr/lib").glob("*/opensc-pkcs11.so")
        card = ("--module", module, "--slot-index", str(PLAIN), "--login", "--pin", pin)
        return self.run("pkcs11-tool", *card, *options, status=status)

    def ykman(self, *options: str | Path, reader: int = YUBIKEY, status: int = 0) -> str:
        """Run ykman, whose --reader takes a part of a name that only one reader may have."""
        return self.run("ykman", "--reader", self.names[reader], *options, status=status)

    def certificate(self, slot: str) -> x509.Certificate:
        """Read the certificate that was put on the plain card."""
        return x509.load_der_x509_certificate((self.folder / f"{slot}.der").read_bytes())


def tlv(tag: str, value: bytes) -> bytes:
    return bytes.fromhex(tag) + b"\x82" + len(value).to_bytes(2) + value


def certificate(point: bytes, name: str) -> x509.Certificate:
    """Certify a point by an authority of the moment."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    today = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
        .serial_number(x509.random_serial_number())
        .not_valid_before(today)
        .not_valid_after(today + dt.timedelta(days=365))
        .sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    )


def fill(card: PivCard, slot: str, folder: Path) -> None:
    """Have a key pair made and write its certificate, by plain APDUs."""

    def send(header: str, data: bytes, le: bytes = b"") -> bytes:
        answer = card.transmit(bytes.fromhex(header) + b"\0" + len(data).to_bytes(2) + data + le)
        assert answer[-2:] == b"\x90\x00"
        return answer[:-2]

    send("00A40400", bytes.fromhex("A000000308"))
    challenge = send("0087039B", bytes.fromhex("7C028100"), b"\0\0")[4:]
    encryptor = Cipher(TripleDES(bytes.fromhex(MANAGEMENT_KEY)), modes.ECB()).encryptor()  # noqa: S305 - as in PIV
    send("0087039B", bytes.fromhex("7C0A8208") + encryptor.update(challenge))
    made = send(f"004700{slot}", bytes.fromhex("AC03800111"), b"\0\0")
    der = certificate(made[5:], slot).public_bytes(Encoding.DER)
    content = tlv("70", der) + bytes.fromhex("710100FE00")
    send("00DB3FFF", b"\x5c\x03" + bytes.fromhex(SLOTS[slot][1]) + tlv("53", content))
    (folder / f"{slot}.der").write_bytes(der)


@pytest.fixture(scope="module")
def desk(pcsc_service: PcscService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    for program, package in (("pkcs11-tool", "opensc"), ("ykman", "yubikey-manager"), ("openssl", "openssl")):
        if shutil.which(program) is None:
            assert not os.environ.get("CI"), f"needs {program}"
            pytest.skip(f"needs {program}: apt-get install {package}")
    folder = tmp_path_factory.mktemp("clients")
    plain = blank_piv_key(folder / "plain", "E8AD652202221F03")
    yubikey = blank_piv_key(folder / "yubikey", "14159265", yubikey=True, management_algorithm=0x0A)
    for slot in SLOTS:
        fill(plain, slot, folder)
    host, port = pcsc_service.place
    stop = threading.Event()
    served = [
        threading.Thread(target=serve, args=(card, host, port + slot, stop))
        for slot, card in ((PLAIN, plain), (YUBIKEY, yubikey))
    ]
    for thread in served:
        thread.start()
    try:
        source = PcscTokenSource()
        soon(lambda: {each.atr for each in source.present()} == {plain.atr, yubikey.atr})
        readers = {each.atr: each.reader for each in source.present()}
        yield Desk(folder, (plain, yubikey), (readers[plain.atr], readers[yubikey.atr]))
    finally:
        stop.set()
        for thread in served:
            ended(thread)


@pytest.mark.parametrize("reader", [PLAIN, YUBIKEY])
def test_opensc_knows_them_for_piv_cards(desk: Desk, reader: int) -> None:
    told = desk.run("opensc-tool", "--reader", str(reader), "--name")
    assert "Personal Identity Verification Card" in told
    serial = desk.piv_tool("--serial", reader=reader)
    assert desk.cards[reader].record.guid.hex(" ").upper() in serial


def test_pkcs15_tool_reads_the_certificates(desk: Desk) -> None:
    told = desk.pkcs15("--list-certificates", "--list-keys")
    assert "Certificate for PIV Authentication" in told
    assert "Certificate for Digital Signature" in told
    assert told.count("Private EC Key") == len(SLOTS)
    for slot, (number, _) in SLOTS.items():
        assert x509.load_pem_x509_certificate(
            desk.pkcs15("--read-certificate", number).encode()
        ) == desk.certificate(slot)


@pytest.mark.parametrize("mechanism", ["ECDSA", "ECDSA-SHA256"])
@pytest.mark.parametrize("slot", SLOTS)
def test_pkcs11_signs_and_openssl_verifies(desk: Desk, tmp_path: Path, slot: str, mechanism: str) -> None:
    message, public_key, signature, given = (
        tmp_path / name for name in ("message", "key", "signature", "given")
    )
    message.write_bytes(MESSAGE)
    given.write_bytes(hashlib.sha256(MESSAGE).digest() if mechanism == "ECDSA" else MESSAGE)
    point = desk.certificate(slot).public_key()
    public_key.write_bytes(point.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    how = ("--sign", "--mechanism", mechanism, "--signature-format", "openssl", "--id", SLOTS[slot][0])
    desk.pkcs11(*how, "--input-file", given, "--output-file", signature, pin="123456")
    judge = ("openssl", "dgst", "-sha256", "-verify", public_key, "-signature", signature, message)
    assert "Verified OK" in desk.run(*judge)
    message.write_bytes(MESSAGE + b"!")
    assert "Verification failure" in desk.run(*judge, status=1)


def test_a_wrong_pin_is_told_as_one_and_counted(desk: Desk) -> None:
    assert "CKR_PIN_INCORRECT" in desk.pkcs11("--list-objects", pin="999999", status=1)
    assert desk.cards[PLAIN].record.pin.tries_left == 2
    desk.pkcs11("--list-objects", pin="123456")
    assert desk.cards[PLAIN].record.pin.tries_left == 3


def test_opensc_changes_the_pin_and_unblocks_it(desk: Desk) -> None:
    desk.pkcs15("--change-pin", "--pin", "123456", "--new-pin", "246810")
    desk.pkcs15("--verify-pin", "--pin", "246810")
    for _ in range(3):
        assert "PIN code" in desk.pkcs15("--verify-pin", "--pin", "999999", status=None)
    assert desk.cards[PLAIN].record.pin.tries_left == 0
    desk.pkcs15("--unblock-pin", "--puk", "12345678", "--new-pin", "123456")
    desk.pkcs15("--verify-pin", "--pin", "123456")


@pytest.mark.parametrize(("reader", "algorithm"), [(PLAIN, "03"), (YUBIKEY, "0A")])
def test_piv_tool_proves_the_management_key_and_fills_a_slot(
    desk: Desk, tmp_path: Path, reader: int, algorithm: str
) -> None:
    """Whatever piv-tool says then: 0.23 has the key made and cannot print an EC key with OpenSSL 3."""
    card, proof = desk.cards[reader], ("-A", f"M:9B:{algorithm}")
    desk.piv_tool(*proof, "-G", "9E:11", reader=reader, key="FF" * 24)
    assert card.record.key(0x9E) is None
    desk.piv_tool(*proof, "-G", "9E:11", reader=reader)
    made = card.record.key(0x9E)
    assert made is not None
    file, written = tmp_path / "certificate", certificate(made.public_key, "9E")
    file.write_bytes(written.public_bytes(Encoding.PEM))
    desk.piv_tool(*proof, "-C", "9E", "-i", file, reader=reader)
    read = desk.pkcs15("--read-certificate", "04", reader=reader)
    assert x509.load_pem_x509_certificate(read.encode()) == written


def test_ykman_comes_as_far_as_the_version_with_a_card_that_is_no_yubikey(desk: Desk) -> None:
    """It finds the PIV application of a plain card, and piv info stops at Yubico's own GET VERSION."""
    listed = next(line for line in desk.ykman("info", reader=PLAIN).splitlines() if line.startswith("PIV"))
    assert listed.split()[-1] == "Enabled"
    assert "SW=0x6d00" in desk.ykman("piv", "info", reader=PLAIN, status=1)


def test_ykman_tells_a_yubikey_s_state_and_fills_a_slot(desk: Desk, tmp_path: Path) -> None:
    blank = desk.ykman("piv", "info")
    for line in ("PIV version: 5.7.1", "PIN tries remaining: 3/3", "Management key algorithm: AES192"):
        assert line in blank
    manage = ("--management-key", MANAGEMENT_KEY)
    public_key = tmp_path / "key"
    desk.ykman("piv", "keys", "generate", "--algorithm", "ECCP256", *manage, "9a", public_key)
    desk.ykman(
        *("piv", "certificates", "generate", "--subject", "CN=Li Xiaomei", *manage),
        *("--pin", "123456", "9a", public_key),
    )
    told = desk.ykman("piv", "info")
    assert "Slot 9a:" in told
    assert "CN=Li Xiaomei" in told
    desk.ykman("piv", "certificates", "export", "9a", tmp_path / "certificate")
    made = x509.load_pem_x509_certificate((tmp_path / "certificate").read_bytes())
    made.verify_directly_issued_by(made)


def test_ykman_changes_unblocks_and_resets(desk: Desk) -> None:
    desk.ykman("piv", "access", "change-pin", "--pin", "123456", "--new-pin", "246810")
    desk.ykman("piv", "access", "unblock-pin", "--puk", "12345678", "--new-pin", "135790")
    assert "WARNING: Using default PIN!" not in desk.ykman("piv", "info")
    desk.ykman("piv", "reset", "--force")
    told = desk.ykman("piv", "info")
    assert "WARNING: Using default PIN!" in told
    assert "Slot" not in told


def test_what_the_driver_writes_opensc_reads(desk: Desk, tmp_path: Path) -> None:
    source = PcscTokenSource()
    presence = next(each for each in source.present() if each.reader == desk.names[PLAIN])
    token = source.open(presence)
    try:
        assert token.serial == desk.cards[PLAIN].serial
        token.verify_pin("123456")
        written = certificate(token.generate_key_pair(), "driver")
        token.write_certificate(written.public_bytes(Encoding.DER))
    finally:
        token.close()
    read = desk.pkcs15("--read-certificate", SLOTS["9A"][0])
    assert x509.load_pem_x509_certificate(read.encode()) == written
    (desk.folder / "9A.der").write_bytes(written.public_bytes(Encoding.DER))
    test_pkcs11_signs_and_openssl_verifies(desk, tmp_path, "9A", "ECDSA-SHA256")
