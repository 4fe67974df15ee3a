"""The files of a kiosk's store: the database and its key side by side in the data directory, the marker outside it."""

from __future__ import annotations

from pathlib import Path

from kiosk.store.database import Database
from kiosk.store.errors import StoreExists, StoreMissing
from kiosk.store.keyfile import load, load_or_create
from kiosk.store.marker import Marker, machine_name

DATABASE = "keydesk.db"
KEY_FILE = "keydesk.key"


def marker_of(directory: Path, place: Path | None = None) -> Marker:
    """The marker of a data directory: in the directory `place`, else in one beside the data directory."""
    return Marker(place or directory.with_name(f"{directory.name}.marker"), machine_name())


def open_database(directory: Path, place: Path | None = None) -> Database:
    """The database of a data directory. Raises StoreMissing, StoreError; OSError, as where the key file is gone."""
    path = directory / DATABASE
    if not path.exists():
        raise StoreMissing(path)
    return Database.open(path, load(directory / KEY_FILE), marker=marker_of(directory, place))


def open_or_create_database(directory: Path, place: Path | None = None) -> Database:
    """The database of a data directory, made when there is none. Raises StoreError, OSError.

    A key is made for a new database only: beside an old one it would open nothing and hide that the right one is missing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / DATABASE
    if not path.exists():
        try:
            key = load_or_create(directory / KEY_FILE)
            return Database.create(path, key, marker=marker_of(directory, place))
        except StoreExists:
            pass  # another process made it in between
    return open_database(directory, place)
