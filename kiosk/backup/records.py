"""What is configured of backups, and what became of one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kiosk.backup.errors import BackupFault
from kiosk.backup.rotation import Keep


class BackupSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where backups go, and who can open them.

    `recipients` are public keys of age, `destinations` directories; one on the disk of the data itself is refused unless
    `same_disk`. Older than `stale` days, the newest backup is too old.
    """

    recipients: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    keep: Keep = Keep()
    same_disk: bool = False
    stale: int = 3

    def __post_init__(self) -> None:
        """Raise ValueError for a destination that would depend on where a program is started."""
        for each in self.destinations:
            if not Path(each).is_absolute():
                raise ValueError(f"a destination of backups must be an absolute path: {each!r}")

    @property
    def is_configured(self) -> bool:
        """Whether somebody wants backups at all."""
        return bool(self.recipients or self.destinations)

    @property
    def directories(self) -> tuple[Path, ...]:
        """The destinations."""
        return tuple(Path(each) for each in self.destinations)


class Deposit(msgspec.Struct, frozen=True):
    """What became of a backup at one destination.

    `file` is where it lies, `removed` what went for it; without a `file`, `fault` says why. A `fault` beside a `file` is that
    older ones could not be removed. `foreign` are backups of the same owner that another store wrote, as the one before a
    restore, and `ahead` those dated in the future: a person decides about both.
    """

    directory: str
    file: str | None = None
    size: int = 0
    sha256: str = ""
    removed: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    fault: BackupFault | None = None
    detail: str = ""
