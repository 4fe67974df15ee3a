"""The configuration file: one TOML file, `--config`, else the system's, else the user's, else the defaults.

An unknown key or a value of the wrong kind is refused by name. `keydesk.example.toml` documents every key.
"""

from __future__ import annotations

import enum
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import msgspec
from platformdirs import PlatformDirs

from hardware.printer import PrinterSettings
from hardware.scanner import ScannerSettings
from hardware.token.gmt.profile import GmtProfile
from hardware.token.piv.profile import PivProfile
from hardware.token.skf.profile import SkfProfile, configured_profile
from kiosk.backup.records import BackupSettings
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


_HIGHEST_PORT = 65535


class ProxyInvalid(ValueError):
    """What is configured names no proxy; its text is told to nobody, for it may hold a password."""

    def __init__(self) -> None:
        super().__init__('a proxy is "http://host:port" or "http://user:password@host:port"')


class Proxy(msgspec.Struct, frozen=True):
    """An HTTP proxy; `user` is empty where it asks for none."""

    host: str
    port: int
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """Name it without its password."""
        return f"Proxy({self.address!r})"

    @property
    def address(self) -> str:
        """Where it is, for logs and people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def read_proxy(text: str) -> Proxy | None:
    """The proxy that a text names, None where it is empty. Raises ProxyInvalid.

    What stands for `@`, `:`, `/` and `%` in a user or password is written in percents (RFC 3986, section 2.1).
    """
    if not text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ProxyInvalid from None  # its message repeats the text
    if (
        parts.scheme != "http"
        or not parts.hostname
        or not port
        or port > _HIGHEST_PORT
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise ProxyInvalid
    return Proxy(parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""))


def is_web_address(text: str) -> bool:
    """Whether a text names a server of the web, and no more than its place there."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    named = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return named and not (parts.query or parts.fragment) and not any(each.isspace() for each in text)


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Data(_Section, frozen=True):
    """The directory of the database, its key, the logs and the receipts; and that of the marker, which is outside it."""

    directory: str = ""
    marker: str = ""


class Centre(_Section, frozen=True):
    """The central server; `payment_page` goes into QR codes and defaults to `url`.

    `certificate_authority` is a PEM file with the authority of its TLS certificate, empty for the usual ones;
    `proxy` is what the agent connects through (`read_proxy`), empty for none.
    """

    url: str = ""
    payment_page: str = ""
    certificate_authority: str = ""
    proxy: str = ""

    def __repr__(self) -> str:
        """Name the centre; the proxy may hold a password."""
        return f"Centre({self.url!r})"

    @property
    def page(self) -> str:
        """The address in QR codes; without one no order can be paid."""
        return self.payment_page or self.url

    @property
    def authority(self) -> Path | None:
        """That file."""
        return Path(self.certificate_authority) if self.certificate_authority else None


class Journal(_Section, frozen=True):
    """How long entries are kept that the centre has and a snapshot stands for, in days; 0: for ever."""

    keep_days: Annotated[int, msgspec.Meta(ge=0)] = 400


class KeyChoice(enum.StrEnum):
    """How the database's key is to be kept; AUTO: sealed to the TPM where there is one, else plain."""

    AUTO = "auto"
    TPM = "tpm"
    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a way
    PLAIN = "plain"


class Key(_Section, frozen=True):
    """How the key of a new kiosk is sealed as it is enrolled; `device` and `pcrs` as in `hardware.tpm.TpmSettings`."""

    seal: KeyChoice = KeyChoice.AUTO
    device: str = "auto"
    pcrs: str = "7"


class LogLevel(enum.StrEnum):
    """How much is logged."""

    INFO = "info"
    TRAFFIC = "traffic"
    """Also the traffic with keys, PINs and keys masked."""


class Privacy(_Section, frozen=True):
    """For how many days personal records are kept here (`kiosk.domain.retention`)."""

    delivery_days: Annotated[int, msgspec.Meta(ge=0)] = 7
    invoice_days: Annotated[int, msgspec.Meta(ge=0)] = 7
    operator_days: Annotated[int, msgspec.Meta(ge=0)] = 1
    unsent_days: Annotated[int, msgspec.Meta(ge=0)] = 180


class Log(_Section, frozen=True):
    """The log file in the data directory."""

    level: LogLevel = LogLevel.INFO


class Nightly(_Section, frozen=True):
    """When the nightly run begins (China time, a little later at each kiosk), and how far ahead keys count as ending soon."""

    at: Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "02:30"
    expiring_days: Annotated[int, msgspec.Meta(ge=0, le=3660)] = 30

    @property
    def minute(self) -> int:
        """The time of day in minutes."""
        hours, minutes = self.at.split(":")
        return int(hours) * 60 + int(minutes)


class Configuration(_Section, frozen=True):
    """All of it; `skf` has one profile for each vendor's library."""

    data: Data = Data()
    key: Key = Key()
    centre: Centre = Centre()
    exchange: Exchange = Exchange()
    screen: Display = Display()
    journal: Journal = Journal()
    log: Log = Log()
    backup: BackupSettings = BackupSettings()
    privacy: Privacy = Privacy()
    nightly: Nightly = Nightly()
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
        return self.centre.page.upper()


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
        raw = tomllib.loads(file.read_text(encoding="utf-8-sig"))  # editors put a mark in front
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
