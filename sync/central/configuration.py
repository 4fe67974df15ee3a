"""The central server's configuration: one TOML file, overridden by the environment (`KEYDESK_CENTRAL_…`)."""

from __future__ import annotations

import enum
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from kiosk.domain import exchange
from sync.central.errors import ConfigurationWrong

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT = "KEYDESK_CENTRAL_"
DATA = f"{ENVIRONMENT}DATA"
DATABASE = f"{ENVIRONMENT}DATABASE"
CONFIG = f"{ENVIRONMENT}CONFIG"
HOSTS = f"{ENVIRONMENT}HOSTS"
PROVIDERS = ("sandbox",)


class SmsProviderName(enum.StrEnum):
    """The provider that sends SMS codes."""

    SANDBOX = "sandbox"
    NONE = "none"


class CentreConfiguration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every key of the configuration; `database` is a postgresql:// address, empty for SQLite in `data`."""

    data: str = "~/.local/share/keydesk-central"
    database: str = ""
    organisation: str = exchange.ORGANISATION
    payee: str = exchange.PAYEE
    support: tuple[str, ...] = exchange.SUPPORT
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    origins: tuple[str, ...] = ()
    provider: str = "sandbox"
    sms: SmsProviderName = SmsProviderName.SANDBOX
    system: str = exchange.SYSTEM

    @property
    def directory(self) -> Path:
        """The data directory."""
        return Path(self.data).expanduser()


def load(environment: Mapping[str, str] = os.environ) -> CentreConfiguration:
    """The configuration of the file and the environment. Raises ConfigurationWrong."""
    values: dict[str, object] = {}
    if path := environment.get(CONFIG):
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationWrong(f"{path}: {error}") from error
    for key in ("data", "database"):
        if value := environment.get(ENVIRONMENT + key.upper()):
            values[key] = value
    if hosts := environment.get(HOSTS):
        values["hosts"] = hosts.split(",")
    try:
        configuration = msgspec.convert(values, CentreConfiguration)
    except msgspec.ValidationError as error:
        raise ConfigurationWrong(str(error)) from error
    if configuration.provider not in PROVIDERS:
        raise ConfigurationWrong(f"there is no payment provider {configuration.provider!r}")
    return configuration


def database_settings(configuration: CentreConfiguration) -> dict[str, object]:
    """Django's DATABASES entry. Raises ConfigurationWrong."""
    if not configuration.database:
        return {
            "ENGINE": "sync.central.sqlite",
            "NAME": str(configuration.directory / "central.sqlite3"),
            "CONN_MAX_AGE": None,
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
    parts = urlsplit(configuration.database)
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigurationWrong(f"database: {error}") from error
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ConfigurationWrong("database must read postgresql://user:password@host:port/name")
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
