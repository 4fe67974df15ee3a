"""Readers, keys, vendors' libraries, printer and scanner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hardware.pcsc.library import SystemLibrary
from hardware.pcsc.names import is_plain
from hardware.pcsc.source import PcscTokenSource
from hardware.ports import (
    HardwareError,
    LibraryTrouble,
    MalformedAnswer,
    PrinterState,
    ReaderTrouble,
    ReaderUnavailable,
    SerialMissing,
    TokenFault,
    TokenHeld,
    TokenNotPrepared,
    TokenNotRecognised,
    TokenPresence,
    TokenRemoved,
    TokenSource,
)
from hardware.printer import EscposPrinter
from hardware.token.known_cards import KnownCard, describe_card
from hardware.token.skf.profile import SkfProfile
from hardware.token.skf.source import SkfTokenSource
from kiosk.assembly import card_drivers
from kiosk.commands.doctor.checks import Check, Level
from kiosk.configuration import Configuration
from kiosk.text.catalogue import N_
from kiosk.text.failures import Text

if TYPE_CHECKING:
    from hardware.pcsc.calls import ReaderState


def check_drivers(configuration: Configuration, text: Text) -> Check:
    """The kinds of keys that the desk can work with."""
    names = (
        *(driver.name for driver in card_drivers(configuration)),
        *(each.name for each in configuration.skf),
    )
    return Check(text("key盘驱动"), Level.WORKS, ", ".join(names))


def check_reader(configuration: Configuration, text: Text) -> Iterator[Check]:
    """The readers, and each card in them with what recognised it."""
    name = text("读卡器")
    try:
        SystemLibrary()
    except ReaderUnavailable as error:
        yield Check(
            name, Level.MISSING, _why(error, text), text("安装 libpcsclite1 和 pcscd，启动 pcscd 服务")
        )
        return
    source = PcscTokenSource(card_drivers(configuration))
    try:
        present = source.present()
        states = source.states()
    except ReaderUnavailable as error:
        yield _unavailable(error, text)
        return
    plain = "; ".join(each.reader for each in states if each.state is not None and is_plain(each.name))
    if plain:
        yield Check(name, Level.WORKS, plain)
    yield from _odd_readers(states, text)
    if not present:
        yield Check(text("key盘"), Level.WORKS, text("没有插入key盘"))
    for presence in present:
        yield _token(source, presence, text)


def _unavailable(error: ReaderUnavailable, text: Text) -> Check:
    found = text("没有可用的读卡器（{reason}）", reason=_why(error, text))
    return Check(text("读卡器"), Level.MISSING, found, text("启动 pcscd 服务，接好读卡器"))


_TROUBLES = {
    ReaderTrouble.LIBRARY: N_("加载不了 PC/SC 的库 {detail}"),
    ReaderTrouble.SERVICE: N_("pcscd 没有应答：{detail}"),
    ReaderTrouble.NO_READER: N_("没有接读卡器"),
    ReaderTrouble.FORBIDDEN: N_("pcscd 不让这个用户使用读卡器（polkit：access_card）"),
}


def _why(error: ReaderUnavailable, text: Text) -> str:
    return error.reason if error.trouble is None else text(_TROUBLES[error.trouble], detail=error.detail)


def _fault(error: HardwareError, text: Text) -> str:
    """What a key did, in the doctor's few words."""
    match error:
        case TokenRemoved():
            return text("没有应答，可能被拔出了")
        case TokenNotPrepared():
            return text("没有初始化")
        case SerialMissing():
            return text("没有序列号")
        case MalformedAnswer():
            return text("回答的内容不合规范")
        case TokenFault():
            return text(
                "出错，{instruction} 回答 {code}",
                instruction=f"{error.instruction:02X}",
                code=f"{error.status_word:04X}",
            )
        case _:
            return text("读不出来（{kind}）", kind=type(error).__name__)


def _odd_readers(states: tuple[ReaderState, ...], text: Text) -> Iterator[Check]:
    """The readers whose names others cannot read, and those of which PC/SC tells nothing."""
    name = text("读卡器")
    rename = text("其他程序读不到它时，在 /etc/reader.conf.d 里把它的 FRIENDLYNAME 改成英文，再重启 pcscd")
    for each in states:
        if each.state is None:
            found = text("{reader}：系统列出了它，但读不到它的状态", reader=each.reader)
            yield Check(name, Level.MISSING, found, text("拔下重插这个读卡器；还不行，重启 pcscd 或换一个"))
        elif not is_plain(each.name):
            found = text("{reader}：可以用，名称不是英文", reader=each.reader)
            yield Check(name, Level.WORKS, found, rename)


def check_libraries(profiles: tuple[SkfProfile, ...], text: Text) -> Iterator[Check]:
    """Each vendor's library: whether it serves, and the keys that it reaches."""
    for profile in profiles:
        name = text("厂商库")
        source = SkfTokenSource((profile,))
        try:
            present = source.present()
            found = f"{profile.name}: {profile.library}"
            problems = source.problems()
            if not problems:
                yield Check(name, Level.WORKS, found)
            for problem in problems:
                why, advice = _LIBRARY_TROUBLES[problem.trouble or LibraryTrouble.FAULTY]
                fault = text("{library}：{fault}", library=found, fault=text(why, detail=problem.detail))
                yield Check(name, Level.MISSING, fault, text(advice))
            for presence in present:
                yield _token(source, presence, text)
        finally:
            source.close()


