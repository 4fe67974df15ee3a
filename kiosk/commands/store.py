"""Opening the kiosk's store for a command."""

from __future__ import annotations

import argparse
from pathlib import Path

from kiosk.commands.failures import CommandError, sentence
from kiosk.configuration import load
from kiosk.store.database import Database
from kiosk.store.location import open_database
from kiosk.text.asking import ask_on_terminal
from kiosk.text.command_line import spoken
from kiosk.text.waiting import say_waiting


def directory_of(arguments: argparse.Namespace) -> Path:
    """The data directory that the options and the configuration name. Raises ConfigurationError."""
    given: Path | None = arguments.data
    return given or load(arguments.config).directory


def open_store(arguments: argparse.Namespace) -> Database:
    """The kiosk's database. Raises CommandError, ConfigurationError, StoreError."""
    directory = directory_of(arguments)
    try:
        return open_database(directory, waiting=say_waiting, asking=ask_on_terminal)
    except OSError as error:
        raise CommandError(sentence(error, spoken().text)) from error
