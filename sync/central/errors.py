"""Errors of the centre itself; those that are sent to kiosks are in `sync.protocol.errors`.

CentreError
├── ConfigurationWrong      a key or value of the configuration is wrong (what)
├── ProvidersUnchosen       nobody chose who takes money or carries messages, and others are to be served (beyond, keys)
├── NoCentre                the data directory holds none, and what was asked for makes none (directory)
├── KeysUnusable            the keys in the data directory cannot be read or created (path)
├── CryptographyUnusable    SM2 cannot be used on this machine (why)
├── PreparedByAnother       another process makes keys or tables and did not end in time (what, seconds)
├── OthersAtWork            others work with the tables, which are of a former version (where, seconds)
├── ServedAlready           a server works on this data directory (directory)
├── TablesNewer             the tables are of a newer version (unknown)
├── BackupFailed            a backup was not made, or is not opened (the sentence)
├── NothingToBackUp         there is no centre there (place)
├── DumpFailed              PostgreSQL's database was not dumped (why)
├── CopyUnsound             a copy or a backup of the centre does not hold (why)
├── AnotherCentre           a backup is of another centre than the data directory (file, directory)
├── AnotherEngine           a backup is of another kind of database than is configured (file, found, wanted)
├── DirectoryAtWork         somebody works in the directory into which a backup is to be put back (directory)
├── DatabaseBehind          the database was put back from a backup, as the file beside it shows (file, lacks)
├── KioskNumberRefused      no kiosk may have that number (number)
├── ArgumentRefused         what was given on the command line is of no use (why)
├── RootFileRefused         a file of the root's, or what it asks or brings, is not in order (file, why)
├── RootNotDone             what concerns the root was not done (why)
├── PortBusy                the address is taken (host, port)
└── CannotServe             the server did not come up (reason)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.domain.identifiers import MAXIMUM_KIOSK
from kiosk.text.command_line import spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

# The exchange itself issues certificates under this number; theirs begin with 3000.
EXCHANGE_KIOSK = 0x3000


class CentreError(Exception):
    """The centre cannot do what was asked; the text says what is wrong and what to do, in the environment's language."""


class ConfigurationWrong(CentreError):
    """The configuration cannot be used."""

    def __init__(self, what: str) -> None:
        super().__init__(
            _t("配置不能用（{what}）。请对照 sync/central/example.toml 改正，那里有每一项", what=what)
        )
        self.what = what


class ProvidersUnchosen(CentreError):
    """Others than this machine are to be served, and nobody chose who takes the money or who carries the messages."""

    def __init__(self, beyond: str, keys: Sequence[str]) -> None:
        super().__init__(
            _t(
                "{beyond} 不只是这台机器，配置里却没有写由谁收款、由谁发短信验证码。请在配置文件里选定：{lines}；试用可写 "
                "sandbox，那样谁都能按一下就算付款，也能读到短信和验证码",
                beyond=beyond,
                lines=_t("、").join(f'{key} = "none"' for key in keys),
            )
        )
        self.beyond = beyond
        self.keys = tuple(keys)


class NoCentre(CentreError):
    """The data directory holds no centre, and what was asked for works with one that exists."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            _t(
                "{directory} 里没有中心，什么都没有做。请用 --data 或 --config 指明中心的数据目录；"
                "新建中心，运行 keydesk-central serve",
                directory=directory,
            )
        )
        self.directory = directory


class KeysUnusable(CentreError):
    """The centre's keys cannot be read or created."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(_t("{path} 里的密钥不能用（{why}）。请从备份恢复", path=path, why=why))
        self.path = path


class CryptographyUnusable(CentreError):
    """SM2 cannot be used on this machine."""

    def __init__(self, why: str) -> None:
        super().__init__(
            _t(
                "中心没有国密算法 SM2 不能工作（{why}）。请安装 OpenSSL 3.0 以上的 libcrypto（Debian 的 libssl3 或 libssl3t64）",
                why=why,
            )
        )
        self.why = why


class PreparedByAnother(CentreError):
    """Another process makes keys or tables and did not end in time."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(
            _t(
                "另一个 keydesk-central 正在做 {what}，{seconds} 秒还没有做完。请看看它在做什么，等它结束再试",
                what=what,
                seconds=f"{seconds:g}",
            )
        )
        self.what = what
        self.seconds = seconds


class OthersAtWork(CentreError):
    """Keys or tables are to be made, and others work with them."""

    def __init__(self, where: str, seconds: float) -> None:
        super().__init__(
            _t(
                "另一个 keydesk-central 正在用 {where}，{seconds} 秒还没有结束，那里什么都没有改动。"
                "请在每台机器上停下 serve 和 apply，再运行一次",
                where=where,
                seconds=f"{seconds:g}",
            )
        )
        self.where = where
        self.seconds = seconds


class ServedAlready(CentreError):
    """A server works on the data directory; with SQLite there is one."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            _t(
                "{directory} 已有服务程序在运行，一个就够。请先停下它，或用 --data 另给一个目录",
                directory=directory,
            )
        )
        self.directory = directory


