"""The soft token by itself, called by ctypes; OpenSSL and plain arithmetic judge its signatures."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from asn1crypto.algos import DSASignature  # type: ignore[import-untyped]  # the package has no types
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from tests.support import sm2_reference
from tests.support.waiting import wait_until

_USER, _SIGNATURE, _SM2, _SM3 = 1, 1, 0x00020200, 1
_ID = b"1234567812345678"
_REMOVED = 0x0A000023
_TOO_SMALL = 0x0A000020
_NOT_LOGGED_IN = 0x0A00002D
_MESSAGE = "合同 42".encode()


class Token:
    """The library with one device called KEY; every method gives the answer first."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.library = ctypes.CDLL(str(library))
        self.folder = folder
        self.marker = folder / "KEY" / "inserted"
        self.marker.parent.mkdir()
        self.insert()

    def insert(self) -> None:
        self.marker.write_text(os.urandom(8).hex())

    def faults(self, text: str) -> None:
        (self.folder / "calls.log").unlink(missing_ok=True)
        (self.folder / "faults").write_text(text)

    def call(self, function: str, *arguments: object) -> int:
        entry = getattr(self.library, function)
        entry.restype = ctypes.c_uint32
        code: int = entry(*arguments)
        return code

    def handle(self, function: str, *arguments: object) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        assert self.call(function, *arguments, ctypes.byref(handle)) == 0
        return handle

    def data(self, function: str, *arguments: object) -> bytes:
        size = ctypes.c_uint32()
        assert self.call(function, *arguments, None, ctypes.byref(size)) == 0
        buffer = ctypes.create_string_buffer(size.value)
        short = ctypes.c_uint32(size.value - 1)
        assert self.call(function, *arguments, buffer, ctypes.byref(short)) == _TOO_SMALL
        assert short.value == size.value
        assert self.call(function, *arguments, buffer, ctypes.byref(size)) == 0
        return buffer.raw

    def authenticate(self, device: ctypes.c_void_p, key: bytes = _ID) -> int:
        challenge = ctypes.create_string_buffer(8)
        assert self.call("SKF_GenRandom", device, challenge, 8) == 0
        encryptor = Cipher(SM4(key), modes.ECB()).encryptor()  # noqa: S305 - one block, as the standard says
        return self.call("SKF_DevAuth", device, encryptor.update(challenge.raw.ljust(16, b"\0")), 16)

    def application(self, device: ctypes.c_void_p, name: bytes = b"APP") -> ctypes.c_void_p:
        assert self.authenticate(device) == 0
        return self.handle("SKF_CreateApplication", device, name, b"12345678", 3, b"111111", 3, 0x10)

    def verify(self, application: ctypes.c_void_p, pin: bytes = b"111111") -> tuple[int, int]:
        left = ctypes.c_uint32(99)
        return self.call("SKF_VerifyPIN", application, _USER, pin, ctypes.byref(left)), left.value

    def key_pair(self, application: ctypes.c_void_p) -> tuple[ctypes.c_void_p, bytes]:
        assert self.verify(application)[0] == 0
        container = self.handle("SKF_CreateContainer", application, b"SIGN")
        blob = ctypes.create_string_buffer(132)
        assert self.call("SKF_GenECCKeyPair", container, _SM2, blob) == 0
        return container, blob.raw


