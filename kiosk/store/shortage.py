"""What a place on a disk lacks when the system or the database refuses it: room, inodes, a disk that takes writes, descriptors.

The database tells no more than "unable to open" or "I/O error" of these, so the place itself is looked at.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from pathlib import Path

from kiosk.store.errors import (
    DatabaseError,
    DescriptorsUsedUp,
    DiskFull,
    DiskReadOnly,
    InodesUsedUp,
    StoreUnavailable,
)

# SQLite's shared index beside its log grows by 32 KiB; without room for it SQLite reports an I/O error.
_LEAST_BYTES = 2**16
# Whoever was refused one has closed some files since.
_SPARE_DESCRIPTORS = 8
_NONE_LEFT = {errno.EMFILE, errno.ENFILE}


def shortage(path: Path) -> DatabaseError | None:
    """What is missing now where the file `path` lies; None where all seems to be there."""
    if _few_descriptors():
        return DescriptorsUsedUp(path)
    try:
        space = os.statvfs(path.parent)
    except OSError:
        return None
    if space.f_flag & os.ST_RDONLY:
        return DiskReadOnly(path)
    if space.f_bavail * space.f_frsize < _LEAST_BYTES:
        return DiskFull(path)
    if space.f_files and not space.f_favail:  # where f_files is 0 inodes are made as they are needed
        return InodesUsedUp(path)
    return None


def refused_by_system(path: Path, error: OSError) -> DatabaseError:
    """The store's error for the system's refusal of the file `path`."""
    if error.errno in _NONE_LEFT:
        return DescriptorsUsedUp(path)
    if error.errno == errno.EROFS:
        return DiskReadOnly(path)
    if error.errno == errno.EDQUOT:
        return DiskFull(path)
    if error.errno == errno.ENOSPC:
        missing = shortage(path)
        return missing if isinstance(missing, DiskFull) else DiskFull(path)
    return StoreUnavailable(path, str(error))


def _few_descriptors() -> bool:
    with ExitStack() as taken:
        try:
            for _ in range(_SPARE_DESCRIPTORS):
                taken.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            return error.errno in _NONE_LEFT
    return False
