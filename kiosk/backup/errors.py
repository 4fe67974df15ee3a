"""What can go wrong with a backup."""

from __future__ import annotations

import enum
from pathlib import Path


class BackupFault(enum.StrEnum):
    """Why a backup was not made, or is not opened."""

    UNSOUND = "unsound"
    """What should be backed up cannot be copied or is damaged; the detail says why."""
    NO_ROOM_HERE = "no-room-here"
    """There is no room for a copy on this machine."""
    NO_ROOM_TO_OPEN = "no-room-to-open"
    """The files of a backup have no room here; the detail says how many bytes they have."""
    BUSY = "busy"
    """Another backup of it is being made."""
    SCRATCH_TAKEN = "scratch-taken"
    """Where it is made or opened stands a file or a link."""
    NOT_ENROLLED = "not-enrolled"
    """It is nobody's yet."""
    NO_RECIPIENT = "no-recipient"
    """No public key is configured."""
    RECIPIENT_INVALID = "recipient-invalid"
    """What is configured is no public key of age."""
    NO_DESTINATION = "no-destination"
    """No directory is configured."""
    DESTINATION_MISSING = "destination-missing"
    DESTINATION_NO_DIRECTORY = "destination-no-directory"
    """There is a file in place of the directory."""
    DESTINATION_TWICE = "destination-twice"
    """It is on the device of another destination, which the detail names: one loss takes both."""
    SAME_DISK = "same-disk"
    """The directory is on the disk of the data, as where a stick is not mounted."""
    NOT_WRITABLE = "not-writable"
    READ_ONLY = "read-only"
    """The file system takes nothing at all, as behind a write protection."""
    NO_ROOM = "no-room"
    TOO_SMALL = "too-small"
    """One backup has no room there even when it is empty; the detail says how much it needs."""
    TOO_LARGE = "too-large"
    """The file system takes no file of that size."""
    LOST = "lost"
    """The device failed or went away."""
    CHANGED = "changed"
    """What was read back is not what was written, or a file changed while it was copied."""
    TAKEN = "taken"
    """There is a file of that name."""
    IDENTITY_WANTED = "identity-wanted"
    """It is encrypted, and no key was given."""
    IDENTITY_UNREADABLE = "identity-unreadable"
    IDENTITY_INVALID = "identity-invalid"
    """The file holds no secret key of age."""
    WRONG_IDENTITY = "wrong-identity"
    """It is encrypted to other keys, or its head was changed."""
    MISSING = "missing"
    UNREADABLE = "unreadable"
    NO_BACKUP = "no-backup"
    """It is no file of age, or none of ours inside."""
    DAMAGED = "damaged"
    """It was cut short or changed."""
    NEWER = "newer"
    """A newer version of the program made it."""
    OLDER = "older"
    """A newer one of the same owner lies beside it, which may hold what it lacks; the detail names that."""
    ANOTHER_KIND = "another-kind"
    """It is of a centre where a kiosk's is wanted, or the reverse."""


class BackupError(Exception):
    """A backup was not made or not opened; `place` is the directory or file, `detail` what the system says of it."""

    def __init__(self, fault: BackupFault, place: Path | str = "", detail: str = "") -> None:
        super().__init__(": ".join(part for part in (str(place), fault.value, detail) if part))
        self.fault = fault
        self.place = place
        self.detail = detail
