"""Encrypted backups at the command line: what is said, the exit status, and how the kiosk then stands."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderCancelled
from kiosk.store.location import open_database
from tests.support.commands import Keydesk

NOW = 1_795_000_000


class Site:
    """A desk with its configuration, a stick, and the key that is kept elsewhere."""

    def __init__(self, keydesk: Keydesk, directory: Path, path: Path) -> None:
        self.keydesk = keydesk
        self.directory = directory
        self.stick = path / "stick"
        self.stick.mkdir()
        self.identity = path / "elsewhere" / "recovery.txt"
        self.identity.parent.mkdir()
        self.recipient = keydesk("backup-key", self.identity, "--json").document["recipient"]
        self.configuration = path / "keydesk.toml"
        self.configure()

    def configure(self, **changed: object) -> None:
        settings = {
            "recipients": [self.recipient],
            "destinations": [str(self.stick)],
            "same_disk": True,
            **changed,
        }
        lines = [
            f"{name} = {str(value).lower() if isinstance(value, bool) else value}"
            for name, value in settings.items()
        ]
        self.configuration.write_text("[backup]\n" + "\n".join(lines) + "\n")

    @property
    def options(self) -> tuple[str | Path, ...]:
        return ("--config", self.configuration, "--data", self.directory)

    @property
    def files(self) -> list[Path]:
        return sorted(self.stick.iterdir())


@pytest.fixture
def site(keydesk: Keydesk, directory: Path, tmp_path: Path) -> Site:
    return Site(keydesk, directory, tmp_path)


def test_a_recovery_key_is_made_and_its_public_half_shown(keydesk: Keydesk, tmp_path: Path) -> None:
    told = keydesk("backup-key", tmp_path / "key.txt")
    assert told.status == 0
    assert "公钥 age1" in told.printed
    assert "AGE-SECRET-KEY" not in told.printed
    assert "AGE-SECRET-KEY-1" in (tmp_path / "key.txt").read_text()
    again = keydesk("backup-key", tmp_path / "key.txt")
    assert (again.status, "已经有了" in again.said, again.said.count("\n")) == (1, True, 1)
    nowhere = keydesk("backup-key", tmp_path / "none" / "key.txt")
    assert (nowhere.status, nowhere.said.count("\n")) == (1, 1)


def test_a_backup_is_made_checked_and_restored(site: Site, tmp_path: Path) -> None:
    made = site.keydesk("backup", *site.options)
    (file,) = site.files
    assert made.status == 0
    assert f"已备份到 {file}" in made.printed
    checked = site.keydesk("restore", file, "--identity", site.identity, "--check")
    assert checked.status == 0
    assert checked.printed == "备份完好：3 号终端机第 1 台，日志 7 条，最后一条记于 2026-11-18 19:06:40\n"
    spare = tmp_path / "spare"
    restored = site.keydesk("restore", file, "--identity", site.identity, "--data", spare)
    assert restored.status == 0
    assert "已恢复 3 号终端机的备份：日志 7 条" in restored.printed
    orders = site.keydesk("orders", "--json", "--data", spare).printed
    assert orders == site.keydesk("orders", "--json", "--data", site.directory).printed


def test_a_recovery_key_that_others_can_read_serves_and_is_told(site: Site) -> None:
    site.keydesk("backup", *site.options)
    site.identity.chmod(0o644)
    told = site.keydesk("restore", site.files[0], "--identity", site.identity, "--check")
    assert (told.status, told.said.count("\n")) == (0, 1)
    assert f"{site.identity} 这台机器的其他用户也能读" in told.said


def test_programs_get_the_whole_report(site: Site) -> None:
    document = site.keydesk("backup", "--json", *site.options).document
    (deposit,) = document["deposits"]
    assert deposit["file"] == str(site.files[0])
    assert (document["fault"], deposit["fault"], document["tip"]["sequence"]) == (None, None, 7)


def test_what_cannot_be_opened_is_one_sentence_and_changes_nothing(
    site: Site, keydesk: Keydesk, tmp_path: Path
) -> None:
    site.keydesk("backup", *site.options)
    (file,) = site.files
    with closing(open_database(site.directory)) as database, database.write() as tx:
        unpaid = next(order for order in tx.ledger.orders() if not order.payments)
        tx.append(OrderCancelled(unpaid.reference, "member"), FixedClock(NOW))
    before = keydesk("orders", "--json", "--data", site.directory).printed
    cut, other = tmp_path / "cut.age", tmp_path / "other.txt"
    cut.write_bytes(file.read_bytes()[:-1])
    keydesk("backup-key", other)
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        ((file,), "是加密的。请加 --identity"),
        ((file, "--identity", other), "这把密钥打不开备份"),
        ((file, "--identity", tmp_path / "none.txt"), "读不出来"),
        ((file, "--identity", file), "里没有能用的密钥"),
        ((cut, "--identity", site.identity), "不完整，或被改过"),
        ((tmp_path / "none.age", "--identity", site.identity), "没有备份"),
        ((file, "--identity", site.identity), "1 条记录中心还没有"),
    ]
    for arguments, said in cases:
        told = keydesk("restore", *arguments, "--data", site.directory)
        assert (told.status, told.printed, told.said.count("\n")) == (1, "", 1), said
        assert said in told.said
        if said != "1 条记录中心还没有":
            assert keydesk("restore", *arguments, "--check").status == 1
    assert keydesk("orders", "--json", "--data", site.directory).printed == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"recipients": []}, "没有配置备份的公钥"),
        ({"recipients": ["age1zzz"]}, "age1zzz 不是备份的公钥"),
        ({"destinations": []}, "没有配置备份放在哪里"),
    ],
    ids=["no key", "no public key", "no place"],
)
def test_what_is_not_configured_is_said_by_the_command_and_the_doctor(
    site: Site, changed: dict[str, object], said: str
) -> None:
    site.configure(**changed)
    told = site.keydesk("backup", *site.options)
    assert (told.status, told.printed, told.said.count("\n")) == (1, "", 1)
    assert said in told.said
    assert said in _doctor(site)["found"]


def test_a_stick_that_is_not_there_or_fails_is_said_beside_the_one_that_works(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = tmp_path / "share"
    site.configure(destinations=[str(share), str(site.stick)])
    told = site.keydesk("backup", *site.options)
    assert told.status == 1
    assert f"没有备份目录 {share}。请插好" in told.printed
    assert f"已备份到 {site.stick}" in told.printed
    shutil.rmtree(site.stick)
    site.stick.symlink_to("/dev/full")
    told = site.keydesk("backup", *site.options)
    assert told.status == 1
    site.stick.unlink()
    site.stick.mkdir()
    real = os.fsync

    def pulled(descriptor: int) -> None:
        if ".age" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", pulled)
    told = site.keydesk("backup", *site.options)
    assert told.status == 1
    assert "读写出错（Input/output error），盘可能被拔了" in told.printed
    assert site.files == []


def _doctor(site: Site) -> dict[str, str]:
    checks = site.keydesk("doctor", "--json", *site.options).document
    found = {check["name"]: check for check in checks}
    return dict(found["备份"])


def test_the_doctor_and_the_status_know_the_newest_backup(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "还没有加密备份" in _doctor(site)["found"]
    assert "还没有加密备份" in site.keydesk("status", *site.options).printed
    site.keydesk("backup", *site.options)
    fresh = _doctor(site)
    assert (fresh["level"], fresh["advice"]) == ("works", "")
    made = site.keydesk("status", "--json", "--data", site.directory).document["backup"]
    monkeypatch.setattr("kiosk.store.system_clock.SystemClock.wall", lambda _: made + 4 * 86_400)
    stale = _doctor(site)
    assert (stale["level"], "太旧了" in stale["found"]) == ("missing", True)
    assert "太旧了。请运行 keydesk backup" in site.keydesk("status", *site.options).printed
    monkeypatch.setattr("kiosk.store.system_clock.SystemClock.wall", lambda _: made - 2 * 86_400)
    assert "日期在将来" in _doctor(site)["found"]
    assert "日期在将来，时钟错过。请校准系统时间" in site.keydesk("status", *site.options).printed
    assert site.keydesk("status", "--json", *site.options).document["backup_state"] == "ahead"
    monkeypatch.setattr("kiosk.store.system_clock.SystemClock.wall", lambda _: made + 86_400)
    site.stick.rename(site.stick.with_name("drawer"))
    site.keydesk("backup", *site.options)
    failed = _doctor(site)
    assert (failed["level"], "没有全部做成" in failed["found"]) == ("missing", True)
    assert "上一次没有全部做成" in site.keydesk("status", *site.options).printed


def test_two_hundred_nights_leave_what_the_configuration_keeps(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.configure(keep="{ days = 3, weeks = 2, months = 2 }")
    for night in range(0, 200, 10):
        monkeypatch.setattr("kiosk.store.system_clock.SystemClock.wall", lambda _, n=night: NOW + n * 86_400)
        assert site.keydesk("backup", *site.options).status == 0
    assert 3 <= len(site.files) <= 7
    newest = site.files[-1]
    assert site.keydesk("restore", newest, "--identity", site.identity, "--check").status == 0
