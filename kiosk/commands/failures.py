"""What keeps a command from its work, in one sentence: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.commands.errors import CommandError
from kiosk.configuration import ConfigurationError
from kiosk.domain.errors import EntryMalformed
from kiosk.store.errors import (
    DiskFull,
    KeyFileInvalid,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreMissing,
    StoreNewer,
    StoreUnavailable,
    WrongKey,
)
from kiosk.text.catalogue import N_

Text = Callable[..., str]
FAILURES = (CommandError, ConfigurationError, StoreError, EntryMalformed)


def sentence(error: Exception, text: Text) -> str:
    """The whole sentence for one of FAILURES, or for the system's refusal of a file of the store."""
    if isinstance(error, ConfigurationError):
        return text("配置文件 {file} 不能用：{problem}", file=error.file, problem=error.problem)
    if isinstance(error, CommandError):
        return str(error)
    found, advice = store_failure(error, text)
    return text("{found}。请{advice}", found=found, advice=advice)


def store_failure(error: Exception, text: Text) -> tuple[str, str]:
    """What is wrong with the store, by its own error or the system's, and what to do about it."""
    found, advice = _STORE.get(type(error), _RECORDS)
    parameters = {"reason": error, **vars(error)}
    if isinstance(error, OSError):
        found, advice = _FILES
        parameters = {"path": error.filename, "reason": error.strerror}
    return text(found, **parameters), text(advice)


_RESTORE = N_("恢复最近的备份；已上传的记录由中心补回")
_FILES = N_("{path} 不能读写（{reason}）"), N_("检查文件是否齐全，以及属主和权限")
_RECORDS = N_("数据库里的记录读不懂（{reason}）"), _RESTORE
_STORE: dict[type[Exception], tuple[str, str]] = {
    StoreMissing: (
        N_("没有数据库 {path}"),
        N_("用 --data 指明本机的数据目录，或先用 keydesk-sync enrol 登记"),
    ),
    WrongKey: (N_("密钥文件打不开数据库 {path}"), N_("放回属于这个数据库的 keydesk.key")),
    KeyFileInvalid: (N_("密钥文件 {path} 不能用（{reason}）"), N_("放回原来的密钥文件，权限为 0600")),
    StoreCorrupt: (N_("数据库 {path} 已损坏（{what}）"), _RESTORE),
    StoreNewer: (N_("数据库 {path} 由更新版本的 Keydesk 建立"), N_("安装那个版本或更新的版本")),
    StoreBusy: (N_("数据库 {path} 正由别的程序写入"), N_("稍后再试")),
    DiskFull: (N_("磁盘已满，{path} 写不进去"), N_("清出空间")),
    StoreUnavailable: _FILES,
}
