"""`keydesk-central backup`, `backup-key`, `restore` and `doctor`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from kiosk.backup.keys import create_identity
from kiosk.backup.standing import BackupState, state
from kiosk.labels import N_
from kiosk.text.backups import say_open_key
from kiosk.text.command_line import spoken
from sync.central import configuration
from sync.central.backups.making import Wanted, back_up
from sync.central.backups.putting_back import put_back
from sync.central.backups.record import read_record
from sync.central.backups.wording import fault_sentence, time_words
from sync.central.centre_keys import root_words
from sync.central.errors import BackupFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from kiosk.backup.records import Deposit
    from sync.central.backups.making import Backup
    from sync.central.backups.proving import Proof

    Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse has no other name for it

_MEGABYTE = 1_000_000


def add_commands(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add what there is to say on the command line."""
    text = spoken().text

    def command(name: str, help_: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(
            name, parents=[common], help=help_, description=help_
        )
        made.set_defaults(run=run, preparing=False, needs_centre=False)
        return made

    backup = command("backup", text("加密备份中心的数据，服务照常运行"), _back_up)
    backup.add_argument(
        "directories",
        nargs="*",
        metavar="DIRECTORY",
        help=text("备份到哪里，代替配置 [backup] 的 destinations"),
    )
    backup.add_argument("--keys-only", action="store_true", help=text("只备份密钥，不带数据库（PostgreSQL）"))
    key = command("backup-key", text("做一把打开加密备份的密钥，离线保管；显示公钥"), _make_key)
    key.add_argument("file", type=Path, metavar="FILE", help=text("密钥写到哪个文件，还没有的"))
    restore = command("restore", text("恢复备份；原来的数据留在一边，不删除"), _put_back)
    restore.add_argument("file", type=Path, metavar="FILE", help=text("备份，一个 .age 文件"))
    restore.add_argument(
        "--identity",
        type=Path,
        metavar="KEY",
        required=True,
        help=text("打开加密备份的密钥文件，由 backup-key 做成"),
    )
    restore.add_argument(
        "--older", action="store_true", help=text("旁边有更新的加密备份，也恢复这一份较早的")
    )
    for each in (backup, restore):
        each.add_argument(
            "--without-replay",
            action="store_true",
            help=text("不重放日志来核对各表：有几百万条记录时，重放要一个小时"),
        )
    doctor = command("doctor", text("最近一次备份有多旧，根密钥在哪里"), _examine)
    doctor.set_defaults(needs_centre=True)


def _make_key(options: argparse.Namespace) -> int:
    text = spoken().text
    try:
        public = create_identity(options.file)
    except OSError as error:
        raise BackupFailed(
            text("{file} 做不成（{why}）。请另取一个名字", file=options.file, why=error.strerror or error)
        ) from error
    sys.stdout.write(f"{public}\n")
    _say(text("密钥已写到 {file}，上面是它的公钥：写进 [backup] recipients", file=options.file))
    _say(text("密钥打开所有的备份，丢了就都打不开：抄两份，分开锁好，不要留在中心上"))
    return 0


def _back_up(options: argparse.Namespace) -> int:
    loaded = configuration.load()
    settings = loaded.backup
    if options.directories:
        settings = msgspec.structs.replace(settings, destinations=tuple(options.directories))
    wanted = Wanted(keys_only=options.keys_only, replaying=not options.without_replay)
    made = back_up(loaded, settings, int(time.time()), wanted)
    _tell_backup(made)
    return 0 if made.report.well else 1


def _tell_backup(made: Backup) -> None:
    if made.proof is not None:
        _say(_proved(made.proof))
    for each in made.report.deposits:
        if each.file is not None:
            _say(
                spoken().text(
                    "{file}：{size} MB，读回来核对过；删掉较早的 {removed} 份",
                    file=each.file,
                    size=f"{each.size / _MEGABYTE:.1f}",
                    removed=len(each.removed),
                )
            )
        _tell_left(each)
        if each.fault is not None:
            _warn(fault_sentence(each.fault, each.directory, each.detail))


def _tell_left(deposit: Deposit) -> None:
    """Say what is never removed."""
    text = spoken().text
    if deposit.foreign:
        _say(
            text(
                "{directory}：有 {count} 份本中心的备份是恢复以前做的，或在别处做的，里面可能有这里没有的；要由人来删：{names}",
                directory=deposit.directory,
                count=len(deposit.foreign),
                names=text("、").join(deposit.foreign),
            )
        )
    if deposit.ahead:
        _warn(
            text(
                "{directory}：有 {count} 份备份的日期在将来，做的时候时钟不准；要由人来删：{names}",
                directory=deposit.directory,
                count=len(deposit.ahead),
                names=text("、").join(deposit.ahead),
            )
        )


def _proved(proof: Proof) -> str:
    text = spoken().text
    tables = text("各表就是日志重放出来的") if proof.replayed else text("各表没有与日志核对")
    return text(
        "核对过：{strands} 条日志线，{entries} 条记录；{tables}",
        strands=proof.strands,
        entries=proof.entries,
        tables=tables,
    )


def _put_back(options: argparse.Namespace) -> int:
    loaded = configuration.load()
    say_open_key(options.identity)
    restored = put_back(
        options.file,
        options.identity,
        loaded,
        int(time.time()),
        replaying=not options.without_replay,
        older=options.older,
    )
    text = spoken().text
    made = time_words(restored.made)
    _say(text("{time} 的备份已恢复到 {directory}", time=made, directory=loaded.directory))
    if restored.aside is not None:
        _say(text("原来的数据在 {directory} 里，什么都没有删", directory=restored.aside))
    if restored.proof is None:
        _say(text(_WITH_POSTGRESQL, directory=loaded.directory))
        return 0
    _say(_proved(restored.proof))
    _say(
        text(
            "第 {number} 代开始；数据库旁边的文件里有 {taken} 项停用、吊销和代次，已读入",
            number=restored.incarnation,
            taken=restored.taken,
        )
    )
    _say(text(_WHAT_TO_DO))
    return 0


_WHAT_TO_DO = N_(
    "下一步：启动 keydesk-central serve，重新登录控制台，逐条处理告警：确认机器，核对人员的权限、备份之后处理过的"
    "待办事项和退款。登记令牌和登录都已失效；终端机会自己重新读取资料、重新上传记录"
)
_WITH_POSTGRESQL = N_(
    "密钥已经放好；备份里有数据库的，也在 {directory}/database.dump。下一步，把数据库恢复到新建的空库：\n"
    "  createdb keydesk; pg_restore --exit-on-error --single-transaction --no-owner --dbname=keydesk {directory}/database.dump\n"
    "（或者用基础备份），运行 keydesk-central restored，再启动 serve；运行 restored 以前谁都不能工作"
)


def _examine(_options: argparse.Namespace) -> int:
    text, loaded, now = spoken().text, configuration.load(), int(time.time())
    record = read_record(loaded.directory)
    found = state(loaded.backup, record, now)
    said = [text(_STATES[found])]
    if record is not None and record.newest is not None:
        said.append(text("最近备好的是 {hours} 小时以前的", hours=(now - record.newest) // 3600))
    if record is not None and not record.last.well:
        faults = (
            fault_sentence(each.fault, each.directory, each.detail)
            for each in record.last.deposits
            if each.fault is not None
        )
        said.append(text("最后一次：{why}", why=record.last.detail or text("；").join(faults)))
    _say(text("备份：{state}", state=text("；").join(said)))
    _say(root_words(loaded.directory))
    return 0 if found is BackupState.FRESH else 1


_STATES = {
    BackupState.FRESH: N_("正常"),
    BackupState.FAILING: N_("最后一次没有送到每一处"),
    BackupState.STALE: N_("过期：运行 keydesk-central backup，并查明为什么没有人做"),
    BackupState.AHEAD: N_(
        "有的备份日期在将来，时钟错过：校准系统时间，核对并删去日期在将来的，再运行 keydesk-central backup"
    ),
    BackupState.MISSING: N_("还没有备好过一次：运行 keydesk-central backup"),
    BackupState.NOT_CONFIGURED: N_("没有配置：在配置文件的 [backup] 里写上公钥和目录（docs/backups.md）"),
}


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")


def _warn(sentence: str) -> None:
    sys.stderr.write(f"keydesk-central: {sentence}\n")
