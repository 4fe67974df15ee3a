"""Errors of the centre itself; those that are sent to kiosks are in `sync.protocol.errors`.

CentreError
├── ConfigurationWrong      a key or value of the configuration is wrong (what)
├── KeysUnusable            the keys in the data directory cannot be read or created (path)
├── CryptographyUnusable    SM2 cannot be used on this machine (why)
├── PreparedByAnother       another process makes keys or tables and did not end in time (what, seconds)
├── DatabaseBehind          the database was put back from a backup, as the file beside it shows (file, lacks)
├── KioskNumberRefused      no kiosk may have that number (number)
├── PortBusy                the address is taken (host, port)
└── CannotServe             the server did not come up (reason)
"""

from __future__ import annotations

from pathlib import Path

from kiosk.domain.identifiers import MAXIMUM_KIOSK

# The exchange itself issues certificates under this number; theirs begin with 3000.
EXCHANGE_KIOSK = 0x3000


class CentreError(Exception):
    """The centre cannot do what was asked; the text says what is wrong and what to do."""


class ConfigurationWrong(CentreError):
    """The configuration cannot be used."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The configuration is wrong: {what}. See sync/central/example.toml for every key.")
        self.what = what


class KeysUnusable(CentreError):
    """The centre's keys cannot be read or created."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"The keys in {path} cannot be used ({why}): restore them from the backup.")
        self.path = path


class CryptographyUnusable(CentreError):
    """SM2 cannot be used on this machine."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The centre cannot work without SM2: {why}.")
        self.why = why


class PreparedByAnother(CentreError):
    """Another process makes keys or tables and did not end in time."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(
            f"Another keydesk-central makes {what} and did not end within {seconds:g} s: "
            "look at what it does, and try again once it ended."
        )
        self.what = what
        self.seconds = seconds


class DatabaseBehind(CentreError):
    """The database lacks what the file beside it has: it was put back from a backup."""

    def __init__(self, file: Path, lacks: list[str]) -> None:
        super().__init__(
            f"The database was put back from a backup: it lacks what {file} has ({', '.join(lacks)}). "
            "Run `keydesk-central restored` with the same --data or --config: it takes that over, and every kiosk "
            "reads and uploads anew. Then start again."
        )
        self.file = file
        self.lacks = lacks


class KioskNumberRefused(CentreError):
    """No kiosk may have that number."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"No kiosk can be number {number}: choose one from 1 to {MAXIMUM_KIOSK}, "
            f"but not {EXCHANGE_KIOSK}, under which the exchange itself issues."
        )
        self.number = number


class PortBusy(CentreError):
    """Another program listens at the address."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"{host}:{port} is taken by another program: choose another --port, or --port 0 for a free one."
        )
        self.host = host
        self.port = port


class CannotServe(CentreError):
    """The server did not come up."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The server did not start: {reason}.")
        self.reason = reason
