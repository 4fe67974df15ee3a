"""What is wrong with the store, the configuration or the system, and what to do, for the commands of both programs."""

from __future__ import annotations

import errno
from collections.abc import Callable

from hardware.crypto.libcrypto import LibcryptoFault, LibcryptoUnusable
from hardware.tpm import TpmFault
from kiosk.backup.errors import BackupError
from kiosk.configuration import ConfigurationError, ConfigurationFault
from kiosk.store.errors import (
    AgentRunsAlready,
    CopyRefusal,
    CopyRefused,
    DescriptorsUsedUp,
    DeskRunsAlready,
    DirectoryInUse,
    DirectoryTaken,
    DiskFull,
    DiskReadOnly,
    EnrolledAlready,
    EnrolmentRuns,
    EpochUsed,
    InodesUsedUp,
    KeyFileInvalid,
    NotEnrolled,
    PassphraseNeeded,
    PassphraseWrong,
    StoreBusy,
    StoreCorrupt,
    StoreExists,
    StoreMissing,
    StoreNewer,
    StoreUnavailable,
    TablesDue,
    TpmRefuses,
    TpmUnusable,
    WrongKey,
)
from kiosk.text.backups import backup_failure
from kiosk.text.catalogue import N_

Text = Callable[..., str]


def sentence(error: Exception, text: Text) -> str:
    """The whole sentence for an error of the configuration, libcrypto, a backup or the store, or the system's refusal of a file."""
    if isinstance(error, ConfigurationError):
        return with_advice(*configuration_failure(error, text), text)
    if isinstance(error, LibcryptoUnusable):
        return with_advice(*libcrypto_failure(error, text), text)
    return with_advice(*store_failure(error, text), text)


def with_advice(found: str, advice: str, text: Text) -> str:
    """What is wrong and what to do, in one sentence."""
    return text("{found}。请{advice}", found=found, advice=advice)


def configuration_failure(error: ConfigurationError, text: Text) -> tuple[str, str]:
    """What is wrong with the configuration, and what to do about it."""
    found, advice = _CONFIGURATION[error.fault]
    return text(found, file=error.file, reason=error.reason, table=error.table), text(advice)


def libcrypto_failure(error: LibcryptoUnusable, text: Text) -> tuple[str, str]:
    """Why SM2 cannot be used on this machine, and what to do about it."""
    return text(_LIBCRYPTO[error.fault], reason=error.detail), text(_INSTALL_OPENSSL)


def store_failure(error: Exception, text: Text) -> tuple[str, str]:
    """What is wrong with the store or a backup, by its own error or the system's, and what to do about it."""
    if isinstance(error, BackupError):
        return backup_failure(error, text)
    match error:
        case CopyRefused(reason=reason):
            found, advice = _COPIES[reason]
        case TpmRefuses(fault=fault):
            found, advice = TPM_FAULTS[fault], _CODE
        case TpmUnusable(fault=fault):
            found, advice = TPM_FAULTS[fault], _ANOTHER_WAY
        case _:
            found, advice = _STORE.get(type(error), _RECORDS)
    parameters = {"reason": error, **vars(error)}
    if isinstance(error, OSError):
        usual = _SYSTEM if error.filename is None else _FILES
        found, advice = _SHORTAGES.get(error.errno or 0, usual)
        path = text(_SOME_FILE) if error.filename is None else error.filename
        parameters = {"path": path, "reason": error.strerror or error}
    return text(found, **parameters), text(advice)


_COMPARE = N_("对照 keydesk.example.toml 改正")
_CONFIGURATION = {
    ConfigurationFault.MISSING: (N_("没有配置文件 {file}"), N_("核对 --config 给的文件名")),
    ConfigurationFault.UNREADABLE: (
        N_("配置文件 {file} 读不出来（{reason}）"),
        N_("检查文件的属主、权限和编码（UTF-8）"),
    ),
    ConfigurationFault.NOT_TOML: (N_("配置文件 {file} 不是 TOML（{reason}）"), _COMPARE),
    ConfigurationFault.INVALID: (N_("配置文件 {file} 有一项不对（{reason}）"), _COMPARE),
    ConfigurationFault.LIBRARIES_NO_TABLES: (
        N_("配置文件 {file} 里 skf 的写法不对"),
        N_("给每个厂商库各写一张 [[skf]] 表，用双方括号"),
    ),
    ConfigurationFault.LIBRARY_INVALID: (
        N_("配置文件 {file} 的第 {table} 张 [[skf]] 表不对（{reason}）"),
        _COMPARE,
    ),
}