_WRITE_RIGHT = N_("把 [[skf]] 的 library 写对，或安装厂商的驱动")
_ASK_VENDOR = N_("更新厂商的驱动；还不行，请厂商查看")
_LIBRARY_TROUBLES = {
    LibraryTrouble.ABSENT: (N_("没有这个文件"), _WRITE_RIGHT),
    LibraryTrouble.NOT_FOUND: (
        N_("系统找不到这个库"),
        N_("在 [[skf]] 的 library 里写完整的路径，或安装厂商的驱动"),
    ),
    LibraryTrouble.FOLDER: (N_("是个目录，不是库文件"), _WRITE_RIGHT),
    LibraryTrouble.UNREADABLE: (N_("读不了，系统说「{detail}」"), N_("让运行密钥服务台的用户能读它")),
    LibraryTrouble.NO_LIBRARY: (N_("不是本系统的库文件"), _WRITE_RIGHT),
    LibraryTrouble.ANOTHER_MACHINE: (
        N_("是给别的机型的（它的 / 本机的：{detail}）"),
        N_("安装厂商给本机机型的驱动"),
    ),
    LibraryTrouble.NEEDS: (N_("还缺它要用的 {detail}"), N_("安装带有它的软件包")),
    LibraryTrouble.INCOMPLETE: (
        N_("不是完整的 SKF 库（GM/T 0016），没有 {detail} 等函数"),
        N_("在 [[skf]] 里写厂商的 SKF 库，或向厂商要完整的"),
    ),
    LibraryTrouble.REFUSED: (N_("加载不了，系统说「{detail}」"), N_("重新安装厂商给本机机型的驱动")),
    LibraryTrouble.NOT_STARTED: (
        N_("起不了它的进程，系统说「{detail}」"),
        N_("重启本机；还不行，请技术人员查看"),
    ),
    LibraryTrouble.CRASHED: (N_("一用就崩溃（{detail}）"), _ASK_VENDOR),
    LibraryTrouble.HUNG: (N_("没有应答（{detail}）"), _ASK_VENDOR),
    LibraryTrouble.ANSWERED: (N_("列不出key盘，出错 {detail}"), _ASK_VENDOR),
    LibraryTrouble.FAULTY: (N_("回答的内容不合规范"), _ASK_VENDOR),
}


def _token(source: TokenSource, presence: TokenPresence, text: Text) -> Check:
    name = text("key盘")
    try:
        token = source.open(presence)
    except TokenNotRecognised as error:
        card = describe_card(error.atr)
        seems, advice = _UNKNOWN if card is None else _SEEMS[card]
        found = f"{presence.reader}: {text(seems)}, ATR {error.atr.hex(' ').upper()}"
        return Check(name, Level.MISSING, found, text(advice))
    except TokenHeld as error:
        programs = ", ".join(error.programs)
        found = text("{reader}：正被别的程序占用", reader=presence.reader)
        if programs:
            found = text(
                "{reader}：正被别的程序占用，可能是 {programs}", reader=presence.reader, programs=programs
            )
        return Check(
            name, Level.MISSING, found, text("关掉占用它的程序（浏览器插件、邮件程序等），key盘会自动恢复")
        )
    except ReaderUnavailable as error:  # the service ended since the readers were listed: no fault of the key
        return _unavailable(error, text)
    except HardwareError as error:
        advice = text("换一只key盘，或请技术人员查看")
        found = text("{reader}：{fault}", reader=presence.reader, fault=_fault(error, text))
        return Check(name, Level.MISSING, found, advice)
    try:
        return Check(name, Level.WORKS, f"{presence.reader}: {token.serial} ({token.driver})")
    finally:
        token.close()


_TAKE_OUT = N_("取出还给本人，插入key盘")


_SEEMS = {
    KnownCard.SECURITY_KEY: (N_("YubiKey，没有开启 PIV"), N_("开启它的 PIV：ykman config usb --enable PIV")),
    KnownCard.OTHER_KEY: (N_("像别家证书机构的key盘"), N_("换本所的key盘；厂商有库的，在 [[skf]] 里配置")),
    KnownCard.BANK_CARD: (N_("像银行卡"), _TAKE_OUT),
    KnownCard.SIM_CARD: (N_("像手机卡"), _TAKE_OUT),
    KnownCard.IDENTITY_CARD: (N_("像身份证件"), _TAKE_OUT),
    KnownCard.TRANSPORT_CARD: (N_("像公交卡"), _TAKE_OUT),
    KnownCard.STORAGE_CARD: (N_("像门禁卡或饭卡"), _TAKE_OUT),
}


_UNKNOWN = (N_("认不出的卡"), N_("换一只key盘；把 ATR 告诉技术人员"))


def check_printer(configuration: Configuration, text: Text) -> Check:
    """Whether the printer is ready."""
    name = text("打印机")
    if configuration.printer is None:
        return Check(name, Level.MISSING, text("没有配置"), text("在配置文件里加 [printer]"))
    state = EscposPrinter(configuration.printer).state()
    match state:
        case PrinterState.READY:
            return Check(name, Level.WORKS, text("正常"))
        case PrinterState.PAPER_OUT:
            return Check(name, Level.MISSING, text("缺纸"), text("装上纸卷"))
        case _:
            return Check(name, Level.MISSING, text("没有应答"), text("检查电源、连线和 [printer] 配置"))


def check_scanner(configuration: Configuration, text: Text) -> Check:
    """Whether the scanner answers."""
    name = text("扫码器")
    if configuration.scanner is None:
        return Check(name, Level.MISSING, text("没有配置"), text("可以不用；要用就在配置文件里加 [scanner]"))
    if not Path(configuration.scanner.device).exists():
        return Check(
            name, Level.MISSING, configuration.scanner.device, text("接好扫码器，检查 [scanner] 配置")
        )
    return Check(name, Level.WORKS, configuration.scanner.device)
