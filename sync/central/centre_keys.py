"""The centre's own keys, in files of mode 0600 in its data directory, made at the first start.

root.key, root.der              the SM2 root that certifies kiosks
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

from hardware.disk import create_durably
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
from sync.central.errors import EXCHANGE_KIOSK, CryptographyUnusable, KeysUnusable

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT_YEARS = 30
EXCHANGE_YEARS = 20
SERIAL_BYTES = 15
DJANGO_KEY = "django.key"


class CentreKeys(msgspec.Struct, frozen=True):
    """The keys in use; `root` is loaded on demand, since loading checks an SM2 signature."""

    directory: Path
    centre_key: bytes
    centre_public_key: bytes
    seal_key: bytes
    root_certificate: bytes
    exchange_certificate: bytes

    def root(self) -> RootAuthority:
        """The root with its private key. Raises KeysUnusable."""
        try:
            return RootAuthority.load((self.directory / "root.key").read_bytes(), self.root_certificate)
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
        raise CryptographyUnusable(str(error)) from error
    except OSError as error:
        raise KeysUnusable(directory, str(error)) from error
    return load_keys(directory)


@functools.lru_cache(maxsize=4)
def load_keys(directory: Path) -> CentreKeys:
    """The keys of a data directory. Raises KeysUnusable."""
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
        _load_or_create(directory / "root.key", lambda: encode_private_key(SM2.generate()))
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
    root = RootAuthority.load((directory / "root.key").read_bytes(), (directory / "root.der").read_bytes())
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
