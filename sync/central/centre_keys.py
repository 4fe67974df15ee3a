"""The centre's own keys, in files of mode 0600 in its data directory, made at the first start.

root.key, root.der              the SM2 root that certifies kiosks; the key may be elsewhere (root.away instead)
exchange.key, exchange.der      the exchange's own issuing CA, under the number EXCHANGE_KIOSK
centre.key                      Ed25519 seed; signs time, policies and scanned confirmations
seal.key                        AES-256 key; seals the kiosks' payment secrets in the database
django.key                      Django's SECRET_KEY, for the console's sessions and forms
"""

from __future__ import annotations

import contextlib
import functools
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hardware.disk import create_durably, make_private
from kiosk.domain.policy import DAY
from kiosk.domain.validity import add_years
from kiosk.pki.device_keys import (
    SEAL_NONCE_LENGTH,
    device_public_key,
    device_sign,
    generate_device_key,
    seal,
    unseal,
)
from kiosk.pki.encodings import decode_private_key, encode_private_key
from kiosk.pki.errors import PkiError
from kiosk.pki.issuing import IssuingAuthority, RootAuthority, issuing_request
from kiosk.pki.suites import SM2, LibcryptoUnusable, require_sm2
from kiosk.text.command_line import spoken
from sync.central.errors import EXCHANGE_KIOSK, CryptographyUnusable, KeysUnusable
from sync.central.formats import china_time

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT_YEARS = 30
EXCHANGE_YEARS = 20
ISSUING_YEARS = 5
ROOT_KEY, AWAY = "root.key", "root.away"
SERIAL_BYTES = 15
DJANGO_KEY = "django.key"
KEY_FILES = (
    "root.key",
    "root.der",
    "exchange.key",
    "exchange.der",
    "centre.key",
    "seal.key",
    DJANGO_KEY,
)


class CentreKeys(msgspec.Struct, frozen=True):
    """The keys in use; `root` is loaded on demand, since loading checks an SM2 signature."""

    directory: Path
    centre_key: bytes
    centre_public_key: bytes
    seal_key: bytes
    root_certificate: bytes
    exchange_certificate: bytes

    @property
    def root_is_here(self) -> bool:
        """Whether the root's key is in the data directory; else what it has to sign waits (sync.central.root)."""
        return (self.directory / ROOT_KEY).exists() and not (self.directory / AWAY).exists()

    def root(self) -> RootAuthority:
        """The root with its private key. Raises KeysUnusable."""
        try:
            return RootAuthority.load((self.directory / ROOT_KEY).read_bytes(), self.root_certificate)
        except (OSError, PkiError) as error:
            raise KeysUnusable(self.directory, str(error)) from error

    def exchange(self, at: int) -> IssuingAuthority:
        """The exchange's own issuing CA at a time (UTC seconds). Raises KeysUnusable."""
        try:
            key = (self.directory / "exchange.key").read_bytes()
            return IssuingAuthority.load(key, self.exchange_certificate, self.root_certificate, at)
        except (OSError, PkiError) as error:
            raise KeysUnusable(self.directory, str(error)) from error

    def sign(self, message: bytes) -> bytes:
        """Sign with the centre's Ed25519 key."""
        return device_sign(self.centre_key, message)

    def seal_secret(self, secret: bytes, context: str) -> bytes:
        """Seal a secret for the database; `context` names whose it is and must be the same to open it."""
        return seal(self.seal_key, secrets.token_bytes(SEAL_NONCE_LENGTH), secret, context.encode())

    def open_secret(self, sealed: bytes | memoryview[int], context: str) -> bytes:
        """Open a sealed secret. Raises SealBroken."""
        return unseal(self.seal_key, bytes(sealed), context.encode())


class Away(msgspec.Struct, frozen=True):
    """When the root's key was moved out (UTC seconds), and to which file at that time."""

    moved_at: int
    file: str


