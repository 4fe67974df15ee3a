"""`keydesk backup`, `keydesk backup-key` and `keydesk restore`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kiosk.backup.errors import BackupError
from kiosk.backup.keys import create_identity, identities_for
from kiosk.commands.failures import CommandError, sentence
from kiosk.commands.output import document, line
from kiosk.commands.store import directory_of
from kiosk.configuration import load
from kiosk.domain.journal import short_hash
from kiosk.store import backups
from kiosk.store.copies import Restored, make_copy, put_back
from kiosk.store.system_clock import SystemClock
from kiosk.store.verify import Verification
from kiosk.text.asking import ask_on_terminal
from kiosk.text.backups import fault_words, say_open_key
from kiosk.text.command_line import spoken
from kiosk.text.failures import with_advice
from kiosk.text.times import moment
from kiosk.text.waiting import say_waiting

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

    from kiosk.backup.records import Deposit
    from kiosk.backup.standing import BackupReport

_MEGABYTE = 1_000_000


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises CommandError, ConfigurationError, BackupError, StoreError; then nothing was changed."""
    try:
        match arguments.command:
            case "backup-key":
                return _make_key(arguments)
            case "restore":
                return _check(arguments) if arguments.check else _restore(arguments)
            case _:
                return _back_up(arguments) if arguments.copy is None else _copy(arguments)
    except OSError as error:
        raise CommandError(sentence(error, spoken().text)) from error


def _make_key(arguments: argparse.Namespace) -> int:
    text = spoken().text
    try:
        public = create_identity(arguments.file)
    except FileExistsError as error:
        found = text("{file} 已经有了，里面也许是别的备份要用的密钥", file=arguments.file)
        raise CommandError(with_advice(found, text("另取一个名字"), text)) from error
    if arguments.json:
        document({"file": str(arguments.file), "recipient": public})
        return 0
    line(text("密钥已写到 {file}", file=arguments.file))
    line(text("公钥 {key}：写进各终端机和中心的 [backup] recipients", key=public))
    line(text("密钥打开所有的备份，丢了就都打不开：抄两份，分开锁好，不要留在终端机上"))
    return 0


def _back_up(arguments: argparse.Namespace) -> int:
    configuration = load(arguments.config)
    directory = arguments.data or configuration.directory
    report = backups.back_up(
        directory, configuration.backup, SystemClock().wall(), say_waiting, ask_on_terminal
    )
    if report.fault is not None:
        raise BackupError(report.fault, report.place, report.detail)
    if arguments.json:
        document(report)
    else:
        _print_report(report)
    return 0 if report.well else 1


def _print_report(report: BackupReport) -> None:
    text = spoken().text
    entries, digest = (0, "-") if report.tip is None else (report.tip.sequence, short_hash(report.tip.hash))
    line(text("日志 {count} 条，校验 {hash}；副本已核对，加密后：", count=entries, hash=digest))
    for each in report.deposits:
        _print_deposit(each)


def _print_deposit(deposit: Deposit) -> None:
    text = spoken().text
    if deposit.file is not None:
        line(
            text(
                "已备份到 {file}（{size} MB），读回核对一致，旧的删去 {removed} 份",
                file=deposit.file,
                size=f"{deposit.size / _MEGABYTE:.1f}",
                removed=len(deposit.removed),
            )
        )
    if deposit.foreign:
        line(
            text(
                "{directory} 里另有 {count} 份本机的备份，不是现用的数据做的，可能有这里没有的记录，不会自动删去：{names}",
                directory=deposit.directory,
                count=len(deposit.foreign),
                names=" ".join(deposit.foreign),
            )
        )
    if deposit.ahead:
        line(
            text(
                "{directory} 里有 {count} 份备份的日期在将来，是时钟错过时做的，不会自动删去：{names}",
                directory=deposit.directory,
                count=len(deposit.ahead),
                names=" ".join(deposit.ahead),
            )
        )
    if deposit.fault is not None:
        line(with_advice(*fault_words(deposit.fault, deposit.directory, deposit.detail, text), text))


