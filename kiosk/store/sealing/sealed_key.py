"""A sealed key as it stands in the key file (JSON), and the ways to open it.

    {"version": 1, "salt": …, "seal": {"way": "tpm" | "passphrase", …}, "recovery": {…}}

Whatever the way, the recovery code opens it too: it is the way back when the TPM is gone or its registers changed, or the
passphrase was forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from hardware import tpm
from kiosk.pki.errors import SealBroken
from kiosk.pki.passphrases import Wrapped, may_be_code, plain_code, unwrap, wrap
from kiosk.store.errors import KeyFileInvalid, PassphraseNeeded, PassphraseWrong, TpmRefuses
from kiosk.store.key_derivation import KEY_LENGTH, SALT_LENGTH, file_salt
from kiosk.store.sealing import held
from kiosk.store.sealing.ways import Asking, Question, Way

VERSION = 1
CREDENTIAL = "keydesk-passphrase"
"""The passphrase's name among the credentials that systemd gives a service (systemd.exec(5), LoadCredential=)."""
TRIES = 3
_NAME = "keydesk-key"
_PASSPHRASE, _RECOVERY = b"keydesk key, passphrase 1\x00", b"keydesk key, recovery 1\x00"


class TpmSeal(msgspec.Struct, frozen=True, tag_field="way", tag="tpm", forbid_unknown_fields=True):
    """Sealed to a TPM; `credential` is what systemd-creds made."""

    credential: bytes
    device: str
    pcrs: str


class PassphraseSeal(
    msgspec.Struct, frozen=True, tag_field="way", tag="passphrase", forbid_unknown_fields=True
):
    """Wrapped with a passphrase."""

    wrapped: Wrapped


class SealedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole content; `salt` says which database's key it is (key_derivation.py)."""

    version: int
    salt: bytes
    seal: TpmSeal | PassphraseSeal
    recovery: Wrapped

    @property
    def way(self) -> Way:
        """How it is sealed."""
        return Way.TPM if isinstance(self.seal, TpmSeal) else Way.PASSPHRASE


def with_tpm(key: bytes, code: str, settings: tpm.TpmSettings, random: Callable[[int], bytes]) -> SealedKey:
    """Seal a key to the TPM, tried by opening it again. Raises TpmError."""
    sealed = TpmSeal(tpm.seal(key, _NAME, settings), settings.device, settings.pcrs)
    if tpm.unseal(sealed.credential, _NAME, settings.device) != key:
        raise tpm.TpmError(tpm.TpmFault.REFUSED, "another key came back")
    return _sealed(key, code, sealed, random)


def with_passphrase(key: bytes, code: str, passphrase: str, random: Callable[[int], bytes]) -> SealedKey:
    """Wrap a key with a passphrase."""
    return _sealed(
        key, code, PassphraseSeal(wrap(key, passphrase, _PASSPHRASE + file_salt(key), random)), random
    )


def _sealed(
    key: bytes, code: str, seal: TpmSeal | PassphraseSeal, random: Callable[[int], bytes]
) -> SealedKey:
    salt = file_salt(key)
    return SealedKey(VERSION, salt, seal, wrap(key, plain_code(code), _RECOVERY + salt, random))


def read_sealed(path: Path, content: bytes) -> SealedKey:
    """The sealed key of a file. Raises KeyFileInvalid."""
    try:
        sealed = msgspec.json.decode(content, type=SealedKey)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KeyFileInvalid(path, str(error)) from error
    if sealed.version != VERSION or len(sealed.salt) != SALT_LENGTH:
        raise KeyFileInvalid(path, f"version {sealed.version}")
    return sealed


def open_sealed(path: Path, sealed: SealedKey, asking: Asking) -> bytes:
    """The key. What somebody typed is held for the other programs. Raises KeyClosed, PassphraseWrong, KeyFileInvalid."""
    owner = path.stat().st_uid
    if (found := held.find(sealed.salt, owner)) is not None:
        return found
    if isinstance(sealed.seal, TpmSeal):
        try:
            return _checked(path, sealed, tpm.unseal(sealed.seal.credential, _NAME, sealed.seal.device))
        except tpm.TpmError as error:
            key = _asked(path, sealed, asking, Question.CODE, Question.CODE_AGAIN)
            if key is None:
                raise TpmRefuses(path, error.fault, error.detail) from error
    else:
        if (given := _credential()) is not None:
            return _typed(path, sealed, given)
        key = _asked(path, sealed, asking, Question.PASSPHRASE, Question.PASSPHRASE_AGAIN)
        if key is None:
            raise PassphraseNeeded(path)
    held.hold(key, owner)
    return key


def _asked(
    path: Path, sealed: SealedKey, asking: Asking, question: Question, again: Question
) -> bytes | None:
    """The key by what somebody types; None where nobody is there. Raises PassphraseWrong after the last try."""
    for attempt in range(TRIES):
        typed = asking(path, again if attempt else question)
        if typed is None:
            return None
        try:
            return _typed(path, sealed, typed)
        except PassphraseWrong:
            if attempt == TRIES - 1:
                raise
    return None


def _typed(path: Path, sealed: SealedKey, typed: str) -> bytes:
    """The key by its passphrase or its recovery code. Raises PassphraseWrong, KeyFileInvalid."""
    if may_be_code(typed):
        try:
            return _checked(path, sealed, unwrap(sealed.recovery, plain_code(typed), _RECOVERY + sealed.salt))
        except SealBroken:
            pass  # a passphrase may look like a code
    if isinstance(sealed.seal, PassphraseSeal):
        try:
            key = unwrap(sealed.seal.wrapped, typed, _PASSPHRASE + sealed.salt)
        except SealBroken as error:
            raise PassphraseWrong(path) from error
        return _checked(path, sealed, key)
    raise PassphraseWrong(path)


def _checked(path: Path, sealed: SealedKey, key: bytes) -> bytes:
    if len(key) != KEY_LENGTH or file_salt(key) != sealed.salt:
        raise KeyFileInvalid(path, "it holds another database's key")
    return key


def _credential() -> str | None:
    """The passphrase, where systemd gave it to this service."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        return None
    try:
        return (Path(folder) / CREDENTIAL).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
