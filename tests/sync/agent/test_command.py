from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sync.agent.command import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["keydesk-sync", *map(str, arguments)])
    return main()


@pytest.fixture
def kiosk_directory(new_desk: Any) -> Path:
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
    assert "cannot be reached" in said


def test_status_in_words_and_for_programs(
    kiosk_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "status", "--data", kiosk_directory) == 0
    assert "3 号，第 1 期" in capsys.readouterr().out
    assert run(monkeypatch, "status", "--data", kiosk_directory, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kiosk"], report["backlog"]) == (3, 2)


def test_the_nightly_run_fails_when_something_is_left(
    kiosk_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", kiosk_directory, "--centre", "http://127.0.0.1:1", "--json")
    assert run(monkeypatch, "nightly", *arguments) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["troubles"] == ["centre-not-reached", "backlog"]
    assert report["journal_sound"]


def test_a_wrong_key_is_said_and_nothing_is_changed(
    kiosk_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (kiosk_directory / "keydesk.key").write_text(bytes(32).hex() + "\n")
    assert run(monkeypatch, "status", "--data", kiosk_directory) == 1
    assert "another key" in capsys.readouterr().err


def test_a_token_that_is_none_makes_no_kiosk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", tmp_path / "new", "--centre", "http://127.0.0.1:1", "--token", "hello")
    assert run(monkeypatch, "enrol", *arguments) == 1
    assert "enrolment token" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["enrol", "run", "once", "nightly", "status"])
def test_every_command_explains_itself(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run(monkeypatch, command, "--help")
    assert left.value.code == 0
    assert "--network-switch" in capsys.readouterr().out