@pytest.fixture
def token(soft_token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Token:
    monkeypatch.setenv("SOFT_TOKEN_STATE", str(tmp_path))
    monkeypatch.setenv("SOFT_TOKEN_FAULTS", str(tmp_path / "faults"))
    monkeypatch.delenv("SOFT_TOKEN_LOG", raising=False)
    return Token(soft_token, tmp_path)


@pytest.fixture
def device(token: Token) -> ctypes.c_void_p:
    return token.handle("SKF_ConnectDev", b"KEY")


def _digest(token: Token, device: ctypes.c_void_p, blob: bytes, message: bytes) -> bytes:
    handle = token.handle("SKF_DigestInit", device, _SM3, blob, _ID, len(_ID))
    hashed = token.data("SKF_Digest", handle, message, len(message))
    assert token.call("SKF_CloseHandle", handle) == 0
    return hashed


def _openssl_verifies(folder: Path, point: bytes, message: bytes, signature: bytes) -> bool:
    # SubjectPublicKeyInfo of an SM2 key: id-ecPublicKey, 1.2.156.10197.1.301, the point.
    prefix = "3059301306072a8648ce3d020106082a811ccf5501822d03420004"
    (folder / "key.der").write_bytes(bytes.fromhex(prefix) + point)
    (folder / "message").write_bytes(message)
    (folder / "signature").write_bytes(signature)
    options = ["-pubin", "-keyform", "DER", "-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{_ID.decode()}"]
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-inkey",
        "key.der",
        "-in",
        "message",
        "-sigfile",
        "signature",
    ]
    return subprocess.run([*command, *options], cwd=folder, capture_output=True, check=False).returncode == 0


