"""The folder in a data directory where one backup at a time is made or opened, in the clear; it is empty afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

from hardware.disk import FolderLock
from kiosk.backup.errors import BackupError, BackupFault

_ENDING = (signal.SIGTERM, signal.SIGHUP)
_OPENING = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def scratch(folder: Path, *, passing: bool = False) -> Iterator[Path]:
    """Work in a folder alone, and empty it; it stays unless it is `passing`. Raises BackupError, OSError.

    A link in its place is refused, as root would change and empty what it leads to.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    try:
        descriptor = os.open(folder, _OPENING)
    except NotADirectoryError as error:  # the system says the same of a link
        raise BackupError(BackupFault.SCRATCH_TAKEN, folder) from error
    try:
        with closing(FolderLock(folder)) as lock:
            if not lock.take():
                raise BackupError(BackupFault.BUSY, folder.parent)
            if not os.path.samestat(os.fstat(descriptor), folder.lstat()):
                raise BackupError(BackupFault.SCRATCH_TAKEN, folder)
            if os.geteuid() == 0:  # whoever works there by day makes the next one
                owner = folder.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            _empty(descriptor)  # of what was left by a kill
            try:
                with _ended_in_order():
                    yield folder
            finally:
                _empty(descriptor)
                if passing:
                    folder.rmdir()
    finally:
        os.close(descriptor)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let what would end the program at once end it by SystemExit, so that nothing stays in the clear.

    A handler that somebody set already stays; only the main thread can have them at all.
    """
    came: list[int] = []

    def come(number: int, frame: FrameType | None) -> None:
        del frame
        if not came:
            came.append(number)
            raise SystemExit(128 + number)

    mine = threading.current_thread() is threading.main_thread()
    numbers = [each for each in _ENDING if mine and signal.getsignal(each) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, come)
    try:
        yield
    except Exception as error:
        if came:  # a library made an error of its own of it
            raise SystemExit(128 + came[0]) from error
        raise
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _empty(descriptor: int) -> None:
    """Remove what is in an open folder; links are removed, not followed."""
    with os.scandir(descriptor) as entries:
        found = [(each.name, each.is_dir(follow_symlinks=False)) for each in entries]
    for name, is_folder in found:
        if is_folder:
            shutil.rmtree(name, dir_fd=descriptor)
        else:
            os.unlink(name, dir_fd=descriptor)
