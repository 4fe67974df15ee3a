"""`keydesk doctor`: what it finds and advises; only what stops the desk makes it fail."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from kiosk.domain.nights import DAY, USUAL_AT, Finding, NightReport
from kiosk.domain.personal import DeliveryAddress
from kiosk.store import keyfile, resealing
from kiosk.store.agent_lock import running
from kiosk.store.agent_state import AgentState, ContactFault, LinkFault
from kiosk.store.location import KEY_FILE, open_database
from kiosk.store.sealing.ways import Way
from kiosk.store.system_clock import SystemClock
from kiosk.text.contact_faults import CONTACT_FAULTS, REFUSALS
from kiosk.text.link_faults import LINK_FAULTS
from tests.support.commands import Keydesk
from tests.support.disks import disk_of, remounted
from tests.support.no_libcrypto import no_libcrypto

pytestmark = pytest.mark.usefixtures("no_readers")


def test_every_check_that_is_not_well_says_what_to_do(
    keydesk: Keydesk, directory: Path, tmp_path: Path
) -> None:
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text(
        '[printer]\nconnection = { type = "network", host = "127.0.0.1", port = 1 }\n'
        '[scanner]\ndevice = "/dev/no-such-scanner"\n'
    )
    told = keydesk("doctor", "--json", "--config", configuration, "--data", directory)
    checks = told.checks
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
    check = keydesk("doctor", "--json", "--data", directory).checks["中心地址"]
    assert check["level"] == "failed"
    assert "[centre]" in check["advice"]
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text('[centre]\nurl = "https://pay.example.cn"\n')
    told = keydesk("doctor", "--json", "--config", configuration, "--data", directory).checks
    assert (told["中心地址"]["level"], told["中心地址"]["found"]) == ("works", "https://pay.example.cn")


def test_a_broken_configuration_is_the_one_thing_that_is_told(keydesk: Keydesk, tmp_path: Path) -> None:
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text("[scren]\n")
    told = keydesk("doctor", "--json", "--config", configuration)
    assert told.status == 1
    assert [check["name"] for check in told.document if check["level"] == "failed"] == ["配置"]
    assert "scren" in told.checks["配置"]["found"]


def test_the_library_of_sm2_is_named_with_its_version_or_with_what_to_install(
    keydesk: Keydesk, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = keydesk("doctor", "--json", "--data", directory).checks["国密算法"]
    assert (check["level"], check["found"].startswith("OpenSSL 3.")) == ("works", True)
    with no_libcrypto(monkeypatch):
        told = keydesk("doctor", "--json", "--data", directory)
    check = told.checks["国密算法"]
    assert (told.status, check["level"]) == (1, "failed")
    assert "libcrypto-none.so.3" in check["found"]
    assert "libssl3" in check["advice"]


def test_without_libpcsclite_the_packages_to_install_are_named(keydesk: Keydesk, directory: Path) -> None:
    reader = keydesk("doctor", "--json", "--data", directory).checks["读卡器"]
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
    assert "备份" in told.checks["数据库"]["advice"]


@pytest.mark.parametrize("trouble", LinkFault)
def test_a_centre_whose_certificate_does_not_hold_is_told_with_what_to_do(
    keydesk: Keydesk, directory: Path, trouble: LinkFault
) -> None:
    with open_database(directory).write() as tx:
        state = AgentState(error="certificate verify failed", trouble=trouble, last_contact=1_795_000_000)
        tx.agent.put(state)
    centre = keydesk("doctor", "--json", "--data", directory).checks["中心"]
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
    centre = keydesk("doctor", "--json", "--data", directory).checks["中心"]
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
        centre = keydesk("doctor", "--json", "--data", directory).checks["中心"]
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
    check = keydesk("doctor", "--json", "--config", configuration, "--data", directory).checks["中心证书机构"]
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
    check = keydesk("doctor", "--json", "--data", directory).checks["个人资料"]
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
    told = keydesk("doctor", "--json", "--config", configuration, "--data", directory).checks
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
        keydesk("doctor", "--json", "--data", directory).checks["密钥"]["advice"] == "运行 keydesk seal tpm"
    )


def test_a_disk_without_inodes_or_that_is_read_only_is_named_although_it_has_room(
    keydesk: Keydesk, tmp_path: Path
) -> None:
    with disk_of(300, tmp_path / "disk", inodes=10) as disk:
        with contextlib.suppress(OSError):
            for number in range(20):
                (disk / str(number)).touch()
        check = keydesk("doctor", "--json", "--data", disk).checks["磁盘"]
        assert (check["level"], "inode" in check["found"]) == ("failed", True)
        remounted(disk, "ro")
        check = keydesk("doctor", "--json", "--data", disk).checks["磁盘"]
        assert (check["level"], "只读" in check["found"]) == ("failed", True)
