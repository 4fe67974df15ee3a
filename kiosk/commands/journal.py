"""`keydesk journal verify [--rebuild]` and `keydesk journal export`."""

from __future__ import annotations

import argparse
import sys

from kiosk.commands.failures import CommandError
from kiosk.commands.output import document, line
from kiosk.commands.store import open_store
from kiosk.domain.journal import short_hash
from kiosk.store.verify import Verification, export, verify
from kiosk.text.command_line import spoken


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 only when all is as it should be. Raises CommandError, ConfigurationError, StoreError, EntryMalformed."""
    return _verify(arguments) if arguments.verb == "verify" else _export(arguments)


def _verify(arguments: argparse.Namespace) -> int:
    found = verify(open_store(arguments), rebuild=arguments.rebuild)
    proved = found.sound and not found.different
    if arguments.json:
        document({"sound": found.sound, "found": found})
    else:
        _print_findings(found)
    return 0 if proved else 1


def _print_findings(found: Verification) -> None:
    text = spoken().text
    if found.tip is None:
        line(text("日志是空的"))
    else:
        line(
            text(
                "日志共 {count} 条，末尾第 {sequence} 条，校验 {hash}",
                count=found.entries,
                sequence=found.tip.sequence,
                hash=short_hash(found.tip.hash),
            )
        )
    for page in found.damaged_pages:
        line(text("数据库页损坏：{page}", page=page))
    if found.broken is not None:
        line(
            text(
                "第 {sequence} 条起不连续：{reason}",
                sequence=found.broken.sequence,
                reason=found.broken.reason,
            )
        )
        return
    line(text("哈希链完整"))
    for difference in found.differences:
        line(text("数据表与日志不一致：{row}", row=difference))
    if found.different > len(found.differences):
        line(text("还有 {count} 行不一致", count=found.different - len(found.differences)))
    if found.rebuilt:
        line(text("已按日志重建数据表"))
    elif not found.different:
        line(text("数据表就是日志的折叠"))


def _export(arguments: argparse.Namespace) -> int:
    text = spoken().text
    database = open_store(arguments)
    if arguments.output is None:
        export(database, sys.stdout)
        return 0
    try:
        with arguments.output.open("x", encoding="utf-8") as stream:
            count = export(database, stream)
    except FileExistsError as error:
        raise CommandError(text("{file} 已经存在；请另取一个文件名", file=arguments.output)) from error
    except OSError as error:
        sentence = text("{file} 不能写入：{reason}", file=arguments.output, reason=error.strerror)
        raise CommandError(sentence) from error
    line(text("已写出 {count} 条", count=count))
    return 0
