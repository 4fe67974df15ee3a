"""What is said of encrypted backups: what went wrong with one, and how the kiosk stands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from kiosk.backup.errors import BackupError, BackupFault
from kiosk.backup.keys import others_can_read
from kiosk.backup.standing import BackupState
from kiosk.text.catalogue import N_
from kiosk.text.command_line import spoken
from kiosk.text.times import moment

Text = Callable[..., str]
Faults: TypeAlias = Mapping[BackupFault, tuple[str, str]]
_NONE: Faults = MappingProxyType({})

_OLDER_STAY = N_("以前的备份没有动；弄好以后再运行 keydesk backup")
_ANOTHER = N_("换一份备份；现用的数据没有动")
_RECIPIENTS = N_("运行 keydesk backup-key 做一对密钥，把公钥写进配置文件 [backup] 的 recipients")
_FAULTS = {
    BackupFault.UNSOUND: (N_("本机的数据不能备份（{detail}）"), N_("运行 keydesk doctor，先解决它说的问题")),
    BackupFault.NO_ROOM_HERE: (N_("本机的磁盘放不下要用的副本"), N_("清出空间")),
    BackupFault.BUSY: (N_("另一个备份或恢复正在进行"), N_("等它做完再试")),
    BackupFault.NO_ROOM_TO_OPEN: (N_("本机放不下备份 {place} 里的文件（{detail} 字节）"), N_("清出空间")),
    BackupFault.SCRATCH_TAKEN: (
        N_("{place} 不是目录，可能有人放了链接"),
        N_("查明是谁放的，移走后再试；什么都没有动"),
    ),
    BackupFault.NOT_ENROLLED: (N_("本机还没有登记，没有什么可备份"), N_("先用 keydesk-sync enrol 登记")),
    BackupFault.NO_RECIPIENT: (N_("没有配置备份的公钥"), _RECIPIENTS),
    BackupFault.RECIPIENT_INVALID: (N_("{place} 不是备份的公钥（{detail}）"), _RECIPIENTS),
    BackupFault.NO_DESTINATION: (
        N_("没有配置备份放在哪里"),
        N_("在配置文件 [backup] 的 destinations 里写上U盘或共享的目录"),
    ),
    BackupFault.DESTINATION_MISSING: (N_("没有备份目录 {place}"), N_("插好U盘或接上共享；以前的备份没有动")),
    BackupFault.DESTINATION_NO_DIRECTORY: (
        N_("备份目录 {place} 是一个文件，不是目录"),
        N_("在 [backup] 的 destinations 里写目录"),
    ),
    BackupFault.DESTINATION_TWICE: (
        N_("备份目录 {place} 与 {detail} 在同一个盘上，等于只有一份"),
        N_("换一个U盘或共享，或从 [backup] 的 destinations 里去掉一个"),
    ),
    BackupFault.SAME_DISK: (
        N_("备份目录 {place} 与数据在同一块盘上"),
        N_("插好、挂上U盘或共享；真要放在同一块盘上的，在 [backup] 里写 same_disk = true"),
    ),
    BackupFault.NOT_WRITABLE: (
        N_("备份目录 {place} 不能写（{detail}）"),
        N_("检查写保护、属主和权限；以前的备份没有动"),
    ),
    BackupFault.READ_ONLY: (
        N_("备份目录 {place} 是只读的"),
        N_("关掉U盘的写保护，或重新挂载成可写的；以前的备份没有动"),
    ),
    BackupFault.TOO_SMALL: (
        N_("备份目录 {place} 的盘太小，一份备份要 {detail}"),
        N_("换一个大的；以前的备份没有动"),
    ),
    BackupFault.NO_ROOM: (N_("备份目录 {place} 放不下了"), N_("清出空间，或换一个大的；以前的备份没有动")),
    BackupFault.TOO_LARGE: (
        N_("备份目录 {place} 的文件系统放不下这么大的文件"),
        N_("换成 exFAT 或 ext4 的盘；以前的备份没有动"),
    ),
    BackupFault.LOST: (N_("备份目录 {place} 读写出错（{detail}），盘可能被拔了"), _OLDER_STAY),
    BackupFault.CHANGED: (N_("写到 {place} 的备份，读回来不一样"), N_("换一个盘；以前的备份没有动")),
    BackupFault.TAKEN: (N_("{place} 里已经有同名的备份"), N_("稍等再备份")),
    BackupFault.IDENTITY_WANTED: (
        N_("备份 {place} 是加密的"),
        N_("加 --identity，给出离线保管的密钥文件"),
    ),
    BackupFault.IDENTITY_UNREADABLE: (N_("密钥文件 {place} 读不出来（{detail}）"), N_("核对路径和权限")),
    BackupFault.IDENTITY_INVALID: (
        N_("{place} 里没有能用的密钥"),
        N_("给出 keydesk backup-key 做的文件，里面有一行 AGE-SECRET-KEY-1…"),
    ),
    BackupFault.WRONG_IDENTITY: (
        N_("这把密钥打不开备份 {place}"),
        N_("换做备份时配置的那把；每把都打不开的，是备份的开头坏了"),
    ),
    BackupFault.MISSING: (N_("没有备份 {place}"), N_("核对路径，存储盘是否已经插好")),
    BackupFault.UNREADABLE: (
        N_("备份 {place} 读不出来（{detail}）"),
        N_("检查权限和存储盘；现用的数据没有动"),
    ),
    BackupFault.NO_BACKUP: (N_("{place} 不是 Keydesk 的备份"), N_("给出 keydesk backup 做的 .age 文件")),
    BackupFault.DAMAGED: (N_("备份 {place} 不完整，或被改过（{detail}）"), _ANOTHER),
    BackupFault.NEWER: (N_("备份 {place} 由更新版本的 Keydesk 建立"), N_("先装那个版本或更新的版本")),
    BackupFault.OLDER: (
        N_("同一处还有更新的备份 {detail}，里面可能有 {place} 没有的记录"),
        N_("恢复更新的那一份；真要恢复较早的，加 --older，并留好更新的那一份"),
    ),
    BackupFault.ANOTHER_KIND: (N_("备份 {place} 不是终端机的"), N_("换终端机的备份；现用的数据没有动")),
}


def backup_failure(error: BackupError, text: Text, own: Faults = _NONE) -> tuple[str, str]:
    """What is wrong with a backup, and what to do about it; a program that has its own words for some faults gives them."""
    return fault_words(error.fault, error.place, error.detail, text, own)


_STATES = {
    BackupState.FRESH: N_("最近的加密备份是 {time} 的"),
    BackupState.FAILING: N_("最近的加密备份是 {time} 的，上一次没有全部做成"),
    BackupState.STALE: N_("最近的加密备份是 {time} 的，太旧了"),
    BackupState.AHEAD: N_("最近的加密备份是 {time} 的；有的备份日期在将来，时钟错过"),
    BackupState.MISSING: N_("还没有加密备份"),
    BackupState.NOT_CONFIGURED: N_("还没有加密备份"),
}
_CLOCK = N_("校准系统时间，再运行 keydesk backup；日期在将来的备份由人核对后删去")
_TRY = N_("运行 keydesk backup，看它说什么")


def state_words(state: BackupState, newest: int | None, text: Text) -> tuple[str, str]:
    """How it stands with this kiosk's backups, and what to do, which is empty where all is well; `newest` in UTC seconds."""
    found = text(_STATES[state], time="-" if newest is None else moment(newest))
    if state is BackupState.FRESH:
        return found, ""
    return found, text(_CLOCK if state is BackupState.AHEAD else _TRY)


def say_open_key(file: Path | None) -> None:
    """Say on standard error where other users can read that recovery key; the program works with it all the same."""
    if file is not None and others_can_read(file):
        said = N_(
            "密钥文件 {file} 这台机器的其他用户也能读，拿到它就打得开所有的备份。"
            "请改成只有自己能读（chmod 600）；在存储盘上的，用完就取出"
        )
        sys.stderr.write(spoken().text(said, file=file) + "\n")
        sys.stderr.flush()


def fault_words(
    fault: BackupFault, place: Path | str, detail: str, text: Text, own: Faults = _NONE
) -> tuple[str, str]:
    """The same of a fault that a report names."""
    found, advice = own.get(fault) or _FAULTS[fault]
    return text(found, place=place, detail=detail or "-"), text(advice)
