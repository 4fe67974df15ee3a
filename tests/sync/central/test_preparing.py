"""Commands that begin together on one data directory, or on one database: real processes, of which one makes what all need."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from hardware.disk import FolderLock
from sync.central import configuration, preparing
from sync.central.errors import PreparedByAnother
from tests.support.postgresql import postgresql
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("serving")
WAITING = "waiting for another keydesk-central"
_HOLD_FOLDER = """
import sys
from pathlib import Path
from hardware.disk import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print(lock.take(), flush=True)
sys.stdin.read()
"""
_HOLD_DATABASE = """
import sys
import psycopg
from sync.central.preparing import _ADVISORY
connection = psycopg.connect(sys.argv[1], autocommit=True)
print(connection.execute("SELECT pg_try_advisory_lock(%s)", [_ADVISORY]).fetchone()[0], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with postgresql() as address:
        yield address


def _environment(database: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYDESK_CENTRAL_")}
    return {**kept, configuration.DATABASE: database, "PYTHONUNBUFFERED": "1"}


@contextmanager
def _begun(*command: str | Path, database: str = "", log: Path) -> Iterator[subprocess.Popen[str]]:
    with (
        log.open("w") as told,
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
            env=_environment(database),
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def _token(data: Path, kiosk: int) -> tuple[str | Path, ...]:
    return ("-m", "sync.central.command", "enrol-token", "--data", data, "--kiosk", str(kiosk))


def _all_together(folders: list[Path], logs: Path, database: str = "") -> None:
    """A server and commands in each folder, all begun at once: each does what it was asked."""
    begun = []
    for number, folder in enumerate(folders * 2, start=3):
        begun.append(_begun(*_token(folder, number), database=database, log=logs / f"token-{number}"))
    begun.append(
        _begun(
            *("-m", "sync.central.command", "serve", "--data", folders[0], "--port", "0"),
            *("--exit-with-parent", "--no-applier"),
            database=database,
            log=logs / "serve",
        )
    )
    begun.append(
        _begun(
            *("-m", "sync.central.command", "migrate", "--data", folders[-1], "--verbosity", "0"),
            database=database,
            log=logs / "migrate",
        )
    )
    *tokens, server, migrating = [each.__enter__() for each in begun]
    try:
        for each in tokens:
            told, _ = each.communicate()
            assert (each.returncode, told.count("-") >= 2) == (0, True), _told(logs)
        assert migrating.wait() == 0, _told(logs)
        assert server.stdout is not None
        assert server.stdout.readline().startswith("http://127.0.0.1:"), _told(logs)
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait() == 0, _told(logs)
    finally:
        for context in reversed(begun):
            context.__exit__(None, None, None)


def _told(logs: Path) -> str:
    return "\n".join(each.read_text()[-1500:] for each in logs.iterdir())


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def test_a_server_and_commands_begin_together_on_a_new_directory(tmp_path: Path, logs: Path) -> None:
    data = tmp_path / "new" / "centre"
    _all_together([data], logs)
    made = {each.name for each in data.iterdir()}
    assert {"root.key", "root.der", "exchange.der", "centre.key", "seal.key", "django.key"} <= made


def test_a_server_and_commands_of_two_machines_begin_together_at_a_new_postgresql(
    tmp_path: Path, logs: Path, cluster: str
) -> None:
    _all_together([tmp_path / "one", tmp_path / "two"], logs, cluster)


@pytest.mark.parametrize("kind", ["directory", "database"])
def test_a_command_says_what_it_waits_for_and_goes_on_when_the_holder_is_killed(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    data, database = tmp_path / "centre", ""
    data.mkdir()
    holding: tuple[str | Path, ...] = ("-c", _HOLD_FOLDER, data)
    if kind == "database":
        database = request.getfixturevalue("cluster")
        holding = ("-c", _HOLD_DATABASE, database)
    log = tmp_path / "token.log"
    with _begun(*holding, log=tmp_path / "holder.log") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with _begun(*_token(data, 3), database=database, log=log) as waiting:
            wait_until(lambda: WAITING in log.read_text(), "it says that it waits")
            assert waiting.poll() is None
            assert "at most 600 s" in log.read_text()
            holder.kill()
            told, _ = waiting.communicate()
            assert (waiting.returncode, told[:2]) == (0, "3-")
    assert log.read_text().count(WAITING) == 1


def test_the_wait_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(configuration.DATA, str(tmp_path))
    with closing(FolderLock(tmp_path)) as other:
        assert other.take()
        with pytest.raises(PreparedByAnother) as refused:
            preparing.prepare_keys(int(time.time()), longest=0.0)
    assert str(tmp_path) in str(refused.value)
    assert preparing.prepare_keys(int(time.time())).centre_key
