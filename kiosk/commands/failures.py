"""The failures of a command, each in one sentence: what is wrong, and what to do."""

from __future__ import annotations

from hardware.crypto.libcrypto import LibcryptoUnusable
from kiosk.backup.errors import BackupError
from kiosk.configuration import ConfigurationError
from kiosk.domain.errors import EntryMalformed
from kiosk.store.errors import StoreError
from kiosk.text import failures
from kiosk.text.failures import Text


class CommandError(Exception):
    """The command failed; the message says why and what to do."""


FAILURES = (CommandError, ConfigurationError, LibcryptoUnusable, BackupError, StoreError, EntryMalformed)


def sentence(error: Exception, text: Text) -> str:
    """The whole sentence for one of FAILURES, or for the system's refusal of a file of the store."""
    return str(error) if isinstance(error, CommandError) else failures.sentence(error, text)
