"""Keeping a kiosk's key in another way, while the desk works: the key file alone is replaced, never the database.

What is to take its place is made and opened again before anything is replaced; a kill leaves the one or the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from hardware.tpm import TpmError, TpmSettings
from kiosk.pki.passphrases import SHORTEST, plain_code, recovery_code
from kiosk.store import keyfile
from kiosk.store.errors import TpmUnusable, WrongKey
from kiosk.store.key_derivation import SALT_LENGTH, file_salt, is_of_another
from kiosk.store.location import DATABASE, KEY_FILE, occupy
from kiosk.store.occupancy import Waiting, wait_silently
from kiosk.store.sealing.sealed_key import SealedKey, with_passphrase, with_tpm
from kiosk.store.sealing.ways import Asking, Way

SHORTEST_PASSPHRASE = SHORTEST


class Prepared(NamedTuple):
    """A sealed key, not yet in its place, and the recovery code that somebody has to note first."""

    sealed: SealedKey
    code: str


def opened(directory: Path, asking: Asking) -> bytes:
    """The key of a data directory. Raises KeyClosed, PassphraseWrong, KeyFileInvalid, WrongKey, OSError."""
    key = keyfile.load(directory / KEY_FILE, asking=asking)
    with (directory / DATABASE).open("rb") as file:
        if is_of_another(file.read(SALT_LENGTH), key):
            raise WrongKey(directory / DATABASE)
    return key


def for_tpm(key: bytes, settings: TpmSettings, random: Callable[[int], bytes] = os.urandom) -> Prepared:
    """Seal a key to this machine's TPM. Raises TpmUnusable."""
    code = recovery_code(random)
    try:
        return Prepared(with_tpm(key, code, settings, random), code)
    except TpmError as error:
        raise TpmUnusable(error.fault, error.detail) from error


def for_passphrase(key: bytes, passphrase: str, random: Callable[[int], bytes] = os.urandom) -> Prepared:
    """Wrap a key with a passphrase."""
    code = recovery_code(random)
    return Prepared(with_passphrase(key, code, passphrase, random), code)


def noted(code: str, typed: str) -> bool:
    """Whether somebody typed the end of a recovery code, as a sign of having noted it."""
    return plain_code(typed) == code.rpartition("-")[2]


def keep(
    directory: Path, key: bytes, kept: SealedKey | None, waiting: Waiting = wait_silently
) -> tuple[Path, ...]:
    """Keep the key sealed, or plain (None); the result is every key file that was replaced.

    With the present one those of stores that were set aside (`keydesk.before-1`, …) where it is the same key. Raises
    DirectoryTaken, KeyFileInvalid, OSError.
    """
    with closing(occupy(directory, waiting)):
        aside = [
            file
            for file in sorted(directory.glob(f"keydesk.before-*/{KEY_FILE}"))
            if keyfile.is_of(file, file_salt(key))
        ]
        files = (directory / KEY_FILE, *aside)
        for file in files:
            keyfile.replace(file, key if kept is None else kept)
        if kept is not None and kept.way is Way.PASSPHRASE:
            keyfile.hold(directory / KEY_FILE, key)
    return files