_INSTALL_OPENSSL = N_("安装 OpenSSL 3.0 以上的 libcrypto（Debian 的 libssl3 或 libssl3t64）")
_LIBCRYPTO = {
    LibcryptoFault.MISSING: N_("没有国密算法要用的 libcrypto（{reason}）"),
    LibcryptoFault.TOO_OLD: N_("libcrypto 太旧（{reason}）"),
    LibcryptoFault.WITHOUT_SM2: N_("libcrypto 不能用国密算法 SM2（{reason}）"),
}

_RESTORE = N_("用 keydesk restore 恢复最近的备份；已上传的记录由中心补回")
_ENROL = N_("运行 keydesk-sync enrol --token 令牌")
_FILES = N_("{path} 不能读写（{reason}）"), N_("检查文件是否齐全，以及属主和权限")
_SYSTEM = N_("系统不让读写（{reason}）"), N_("检查磁盘和数据目录")
_FULL = N_("磁盘已满，{path} 写不进去"), N_("清出空间")
_READ_ONLY = (
    N_("{path} 所在的文件系统是只读的"),
    N_("用 dmesg 看磁盘有没有出错；磁盘是好的，再以读写方式重新挂载"),
)
_DESCRIPTORS = (
    N_("打开的文件太多，{path} 打不开"),
    N_("关掉不用的程序，或调高限额（ulimit -n，systemd 的 LimitNOFILE）"),
)
_SHORTAGES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EMFILE: _DESCRIPTORS,
    errno.ENFILE: _DESCRIPTORS,
}
_SOME_FILE = N_("数据目录里的文件")
_RECORDS = N_("数据库里的记录读不懂（{reason}）"), _RESTORE
TPM_FAULTS = {
    TpmFault.NO_PROGRAM: N_("没有 systemd-creds，用不了 TPM"),
    TpmFault.NO_ANSWER: N_("TPM 没有应答（{detail}）"),
    TpmFault.NO_DEVICE: N_("本机没有 TPM 2（{detail}）"),
    TpmFault.NO_RIGHT: N_("当前用户不能使用本机的 TPM 2（{detail}）"),
    TpmFault.REFUSED: N_("本机的 TPM 不能封存或打开密钥（{detail}）"),
}
_CODE = N_("在终端上运行 keydesk seal unlock，输入恢复码；再用 keydesk seal tpm 重新封存")
_ANOTHER_WAY = N_("检查固件里的 TPM 2 和 /dev/tpmrm0 的权限（tss 组），或用 keydesk seal passphrase")
_STORE: dict[type[Exception], tuple[str, str]] = {
    PassphraseNeeded: (
        N_("密钥由启动密码封着"),
        N_("在终端上运行 keydesk run 或 keydesk seal unlock，输入启动密码"),
    ),
    PassphraseWrong: (
        N_("既不是启动密码，也不是恢复码，什么也没有改动"),
        N_("再试一次，次数不限"),
    ),
    StoreMissing: (
        N_("没有数据库 {path}"),
        N_("用 --data 指明本机的数据目录，或先用 keydesk-sync enrol 登记"),
    ),
    StoreExists: (N_("数据库 {path} 已经有了"), N_("再试一次，用已有的")),
    WrongKey: (N_("密钥文件打不开数据库 {path}"), N_("放回属于这个数据库的 keydesk.key")),
    KeyFileInvalid: (N_("密钥文件 {path} 不能用（{reason}）"), N_("放回原来的密钥文件，权限为 0600")),
    StoreCorrupt: (N_("数据库 {path} 已损坏（{what}）"), _RESTORE),
    StoreNewer: (N_("数据库 {path} 由更新版本的 Keydesk 建立"), N_("安装那个版本或更新的版本")),
    StoreBusy: (N_("数据库 {path} 正由别的程序写入"), N_("稍后再试")),
    DiskFull: _FULL,
    InodesUsedUp: (
        N_("磁盘上的 inode 用完了，{path} 写不进去"),
        N_("用 df -i 看是哪个文件系统，删去不用的小文件"),
    ),
    DiskReadOnly: _READ_ONLY,
    DescriptorsUsedUp: _DESCRIPTORS,
    StoreUnavailable: _FILES,
    DirectoryInUse: (
        N_("有程序正在用数据目录 {directory}"),
        N_("先停下 keydesk run、keydesk-sync run 和其他 keydesk 命令，再恢复"),
    ),
    AgentRunsAlready: (
        N_("数据目录 {directory} 已有同步程序在运行"),
        N_("让它继续运行；要换新的，先停下它"),
    ),
    DeskRunsAlready: (
        N_("数据目录 {directory} 上已有密钥服务台在运行"),
        N_("用已经打开的那一个；要在这里运行，先退出那一个"),
    ),
    EnrolmentRuns: (
        N_("数据目录 {directory} 正由另一个 keydesk-sync enrol 登记"),
        N_("等它做完，用 keydesk-sync status 看本机成了几号终端机；没有成功再登记"),
    ),
    DirectoryTaken: (N_("数据目录 {directory} 正在升级或恢复备份"), N_("等它做完再试")),
    TablesDue: (
        N_("数据库 {path} 要升级，旧版本的程序还开着它"),
        N_("先停下 keydesk run、keydesk-sync run 和其他 keydesk 命令，再启动"),
    ),
    NotEnrolled: (N_("本机还没有登记"), _ENROL),
    EnrolledAlready: (N_("本机已是 {kiosk} 号终端机"), N_("用 --data 另给一个数据目录")),
    EpochUsed: (N_("本机的日志里已有第 {epoch} 期"), N_("联系技术支持")),
}