def _copy(arguments: argparse.Namespace) -> int:
    found = make_copy(
        directory_of(arguments),
        arguments.copy,
        with_key=not arguments.without_key,
        waiting=say_waiting,
        asking=ask_on_terminal,
    )
    if arguments.json:
        document({"copy": str(arguments.copy), "entries": found.entries, "tip": found.tip})
    else:
        _print_copy(arguments, found)
    return 0


def _print_copy(arguments: argparse.Namespace, found: Verification) -> None:
    text = spoken().text
    digest = "-" if found.tip is None else short_hash(found.tip.hash)
    line(
        text(
            "已备份到 {copy}：日志 {count} 条，校验 {hash}；已核对",
            copy=arguments.copy,
            count=found.entries,
            hash=digest,
        )
    )
    if found.different:
        line(text("本机的数据表与日志不一致：请运行 keydesk journal verify --rebuild"))
    if arguments.without_key:
        line(text("备份里没有密钥：本机的 keydesk.key 没有了，它就打不开"))
    else:
        line(text("备份里有密钥：谁拿到它，谁就能冒充本机，请锁好"))


def _check(arguments: argparse.Namespace) -> int:
    text = spoken().text
    with tempfile.TemporaryDirectory() as scratch:
        found = backups.check(
            arguments.copy,
            _identities(arguments),
            Path(scratch),
            ask_on_terminal,
        )
    if arguments.json:
        _print_document(found)
        return 0
    line(
        text(
            "备份完好：{kiosk} 号终端机第 {machine} 台，日志 {count} 条，最后一条记于 {time}",
            kiosk=found.kiosk,
            machine=found.machine,
            count=found.entries,
            time=moment(found.latest),
        )
    )
    if found.rebuilt:
        line(text("备份的数据表与日志不一致，恢复时按日志重建"))
    return 0


def _identities(arguments: argparse.Namespace) -> list[Identity]:
    """The keys that open the given copy. Raises BackupError."""
    found = identities_for(arguments.copy, arguments.identity)
    say_open_key(arguments.identity)
    return found


def _restore(arguments: argparse.Namespace) -> int:
    directory, identities = directory_of(arguments), _identities(arguments)
    if identities:
        done = backups.restore(
            arguments.copy,
            identities,
            directory,
            leave_unsent=arguments.leave_unsent,
            older=arguments.older,
            asking=ask_on_terminal,
        )
    else:
        done = put_back(
            arguments.copy, directory, leave_unsent=arguments.leave_unsent, asking=ask_on_terminal
        )
    if arguments.json:
        _print_document(done)
    else:
        _print_restored(done)
    return 0


def _print_document(done: Restored) -> None:
    aside = None if done.aside is None else str(done.aside)
    document({**msgspec.structs.asdict(done), "aside": aside})


def _print_restored(done: Restored) -> None:
    text = spoken().text
    line(
        text(
            "已恢复 {kiosk} 号终端机的备份：日志 {count} 条，最后一条记于 {time}",
            kiosk=done.kiosk,
            count=done.entries,
            time=moment(done.latest),
        )
    )
    if done.rebuilt:
        line(text("备份的数据表与日志不一致，已按日志重建"))
    if done.aside is not None and done.before is not None:
        line(text("原来的数据（日志 {count} 条）留在 {place}", count=done.before, place=done.aside))
    elif done.aside is not None:
        line(text("原来的数据读不出来，留在 {place}", place=done.aside))
    if done.before is None:
        line(text("没有核对机号：请确认本机就是 {kiosk} 号终端机", kiosk=done.kiosk))
        line(text("换了机器又连得上中心的，最好凭新令牌登记：keydesk-sync enrol --token 令牌 --from 备份"))
    line(text("下一笔订单起用新的纪元，不会重号；备份以后已上传的记录，联网后由中心补回"))
