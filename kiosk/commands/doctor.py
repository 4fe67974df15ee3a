"""`keydesk doctor`: what works, what is missing, and what to do about it; exit status 1 when the desk cannot work."""

from __future__ import annotations

import argparse
import contextlib
import enum
import importlib.util
import locale
import shutil
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hardware.crypto.libcrypto import LibcryptoUnusable
from hardware.crypto.sm2 import sm2
from hardware.pcsc.source import PcscTokenSource
from hardware.ports import (
    HardwareError,
    PrinterState,
    ReaderUnavailable,
    TokenNotRecognised,
    TokenPresence,
    TokenSource,
)
from hardware.printer import EscposPrinter
from hardware.token.known_cards import KnownCard, describe_card
from hardware.token.skf.profile import SkfProfile
from hardware.token.skf.source import SkfTokenSource
from kiosk.assembly import card_drivers
from kiosk.commands.output import document, line
from kiosk.commands.status import CLOCKS, KioskStatus, read_status
from kiosk.configuration import Centre, Configuration, ConfigurationError, load
from kiosk.desk.authority import amount_left, certificates_left, issuer_end, policy_of
from kiosk.desk.errors import DeskRefused
from kiosk.desk.views import Network
from kiosk.domain.fees import OrderKind, schedule_at, total
from kiosk.domain.validity import add_years
from kiosk.store.agent_state import ContactFault
from kiosk.store.errors import StoreError
from kiosk.store.location import open_database
from kiosk.store.system_clock import SystemClock
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad, width
from kiosk.text.command_line import spoken
from kiosk.text.contact_faults import contact_words, with_retry
from kiosk.text.failures import Text, configuration_failure, libcrypto_failure, store_failure
from kiosk.text.link_faults import AUTHORITY_UNUSABLE
from kiosk.text.money import yuan
from kiosk.text.times import moment
from kiosk.text.waiting import say_waiting

if TYPE_CHECKING:
    from kiosk.domain.policy import Policy
    from kiosk.store.transaction import Transaction