class TablesNewer(CentreError):
    """The tables are of a newer version than this program."""

    def __init__(self, unknown: list[str]) -> None:
        super().__init__(
            _t(
                "数据库由更新的版本建立（{unknown}）。请装回那个版本，或恢复那以前的备份",
                unknown=_t("、").join(unknown),
            )
        )
        self.unknown = unknown


class BackupFailed(CentreError):
    """A backup was not made or not opened; `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NothingToBackUp(CentreError):
    """There is no centre there."""

    def __init__(self, place: Path) -> None:
        super().__init__(
            _t("没有什么可备份：没有 {place}。请用 --data 或 --config 指明中心的数据目录", place=place)
        )
        self.place = place


class DumpFailed(CentreError):
    """PostgreSQL's database was not dumped."""

    def __init__(self, why: str) -> None:
        super().__init__(
            _t(
                "数据库没有备份成（{why}）。请安装与服务器同版本或更新的 PostgreSQL 程序；或者用别的办法备份数据库"
                "（docs/backups.md），密钥用 --keys-only 备份",
                why=why,
            )
        )
        self.why = why


class CopyUnsound(CentreError):
    """A copy or a backup of the centre does not hold."""

    def __init__(self, why: str) -> None:
        super().__init__(
            _t("中心的这份副本不能用：{why}。请换一份备份；以前的备份没有动，也没有恢复任何东西", why=why)
        )
        self.why = why


class AnotherCentre(CentreError):
    """A backup is of another centre than the data directory."""

    def __init__(self, file: Path, directory: Path) -> None:
        super().__init__(
            _t(
                "{file} 是另一个中心的，密钥与 {directory} 的不同。请换一份备份，或用 --data 另给一个新目录",
                file=file,
                directory=directory,
            )
        )
        self.file = file
        self.directory = directory


class AnotherEngine(CentreError):
    """A backup is of another kind of database than is configured."""

    def __init__(self, file: Path, found: str, wanted: str) -> None:
        super().__init__(
            _t(
                "{file} 是用 {found} 的中心的备份，配置里写的是 {wanted}。请照原来的写 database 一项",
                file=file,
                found=found,
                wanted=wanted,
            )
        )
        self.file = file
        self.found = found
        self.wanted = wanted


class DirectoryAtWork(CentreError):
    """Somebody works in the directory into which a backup is to be put back."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            _t(
                "有 keydesk-central 正在用 {directory}。请先停下 serve、apply 和其他命令，再恢复",
                directory=directory,
            )
        )
        self.directory = directory


class DatabaseBehind(CentreError):
    """The database lacks what the file beside it has: it was put back from a backup."""

    def __init__(self, file: Path, lacks: list[str]) -> None:
        super().__init__(
            _t(
                "数据库是从备份恢复的：它没有 {file} 里的（{lacks}）。请用同样的 --data 或 --config 运行 "
                "keydesk-central restored，它把这些补上，让每台终端机重新读取、重新上传；然后再启动",
                file=file,
                lacks=_t("、").join(lacks),
            )
        )
        self.file = file
        self.lacks = lacks


class KioskNumberRefused(CentreError):
    """No kiosk may have that number."""

    def __init__(self, number: int) -> None:
        super().__init__(
            _t(
                "没有 {number} 号终端机。请用 1 到 {last} 的编号，{exchange} 除外，那是交易所自己签发证书用的",
                number=number,
                last=MAXIMUM_KIOSK,
                exchange=EXCHANGE_KIOSK,
            )
        )
        self.number = number


def require_kiosk_number(number: int) -> None:
    """Refuse a number that no kiosk may have. Raises KioskNumberRefused."""
    if not 1 <= number <= MAXIMUM_KIOSK or number == EXCHANGE_KIOSK:
        raise KioskNumberRefused(number)


class ArgumentRefused(CentreError):
    """What was given on the command line is of no use."""

    def __init__(self, why: str) -> None:
        super().__init__(_t("{why}。什么都没有做", why=why))
        self.why = why


class RootFileRefused(CentreError):
    """A file of the root's, or what it asks or brings, is not in order."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(_t("{file} 不能用：{why}。什么都没有改动", file=file, why=why))
        self.file = file
        self.why = why


class RootNotDone(CentreError):
    """What concerns the root was not done."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class PortBusy(CentreError):
    """Another program listens at the address."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            _t(
                "{host}:{port} 已被别的程序占用。请用 --port 换一个端口，--port 0 自动找一个空闲的",
                host=host,
                port=port,
            )
        )
        self.host = host
        self.port = port


class CannotServe(CentreError):
    """The server did not come up."""

    def __init__(self, reason: str) -> None:
        super().__init__(_t("服务没有启动：{reason}", reason=reason))
        self.reason = reason


def _t(message: str, **parameters: object) -> str:
    return spoken().text(message, **parameters)
