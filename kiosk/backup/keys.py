"""Recovery keys: an age identity (X25519), kept offline; whoever has only its public half cannot open a backup."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyrage import IdentityError, RecipientError, x25519

from hardware.disk import create_durably
from kiosk.backup.envelope import is_backup
from kiosk.backup.errors import BackupError, BackupFault

_LARGEST = 1 << 16
_OTHERS = 0o044


def create_identity(file: Path) -> str:
    """Make a recovery key in a new file, as age-keygen writes it; the result is its public half.

    Raises FileExistsError, OSError.
    """
    identity = x25519.Identity.generate()
    public = str(identity.to_public())
    create_durably(file, f"# public key: {public}\n{identity}\n".encode())
    return public


def read_identities(file: Path) -> list[x25519.Identity]:
    """The secret keys in a file, one a line; lines with # are comments. Raises BackupError."""
    try:
        with file.open("rb") as stream:
            lines = stream.read(_LARGEST).decode("utf-8-sig").splitlines()  # editors put a mark in front
    except OSError as error:
        raise BackupError(BackupFault.IDENTITY_UNREADABLE, file, error.strerror or "") from error
    except UnicodeDecodeError as error:
        raise BackupError(BackupFault.IDENTITY_INVALID, file) from error
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        found = [x25519.Identity.from_str(key) for key in keys]
    except IdentityError as error:
        raise BackupError(BackupFault.IDENTITY_INVALID, file) from error  # without the line: it may be a key
    if not found:
        raise BackupError(BackupFault.IDENTITY_INVALID, file)
    return found


def others_can_read(file: Path) -> bool:
    """Whether other users of this machine can read a key's file; of one that is not there nobody can."""
    try:
        return bool(file.stat().st_mode & _OTHERS)
    except OSError:
        return False  # reading it says so


def identities_for(file: Path, key: Path | None) -> list[x25519.Identity]:
    """The keys that open what is given; none for a copy that is not encrypted.

    Raises BackupError, also where it is encrypted and there is no key.
    """
    if not is_backup(file):
        return []
    if key is None:
        raise BackupError(BackupFault.IDENTITY_WANTED, file)
    return read_identities(key)


def read_recipients(keys: Sequence[str]) -> list[x25519.Recipient]:
    """Public keys as they are configured. Raises BackupError where one is none, and where there are none."""
    if not keys:
        raise BackupError(BackupFault.NO_RECIPIENT)
    found = []
    for key in keys:
        try:
            found.append(x25519.Recipient.from_str(key))
        except RecipientError as error:
            raise BackupError(BackupFault.RECIPIENT_INVALID, key[:100], str(error)) from error
    return found