def test_openssl_and_the_standards_arithmetic_verify_its_signatures(
    token: Token, device: ctypes.c_void_p, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program")
    container, blob = token.key_pair(token.application(device))
    hashed = _digest(token, device, blob, _MESSAGE)
    made = ctypes.create_string_buffer(128)
    assert token.call("SKF_ECCSignData", container, hashed, 32, made) == 0
    point = blob[36:68] + blob[100:132]
    numbers = {"r": int.from_bytes(made.raw[:64]), "s": int.from_bytes(made.raw[64:])}
    signature = DSASignature(numbers).dump()
    assert sm2_reference.verify(b"\x04" + point, _MESSAGE, signature, _ID)
    assert _openssl_verifies(tmp_path, point, _MESSAGE, signature)
    assert not _openssl_verifies(tmp_path, point, _MESSAGE + b"!", signature)
    assert token.call("SKF_ECCVerify", device, blob, hashed, 32, made) == 0
    assert token.call("SKF_ECCVerify", device, blob, bytes(32), 32, made) != 0
    assert token.data("SKF_ExportPublicKey", container, _SIGNATURE) == blob


def test_a_plain_digest_is_sm3(token: Token, device: ctypes.c_void_p) -> None:
    handle = token.handle("SKF_DigestInit", device, _SM3, None, None, 0)
    assert token.call("SKF_DigestUpdate", handle, b"ab", 2) == 0
    assert token.call("SKF_DigestUpdate", handle, b"c", 1) == 0
    assert token.data("SKF_DigestFinal", handle) == hashlib.new("sm3", b"abc").digest()


def test_a_certificate_is_kept_for_the_next_process(token: Token, device: ctypes.c_void_p) -> None:
    container, _ = token.key_pair(token.application(device))
    certificate = os.urandom(900)
    assert (
        token.call("SKF_ExportCertificate", container, 1, None, ctypes.byref(ctypes.c_uint32())) == 0x0A00001C
    )
    assert token.call("SKF_ImportCertificate", container, 1, certificate, 900) == 0
    assert token.data("SKF_ExportCertificate", container, 1) == certificate
    script = (
        "import ctypes, sys; l = ctypes.CDLL(sys.argv[1]); h = ctypes.c_void_p(); r = ctypes.byref(h)\n"
        "l.SKF_ConnectDev(b'KEY', r); l.SKF_OpenApplication(h, b'APP', r); l.SKF_OpenContainer(h, b'SIGN', r)\n"
        "n = ctypes.c_uint32(4096); b = ctypes.create_string_buffer(4096)\n"
        "assert l.SKF_ExportCertificate(h, 1, b, ctypes.byref(n)) == 0; print(b.raw[:n.value].hex())"
    )
    command = [sys.executable, "-c", script, token.library._name]
    assert bytes.fromhex(subprocess.check_output(command, text=True)) == certificate


def test_the_rules_of_access(token: Token, device: ctypes.c_void_p) -> None:
    handle = ctypes.byref(ctypes.c_void_p())
    wish = (b"APP", b"12345678", 3, b"111111", 3, 0x10)
    assert token.call("SKF_CreateApplication", device, *wish, handle) == _NOT_LOGGED_IN
    assert token.authenticate(device, b"8765432187654321") == 0x0A000001
    application = token.application(device)
    assert token.call("SKF_CreateContainer", application, b"SIGN", handle) == _NOT_LOGGED_IN
    container, _ = token.key_pair(application)
    assert token.call("SKF_ClearSecureState", application) == 0
    assert token.call("SKF_ImportCertificate", container, 1, b"x", 1) == _NOT_LOGGED_IN
    made = ctypes.create_string_buffer(132)
    assert token.call("SKF_GenECCKeyPair", container, _SM2, made) == _NOT_LOGGED_IN
    assert token.call("SKF_ECCSignData", container, bytes(32), 32, made) == _NOT_LOGGED_IN


def test_a_pin_is_blocked_and_unblocked(token: Token, device: ctypes.c_void_p) -> None:
    application = token.application(device)
    assert token.verify(application, b"999999") == (0x0A000024, 2)
    assert token.verify(application, b"12345") == (0x0A000027, 2)
    assert token.verify(application) == (0, 3)
    assert [token.verify(application, b"999999") for _ in range(4)] == [
        (0x0A000024, 2),
        (0x0A000024, 1),
        (0x0A000025, 0),
        (0x0A000025, 0),
    ]
    assert token.verify(application) == (0x0A000025, 0)
    left = ctypes.c_uint32()
    assert token.call("SKF_UnblockPIN", application, b"12345678", b"222222", ctypes.byref(left)) == 0
    assert token.verify(application, b"222222") == (0, 3)
    numbers = [ctypes.c_uint32() for _ in range(3)]
    assert token.call("SKF_GetPINInfo", application, _USER, *map(ctypes.byref, numbers)) == 0
    assert [number.value for number in numbers] == [3, 3, 0]


def test_applications_are_kept_apart(token: Token, device: ctypes.c_void_p) -> None:
    other = token.application(device, b"OTHER")
    container, _ = token.key_pair(other)
    own = token.application(device)
    assert token.data("SKF_EnumApplication", device) == b"OTHER\0APP\0\0"
    assert token.data("SKF_EnumContainer", own) == b"\0"
    assert token.call("SKF_DeleteApplication", device, b"APP") == 0
    assert token.call("SKF_CloseApplication", own) == 0x0A000005
    assert len(token.data("SKF_ExportPublicKey", container, _SIGNATURE)) == 132


def test_room_and_containers_are_limited(token: Token) -> None:
    (token.folder / "KEY" / "state").write_text("serial S1\nroom 600\nmost-containers 1\n")
    device = token.handle("SKF_ConnectDev", b"KEY")
    application = token.application(device)
    container, _ = token.key_pair(application)
    handle = ctypes.byref(ctypes.c_void_p())
    assert token.call("SKF_CreateContainer", application, b"SECOND", handle) == 0x0A000032
    assert token.call("SKF_ImportCertificate", container, 1, bytes(200), 200) == 0x0A000030
    assert token.call("SKF_ImportCertificate", container, 1, bytes(184), 184) == 0


def test_a_key_that_was_pulled_needs_a_new_connection(token: Token, device: ctypes.c_void_p) -> None:
    token.marker.unlink()
    assert token.data("SKF_EnumDev", 1) == b"\0"
    information = ctypes.create_string_buffer(294)
    assert token.call("SKF_GetDevInfo", device, information) == _REMOVED
    token.insert()
    assert token.data("SKF_EnumDev", 1) == b"KEY\0\0"
    assert token.call("SKF_GetDevInfo", device, information) == _REMOVED
    again = token.handle("SKF_ConnectDev", b"KEY")
    assert token.call("SKF_GetDevInfo", again, information) == 0
    assert information.raw[162:165] == b"KEY"


@pytest.mark.parametrize(
    ("action", "answer", "done"),
    [
        ("return 0x0A000001", 0x0A000001, False),
        ("return-after 0x0A000001", 0x0A000001, True),
        ("pull-before", _REMOVED, False),
        ("pull-after", _REMOVED, True),
    ],
)
def test_a_fault_comes_at_the_call_that_it_names(
    token: Token, device: ctypes.c_void_p, action: str, answer: int, *, done: bool
) -> None:
    container, _ = token.key_pair(token.application(device))
    token.faults(f"# second import\nSKF_ImportCertificate 2 {action}\n")
    assert token.call("SKF_ImportCertificate", container, 1, b"one", 3) == 0
    assert token.call("SKF_ImportCertificate", container, 1, b"two", 3) == answer
    kept = (token.folder / "KEY" / "state").read_text()
    assert f"signature-certificate {(b'two' if done else b'one').hex()}\n" in kept
    assert token.marker.exists() == action.startswith("return")


_ASK = """
import ctypes, sys
state = ctypes.c_uint32()
sys.exit(ctypes.CDLL(sys.argv[1]).SKF_GetDevState(b"KEY", ctypes.byref(state)))
"""


def test_calls_are_counted_over_crashes_and_hangs(token: Token) -> None:
    token.faults("SKF_GetDevState 1 crash\nSKF_GetDevState 2 hang\n")
    log = token.folder / "calls.log"

    def ask() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", _ASK, token.library._name])

    assert ask().wait() == -signal.SIGSEGV
    hanging = ask()
    wait_until(lambda: log.read_text().count(">") == 2, "the second call begins")
    with pytest.raises(subprocess.TimeoutExpired):
        hanging.wait(0.3)
    hanging.kill()
    hanging.wait()
    assert ask().wait() == 0
    assert log.read_text().splitlines() == ["> SKF_GetDevState"] * 3 + ["< SKF_GetDevState 00000000"]


def test_the_star_counts_all_calls_but_those_that_watch(token: Token, device: ctypes.c_void_p) -> None:
    token.faults("* 2 return 0x0A000002\n")
    information = ctypes.create_string_buffer(294)
    assert token.call("SKF_GetDevInfo", device, information) == 0
    assert token.data("SKF_EnumDev", 1) == b"KEY\0\0"
    assert token.call("SKF_GetDevInfo", device, information) == 0x0A000002
    assert token.call("SKF_GetDevInfo", device, information) == 0


def test_events_name_the_key_that_came_or_went(token: Token) -> None:
    name, event = ctypes.create_string_buffer(65), ctypes.c_uint32()

    def wait() -> tuple[int, bytes, int]:
        length = ctypes.c_uint32(65)
        answer = token.call("SKF_WaitForDevEvent", name, ctypes.byref(length), ctypes.byref(event))
        return answer, name.value, event.value

    # What was there at the process's first wait is no event; a cancelled wait may have been that one.
    assert token.call("SKF_CancelWaitForDevEvent") == 0
    while wait()[0] == 0:
        assert token.call("SKF_CancelWaitForDevEvent") == 0
    token.marker.unlink()
    assert wait() == (0, b"KEY", 2)
    token.insert()
    assert wait() == (0, b"KEY", 1)


def test_no_pin_is_in_the_log_or_the_state(token: Token, device: ctypes.c_void_p) -> None:
    token.key_pair(token.application(device))
    log = (token.folder / "calls.log").read_text()
    assert "< SKF_VerifyPIN 00000000" in log
    for secret in ("111111", "12345678"):
        assert secret not in log.replace("0A000", "")
        assert f"pin {secret}" not in (token.folder / "KEY" / "state").read_text()
