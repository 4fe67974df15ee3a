"""`keydesk doctor`: what it finds and advises; only what stops the desk makes it fail."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hardware.pcsc.calls import ReaderState
from hardware.pcsc.library import StateBits, SystemLibrary
from hardware.ports import (
    HardwareError,
    LibraryTrouble,
    MalformedAnswer,
    NotSupported,
    ReaderTrouble,
    ReaderUnavailable,
    SerialMissing,
    SourceFault,
    Token,
    TokenFault,
    TokenHeld,
    TokenNotPrepared,
    TokenPresence,
    TokenRemoved,
)
from hardware.token.skf.profile import SkfProfile
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.commands.doctor.devices import check_libraries
from kiosk.domain.nights import DAY, USUAL_AT, Finding, NightReport
from kiosk.domain.personal import DeliveryAddress
from kiosk.store import keyfile, resealing
from kiosk.store.agent_lock import running
from kiosk.store.agent_state import AgentState, ContactFault, LinkFault
from kiosk.store.location import KEY_FILE, open_database
from kiosk.store.sealing.ways import Way
from kiosk.store.system_clock import SystemClock
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.contact_faults import CONTACT_FAULTS, REFUSALS
from kiosk.text.link_faults import LINK_FAULTS
from tests.support.commands import Told
from tests.support.disks import disk_of, remounted
from tests.support.no_libcrypto import no_libcrypto

Keydesk = Callable[..., Any]


@pytest.fixture(autouse=True)
def no_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the machine's own readers alone: another test may have a card in one, and be refused it meanwhile."""
    monkeypatch.setattr(
        "kiosk.commands.doctor.devices.SystemLibrary", lambda: SystemLibrary("libpcsclite-none.so.1")
    )


def _checks(told: Told) -> dict[str, Any]:
    return {check["name"]: check for check in told.document}


def test_every_check_that_is_not_well_says_what_to_do(
    keydesk: Keydesk, directory: Path, tmp_path: Path
) -> None:
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text(
        '[printer]\nconnection = { type = "network", host = "127.0.0.1", port = 1 }\n'
        '[scanner]\ndevice = "/dev/no-such-scanner"\n'
    )
    told = keydesk("doctor", "--json", "--config", configuration, "--data", directory)
    checks = _checks(told)
    assert all(check["advice"] for check in told.document if check["level"] != "works")
    assert checks["打印机"]["level"] == "missing"
    assert "[printer]" in checks["打印机"]["advice"]
    assert (checks["扫码器"]["level"], checks["扫码器"]["found"]) == ("missing", "/dev/no-such-scanner")
    assert (checks["数据库"]["level"], checks["数据库"]["found"]) == (
        "works",
        "日志 7 条；每一条是否完好，由 keydesk journal verify 核对",
    )


def test_a_desk_that_was_never_enrolled_fails_and_is_told_how(keydesk: Keydesk, tmp_path: Path) -> None:
    told = keydesk("doctor", "--data", tmp_path / "new")
    assert told.status == 1
    assert "keydesk-sync enrol" in told.printed
    assert "有 2 项必须先解决" in told.printed  # it has no centre either


def test_a_desk_that_knows_no_centre_cannot_take_a_payment_and_is_told_so(
    keydesk: Keydesk, directory: Path, tmp_path: Path
) -> None:
    check = _checks(keydesk("doctor", "--json", "--data", directory))["中心地址"]
    assert check["level"] == "failed"
    assert "[centre]" in check["advice"]
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text('[centre]\nurl = "https://pay.example.cn"\n')
    told = _checks(keydesk("doctor", "--json", "--config", configuration, "--data", directory))
    assert (told["中心地址"]["level"], told["中心地址"]["found"]) == ("works", "https://pay.example.cn")


def test_a_broken_configuration_is_the_one_thing_that_is_told(keydesk: Keydesk, tmp_path: Path) -> None:
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text("[scren]\n")
    told = keydesk("doctor", "--json", "--config", configuration)
    assert told.status == 1
    assert [check["name"] for check in told.document if check["level"] == "failed"] == ["配置"]
    assert "scren" in _checks(told)["配置"]["found"]