_ANOTHER_COPY = N_("换一份备份；现用的数据没有动")
_COPIES = {
    CopyRefusal.EXISTS: (N_("{copy} 已经存在"), N_("另取一个名字；备份不盖掉任何东西")),
    CopyRefusal.MISSING: (N_("没有备份 {copy}"), N_("核对路径，存储盘是否已经插好")),
    CopyRefusal.UNREADABLE: (
        N_("备份 {copy} 读不出来（{found}）"),
        N_("检查权限和存储盘，或换一份备份；现用的数据没有动"),
    ),
    CopyRefusal.PRESENT: (N_("{copy} 就是现用的数据"), N_("给出备份的位置")),
    CopyRefusal.NO_COPY: (
        N_("{copy} 不是 Keydesk 数据的备份"),
        N_("给出 keydesk backup 做的目录，或其中的 keydesk.db；现用的数据没有动"),
    ),
    CopyRefusal.WITHOUT_KEY: (
        N_("没有能打开备份 {copy} 的密钥"),
        N_("把做备份时的 keydesk.key 放在备份旁边（同一个目录）；现用的数据没有动"),
    ),
    CopyRefusal.DAMAGED: (N_("备份 {copy} 已损坏（{found}）"), _ANOTHER_COPY),
    CopyRefusal.BROKEN_CHAIN: (N_("备份 {copy} 的日志从第 {found} 条起不连续"), _ANOTHER_COPY),
    CopyRefusal.NEWER: (
        N_("备份 {copy} 由更新版本的 Keydesk 建立"),
        N_("先装那个版本或更新的版本；现用的数据没有动"),
    ),
    CopyRefusal.NOT_ENROLLED: (N_("备份 {copy} 里还没有登记过终端机"), _ANOTHER_COPY),
    CopyRefusal.ANOTHER_KIOSK: (
        N_("备份 {copy} 是 {found} 号终端机的，本机是 {wanted} 号"),
        N_("换本机的备份；现用的数据没有动"),
    ),
    CopyRefusal.ANOTHER_MACHINE: (
        N_("备份 {copy} 是本终端机第 {found} 台机器的，现在登记的是第 {wanted} 台"),
        N_("换这台机器登记以后的备份；现用的数据没有动"),
    ),
    CopyRefusal.UNSENT: (
        N_("现用的数据是好的，其中 {found} 条记录中心还没有，恢复后本机就没有了"),
        N_("先运行 keydesk-sync once 上传；确实要丢下的，加 --leave-unsent"),
    ),
}
