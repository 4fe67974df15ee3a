"""`keydesk journal verify [--rebuild]` and `keydesk journal export`."""

from __future__ import annotations

import argparse
import sys

from kiosk.commands.failures import CommandError
from kiosk.commands.output import document, line
from kiosk.commands.store import open_store
from kiosk.domain.journal import short_hash
from kiosk.labels import N_
from kiosk.store.course import SnapshotFlaw
from kiosk.store.verify import Verification, export, verify
from kiosk.text.command_line import spoken
from kiosk.text.times import moment

_FLAWS = {
    SnapshotFlaw.MISSING: N_("较早的记录已不在，也没有中心确认过的快照"),
    SnapshotFlaw.UNREADABLE: N_("快照读不出来"),
    SnapshotFlaw.ANOTHER_KIOSK: N_("快照是别的终端机的"),
    SnapshotFlaw.SIGNATURE: N_("快照的签名无效"),
    SnapshotFlaw.ACKNOWLEDGEMENT: N_("中心的确认无效"),
    SnapshotFlaw.HEAD: N_("快照到的那一条不在，或与日志里的不一样"),
    SnapshotFlaw.LINKS: N_("较早记录的哈希缺了，或与快照签名的不一样"),
    SnapshotFlaw.ROWS: N_("快照的内容与签名的不一样"),
}


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 only when all is as it should be. Raises CommandError, ConfigurationError, StoreError, EntryMalformed."""
    return _verify(arguments) if arguments.verb == "verify" else _export(arguments)


def _verify(arguments: argparse.Namespace) -> int:
    found = verify(open_store(arguments), rebuild=arguments.rebuild)
    proved = found.sound and not found.different
    if arguments.json:
        document({"sound": found.sound, "found": found})
    elif found.damaged_pages:
        _print_damage(found)
    else:
        _print_findings(found)
    return 0 if proved else 1


def _print_damage(found: Verification) -> None:
    text = spoken().text
    for page in found.damaged_pages:
        line(text("数据库页损坏：{page}", page=page))
    line(text("其余的没有查：在坏页上查不出什么。用 keydesk restore 恢复最近的备份"))


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
    if found.start.snapshot is not None:
        line(
            text(
                "第 {sequence} 条及以前由快照代表（{time} 签名），签名和中心的确认都有效",
                sequence=found.start.sequence,
                time=moment(found.start.snapshot.time),
            )
        )
    if found.broken is not None:
        line(
            text(
                "第 {sequence} 条起不连续：{reason}",
                sequence=found.broken.sequence,
                reason=found.broken.reason,
            )
        )
        return
    if found.unsound_start is not None:
        line(text("日志开头的快照不对：{flaw}", flaw=text(_FLAWS[found.unsound_start])))
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
