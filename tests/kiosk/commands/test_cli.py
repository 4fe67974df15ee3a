"""The command line itself."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from kiosk.commands.cli import parser
from kiosk.text.cells import width

KEYDESK = Path(sys.executable).with_name("keydesk")


def _commands(
    top: argparse.ArgumentParser, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    yield before, top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield from _commands(command, (*before, name))


COMMANDS = dict(_commands(parser()))


def test_the_commands_are_those_of_the_design() -> None:
    names = {" ".join(words) for words in COMMANDS}
    assert names == {
        *("", "demo", "run", "doctor", "orders", "keys", "status", "virtual-key", "support-bundle"),
        *("backup", "backup-key", "restore"),
        *("journal", "journal verify", "journal export"),
        *("privacy", "privacy export", "privacy erase"),
        *(
            "seal",
            *(f"seal {verb}" for verb in ("show", "auto", "tpm", "passphrase", "plain", "unlock", "lock")),
        ),
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_every_option(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([*words, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for action in COMMANDS[words]._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction)
        assert all(option in shown for option in action.option_strings)
    positional = [action for action in COMMANDS[words]._actions if not action.option_strings]
    verbs = [action for action in positional if isinstance(action, argparse._SubParsersAction)]
    assert ("命令:" in shown, "参数:" in shown) == (bool(verbs), bool(positional) and not verbs)


@pytest.mark.parametrize(
    "words",
    [
        ("orders",),
        ("keys",),
        ("status",),
        ("doctor",),
        ("journal", "verify"),
        ("backup",),
        ("seal", "show"),
        ("backup", "x"),
        ("backup-key", "x"),
        ("support-bundle",),
        ("restore", "x"),
    ],
)
def test_what_programs_read_is_offered_as_json(words: tuple[str, ...]) -> None:
    assert parser().parse_args([*words, "--json"]).json


def test_the_installed_command_helps_without_loading_the_screens() -> None:
    shown = subprocess.run([KEYDESK, "--help"], check=True, capture_output=True, text=True).stdout
    assert "doctor" in shown
    loaded = "import sys; from kiosk.commands.cli import parser; parser(); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True)
    assert not {"textual", "cryptography", "sqlcipher3", "django", "pyrage"} & set(modules.stdout.split())


@pytest.mark.parametrize(
    "command", ["copies", "doctor.command", "journal", "keys", "orders", "run", "status", "virtual_key"]
)
def test_no_command_loads_the_screens_before_it_shows_them(command: str) -> None:
    loaded = f"import sys, kiosk.commands.{command}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True)
    assert "textual" not in modules.stdout.split()


def test_the_version_is_the_installed_one() -> None:
    shown = subprocess.run([KEYDESK, "--version"], check=True, capture_output=True, text=True).stdout
    assert shown == f"keydesk {version('keydesk')}\n"


@pytest.mark.parametrize("words", [(), ("pay",), ("orders", "--jsn"), ("journal",)])
def test_a_command_that_is_not_known_is_refused_with_the_usage(words: tuple[str, ...]) -> None:
    done = subprocess.run([KEYDESK, *words], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "用法：keydesk" in done.stderr
    assert "命令写得不对" in done.stderr
    assert "--help 看说明" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_is_in_the_language_of_the_environment(words: tuple[str, ...]) -> None:
    def told(locale: str) -> str:
        command = [str(KEYDESK), *words, "--help"]
        environment = {**os.environ, "LC_ALL": locale, "COLUMNS": "80"}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    chinese, english = told("zh_CN.UTF-8"), told("en_GB.UTF-8")
    assert "显示这份说明" in chinese
    assert not re.search("[一-鿿]", english)
    assert max(width(line) for line in (chinese + english).splitlines()) <= 80


def test_a_reader_that_stops_early_is_no_error_with_a_traceback(tmp_path: Path) -> None:
    """As with `keydesk orders | head -0`."""
    command = f"set -o pipefail; {KEYDESK} doctor --data {tmp_path} | true"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
