"""`keydesk doctor`: what it finds and advises; only what stops the desk makes it fail."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.store.agent_state import AgentState, ContactFault, LinkFault
from kiosk.store.location import open_database
from kiosk.text.contact_faults import CONTACT_FAULTS
from kiosk.text.link_faults import LINK_FAULTS
from tests.support.commands import Told
from tests.support.no_libcrypto import no_libcrypto

Keydesk = Callable[..., Any]


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
    assert (checks["数据库"]["level"], checks["数据库"]["found"]) == ("works", "日志 7 条")


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


def test_without_pyscard_the_packages_to_install_are_named(
    keydesk: Keydesk, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "smartcard" else find(name, *rest)
    )
    reader = _checks(keydesk("doctor", "--json", "--data", directory))["读卡器"]
    assert reader["level"] == "missing"
    assert "libpcsclite-dev" in reader["advice"]


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
    monkeypatch.setattr(source, "readers", lambda: ("Virtual reader",), raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: object())
    monkeypatch.setattr("kiosk.commands.doctor.PcscTokenSource", lambda _: source)
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


def test_a_library_that_does_not_load_is_named_with_its_file(
    keydesk: Keydesk, directory: Path, reader: VirtualTokenSource, tmp_path: Path
) -> None:
    assert reader.present() == ()
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text('[[skf]]\nname = "vendor"\nlibrary = "/no/such/libskf.so"\n')
    told = keydesk("doctor", "--json", "--config", configuration, "--data", directory)
    library = _checks(told)["厂商库"]
    assert library["level"] == "missing"
    assert "vendor: /no/such/libskf.so" in library["found"]
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
