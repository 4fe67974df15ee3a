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

from hardware.disk import flush_folder
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

DATABASE = "keydesk.db"
KEY_FILE = "keydesk.key"
RESTORE = "keydesk.restore"
NEW = "new"
ALONE_SECONDS = 600.0
"""How long a program waits for the one that is alone: bringing a large store up to date takes minutes."""
OTHERS_SECONDS = 60.0
"""How long it waits for those that work there, which are of a former version and may never end."""
_BESIDE = ("-wal", "-shm", "-journal")  # files of SQLite that belong to the database of their name


def marker_of(directory: Path, place: Path | None = None) -> Marker:
    """The marker of a data directory: in the directory `place`, else in one beside the data directory."""
    return Marker(place or directory.with_name(f"{directory.name}.marker"), machine_name())


def open_database(directory: Path, place: Path | None = None, waiting: Waiting = wait_silently) -> Database:
    """The database of a data directory, its tables brought up to date; `waiting` is told when that has to wait.

    Raises StoreMissing, StoreError; OSError, as where the key file is gone.
    """
    if not directory.is_dir():
        raise StoreMissing(directory / DATABASE)
    occupancy = occupy(directory, waiting)
    try:
        database = _opened(directory, place, occupancy, waiting)
    except BaseException:
        occupancy.close()
        raise
    database.keep(occupancy)
    return database


def _opened(directory: Path, place: Path | None, occupancy: Occupancy, waiting: Waiting) -> Database:
    """Open it; where its tables are of a former version, wait until nobody else has it open, and migrate them first."""
    path = directory / DATABASE
    began, told = time.monotonic(), False
    while True:
        if not path.exists():
            raise StoreMissing(path)
        key = load(directory / KEY_FILE)
        try:
            return Database.open(path, key, marker=marker_of(directory, place), alone=False)
        except TablesDue:
            if _alone(occupancy):
                finish_restore(directory)
                Database.open(path, load(directory / KEY_FILE), marker=marker_of(directory, place)).close()
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
    directory: Path, place: Path | None = None, waiting: Waiting = wait_silently
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
    return open_database(directory, place, waiting)


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
    """Put what waits in `keydesk.restore` in place; where the files before it are now, if there were any. Raises OSError.

    Each step leaves what the next call goes on from. The caller is alone in the directory.
    """
    waiting = directory / RESTORE
    if not waiting.exists():
        return None
    new = waiting / NEW
    if (new / DATABASE).exists():
        for suffix in _BESIDE:
            _move(directory / f"{DATABASE}{suffix}", waiting)
        for name in (KEY_FILE, DATABASE):
            if (new / name).exists():
                _move(directory / name, waiting)
                _move(new / name, directory)
    if new.exists():
        new.rmdir()
    if not any(waiting.iterdir()):
        waiting.rmdir()
        return None
    number = 1
    while (aside := directory / f"keydesk.before-{number}").exists():
        number += 1
    waiting.rename(aside)
    flush_folder(directory)
    return aside


def _move(file: Path, folder: Path) -> None:
    """Move a file, if it is there, durably."""
    if file.exists():
        file.rename(folder / file.name)
        flush_folder(folder)
        flush_folder(file.parent)
