"""The store's errors.

    StoreError
    ├── DatabaseError           (path)
    │   ├── StoreMissing        there is no database at the path
    │   ├── StoreExists         there is one already
    │   ├── WrongKey            the database was made with another key
    │   ├── StoreCorrupt        the file is damaged, cut short or no database of the desk's (what)
    │   ├── StoreNewer          a newer version of the program made it (found, known)
    │   ├── TablesDue           its tables must be brought up to date, by one that is alone (found, known)
    │   ├── StoreBusy           another writer did not finish in time; trying again is right
    │   ├── DiskFull            no space; the verb changed nothing
    │   │   └── InodesUsedUp    there is space, and no further file can be made
    │   └── StoreUnavailable    no permission, or the device failed (reason)
    │       ├── DiskReadOnly        the file system takes no writes
    │       └── DescriptorsUsedUp   the program, or the machine, has too many files open
    ├── DirectoryError          (directory)
    │   ├── DirectoryInUse      others work there: nothing can be put back
    │   ├── DirectoryTaken      one is alone there: tables are brought up to date, or a copy is put back
    │   ├── AgentRunsAlready    a sync agent runs there
    │   └── EnrolmentRuns       another enrolment of it runs
    ├── CopyRefused             a copy cannot be made or put back (copy, reason, found, wanted)
    ├── KeyFileInvalid          the key file does not hold a key, or others can read it (path, reason)
    ├── KeyClosed               the key is sealed, and nobody is there who could open it (path)
    │   ├── PassphraseNeeded    it wants its passphrase
    │   └── TpmRefuses          the TPM does not open it (fault, detail)
    ├── PassphraseWrong         what was typed opens nothing (path)
    ├── TpmUnusable             the key cannot be sealed to the TPM; it stays as it was (fault, detail)
    └── EnrolmentError
        ├── NotEnrolled         the kiosk has no number and epoch yet
        ├── EnrolledAlready     it has (kiosk)
        └── EpochUsed           the epoch stands in the journal already (epoch)

No error carries a key.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardware.tpm import TpmFault


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


class TablesDue(DatabaseError):
    """The tables must be brought up to date, while programs of the former version have the database open."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(path, f"tables of version {found} to be brought up to {known}")
        self.found = found
        self.known = known


class StoreBusy(DatabaseError):
    """Another writer did not finish within the time that was allowed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "another writer holds it")


class DiskFull(DatabaseError):
    """There is no room to write; nothing was changed."""

    def __init__(self, path: Path, message: str = "the disk is full") -> None:
        super().__init__(path, message)


class InodesUsedUp(DiskFull):
    """There is room, but no inode for a further file; nothing was changed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "no inodes are left")


class StoreUnavailable(DatabaseError):
    """The file cannot be read or written: permissions, or the device failed."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.reason = reason


class DiskReadOnly(StoreUnavailable):
    """The file system is mounted read-only, as the kernel does after an error of the disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "the file system is read-only")


class DescriptorsUsedUp(StoreUnavailable):
    """The program or the machine has as many files open as it may."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "too many open files")


class KeyFileInvalid(StoreError):
    """The key file does not hold a key, or others can read it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class KeyClosed(StoreError):
    """The key is sealed, and nobody is there who could open it."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class PassphraseNeeded(KeyClosed):
    """The key wants its passphrase."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "sealed with a passphrase")


class TpmRefuses(KeyClosed):
    """The TPM does not open the key; `detail` is what systemd-creds says."""

    def __init__(self, path: Path, fault: TpmFault, detail: str) -> None:
        super().__init__(path, f"the TPM does not open it: {fault.value} {detail}")
        self.fault = fault
        self.detail = detail


class PassphraseWrong(StoreError):
    """What was typed is neither the passphrase nor the recovery code."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: neither its passphrase nor its recovery code")
        self.path = path


class TpmUnusable(StoreError):
    """The key cannot be sealed to the TPM; it stays as it was."""

    def __init__(self, fault: TpmFault, detail: str) -> None:
        super().__init__(f"{fault.value} {detail}")
        self.fault = fault
        self.detail = detail


class DirectoryError(StoreError):
    """The data directory cannot be opened now."""

    def __init__(self, directory: Path, message: str) -> None:
        super().__init__(f"{directory}: {message}")
        self.directory = directory


class DirectoryInUse(DirectoryError):
    """The app, the agent or a command has the data directory open."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "others work there")


class DirectoryTaken(DirectoryError):
    """One program is alone in the data directory: it brings the tables up to date, or puts a copy back."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "one program is alone there")


class AgentRunsAlready(DirectoryError):
    """A sync agent runs on the data directory; a second one would do the same again."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "a sync agent runs there already")


class DeskRunsAlready(DirectoryError):
    """A desk works on the data directory; two would take each other's readers, and print each other's receipts."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "a desk works there already")


class EnrolmentRuns(DirectoryError):
    """Another enrolment of the data directory runs; it may use another token."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "another enrolment of it runs")


class CopyRefusal(enum.StrEnum):
    """Why a copy of a data directory cannot be made or put back."""

    EXISTS = "exists"
    """Something has its name already."""
    MISSING = "missing"
    UNREADABLE = "unreadable"
    """Neither a file nor a directory that can be read."""
    PRESENT = "present"
    """It is the data directory itself."""
    NO_COPY = "no-copy"
    """It is no database of the desk's, or a directory without one."""
    WITHOUT_KEY = "without-key"
    """Neither the copy nor the data directory has the key that it was made with."""
    DAMAGED = "damaged"
    BROKEN_CHAIN = "broken-chain"
    NEWER = "newer"
    NOT_ENROLLED = "not-enrolled"
    ANOTHER_KIOSK = "another-kiosk"
    ANOTHER_MACHINE = "another-machine"
    """It is of the same kiosk, from before this machine was enrolled."""
    UNSENT = "unsent"
    """The present journal is whole and has entries that the centre does not."""


class CopyRefused(StoreError):
    """A copy cannot be made or put back; nothing was changed.

    `found` is what is wrong with it (what is damaged, the first entry that does not follow, its kiosk or machine, how many
    entries would be lost), `wanted` the kiosk or machine that would fit.
    """

    def __init__(self, copy: Path, reason: CopyRefusal, found: object = "", wanted: object = "") -> None:
        super().__init__(f"{copy}: {reason.value} {found}".rstrip())
        self.copy = copy
        self.reason = reason
        self.found = found
        self.wanted = wanted


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
