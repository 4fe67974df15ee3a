"""The configuration file: one TOML file, `--config`, else the system's, else the user's, else the defaults.

An unknown key or a value of the wrong kind is refused by name. `keydesk.example.toml` documents every key.
"""

from __future__ import annotations

import enum
import os
import tomllib
from pathlib import Path

import msgspec

SYSTEM_FILE = Path("/etc/keydesk/keydesk.toml")


class ConfigurationError(Exception):
    """The configuration cannot be used; `file` and `problem` say where and why."""

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(f"{file}: {problem}")
        self.file = file
        self.problem = problem


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Data(_Section, frozen=True):
    """Where the database, its key, the logs and the receipts are kept."""

    directory: str = ""


class Centre(_Section, frozen=True):
    """The central server; `payment_page` goes into QR codes and defaults to `url`."""

    url: str = ""
    payment_page: str = ""


class Exchange(_Section, frozen=True):
    """The names that stand on screens and receipts."""

    system: str = "国家储备商品竞价交易系统"
    name: str = "北京华商储备商品交易所"
    payee: str = "郑州华粮科技有限公司"
    support: tuple[str, ...] = ("0371-68085231", "68085211")
    official_account: str = "郑州华粮"


class Language(enum.StrEnum):
    """The language that the screens begin in."""

    CHINESE = "zh"
    ENGLISH = "en"


class Screen(_Section, frozen=True):
    """How the screens behave; times in seconds."""

    language: Language = Language.CHINESE
    idle: int = 90
    countdown: int = 20


class Gmt(_Section, frozen=True):
    """What a GM/T 0017 key of the exchange's vendor is called inside; `device_key` in hex, empty for none."""

    application: str = "KEYDESK"
    container: str = "LOGIN"
    factory_pin: str = "111111"
    device_key: str = ""


class PrinterKind(enum.StrEnum):
    """How the receipt printer is connected."""

    NONE = "none"
    SERIAL = "serial"
    USB = "usb"
    NETWORK = "network"
    FILE = "file"


class Printer(_Section, frozen=True):
    """The receipt printer; `dots` 384 for 58 mm paper, 576 for 80 mm."""

    kind: PrinterKind = PrinterKind.NONE
    dots: int = 576
    device: str = "/dev/kiosk/printer"
    baud_rate: int = 9600
    vendor: int = 0
    product: int = 0
    host: str = ""
    port: int = 9100


class Scanner(_Section, frozen=True):
    """The barcode scanner's serial device; empty for none."""

    device: str = ""
    baud_rate: int = 9600


class Configuration(_Section, frozen=True):
    """All of it."""

    data: Data = Data()
    centre: Centre = Centre()
    exchange: Exchange = Exchange()
    screen: Screen = Screen()
    gmt: Gmt = Gmt()
    printer: Printer = Printer()
    scanner: Scanner = Scanner()

    @property
    def directory(self) -> Path:
        """The data directory."""
        return Path(self.data.directory) if self.data.directory else default_directory()

    @property
    def payment_page(self) -> str:
        """The address that goes into QR codes, upper-case."""
        return (self.centre.payment_page or self.centre.url).upper()


def default_directory() -> Path:
    """Where data is kept when nothing says otherwise: the system's place for root, else the user's."""
    if os.geteuid() == 0:
        return Path("/var/lib/keydesk")
    return Path(os.environ.get("XDG_DATA_HOME", str(Path.home() / ".local" / "share"))) / "keydesk"


def user_file() -> Path:
    """The user's configuration file."""
    return Path(os.environ.get("XDG_CONFIG_HOME", str(Path.home() / ".config"))) / "keydesk" / "keydesk.toml"


def load(file: Path | None = None) -> Configuration:
    """The configuration of `file`, else of the first of the usual places. Raises ConfigurationError."""
    if file is None:
        file = next((place for place in (SYSTEM_FILE, user_file()) if place.is_file()), None)
    if file is None:
        return Configuration()
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        return msgspec.convert(raw, Configuration)
    except FileNotFoundError as error:
        raise ConfigurationError(file, "there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(file, f"it cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(file, f"it is not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(file, f"{error} (keydesk.example.toml lists every key)") from error
