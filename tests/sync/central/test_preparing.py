"""Commands that begin together on one data directory, or on one database: real processes, of which one makes what all need."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from hardware.disk import FolderLock
from sync.central import configuration, preparing
from sync.central.centre_keys import load_keys
from sync.central.errors import OthersAtWork, PreparedByAnother
from tests.support.postgresql import postgresql
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("serving")
WAITING = "另一个 keydesk-central 正在做"
OTHERS = "等别的 keydesk-central 都不再用"
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
    return {**kept, configuration.DATABASE: database, "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}


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
            assert "最多 600 秒" in log.read_text()
            holder.kill()
            told, _ = waiting.communicate()
            assert (waiting.returncode, told[:2]) == (0, "3-")
    assert log.read_text().count(WAITING) == 1


def test_the_wait_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(configuration.DATA, str(tmp_path))
    with closing(FolderLock(tmp_path)) as other:
        assert other.take()
        with pytest.raises(PreparedByAnother) as refused:
            preparing.occupy(int(time.time()), longest=0.0)
    assert str(tmp_path) in str(refused.value)
    with closing(preparing.occupy(int(time.time()))), closing(preparing.Occupancy(tmp_path)) as other:
        other.share(longest=0.0)
        with pytest.raises(OthersAtWork) as at_work:
            other.take(lambda: True, longest=0.0)
    assert str(tmp_path) in str(at_work.value)
    assert load_keys(tmp_path).centre_key


@contextmanager
def _serving(data: Path, log: Path, database: str = "") -> Iterator[subprocess.Popen[str]]:
    command = ("-m", "sync.central.command", "serve", "--data", data, "--port", "0")
    with _begun(*command, "--exit-with-parent", database=database, log=log) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("http://127.0.0.1:"), log.read_text()
        yield server


def _as_a_former_version_left_it(data: Path, database: str) -> None:
    """Take a table away, with the migration that made it."""
    statements = "DROP TABLE django_session", "DELETE FROM django_migrations WHERE app = 'sessions'"
    if database:
        with psycopg.connect(database) as postgres:
            for each in statements:
                postgres.execute(each.encode())
        return
    with closing(sqlite3.connect(data / "central.sqlite3", timeout=600)) as connection:
        for each in statements:
            connection.execute(each)
        connection.commit()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_no_table_is_changed_under_a_server_of_a_former_version(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    data, database = tmp_path / "centre", ""
    if engine == "postgresql":
        database = request.getfixturevalue("cluster")
    log = tmp_path / "token.log"
    with _serving(data, tmp_path / "serve.log", database) as server:
        _as_a_former_version_left_it(data, database)
        with _begun(*_token(data, 3), database=database, log=log) as later:
            wait_until(lambda: OTHERS in log.read_text(), "it says that it waits")
            assert "请停下原来的服务程序" in log.read_text()
            assert later.poll() is None
            assert server.poll() is None
            assert server.stdin is not None
            server.stdin.close()
            told, _ = later.communicate()
            assert (later.returncode, told[:2]) == (0, "3-"), log.read_text()
    with _begun(*_migrate(data, "--check"), database=database, log=log) as checked:
        assert checked.wait() == 0


def _migrate(data: Path, *words: str) -> tuple[str | Path, ...]:
    return ("-m", "sync.central.command", "migrate", "--data", data, *words)


def test_djangos_own_migrate_waits_for_the_server_only_where_it_changes_tables(tmp_path: Path) -> None:
    data, log = tmp_path / "centre", tmp_path / "migrate.log"
    with _serving(data, tmp_path / "serve.log") as server:
        for words in ((), ("--check",), ("sessions", "zero", "--plan")):
            with _begun(*_migrate(data, *words), log=log) as beside:
                assert beside.wait() == 0, log.read_text()
        assert OTHERS not in log.read_text()
        with _begun(*_migrate(data, "sessions", "zero"), log=log) as back:
            wait_until(lambda: OTHERS in log.read_text(), "it says that it waits")
            assert back.poll() is None
            assert server.stdin is not None
            server.stdin.close()
            assert back.wait() == 0, log.read_text()


def test_a_second_server_on_the_same_sqlite_says_so(tmp_path: Path) -> None:
    data, log = tmp_path / "centre", tmp_path / "second.log"
    with _serving(data, tmp_path / "serve.log") as first:
        command = ("-m", "sync.central.command", "serve", "--data", data, "--port", "0")
        with _begun(*command, log=log) as second:
            assert second.wait() == 1
        assert str(data) in log.read_text()
        assert "已有服务程序在运行" in log.read_text()
        assert first.poll() is None
        first.kill()
        first.wait()
    with _serving(data, tmp_path / "third.log"):
        pass


def test_tables_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    data, log = tmp_path / "centre", tmp_path / "log"
    with _begun(*_token(data, 3), log=log) as first:
        assert first.wait() == 0
    with closing(sqlite3.connect(data / "central.sqlite3", timeout=600)) as connection:
        connection.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('journal', '9999_later', '2031-01-01')"
        )
        connection.commit()
    with _begun(*_token(data, 3), log=log) as refused:
        assert refused.wait() == 1
    assert "journal 9999_later" in log.read_text()
    assert "Traceback" not in log.read_text()