def root_away(directory: Path) -> Away | None:
    """When it was moved out; None where nothing says so."""
    try:
        return msgspec.json.decode((directory / AWAY).read_bytes(), type=Away)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def root_words(directory: Path) -> str:
    """Where the root's key is, in one sentence."""
    text, moved, here = spoken().text, root_away(directory), (directory / ROOT_KEY).exists()
    if moved is not None and here:
        return text("根密钥已移出（{file}），这里的还没有删掉：请再移出一次", file=moved.file)
    if here:
        return text("根密钥在中心，与数据库在一起：谁拿到这台机器，谁就能给终端机签发证书")
    if moved is not None:
        return text("根密钥不在中心：{time} 移出到 {file}", time=china_time(moved.moved_at), file=moved.file)
    return text(
        "没有根密钥：{directory} 里既没有 {key}，也没有 {away}", directory=directory, key=ROOT_KEY, away=AWAY
    )


def keys_missing(directory: Path) -> bool:
    """Whether `make_keys` has to make some of them."""
    # The root's key may be elsewhere; it is made with its certificate alone.
    return not all((directory / name).exists() for name in KEY_FILES if name != ROOT_KEY)


def make_keys(directory: Path, organisation: str, now: int) -> CentreKeys:
    """Make the missing keys in the data directory and load all of them.

    Raises CryptographyUnusable, KeysUnusable, NameInvalid.
    """
    try:
        require_sm2()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _load_or_create(directory / DJANGO_KEY, lambda: secrets.token_urlsafe(48).encode())
        _load_or_create(directory / "centre.key", generate_device_key)
        _load_or_create(directory / "seal.key", lambda: secrets.token_bytes(32))
        _make_root(directory, organisation, now)
        _make_exchange(directory, organisation, now)
    except LibcryptoUnusable as error:
        raise CryptographyUnusable(error.detail) from error
    except OSError as error:
        raise KeysUnusable(directory, str(error)) from error
    return load_keys(directory)


@functools.lru_cache(maxsize=4)
def load_keys(directory: Path) -> CentreKeys:
    """The keys of a data directory, their files their owner's alone from then on. Raises KeysUnusable."""
    make_private(*(directory / name for name in KEY_FILES))
    try:
        centre_key = (directory / "centre.key").read_bytes()
        return CentreKeys(
            directory=directory,
            centre_key=centre_key,
            centre_public_key=device_public_key(centre_key),
            seal_key=(directory / "seal.key").read_bytes(),
            root_certificate=(directory / "root.der").read_bytes(),
            exchange_certificate=(directory / "exchange.der").read_bytes(),
        )
    except (OSError, PkiError) as error:
        raise KeysUnusable(directory, str(error)) from error


def new_serial() -> int:
    """A random certificate serial number (RFC 5280, section 4.1.2.2: positive, at most 20 octets)."""
    return int.from_bytes(secrets.token_bytes(SERIAL_BYTES), "big") | 1


def _make_root(directory: Path, organisation: str, now: int) -> None:
    certificate = directory / "root.der"
    if certificate.exists():
        return
    key = decode_private_key(
        _load_or_create(directory / ROOT_KEY, lambda: encode_private_key(SM2.generate()))
    )
    # A day early, so that a clock that is a little slow accepts it too.
    root = RootAuthority.create(organisation, key, new_serial(), now - DAY, add_years(now, ROOT_YEARS))
    _load_or_create(certificate, lambda: root.certificate.der)


def _make_exchange(directory: Path, organisation: str, now: int) -> None:
    certificate = directory / "exchange.der"
    if certificate.exists():
        return
    key = decode_private_key(
        _load_or_create(directory / "exchange.key", lambda: encode_private_key(SM2.generate()))
    )
    root = RootAuthority.load((directory / ROOT_KEY).read_bytes(), (directory / "root.der").read_bytes())
    request = issuing_request(organisation, EXCHANGE_KIOSK, key)
    begin = max(now - DAY, root.certificate.not_before)
    end = add_years(begin, EXCHANGE_YEARS)
    der = root.certify_kiosk(request, EXCHANGE_KIOSK, new_serial(), begin, end)
    _load_or_create(certificate, lambda: der)


def _load_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of a file, which whichever process comes first creates."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):  # another process was first; its content counts
            create_durably(path, make())
    return path.read_bytes()
