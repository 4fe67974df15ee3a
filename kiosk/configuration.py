"""The configuration file: one TOML file, `--config`, else the system's, else the user's, else the defaults.

An unknown key or a value of the wrong kind is refused by name. `keydesk.example.toml` documents every key.
"""

from __future__ import annotations

import enum
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from platformdirs import PlatformDirs

from hardware.printer import PrinterSettings
from hardware.scanner import ScannerSettings
from hardware.token.gmt.profile import GmtProfile
from hardware.token.piv.profile import PivProfile
from hardware.token.skf.profile import SkfProfile, configured_profile
from kiosk.settings import Display, Exchange

_PLACES = PlatformDirs("keydesk", appauthor=False)
# The administrator's file stands where Debian's programs look for theirs, not in the desktop's /etc/xdg.
SYSTEM_FILE = Path("/etc/keydesk/keydesk.toml")


class ConfigurationFault(enum.StrEnum):
    """What can be wrong with the configuration file."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_TOML = "not-toml"
    INVALID = "invalid"
    LIBRARIES_NO_TABLES = "libraries-no-tables"
    LIBRARY_INVALID = "library-invalid"


class ConfigurationError(Exception):
    """The configuration cannot be used; `file` and `fault` say where and why.

    `reason` is what the reader of files or of TOML says, in English; `table` the number of the `[[skf]]` table.
    """

    def __init__(
        self, file: Path, fault: ConfigurationFault, reason: str = "", table: int | None = None
    ) -> None:
        super().__init__(f"{file}: {_FAULTS[fault].format(reason=reason, table=table)}")
        self.file = file
        self.fault = fault
        self.reason = reason
        self.table = table


_FAULTS = {
    ConfigurationFault.MISSING: "there is no such file",
    ConfigurationFault.UNREADABLE: "it cannot be read ({reason})",
    ConfigurationFault.NOT_TOML: "it is not valid TOML: {reason}",
    ConfigurationFault.INVALID: "{reason} (keydesk.example.toml lists every key)",
    ConfigurationFault.LIBRARIES_NO_TABLES: "skf: each library has a table [[skf]], in two brackets",
    ConfigurationFault.LIBRARY_INVALID: "skf, table {table}: {reason} (keydesk.example.toml lists every key)",
}


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Data(_Section, frozen=True):
    """The directory of the database, its key, the logs and the receipts; and that of the marker, which is outside it."""

    directory: str = ""
    marker: str = ""


class Centre(_Section, frozen=True):
    """The central server; `payment_page` goes into QR codes and defaults to `url`.

    `certificate_authority` is a PEM file with the authority of its TLS certificate, empty for the usual ones.
    """

    url: str = ""
    payment_page: str = ""
    certificate_authority: str = ""

    @property
    def authority(self) -> Path | None:
        """That file."""
        return Path(self.certificate_authority) if self.certificate_authority else None


class LogLevel(enum.StrEnum):
    """How much is logged."""

    INFO = "info"
    TRAFFIC = "traffic"
    """Also the traffic with keys, PINs and keys masked."""


class Log(_Section, frozen=True):
    """The log file in the data directory."""

    level: LogLevel = LogLevel.INFO


class Configuration(_Section, frozen=True):
    """All of it; `skf` has one profile for each vendor's library."""

    data: Data = Data()
    centre: Centre = Centre()
    exchange: Exchange = Exchange()
    screen: Display = Display()
    log: Log = Log()
    gmt: GmtProfile = GmtProfile()
    piv: PivProfile = PivProfile()
    skf: tuple[SkfProfile, ...] = ()
    printer: PrinterSettings | None = None
    scanner: ScannerSettings | None = None

    @property
    def directory(self) -> Path:
        """The data directory."""
        return Path(self.data.directory) if self.data.directory else default_directory()

    @property
    def marker(self) -> Path | None:
        """The directory of the marker; None for the one beside the data directory."""
        return Path(self.data.marker) if self.data.marker else None

    @property
    def payment_page(self) -> str:
        """The address that goes into QR codes, upper-case."""
        return (self.centre.payment_page or self.centre.url).upper()


def default_directory() -> Path:
    """The data directory where none is configured: the system's for root, else the user's."""
    return _PLACES.site_state_path if os.geteuid() == 0 else _PLACES.user_data_path


def user_file() -> Path:
    """The user's configuration file."""
    return _PLACES.user_config_path / "keydesk.toml"


def load(file: Path | None = None) -> Configuration:
    """The configuration of `file`, else of the first of the usual places. Raises ConfigurationError."""
    if file is None:
        file = next((place for place in (SYSTEM_FILE, user_file()) if place.is_file()), None)
    if file is None:
        return Configuration()
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        profiles = tuple(_skf_profiles(file, raw.pop("skf", [])))
        return msgspec.structs.replace(msgspec.convert(raw, Configuration), skf=profiles)
    except FileNotFoundError as error:
        raise ConfigurationError(file, ConfigurationFault.MISSING) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(file, ConfigurationFault.UNREADABLE, str(error)) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(file, ConfigurationFault.NOT_TOML, str(error)) from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(file, ConfigurationFault.INVALID, str(error)) from error


def _skf_profiles(file: Path, tables: Any) -> Iterator[SkfProfile]:
    """Read the `[[skf]]` tables, each over the profile that it names. Raises ConfigurationError."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(file, ConfigurationFault.LIBRARIES_NO_TABLES)
    for number, table in enumerate(tables, start=1):
        try:
            yield configured_profile(table)
        except (OSError, ValueError) as error:
            raise ConfigurationError(file, ConfigurationFault.LIBRARY_INVALID, str(error), number) from error