def test_the_library_of_sm2_is_named_with_its_version_or_with_what_to_install(
    keydesk: Keydesk, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = _checks(keydesk("doctor", "--json", "--data", directory))["国密算法"]
    assert (check["level"], check["found"].startswith("OpenSSL 3.")) == ("works", True)
    with no_libcrypto(monkeypatch):
        told = keydesk("doctor", "--json", "--data", directory)
    check = _checks(told)["国密算法"]
    assert (told.status, check["level"]) == (1, "failed")
    assert "libcrypto-none.so.3" in check["found"]
    assert "libssl3" in check["advice"]


def test_without_libpcsclite_the_packages_to_install_are_named(keydesk: Keydesk, directory: Path) -> None:
    reader = _checks(keydesk("doctor", "--json", "--data", directory))["读卡器"]
    assert reader["level"] == "missing"
    assert "libpcsclite-none.so.1" in reader["found"]
    assert "libpcsclite1" in reader["advice"]


def test_the_exit_status_says_whether_the_desk_can_work(keydesk: Keydesk, directory: Path) -> None:
    told = keydesk("doctor", "--json", "--data", directory)
    assert told.status == int(any(check["level"] == "failed" for check in told.document))
    damaged = directory / "keydesk.db"
    damaged.write_bytes(damaged.read_bytes()[:5000])
    (directory / "keydesk.db-wal").unlink(missing_ok=True)
    told = keydesk("doctor", "--json", "--data", directory)
    assert told.status == 1
    assert "备份" in _checks(told)["数据库"]["advice"]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> VirtualTokenSource:
    """A card reader in this process, in place of PC/SC's."""
    source = VirtualTokenSource()
    states = (ReaderState("Virtual reader", b"Virtual reader", StateBits.PRESENT, b""),)
    monkeypatch.setattr(source, "states", lambda: states, raising=False)
    monkeypatch.setattr("kiosk.commands.doctor.devices.SystemLibrary", lambda: None)
    monkeypatch.setattr("kiosk.commands.doctor.devices.PcscTokenSource", lambda _: source)
    return source


class Stranger:
    """A card that no driver knows."""

    def __init__(self, atr: str) -> None:
        self.atr = bytes.fromhex(atr)

    def power_on(self) -> None:
        return

    def transmit(self, command: bytes) -> bytes:
        return b"\x6e\x00"


def test_readers_and_each_key_are_named_with_the_driver_that_recognised_it(
    keydesk: Keydesk, directory: Path, reader: VirtualTokenSource, tmp_path: Path
) -> None:
    reader.insert(blank_key(tmp_path / "key", "E8AD652202221F03"))
    checks = _checks(keydesk("doctor", "--json", "--data", directory))
    assert checks["读卡器"]["found"] == "Virtual reader"
    assert checks["key盘"]["found"] == "Virtual reader: E8AD652202221F03 (gmt)"
    assert checks["key盘驱动"]["found"] == "gmt, piv"


@pytest.mark.parametrize(
    ("atr", "seems", "advice"),
    [
        ("3B 62 00 00 47 44", "像银行卡", "还给本人"),
        ("3B FD 13 00 00 81 31 FE 15 80 73 C0 21 C0 57 59 75 62 69 4B 65 79 40", "YubiKey", "PIV"),
        ("3B 81 01 42 C2", "认不出的卡", "ATR"),
    ],
)
def test_a_card_that_no_driver_knows_is_told_with_what_it_seems_to_be_and_what_to_do(
    keydesk: Keydesk, directory: Path, reader: VirtualTokenSource, atr: str, seems: str, advice: str
) -> None:
    reader.insert(Stranger(atr))
    key = _checks(keydesk("doctor", "--json", "--data", directory))["key盘"]
    assert key["level"] == "missing"
    assert seems in key["found"]
    assert f"ATR {atr}" in key["found"]
    assert advice in key["advice"]


def test_readers_of_odd_names_are_named_with_what_to_do_and_the_others_work(
    keydesk: Keydesk, directory: Path, reader: VirtualTokenSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (("Virtual reader", b"Virtual reader", 0), ("国密 UKey", "国密 UKey".encode("gbk"), 0))
    states = (*(ReaderState(*each, b"") for each in names), ReaderState("mute", b"mute", None, b""))
    monkeypatch.setattr(reader, "states", lambda: states)
    told = keydesk("doctor", "--json", "--data", directory)
    plain, odd, mute = (check for check in told.document if check["name"] == "读卡器")
    assert (plain["level"], plain["found"], plain["advice"]) == ("works", "Virtual reader", "")
    assert (odd["level"], "国密 UKey" in odd["found"]) == ("works", True)
    assert "FRIENDLYNAME" in odd["advice"]
    assert (mute["level"], "mute" in mute["found"], "重插" in mute["advice"]) == ("missing", True, True)


@pytest.mark.parametrize("programs", [(), ("firefox (20)", "浏览器 (3)")])
def test_a_key_that_another_program_holds_is_told_with_the_program(
    keydesk: Keydesk,
    directory: Path,
    reader: VirtualTokenSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    programs: tuple[str, ...],
) -> None:
    def held(presence: TokenPresence) -> Token:
        raise TokenHeld(presence.reader, programs)

    reader.insert(blank_key(tmp_path / "key", "E8AD652202221F03"))
    monkeypatch.setattr(reader, "open", held)
    key = _checks(keydesk("doctor", "--json", "--data", directory))["key盘"]
    assert key["level"] == "missing"
    assert "正被别的程序占用" in key["found"]
    assert all(program in key["found"] for program in programs)
    assert "关掉" in key["advice"]


def test_a_card_service_that_ends_meanwhile_is_no_fault_of_the_key(
    keydesk: Keydesk,
    directory: Path,
    reader: VirtualTokenSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ended(presence: TokenPresence) -> Token:
        del presence
        raise ReaderUnavailable("SCardEstablishContext: 8010001D")

    reader.insert(blank_key(tmp_path / "key", "E8AD652202221F03"))
    monkeypatch.setattr(reader, "open", ended)
    told = keydesk("doctor", "--data", directory).printed
    assert "8010001D" in told
    assert "启动 pcscd 服务" in told
    assert "换一只key盘" not in told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TokenRemoved("the card gave no answer"), "没有应答"),
        (TokenFault(0xA4, 0x6F00), "A4 回答 6F00"),
        (MalformedAnswer("a length is missing"), "不合规范"),
        (SerialMissing("blank"), "没有序列号"),
        (TokenNotPrepared("no application"), "没有初始化"),
        (NotSupported("random"), "NotSupported"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_in_the_language_of_the_rest(
    keydesk: Keydesk,
    directory: Path,
    reader: VirtualTokenSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: HardwareError,
    said: str,
) -> None:
    def failed(presence: TokenPresence) -> Token:
        del presence
        raise error

    reader.insert(blank_key(tmp_path / "key", "E8AD652202221F03"))
    monkeypatch.setattr(reader, "open", failed)
    key = _checks(keydesk("doctor", "--json", "--data", directory))["key盘"]
    assert said in key["found"]
    assert str(error) not in key["found"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (ReaderTrouble.SERVICE, "pcscd 没有应答：8010001D"),
        (ReaderTrouble.NO_READER, "没有接读卡器"),
        (ReaderTrouble.FORBIDDEN, "polkit"),
    ],
)
def test_why_there_is_no_reader_is_said_in_the_language_of_the_rest(
    keydesk: Keydesk,
    directory: Path,
    reader: VirtualTokenSource,
    monkeypatch: pytest.MonkeyPatch,
    trouble: ReaderTrouble,
    said: str,
) -> None:
    def unavailable() -> tuple[TokenPresence, ...]:
        raise ReaderUnavailable("words for the log", trouble, "8010001D")

    monkeypatch.setattr(reader, "present", unavailable)
    found = _checks(keydesk("doctor", "--json", "--data", directory))["读卡器"]["found"]
    assert said in found
    assert "words for the log" not in found


class Failing:
    """Vendors' libraries, none of which serves."""

    def __init__(self, fault: SourceFault) -> None:
        self._fault = fault

    def present(self) -> tuple[TokenPresence, ...]:
        return ()

    def problems(self) -> tuple[SourceFault, ...]:
        return (self._fault,)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("trouble", [*LibraryTrouble, None])
def test_why_a_vendors_library_serves_nobody_is_said_in_the_language_of_the_rest(
    monkeypatch: pytest.MonkeyPatch, trouble: LibraryTrouble | None
) -> None:
    fault = SourceFault("vendor", "words for the log", trouble, "undefined symbol: x")
    monkeypatch.setattr("kiosk.commands.doctor.devices.SkfTokenSource", lambda _: Failing(fault))
    profile = SkfProfile(name="vendor", library="/opt/libskf.so")
    (check,) = check_libraries((profile,), Catalogue(Language.CHINESE).text)
    library, _, said = check.found.partition("：")
    assert library == "vendor: /opt/libskf.so"
    words = said.replace("undefined symbol: x", "")
    assert re.search("[\u4e00-\u9fff]", words)
    assert not re.search("[a-z]{3}", words.replace("key盘", "")), "no other's words but those that are quoted"
    assert check.advice


def test_a_library_that_does_not_load_is_named_with_its_file(
    keydesk: Keydesk, directory: Path, reader: VirtualTokenSource, tmp_path: Path
) -> None:
    assert reader.present() == ()
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text('[[skf]]\nname = "vendor"\nlibrary = "/no/such/libskf.so"\n')
    told = keydesk("doctor", "--json", "--config", configuration, "--data", directory)
    library = _checks(told)["厂商库"]
    assert library["level"] == "missing"
    assert library["found"] == "vendor: /no/such/libskf.so：没有这个文件"
    assert "[[skf]]" in library["advice"]
    assert _checks(told)["key盘驱动"]["found"] == "gmt, piv, vendor"


@pytest.mark.parametrize("trouble", LinkFault)
def test_a_centre_whose_certificate_does_not_hold_is_told_with_what_to_do(
    keydesk: Keydesk, directory: Path, trouble: LinkFault
) -> None:
    with open_database(directory).write() as tx:
        state = AgentState(error="certificate verify failed", trouble=trouble, last_contact=1_795_000_000)
        tx.agent.put(state)
    centre = _checks(keydesk("doctor", "--json", "--data", directory))["中心"]
    assert centre["level"] == "missing"
    assert LINK_FAULTS[trouble][0] in centre["found"]
    assert centre["advice"] == LINK_FAULTS[trouble][1]
    printed = keydesk("status", "--data", directory).printed
    assert f"上次联系失败：{LINK_FAULTS[trouble][0]}" in printed


@pytest.mark.parametrize("failure", ContactFault)
def test_a_contact_that_failed_is_told_with_what_to_do(
    keydesk: Keydesk, directory: Path, failure: ContactFault
) -> None:
    with open_database(directory).write() as tx:
        tx.agent.put(AgentState(error="HTTP 599", failure=failure, last_contact=1_795_000_000))
    centre = _checks(keydesk("doctor", "--json", "--data", directory))["中心"]
    said, advice = CONTACT_FAULTS[failure]
    assert centre["level"] == "missing"
    if failure is ContactFault.UNREACHABLE:
        assert "keydesk-sync run" in centre["advice"]
    else:
        assert said in centre["found"]
        assert centre["advice"] == advice
    assert f"上次联系失败：{said}（HTTP 599）" in keydesk("status", "--data", directory).printed


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_told_in_chinese_and_as_no_line_that_is_down(
    keydesk: Keydesk, directory: Path, refusal: str
) -> None:
    english = f"the centre refused (403 {refusal}): This machine was retired."
    state = AgentState(
        error=english, failure=ContactFault.REFUSED, refusal=refusal, last_contact=1_795_000_000
    )
    with open_database(directory).write() as tx:
        tx.agent.put(state)
    with running(directory):
        centre = _checks(keydesk("doctor", "--json", "--data", directory))["中心"]
        shown = keydesk("status", "--data", directory).printed
    said, advice = REFUSALS[refusal]
    assert said in centre["found"]
    assert centre["advice"] == advice
    assert f"上次联系失败：{said}（{refusal}）" in shown
    assert "网络 中心拒绝" in shown
    for each in (shown, centre["found"]):
        assert "离线" not in each
        assert "This machine" not in each


def test_an_authority_of_the_centre_that_cannot_be_read_is_named_with_its_file(
    keydesk: Keydesk, directory: Path, tmp_path: Path
) -> None:
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text('[centre]\ncertificate_authority = "/no/such/authority.pem"\n')
    check = _checks(keydesk("doctor", "--json", "--config", configuration, "--data", directory))[
        "中心证书机构"
    ]
    assert check["level"] == "missing"
    assert "/no/such/authority.pem" in check["found"]
    assert "certificate_authority" in check["advice"]


def test_a_personal_record_that_cannot_be_read_is_named_with_what_to_do(
    keydesk: Keydesk, directory: Path
) -> None:
    assert "个人资料" not in keydesk("doctor", "--data", directory).printed
    with open_database(directory).write() as tx:
        tx.personal.put(DeliveryAddress("张三丰", "河南省", "花园路1号"), "11000001", 1)
        tx.personal._connection.execute("UPDATE personal_keys SET key = zeroblob(32)")
    check = _checks(keydesk("doctor", "--json", "--data", directory))["个人资料"]
    assert (check["level"], check["found"]) == (
        "missing",
        "有 1 份个人资料读不出来：11000001 收件地址",
    )
    assert "重新填写" in check["advice"]


def test_the_status_tells_of_the_last_night_and_of_those_that_were_missed(
    keydesk: Keydesk, directory: Path
) -> None:
    assert "夜间检查 还没有做过" in keydesk("status", "--data", directory).printed
    now = SystemClock().wall()
    with open_database(directory).write() as tx:
        tx.nights.owe(now - 10 * DAY, USUAL_AT)
        tx.nights.add(NightReport(1, now - 3 * DAY, now - 3 * DAY, findings=(Finding("backlog", 3),)))
    printed = keydesk("status", "--data", directory).printed
    assert "有 1 件事要人处理" in printed
    assert "夜没有做夜间检查。请看 keydesk-sync run 是否在运行" in printed
    with open_database(directory).write() as tx:
        tx.nights.add(NightReport(2, now, now))
    document = keydesk("status", "--json", "--data", directory).document
    assert (document["nights_missed"], document["night_ended"], document["night_findings"]) == (0, now, 0)


@pytest.mark.parametrize(
    ("way", "wanted", "level", "advice"),
    [
        (Way.PLAIN, "auto", "missing", "keydesk seal passphrase"),
        (Way.PLAIN, "plain", "works", ""),
        (Way.PLAIN, "tpm", "missing", "keydesk seal tpm"),
        (Way.PASSPHRASE, "auto", "works", ""),
        (Way.PASSPHRASE, "tpm", "missing", "keydesk seal tpm"),
    ],
)
@pytest.mark.parametrize("language", ["C.UTF-8", "en_US.UTF-8"])
def test_how_the_key_is_kept_is_told_in_one_sentence(
    keydesk: Keydesk,
    directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Way,
    wanted: str,
    level: str,
    advice: str,
    language: str,
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    monkeypatch.setattr("kiosk.commands.doctor.data.TPM_DEVICE", tmp_path / "no-tpm")
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text(f'[key]\nseal = "{wanted}"\n')
    if way is Way.PASSPHRASE:
        key = keyfile.load(directory / KEY_FILE)
        keyfile.replace(directory / KEY_FILE, resealing.for_passphrase(key, "three white cats").sealed)
        monkeypatch.setattr("kiosk.store.sealing.sealed_key._credential", lambda: "three white cats")
    chinese = language == "C.UTF-8"
    told = _checks(keydesk("doctor", "--json", "--config", configuration, "--data", directory))
    check = told["密钥" if chinese else "database key"]
    assert check["level"] == level
    assert advice in check["advice"]
    assert bool(check["advice"]) is bool(advice)
    said = {
        Way.PLAIN: ("拿走硬盘的人打得开", "whoever takes the disk can open it"),
        Way.PASSPHRASE: ("关着的机器拿走也打不开", "does not open when taken switched off"),
    }[way][0 if chinese else 1]
    assert said in check["found"]
    assert said in keydesk("status", "--data", directory).printed
    assert keydesk("status", "--json", "--data", directory).document["key"] == way


def test_a_machine_with_a_tpm_is_advised_to_use_it(
    keydesk: Keydesk, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kiosk.commands.doctor.data.TPM_DEVICE", tmp_path)
    assert (
        _checks(keydesk("doctor", "--json", "--data", directory))["密钥"]["advice"] == "运行 keydesk seal tpm"
    )


def test_a_disk_without_inodes_or_that_is_read_only_is_named_although_it_has_room(
    keydesk: Keydesk, tmp_path: Path
) -> None:
    with disk_of(300, tmp_path / "disk", inodes=10) as disk:
        with contextlib.suppress(OSError):
            for number in range(20):
                (disk / str(number)).touch()
        check = _checks(keydesk("doctor", "--json", "--data", disk))["磁盘"]
        assert (check["level"], "inode" in check["found"]) == ("failed", True)
        remounted(disk, "ro")
        check = _checks(keydesk("doctor", "--json", "--data", disk))["磁盘"]
        assert (check["level"], "只读" in check["found"]) == ("failed", True)
