"""`keydesk-central` itself: its language, and that help and wrong words make nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sync.central import configuration, errors
from sync.central.command import OWN, main
from sync.central.errors import EXCHANGE_KIOSK, CentreError

HAN = re.compile("[一-鿿]")


class Told(NamedTuple):
    status: int
    said: str


Run = Callable[..., Told]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The command in this process, as far as it comes before it works with data."""
    for name in (configuration.DATA, configuration.CONFIG, configuration.HOSTS):
        monkeypatch.setenv(name, "")  # whatever it sets goes with the test
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    before = os.umask(0)

    def told(*words: str | Path) -> Told:
        try:
            status: object = main([str(each) for each in words])
        except SystemExit as left:
            status = left.code
        out, wrong = capsys.readouterr()
        return Told(int(str(status or 0)), out + wrong)

    yield told
    os.umask(before)


HELP = (
    ("--help",),
    *((name, "--help") for name in OWN),
    ("root", "sign", "--help"),
    ("createsuperuser", "--help"),
    ("migrate", "-h"),
    ("help", "createsuperuser"),
)
WRONG = (
    ("frobnicate",),
    ("createsuperuser", "--nonsense"),
    ("enrol-token",),
    ("enrol-token", "--kiosk", "three"),
    ("enrol-token", "--kiosk", "0"),
    ("enrol-token", "--kiosk", str(EXCHANGE_KIOSK)),
    ("examples", "--kiosk", "99999"),
    ("examples", "--bound", "none.json"),
    ("serve", "--port", "70000"),
    ("serve", "--host", "desk.local"),
    ("serve", "--nonsense"),
    ("root", "import", "none"),
    ("root", "bring-back", "none"),
    ("serve", "--config", "none.toml"),
)


@pytest.mark.parametrize("words", HELP, ids=" ".join)
def test_help_makes_nothing(words: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    told = run("--data", tmp_path / "new", *words)
    assert told.status == 0
    assert re.search("用法：|usage:", told.said)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_is_wrong_makes_nothing(
    words: tuple[str, ...], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run("--data", tmp_path / "new", *words)
    assert told.status in {1, 2}
    assert told.said
    assert list(tmp_path.iterdir()) == []


WORK_WITH_WHAT_EXISTS = (
    ("apply",),
    ("backup",),
    ("doctor",),
    ("restored",),
    ("root", "show"),
    ("root", "move-out", "root.moved"),
    ("root", "bring-back", "exists"),
    ("root", "export-requests", "requests"),
    ("root", "import", "exists"),
    ("changepassword", "somebody"),
    ("check",),
    ("dumpdata",),
    ("migrate", "--check"),
    ("migrate", "--plan"),
    ("shell", "--command", "pass"),
    ("showmigrations",),
)


@pytest.mark.parametrize("there", [False, True], ids=["missing", "empty"])
@pytest.mark.parametrize("words", WORK_WITH_WHAT_EXISTS, ids=" ".join)
def test_what_makes_no_centre_refuses_a_directory_that_holds_none(
    words: tuple[str, ...], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exists").touch()
    mistyped = tmp_path / "mistyped"
    if there:
        mistyped.mkdir()
    before = sorted(tmp_path.rglob("*"))
    told = run("--data", mistyped, *words)
    assert told.status == 1
    assert f"keydesk-central: {mistyped} 里没有中心" in told.said or f"没有 {mistyped}" in told.said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["", *OWN])
def test_every_command_explains_itself_in_the_language_of_the_environment(
    name: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [name, "--help"] if name else ["--help"]
    chinese = run(*words).said
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    english = run(*words).said
    assert "显示这份说明" in chinese
    assert not HAN.search(english)
    assert "options" not in chinese, "argparse's own headings"
    assert chinese.count("选项:") == 1
    for line in (chinese + english).splitlines():
        assert sum(2 if HAN.match(each) else 1 for each in line) <= 80


def test_it_tells_its_version_and_makes_nothing(run: Run, tmp_path: Path) -> None:
    told = run("--data", tmp_path / "new", "--version")
    assert told.status == 0
    assert re.fullmatch(r"keydesk \d+\.\d+\.\d+\n", told.said)
    assert not (tmp_path / "new").exists()


def test_a_centre_may_begin_with_its_consoles_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There was no table of users before the first `serve`, and a traceback said so."""
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "Testing-1234")
    words = ("createsuperuser", "--noinput", "--username", "staff", "--email", "staff@centre.example")
    ended = subprocess.run(
        [sys.executable, "-m", "sync.central.command", *words, "--data", tmp_path / "centre"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_djangos_commands_speak_the_language_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("createsuperuser", "--noinput", "--username", "staff", "--email", "none")
    said = {}
    for language in ("zh_CN.UTF-8", "en_GB.UTF-8"):
        monkeypatch.setenv("LC_ALL", language)
        ended = subprocess.run(
            [sys.executable, "-m", "sync.central.command", *words, "--data", tmp_path / "centre"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 1
        said[language] = ended.stderr
    assert HAN.search(said["zh_CN.UTF-8"])
    assert "valid email address" in said["en_GB.UTF-8"]


WHERE = Path("/var/lib/keydesk-central")
WORDED_ELSEWHERE = ("",)
ERRORS: tuple[tuple[type[CentreError], tuple[object, ...]], ...] = (
    (errors.ConfigurationWrong, ("central.toml: no such file",)),
    (errors.ProvidersUnchosen, ("0.0.0.0", ["provider", "sms"])),  # noqa: S104 - worded, not bound
    (errors.NoCentre, (WHERE,)),
    (errors.KeysUnusable, (WHERE, "permission denied")),
    (errors.CryptographyUnusable, ("libcrypto.so.3",)),
    (errors.PreparedByAnother, ("central", 600.0)),
    (errors.OthersAtWork, ("central", 600.0)),
    (errors.ServedAlready, (WHERE,)),
    (errors.TablesNewer, (["journal 9999", "ledger 9999"],)),
    (errors.BackupFailed, WORDED_ELSEWHERE),
    (errors.NothingToBackUp, (WHERE,)),
    (errors.DumpFailed, ("pg_dump",)),
    (errors.CopyUnsound, ("central",)),
    (errors.AnotherCentre, (WHERE, WHERE)),
    (errors.AnotherEngine, (WHERE, "SQLite", "PostgreSQL")),
    (errors.DirectoryAtWork, (WHERE,)),
    (errors.DatabaseBehind, (WHERE, ["3/1 revoked", "4"])),
    (errors.KioskNumberRefused, (0,)),
    (errors.ArgumentRefused, ("none.json",)),
    (errors.RootFileRefused, (WHERE, "central")),
    (errors.RootNotDone, WORDED_ELSEWHERE),
    (errors.PortBusy, ("127.0.0.1", 8000)),
    (errors.CannotServe, ("central",)),
)


def test_the_errors_below_are_all_that_there_are() -> None:
    assert {kind for kind, _ in ERRORS} == set(CentreError.__subclasses__())


@pytest.mark.parametrize(
    ("kind", "given"),
    [each for each in ERRORS if each[1] != WORDED_ELSEWHERE],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_is_wrong_is_said_in_the_language_of_the_environment(
    kind: type[CentreError], given: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    chinese = str(kind(*given))
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    english = str(kind(*given))
    assert HAN.search(chinese)
    assert not HAN.search(english)
    for said in (chinese, english):
        assert not re.search("[{}\n]|None", said)
