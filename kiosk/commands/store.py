"""Opening the kiosk's store for a command."""

from __future__ import annotations

import argparse
from pathlib import Path

from kiosk.assembly import open_database
from kiosk.commands.errors import CommandError
from kiosk.configuration import load
from kiosk.store.database import Database
from kiosk.store.errors import (
    DiskFull,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreMissing,
    StoreNewer,
    WrongKey,
)


def directory_of(arguments: argparse.Namespace) -> Path:
    """The data directory that the options and the configuration name. Raises ConfigurationError."""
    given: Path | None = arguments.data
    return given or load(arguments.config).directory


def open_store(arguments: argparse.Namespace) -> Database:
    """The kiosk's database. Raises CommandError, ConfigurationError."""
    directory = directory_of(arguments)
    try:
        return open_database(directory)
    except (StoreError, OSError) as error:
        raise CommandError(f"{error}; {_advice(error)}") from error


_ADVICE: dict[type[Exception], str] = {
    StoreMissing: "name the kiosk's data directory with --data, or start `keydesk run` once",
    WrongKey: "put the key file that belongs to this database beside it",
    StoreCorrupt: "restore the last backup; the centre holds what was synchronised and gives it back",
    StoreNewer: "install the version of Keydesk that made it, or a newer one",
    StoreBusy: "try again in a moment",
    DiskFull: "make room on the disk",
}


def _advice(error: Exception) -> str:
    return _ADVICE.get(type(error), "look at the file's owner and permissions")
