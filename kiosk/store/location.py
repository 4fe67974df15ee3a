"""The files of a kiosk's store: the database and its key side by side in the data directory, the marker outside it.

A copy that is put back (copies.py) waits in `keydesk.restore`, whole, before it takes the place of the present files.
Whoever opens the store next finishes that, so that a kill at any moment leaves the old store or the new one:

    keydesk.restore/new/        what takes their place
    keydesk.restore/            what stood there before; called `keydesk.before-1`, `-2`, … when all is done
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from kiosk.backup.replacement import finish
from kiosk.store.database import Database
from kiosk.store.errors import DirectoryInUse, StoreExists, StoreMissing, TablesDue
from kiosk.store.keyfile import load, load_or_create
from kiosk.store.marker import Marker, machine_name
from kiosk.store.occupancy import (
    SILENT_SECONDS,
    STEP_SECONDS,
    Occupancy,
    Wait,
    Waiting,
    wait_silently,
)
from kiosk.store.sealing.ways import Asking, ask_nobody

DATABASE = "keydesk.db"
KEY_FILE = "keydesk.key"
RESTORE = "keydesk.restore"
ALONE_SECONDS = 600.0
"""How long a program waits for the one that is alone: bringing a large store up to date takes minutes."""
OTHERS_SECONDS = 60.0
"""How long it waits for those that work there, which are of a former version and may never end."""


def marker_of(directory: Path, place: Path | None = None) -> Marker:
    """The marker of a data directory: in the directory `place`, else in one beside the data directory."""
    return Marker(place or directory.with_name(f"{directory.name}.marker"), machine_name())


def open_database(
    directory: Path,
    place: Path | None = None,
    waiting: Waiting = wait_silently,
    asking: Asking = ask_nobody,
) -> Database:
    """The database of a data directory, its tables brought up to date; `waiting` is told when that has to wait.

    `asking` asks somebody for what opens a sealed key, where that needs somebody.

    Raises StoreMissing, StoreError; OSError, as where the key file is gone.
    """
    if not directory.is_dir():
        raise StoreMissing(directory / DATABASE)
    occupancy = occupy(directory, waiting)
    try:
        database = _opened(directory, place, occupancy, waiting, asking)
    except BaseException:
        occupancy.close()
        raise
    database.keep(occupancy)
    return database


def _opened(
    directory: Path, place: Path | None, occupancy: Occupancy, waiting: Waiting, asking: Asking
) -> Database:
    """Open it; where its tables are of a former version, wait until nobody else has it open, and migrate them first."""
    path = directory / DATABASE
    began, told = time.monotonic(), False
    while True:
        if not path.exists():
            raise StoreMissing(path)
        key = load(directory / KEY_FILE, asking=asking)
        try:
            return Database.open(path, key, marker=marker_of(directory, place), alone=False)
        except TablesDue:
            if _alone(occupancy):
                finish_restore(directory)
                key = load(directory / KEY_FILE, asking=asking)
                Database.open(path, key, marker=marker_of(directory, place)).close()
            else:
                waited = time.monotonic() - began
                if waited >= OTHERS_SECONDS:
                    raise
                if waited >= SILENT_SECONDS and not told:
                    told = True
                    waiting(directory, Wait.OTHERS)
                time.sleep(STEP_SECONDS)
        _settle(directory, occupancy)


def _alone(occupancy: Occupancy) -> bool:
    """Whether nobody else works there; where others do, no place is held, so that one of several that ask gets it."""
    try:
        occupancy.take()
    except DirectoryInUse:
        return False
    return True


def open_or_create_database(
    directory: Path,
    place: Path | None = None,
    waiting: Waiting = wait_silently,
    asking: Asking = ask_nobody,
) -> Database:
    """The database of a data directory, made when there is none. Raises StoreError, OSError.

    A key is made for a new database only: beside an old one it would open nothing and hide that the right one is missing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / DATABASE
    with closing(occupy(directory, waiting)):
        if not path.exists():
            try:
                key = load_or_create(directory / KEY_FILE)
                Database.create(path, key, marker=marker_of(directory, place)).close()
            except StoreExists:
                pass  # another process made it in between
    return open_database(directory, place, waiting, asking)


def occupy(directory: Path, waiting: Waiting = wait_silently) -> Occupancy:
    """A place in a data directory beside others, after a copy that was being put back is in place.

    Raises DirectoryTaken, OSError.
    """
    occupancy = Occupancy(directory, waiting)
    try:
        _settle(directory, occupancy)
    except BaseException:
        occupancy.close()
        raise
    return occupancy


def _settle(directory: Path, occupancy: Occupancy) -> None:
    """Have a place beside others, after a copy that was being put back is in place."""
    occupancy.share(ALONE_SECONDS)
    while (directory / RESTORE).exists():
        if _alone(occupancy):
            finish_restore(directory)
        else:
            time.sleep(STEP_SECONDS)
        occupancy.share(ALONE_SECONDS)


def finish_restore(directory: Path) -> Path | None:
    """Put what waits in `keydesk.restore` in place, as `finish`; the caller is alone in the directory. Raises OSError."""
    return finish(directory / RESTORE, DATABASE, "keydesk.before")
