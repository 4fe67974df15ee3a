"""What is said of backups on the command line of the centre: what went wrong with one, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime

from kiosk.backup.errors import BackupError, BackupFault
from kiosk.labels import N_
from kiosk.text.backups import Faults, backup_failure, fault_words
from kiosk.text.command_line import spoken

_RECIPIENTS = N_("运行 keydesk-central backup-key 做一对密钥，把公钥写进配置文件 [backup] 的 recipients")
_ANOTHER = N_("换一份备份；什么都没有改动")
_OWN: Faults = {
    BackupFault.UNSOUND: (N_("中心的数据不能备份（{detail}）"), N_("先解决它说的问题")),
    BackupFault.NOT_ENROLLED: (N_("没有什么可备份"), N_("先启动一次中心")),
    BackupFault.NO_RECIPIENT: (N_("没有配置备份的公钥"), _RECIPIENTS),
    BackupFault.RECIPIENT_INVALID: (N_("{place} 不是备份的公钥（{detail}）"), _RECIPIENTS),
    BackupFault.NO_DESTINATION: (
        N_("没有配置备份放在哪里"),
        N_("在配置文件 [backup] 的 destinations 里写上U盘或共享的目录，或写在命令行上"),
    ),
    BackupFault.LOST: (
        N_("备份目录 {place} 读写出错（{detail}），盘可能被拔了"),
        N_("检查以后再备份；以前的备份没有动"),
    ),
    BackupFault.IDENTITY_INVALID: (
        N_("{place} 里没有能用的密钥"),
        N_("给出 keydesk-central backup-key 做的文件，里面有一行 AGE-SECRET-KEY-1…"),
    ),
    BackupFault.UNREADABLE: (N_("备份 {place} 读不出来（{detail}）"), _ANOTHER),
    BackupFault.NO_BACKUP: (
        N_("{place} 不是 Keydesk 的备份"),
        N_("给出 keydesk-central backup 做的 .age 文件"),
    ),
    BackupFault.DAMAGED: (N_("备份 {place} 不完整，或被改过（{detail}）"), _ANOTHER),
    BackupFault.ANOTHER_KIND: (N_("备份 {place} 不是中心的"), N_("换中心的备份；什么都没有改动")),
}


def sentence(error: BackupError) -> str:
    """What is wrong with a backup, and what to do about it."""
    return _joined(*backup_failure(error, spoken().text, _OWN))


def fault_sentence(fault: BackupFault, place: str, detail: str) -> str:
    """The same of a fault that a report names."""
    return _joined(*fault_words(fault, place, detail, spoken().text, _OWN))


def _joined(found: str, advice: str) -> str:
    return spoken().text("{found}。请{advice}", found=found, advice=advice)


def time_words(seconds: int) -> str:
    """A time (UTC seconds) in UTC; the number itself where no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s"
