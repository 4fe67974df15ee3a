"""`keydesk doctor` of readers, keys and vendors' libraries: each by its name, and in the language of the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hardware.pcsc.calls import ReaderState
from hardware.pcsc.library import StateBits
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
from kiosk.text.catalogue import Catalogue, Language
from tests.support.commands import Keydesk

pytestmark = pytest.mark.usefixtures("no_readers")


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
    checks = keydesk("doctor", "--json", "--data", directory).checks
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
    key = keydesk("doctor", "--json", "--data", directory).checks["key盘"]
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
    key = keydesk("doctor", "--json", "--data", directory).checks["key盘"]
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
    key = keydesk("doctor", "--json", "--data", directory).checks["key盘"]
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
    found = keydesk("doctor", "--json", "--data", directory).checks["读卡器"]["found"]
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
    library = told.checks["厂商库"]
    assert library["level"] == "missing"
    assert library["found"] == "vendor: /no/such/libskf.so：没有这个文件"
    assert "[[skf]]" in library["advice"]
    assert told.checks["key盘驱动"]["found"] == "gmt, piv, vendor"
