"""The central server's configuration: one TOML file, overridden by the environment (`KEYDESK_CENTRAL_…`)."""

from __future__ import annotations

import enum
import functools
import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from kiosk.backup.records import BackupSettings
from kiosk.domain import exchange
from kiosk.domain.retention import CentreRetention
from kiosk.domain.working_days import USUAL, Calendar, CalendarMalformed, read_calendar
from kiosk.text.command_line import spoken
from sync.central.errors import ConfigurationWrong, ProvidersUnchosen

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT = "KEYDESK_CENTRAL_"
DATA = f"{ENVIRONMENT}DATA"
DATABASE = f"{ENVIRONMENT}DATABASE"
CONFIG = f"{ENVIRONMENT}CONFIG"
HOSTS = f"{ENVIRONMENT}HOSTS"
SQLITE = "central.sqlite3"
"""The database in the data directory, where there is no other."""
STANDING = "standing.jsonl"
"""What outlives a restore of the database (fleet/standing.py)."""
_ADDRESS = re.compile(r"https?://[0-9A-Za-z.\-\[\]:]+/?")
_LARGEST_PICTURE = 512 * 1024
_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class PaymentProviderName(enum.StrEnum):
    """Who takes the money of those who scan an order's code."""

    UNCHOSEN = ""
    """The sandbox, for this machine alone."""
    SANDBOX = "sandbox"
    NONE = "none"


class SmsProviderName(enum.StrEnum):
    """The provider that sends SMS codes."""

    UNCHOSEN = ""
    """The sandbox, for this machine alone."""
    SANDBOX = "sandbox"
    NONE = "none"


class Picture(msgspec.Struct, frozen=True):
    """A picture file and its media type."""

    media_type: str
    content: bytes


class CentreConfiguration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every key of the configuration; `database` is a postgresql:// address, empty for SQLite in `data`.

    `address` is where phones reach the centre (https://…), for links in messages; empty for the one under which staff open the console.
    """

    data: str = "~/.local/share/keydesk-central"
    database: str = ""
    organisation: str = exchange.ORGANISATION
    payee: str = exchange.PAYEE
    support: tuple[str, ...] = exchange.SUPPORT
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    origins: tuple[str, ...] = ()
    address: str = ""
    fronts: tuple[str, ...] = ("127.0.0.1", "::1")
    provider: PaymentProviderName = PaymentProviderName.UNCHOSEN
    sms: SmsProviderName = SmsProviderName.UNCHOSEN
    system: str = exchange.SYSTEM
    official_account: str = exchange.OFFICIAL_ACCOUNT
    follow_picture: str = ""
    calendar: str = ""
    backup: BackupSettings = BackupSettings()
    privacy: CentreRetention = CentreRetention()

    @property
    def directory(self) -> Path:
        """The data directory."""
        return Path(self.data).expanduser()

    @property
    def plays_payments(self) -> bool:
        """Whether anybody pays by a button."""
        return self.provider is not PaymentProviderName.NONE

    @property
    def plays_messages(self) -> bool:
        """Whether anybody may read the messages."""
        return self.sms is not SmsProviderName.NONE

    @property
    def working_days(self) -> Calendar:
        """The working days, by which is promised. Raises ConfigurationWrong."""
        return _calendar(self.calendar)

    @property
    def picture_to_follow(self) -> Picture | None:
        """The picture of the official account's code. Raises ConfigurationWrong."""
        return _picture(self.follow_picture) if self.follow_picture else None

    def require_choice(self, host: str) -> None:
        """Raise ProvidersUnchosen where others than this machine are served at `host`, by their names or through a front."""
        unchosen = [name for name, chosen in (("provider", self.provider), ("sms", self.sms)) if not chosen]
        addresses = (host, *self.hosts, *(urlsplit(origin).hostname or origin for origin in self.origins))
        beyond = next((address for address in addresses if not _is_loopback(address)), None)
        if unchosen and beyond is not None:
            raise ProvidersUnchosen(beyond, unchosen)


def load(environment: Mapping[str, str] = os.environ) -> CentreConfiguration:
    """The configuration of the file and the environment. Raises ConfigurationWrong."""
    values: dict[str, object] = {}
    if path := environment.get(CONFIG):
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationWrong(f"{path}: {error}") from error
    for key in ("data", "database", "provider", "sms"):
        if value := environment.get(ENVIRONMENT + key.upper()):
            values[key] = value
    if hosts := environment.get(HOSTS):
        values["hosts"] = hosts.split(",")
    try:
        configuration = msgspec.convert(values, CentreConfiguration)
    except msgspec.ValidationError as error:
        raise ConfigurationWrong(str(error)) from error
    _calendar(configuration.calendar)
    if configuration.address and _ADDRESS.fullmatch(configuration.address) is None:
        wanted = spoken().text(
            "address 要像 https://desk.example.cn，后面没有别的：{address}", address=configuration.address
        )
        raise ConfigurationWrong(wanted)
    if configuration.follow_picture:
        _picture(configuration.follow_picture)
    return configuration


@functools.cache
def _calendar(path: str) -> Calendar:
    """The working days, with those of a file in place of the usual ones, read once. Raises ConfigurationWrong."""
    if not path:
        return USUAL
    try:
        return read_calendar(Path(path).expanduser().read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, CalendarMalformed) as error:
        raise ConfigurationWrong(f"calendar {path}: {error}") from error


@functools.cache
def _picture(path: str) -> Picture:
    """A small PNG or JPEG file, read once. Raises ConfigurationWrong."""
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(_LARGEST_PICTURE + 1)
    except OSError as error:
        raise ConfigurationWrong(f"follow_picture {path}: {error}") from error
    media_type = next((name for magic, name in _PICTURES.items() if content.startswith(magic)), None)
    if media_type is None or len(content) > _LARGEST_PICTURE:
        wanted = spoken().text("follow_picture 要是不超过 512 KiB 的 PNG 或 JPEG 图片：{path}", path=path)
        raise ConfigurationWrong(wanted)
    return Picture(media_type, content)


def _is_loopback(host: str) -> bool:
    """Whether an address or a name means this machine; of names only those that must (RFC 6761)."""
    bare = host.removeprefix("[").removesuffix("]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost" or bare.endswith(".localhost")


def database_settings(configuration: CentreConfiguration) -> dict[str, object]:
    """Django's DATABASES entry. Raises ConfigurationWrong."""
    if not configuration.database:
        return {
            "ENGINE": "sync.central.sqlite",
            "NAME": str(configuration.directory / SQLITE),
            "CONN_MAX_AGE": None,
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
    parts = urlsplit(configuration.database)
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigurationWrong(f"database: {error}") from error
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        wanted = "postgresql://user:password@host:port/name"
        raise ConfigurationWrong(spoken().text("database 要写成 {wanted}", wanted=wanted))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": "" if port is None else str(port),
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
    }
