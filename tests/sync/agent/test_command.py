from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.store.agent_lock import enrolling
from kiosk.text.cells import width
from sync.agent.command import main
from sync.agent.night.running import NightExit
from tests.support.memory_desk import NewDesk

COMMANDS = ("enrol", "upload", "run", "once", "nightly", "status")
HAN = re.compile("[一-鿿]")


@pytest.fixture(autouse=True)
def _away_from_the_machine_s_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration but what a test gives, and Chinese unless it asks for English."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-configuration"))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["keydesk-sync", *map(str, arguments)])
    return main()


@pytest.fixture
def kiosk_directory(new_desk: NewDesk) -> Path:
    """The data directory of an enrolled kiosk, whose key is in its file."""
    desk = new_desk(3)
    desk.enrol()
    desk.place()
    key = desk.directory / "keydesk.key"
    key.write_text(bytes(range(32)).hex() + "\n")
    key.chmod(0o600)
    return Path(desk.directory)


@pytest.mark.parametrize("command", ["once", "nightly", "status", "run"])
def test_a_directory_without_a_kiosk_is_said_in_one_sentence(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, command, "--data", tmp_path, "--centre", "http://127.0.0.1:1") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "keydesk-sync enrol" in said


def test_no_address_says_where_to_give_one(
    kiosk_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (kiosk_directory / "empty.toml").touch()
    arguments = ("--data", kiosk_directory, "--config", kiosk_directory / "empty.toml")
    assert run(monkeypatch, "once", *arguments) == 1
    assert "--centre" in capsys.readouterr().err


def test_a_configuration_with_an_unknown_key_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keydesk.toml"
    file.write_text('[centre]\nadress = "https://centre.example"\n')
    assert run(monkeypatch, "once", "--config", file, "--data", tmp_path) == 1
    assert "adress" in capsys.readouterr().err


def test_a_centre_out_of_reach_fails_in_one_sentence(
    kiosk_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "once", "--data", kiosk_directory, "--centre", "http://127.0.0.1:1") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("keydesk-sync: 没有连上中心（ConnectError")
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert run(monkeypatch, "once", "--data", kiosk_directory, "--centre", "http://127.0.0.1:1") == 1
    said = capsys.readouterr().err
    assert said.startswith("keydesk-sync: The centre cannot be reached (ConnectError")
    assert not HAN.search(said)


def test_status_in_words_and_for_programs(
    kiosk_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "status", "--data", kiosk_directory) == 0
    assert "3 号，第 1 期" in capsys.readouterr().out
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert run(monkeypatch, "status", "--data", kiosk_directory) == 0
    english = capsys.readouterr().out
    assert "3, epoch 1" in english
    assert not HAN.search(english)
    assert run(monkeypatch, "status", "--data", kiosk_directory, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kiosk"], report["backlog"]) == (3, 2)


def test_the_nightly_report_tells_people_what_to_do(
    kiosk_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("nightly", "--data", kiosk_directory, "--centre", "http://127.0.0.1:1")
    assert run(monkeypatch, *arguments) == NightExit.STEP_FAILED
    assert "需处理    没有连上中心（ConnectError" in capsys.readouterr().out
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert run(monkeypatch, *arguments) == NightExit.STEP_FAILED
    assert not HAN.search(capsys.readouterr().out)


def test_the_nightly_run_fails_when_something_is_left(
    kiosk_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", kiosk_directory, "--centre", "http://127.0.0.1:1", "--json")
    assert run(monkeypatch, "nightly", *arguments) == NightExit.STEP_FAILED
    report = json.loads(capsys.readouterr().out)
    assert report["troubles"] == ["centre-not-reached", "backlog"]
    assert report["journal_sound"]


def test_a_wrong_key_is_said_and_nothing_is_changed(
    kiosk_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (kiosk_directory / "keydesk.key").write_text(bytes(32).hex() + "\n")
    assert run(monkeypatch, "status", "--data", kiosk_directory) == 1
    assert "密钥文件打不开数据库" in capsys.readouterr().err


def test_a_token_that_is_none_makes_no_kiosk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", tmp_path / "new", "--centre", "http://127.0.0.1:1", "--token", "hello")
    assert run(monkeypatch, "enrol", *arguments) == 1
    assert "给的不是登记令牌" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself_in_the_language_of_the_environment(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(locale: str) -> str:
        monkeypatch.setenv("LC_ALL", locale)
        with pytest.raises(SystemExit) as left:
            run(monkeypatch, *filter(None, (command, "--help")))
        assert left.value.code == 0
        return capsys.readouterr().out

    monkeypatch.setenv("COLUMNS", "80")
    chinese, english = told("zh_CN.UTF-8"), told("en_GB.UTF-8")
    assert "显示这份说明" in chinese
    assert not HAN.search(english)
    assert max(width(line) for line in (chinese + english).splitlines()) <= 80
    for said in (chinese, english):
        assert "--network-switch" in said or not command


def test_a_command_that_is_not_known_is_refused_with_the_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run(monkeypatch, "enrol")
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "用法：keydesk-sync enrol" in said
    assert "命令写得不对" in said


def test_a_reader_that_stops_early_is_no_trouble_of_the_data_directory(kiosk_directory: Path) -> None:
    """As with `keydesk-sync status | head -0`."""
    read, write = os.pipe()
    os.close(read)
    command = (sys.executable, "-m", "sync.agent.command", "status", "--data", str(kiosk_directory))
    with os.fdopen(write, "wb") as gone:
        done = subprocess.run(command, check=False, stdout=gone, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_configuration_s_trouble_and_the_desk_s_command_are_told_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "status", "--config", tmp_path / "none.toml") == 1
    assert capsys.readouterr().err == (
        f"keydesk-sync: 没有配置文件 {tmp_path / 'none.toml'}。请核对 --config 给的文件名\n"
    )


def test_a_directory_that_is_being_enrolled_is_not_enrolled_a_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", tmp_path, "--centre", "http://127.0.0.1:1")
    token = "3-0000-0000-0000-0000-0000-0000"
    with enrolling(tmp_path):
        assert run(monkeypatch, "enrol", "--token", token, *arguments) == 1
        said = capsys.readouterr().err
        assert "keydesk-sync enrol" in said
        assert "keydesk-sync status" in said
    assert run(monkeypatch, "enrol", "--token", token, *arguments) == 1
    assert "keydesk-sync status" not in capsys.readouterr().err, "that one got as far as the centre"


def test_what_is_no_token_is_said_so_before_the_backup_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", tmp_path / "new", "--centre", "http://127.0.0.1:1", "--token", "nonsense")
    assert run(monkeypatch, "enrol", *arguments) == 1
    without = capsys.readouterr().err
    assert run(monkeypatch, "enrol", *arguments, "--from", tmp_path / "none.age") == 1
    assert capsys.readouterr().err == without
