"""`keydesk backup` and `keydesk restore`."""

from __future__ import annotations

import argparse
import os

import msgspec

from kiosk.commands.failures import CommandError, sentence
from kiosk.commands.output import document, line
from kiosk.commands.store import directory_of
from kiosk.domain.journal import short_hash
from kiosk.store.copies import Restored, make_copy, put_back
from kiosk.store.verify import Verification
from kiosk.text.command_line import spoken
from kiosk.text.times import moment
from kiosk.text.waiting import say_waiting


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises CommandError, ConfigurationError, StoreError; then nothing was changed."""
    os.umask(0o077)  # other users of the machine must not read the kiosk's data
    try:
        return _backup(arguments) if arguments.command == "backup" else _restore(arguments)
    except OSError as error:
        raise CommandError(sentence(error, spoken().text)) from error


def _backup(arguments: argparse.Namespace) -> int:
    found = make_copy(
        directory_of(arguments), arguments.copy, with_key=not arguments.without_key, waiting=say_waiting
    )
    if arguments.json:
        document({"copy": str(arguments.copy), "entries": found.entries, "tip": found.tip})
    else:
        _print_backup(arguments, found)
    return 0


def _print_backup(arguments: argparse.Namespace, found: Verification) -> None:
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


def _restore(arguments: argparse.Namespace) -> int:
    done = put_back(arguments.copy, directory_of(arguments), leave_unsent=arguments.leave_unsent)
    if arguments.json:
        aside = None if done.aside is None else str(done.aside)
        document({**msgspec.structs.asdict(done), "aside": aside})
    else:
        _print_restored(done)
    return 0


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
    line(text("下一笔订单起用新的纪元，不会重号；备份以后已上传的记录，联网后由中心补回"))