class Level(enum.StrEnum):
    """The result of a check; only FAILED keeps the desk from working."""

    WORKS = "works"
    MISSING = "missing"
    FAILED = "failed"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at: what was found, and what to do when it is not well."""

    name: str
    level: Level
    found: str
    advice: str = ""


def grants(tx: Transaction, now: int, text: Text) -> Iterator[Check]:
    """What lets an enrolled desk take orders and issue at `now` (UTC seconds)."""
    try:
        policy = policy_of(tx)
    except DeskRefused:
        yield Check(text("授权"), Level.FAILED, text("没有中心的授权"), text("联网，运行 keydesk-sync run"))
        return
    yield _policy(tx, policy, now, text)
    yield _issuer(tx, policy, now, text)
    yield _prices(tx, now, text)


def _policy(tx: Transaction, policy: Policy, now: int, text: Text) -> Check:
    name, until = text("授权"), moment(policy.valid_until)
    if now > policy.valid_until:
        found = text("第 {number} 号已于 {until} 到期", number=policy.number, until=until)
        return Check(name, Level.FAILED, found, text("联网更新；中心没有续期的，请联系中心"))
    certificates, amount = certificates_left(tx, policy), amount_left(tx, policy)
    found = text(
        "第 {number} 号，至 {until}；上传前还可发证 {certificates} 张、收款 {amount} 元",
        number=policy.number,
        until=until,
        certificates=certificates,
        amount=yuan(max(0, amount)),
    )
    if certificates == 0 or amount < _least_price(tx, now):
        return Check(name, Level.FAILED, found, text("离线额度用完了，联网上传后恢复"))
    return Check(name, Level.WORKS, found)


def _least_price(tx: Transaction, now: int) -> int:
    schedule = schedule_at(tx.feed.schedules(), now)
    return 0 if schedule is None else min(total(schedule.lines(kind)) for kind in OrderKind)


def _issuer(tx: Transaction, policy: Policy, now: int, text: Text) -> Check:
    name = text("本机签发CA")
    try:
        end = issuer_end(tx)
    except DeskRefused:
        return Check(name, Level.FAILED, text("没有"), text("运行 keydesk-sync enrol --token 令牌"))
    if add_years(now, policy.certificate_years) > end:
        found = text(
            "至 {until}，不够再发 {years} 年的证书", until=moment(end), years=policy.certificate_years
        )
        return Check(name, Level.FAILED, found, text("请中心换发本机的签发证书"))
    return Check(name, Level.WORKS, text("至 {until}", until=moment(end)))


def _prices(tx: Transaction, now: int, text: Text) -> Check:
    name, schedule = text("收费标准"), schedule_at(tx.feed.schedules(), now)
    if schedule is None:
        return Check(name, Level.FAILED, text("没有生效的收费标准"), text("联网，运行 keydesk-sync run"))
    return Check(name, Level.WORKS, text("第 {number} 号", number=schedule.number))


LEAST_FREE = 200 * 1024 * 1024
LEAST_COLUMNS, LEAST_LINES = 80, 24


def run(arguments: argparse.Namespace) -> int:
    """Look at everything and print it."""
    text = spoken().text
    checks = list(_checks(arguments, text))
    if arguments.json:
        document(checks)
    else:
        _print_checks(checks, text)
    return 1 if any(check.level is Level.FAILED for check in checks) else 0


def _checks(arguments: argparse.Namespace, text: Text) -> Iterator[Check]:
    yield _python(text)
    yield _terminal(text)
    yield _font(text)
    yield _sm2(text)
    try:
        configuration = load(arguments.config)
    except ConfigurationError as error:
        yield Check(text("配置"), Level.FAILED, *configuration_failure(error, text))
        return
    yield Check(text("配置"), Level.WORKS, text("可以读取"))
    yield _drivers(configuration, text)
    yield from _reader(configuration, text)
    yield from _libraries(configuration.skf, text)
    yield _printer(configuration, text)
    yield _scanner(configuration, text)
    yield _centre_address(configuration.centre, text)
    yield from _authority(configuration.centre.authority, text)
    directory = arguments.data or configuration.directory
    yield _disk(directory, text)
    yield from _store(directory, text)


def _python(text: Text) -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check(text("Python"), Level.WORKS, version)


def _terminal(text: Text) -> Check:
    size = shutil.get_terminal_size()
    found = f"{size.columns}×{size.lines} {locale.getpreferredencoding()}"
    if size.columns < LEAST_COLUMNS or size.lines < LEAST_LINES:
        return Check(text("终端"), Level.MISSING, found, text("放大到 80×24 以上"))
    if locale.getpreferredencoding().upper() != "UTF-8":
        return Check(text("终端"), Level.MISSING, found, text("使用 UTF-8 的语言环境，如 LANG=C.UTF-8"))
    return Check(text("终端"), Level.WORKS, found)


def _font(text: Text) -> Check:
    with contextlib.suppress(ImportError):
        from noto_cjk_sans_otc import (  # type: ignore[import-untyped]  # noqa: PLC0415 - it may be what is missing
            FONT_PATH,
        )

        file = Path(FONT_PATH)
        if file.is_file():
            return Check(text("凭条字体"), Level.WORKS, file.name)
    return Check(text("凭条字体"), Level.FAILED, text("没有找到"), text("重新运行 make install"))


def _sm2(text: Text) -> Check:
    try:
        return Check(text("国密算法"), Level.WORKS, f"OpenSSL {sm2().version}")
    except LibcryptoUnusable as error:
        return Check(text("国密算法"), Level.FAILED, *libcrypto_failure(error, text))


def _drivers(configuration: Configuration, text: Text) -> Check:
    names = (
        *(driver.name for driver in card_drivers(configuration)),
        *(each.name for each in configuration.skf),
    )
    return Check(text("key盘驱动"), Level.WORKS, ", ".join(names))


def _reader(configuration: Configuration, text: Text) -> Iterator[Check]:
    """The readers, and each card in them with what recognised it."""
    name = text("读卡器")
    if importlib.util.find_spec("smartcard") is None:
        advice = text("安装 gcc、libpcsclite-dev、pcscd 后重新运行 make install")
        yield Check(name, Level.MISSING, text("没有安装 pyscard"), advice)
        return
    source = PcscTokenSource(card_drivers(configuration))
    try:
        present = source.present()
        yield Check(name, Level.WORKS, "; ".join(source.readers()))
    except ReaderUnavailable as error:
        found = text("没有可用的读卡器（{reason}）", reason=error.reason)
        yield Check(name, Level.MISSING, found, text("启动 pcscd 服务，接好读卡器"))
        return
    if not present:
        yield Check(text("key盘"), Level.WORKS, text("没有插入key盘"))
    for presence in present:
        yield _token(source, presence, text)


def _libraries(profiles: tuple[SkfProfile, ...], text: Text) -> Iterator[Check]:
    """Each vendor's library: whether it serves, and the keys that it reaches."""
    for profile in profiles:
        name = text("厂商库")
        source = SkfTokenSource((profile,))
        try:
            present = source.present()
            problems = "; ".join(problem.reason for problem in source.problems())
            found = f"{profile.name}: {profile.library}"
            if problems:
                advice = text("检查 [[skf]] 的 library，安装厂商的驱动")
                yield Check(name, Level.MISSING, f"{found}: {problems}", advice)
            else:
                yield Check(name, Level.WORKS, found)
            for presence in present:
                yield _token(source, presence, text)
        finally:
            source.close()


