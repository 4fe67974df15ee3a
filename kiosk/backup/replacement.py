"""What is put back takes the place of a data directory's files in one step.

It waits in a folder of the directory, whole. Whoever works there next goes on from wherever a kill left this, so that there is the
old or the new, and never a mixture that anybody works with:

    WAITING/new/    what takes their place
    WAITING/        what stood there before; called ASIDE-1, ASIDE-2, … when all is done
"""

from __future__ import annotations

from pathlib import Path

from hardware.disk import flush_folder

NEW = "new"
_BESIDE = ("-wal", "-shm", "-journal")  # files of SQLite that belong to the database of their name


def finish(waiting: Path, database: str, aside: str) -> Path | None:
    """Put what waits in its place; where the files before it are now, if there were any. Raises OSError.

    The caller is alone in the directory. Each step leaves what the next call goes on from; the database comes last, and as long as
    it waits, the files beside the present one belong to that.
    """
    directory, new = waiting.parent, waiting / NEW
    if not waiting.exists():
        return None
    if (new / database).exists():
        for suffix in _BESIDE:
            _move(directory / f"{database}{suffix}", waiting)
    names = {each.name for each in new.iterdir()} if new.exists() else set()
    for name in sorted(names, key=lambda name: (name == database, name)):
        _move(directory / name, waiting)
        _move(new / name, directory)
    if new.exists():
        new.rmdir()
    if not any(waiting.iterdir()):
        waiting.rmdir()
        return None
    number = 1
    while (place := directory / f"{aside}-{number}").exists():
        number += 1
    waiting.rename(place)
    flush_folder(directory)
    return place


def _move(file: Path, folder: Path) -> None:
    """Move a file, if it is there, durably."""
    if file.exists():
        file.rename(folder / file.name)
        flush_folder(folder)
        flush_folder(file.parent)
