"""The store's errors.

    StoreError
    ├── DatabaseError           (path)
    │   ├── StoreMissing        there is no database at the path
    │   ├── StoreExists         there is one already
    │   ├── WrongKey            the database was made with another key
    │   ├── StoreCorrupt        the file is damaged, cut short or no database of the desk's (what)
    │   ├── StoreNewer          a newer version of the program made it (found, known)
    │   ├── StoreBusy           another writer did not finish in time; trying again is right
    │   ├── DiskFull            no space; the verb changed nothing
    │   └── StoreUnavailable    no permission, or the device failed (reason)
    ├── KeyFileInvalid          the key file does not hold a key, or others can read it (path, reason)
    └── EnrolmentError
        ├── NotEnrolled         the kiosk has no number and epoch yet
        ├── EnrolledAlready     it has (kiosk)
        └── EpochUsed           the epoch stands in the journal already (epoch)

No error carries a key.
"""

from __future__ import annotations

from pathlib import Path


class StoreError(Exception):
    """Something is wrong with the store."""


class DatabaseError(StoreError):
    """Something is wrong with the database at `path`."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class StoreMissing(DatabaseError):
    """There is no database at the path."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "there is no database")


class StoreExists(DatabaseError):
    """There is a database where a new one was to be made."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "there is a database already")


class WrongKey(DatabaseError):
    """The database was made with another key."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "made with another key")


class StoreCorrupt(DatabaseError):
    """The database is damaged; `what` says where."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(path, f"damaged: {what}")
        self.what = what


class StoreNewer(DatabaseError):
    """A newer version of the program made the database's tables."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(path, f"tables of version {found}, known here up to {known}")
        self.found = found
        self.known = known


class StoreBusy(DatabaseError):
    """Another writer did not finish within the time that was allowed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "another writer holds it")


class DiskFull(DatabaseError):
    """There is no room to write; nothing was changed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "the disk is full")


class StoreUnavailable(DatabaseError):
    """The file cannot be read or written: permissions, or the device failed."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.reason = reason


class KeyFileInvalid(StoreError):
    """The key file does not hold a key, or others can read it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class EnrolmentError(StoreError):
    """The kiosk's number or epoch does not allow this."""


class NotEnrolled(EnrolmentError):
    """The kiosk has no number and epoch yet."""

    def __init__(self) -> None:
        super().__init__("this kiosk is not enrolled")


class EnrolledAlready(EnrolmentError):
    """The store belongs to a kiosk already."""

    def __init__(self, kiosk: int) -> None:
        super().__init__(f"enrolled as kiosk {kiosk}")
        self.kiosk = kiosk


class EpochUsed(EnrolmentError):
    """An epoch begins once."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"epoch {epoch} stands in the journal already")
        self.epoch = epoch