def _token(source: TokenSource, presence: TokenPresence, text: Text) -> Check:
    name = text("key盘")
    try:
        token = source.open(presence)
    except TokenNotRecognised as error:
        card = describe_card(error.atr)
        seems, advice = _UNKNOWN if card is None else _SEEMS[card]
        found = f"{presence.reader}: {text(seems)}, ATR {error.atr.hex(' ').upper()}"
        return Check(name, Level.MISSING, found, text(advice))
    except HardwareError as error:
        advice = text("换一只key盘，或请技术人员查看")
        return Check(name, Level.MISSING, f"{presence.reader}: {error}", advice)
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


def _printer(configuration: Configuration, text: Text) -> Check:
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


def _scanner(configuration: Configuration, text: Text) -> Check:
    name = text("扫码器")
    if configuration.scanner is None:
        return Check(name, Level.MISSING, text("没有配置"), text("可以不用；要用就在配置文件里加 [scanner]"))
    if not Path(configuration.scanner.device).exists():
        return Check(
            name, Level.MISSING, configuration.scanner.device, text("接好扫码器，检查 [scanner] 配置")
        )
    return Check(name, Level.WORKS, configuration.scanner.device)


def _centre_address(centre: Centre, text: Text) -> Check:
    """Whether the payment page can be told in a QR code."""
    name, address = text("中心地址"), centre.payment_page or centre.url
    if not address:
        return Check(
            name,
            Level.FAILED,
            text("没有填写，做不出付款二维码"),
            text("在配置文件 [centre] 的 url 填写 https://…"),
        )
    return Check(name, Level.WORKS, address)


def _authority(file: Path | None, text: Text) -> Iterator[Check]:
    """Whether the authority of the centre's certificate can be read, where one is named."""
    if file is None:
        return
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:
        found, advice = AUTHORITY_UNUSABLE
        unusable = text(found, file=file, reason=error)
        yield Check(text("中心证书机构"), Level.MISSING, unusable, text(advice))
    else:
        yield Check(text("中心证书机构"), Level.WORKS, str(file))


def _disk(directory: Path, text: Text) -> Check:
    place = next(folder for folder in (directory, *directory.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    found = text("{place} 剩余 {megabytes} MB", place=place, megabytes=free // (1024 * 1024))
    if free < LEAST_FREE:
        return Check(text("磁盘"), Level.FAILED, found, text("清出空间"))
    return Check(text("磁盘"), Level.WORKS, found)


def _store(directory: Path, text: Text) -> Iterator[Check]:
    clock = SystemClock()
    try:
        with open_database(directory, waiting=say_waiting).read() as tx:
            status = read_status(tx, clock)
            enrolled = status.network is not Network.NOT_ENROLLED
            granted = tuple(grants(tx, clock.wall(), text)) if enrolled else ()
    except (StoreError, OSError) as error:
        yield Check(text("数据库"), Level.FAILED, *store_failure(error, text))
        return
    yield Check(text("数据库"), Level.WORKS, text("日志 {sequence} 条", sequence=status.sequence))
    yield from _network(status, text)
    yield from granted


def _network(status: KioskStatus, text: Text) -> Iterator[Check]:
    name = text("中心")
    contact = text("从未联系") if status.last_contact is None else moment(status.last_contact)
    match status.network:
        case Network.ONLINE:
            yield Check(name, Level.WORKS, text("在线，待传 {backlog}", backlog=status.backlog))
        case Network.OFFLINE:
            found = text("离线，上次联系 {contact}，待传 {backlog}", contact=contact, backlog=status.backlog)
            advice = text("检查网络和 keydesk-sync run；离线照常办理")
            words = contact_words(status.trouble, status.failure)
            silent = status.trouble is None and status.failure is ContactFault.UNREACHABLE
            if words is not None and not silent:
                why, what = words
                found, advice = f"{with_retry(text(why), status.retry_at, text)} ({found})", text(what)
            yield Check(name, Level.MISSING, found, advice)
        case _:
            yield Check(name, Level.FAILED, text("未登记"), text("运行 keydesk-sync enrol --token 令牌"))
    if status.clock is None:
        yield Check(text("时钟"), Level.WORKS, text("正常"))
    else:
        yield Check(text("时钟"), Level.FAILED, text(CLOCKS[status.clock]), text("校准系统时间，或联网对时"))


_MARKS = {Level.WORKS: "[v]", Level.MISSING: "[!]", Level.FAILED: "[x]"}


def _print_checks(checks: list[Check], text: Text) -> None:
    cells = max(width(check.name) for check in checks)
    for check in checks:
        line(f"{_MARKS[check.level]} {pad(check.name, cells)}  {check.found}")
        if check.advice:
            line(f"    {pad('', cells)}  → {check.advice}")
    failed = sum(check.level is Level.FAILED for check in checks)
    line(text("可以办理业务") if failed == 0 else text("有 {failed} 项必须先解决", failed=failed))
