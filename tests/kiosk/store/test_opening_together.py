"""Programs that begin together in one data directory, new or of a former version: real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kiosk.store import keyfile, location, migrations
from kiosk.store.connections import connect
from kiosk.store.errors import TablesDue
from kiosk.store.location import DATABASE, KEY_FILE, open_database
from kiosk.store.verify import verify
from tests.support.waiting import wait_until

FORMER = Path(__file__).parent / "data" / "tables_1.sql"
OPEN = """
import sys
from pathlib import Path
from kiosk.store.location import open_or_create_database
database = open_or_create_database(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""
"""A program of this version."""
HOLD = """
import sys
from pathlib import Path
from kiosk.store.occupancy import Occupancy
place = Occupancy(Path(sys.argv[1]))
getattr(place, sys.argv[2])()
print("held", flush=True)
sys.stdin.read()
"""
"""`share`: a program of a former version, at work. `take`: one that is alone."""
MIGRATE_AND_STOP = """
import sys
from pathlib import Path
from kiosk.store import location, migrations

def stop(tables):
    tables.execute("CREATE TABLE half_done (number INTEGER)")
    print("half", flush=True)
    sys.stdin.read()

migrations._left_audiences = stop
location.open_database(Path(sys.argv[1]))
"""


@pytest.fixture
def former(tmp_path: Path, key: bytes) -> Path:
    """A data directory of the first version."""
    directory = tmp_path / "data"
    directory.mkdir()
    keyfile.save(directory / KEY_FILE, key)
    with closing(connect(directory / DATABASE, key)) as connection:
        connection.executescript(FORMER.read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return directory


@contextmanager
def _begun(*command: str | Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    with (
        log.open("w") as told,
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _version(directory: Path, key: bytes) -> int:
    with closing(connect(directory / DATABASE, key)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _status(directory: Path) -> tuple[str | Path, ...]:
    return ("-m", "kiosk.commands.cli", "status", "--data", directory)


@pytest.mark.parametrize("kind", ["new", "former"])
def test_programs_that_begin_together_all_open_it_and_go_on_beside_each_other(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    directory = tmp_path / "data" if kind == "new" else request.getfixturevalue("former")
    logs = [tmp_path / f"{number}.log" for number in range(5)]
    begun = [_begun("-c", OPEN, directory, log=log) for log in logs]
    processes = [each.__enter__() for each in begun]
    try:
        opened = [_first_line(each) for each in processes]
    finally:
        for each in reversed(begun):
            each.__exit__(None, None, None)
    assert opened == ["open"] * len(logs), "\n".join(log.read_text()[-1000:] for log in logs)
    with closing(open_database(directory)) as database:
        assert verify(database).sound


def test_tables_are_not_changed_under_a_program_of_a_former_version(
    former: Path, key: bytes, tmp_path: Path
) -> None:
    log, before = tmp_path / "status.log", _version(former, key)
    with _begun("-c", HOLD, former, "share", log=tmp_path / "holder.log") as holder:
        assert _first_line(holder) == "held"
        with _begun(*_status(former), log=log) as waiting:
            wait_until(lambda: "要升级" in log.read_text() or waiting.poll() is not None, "it says what for")
            assert waiting.poll() is None
            assert (log.read_text().count("最多 60 秒"), _version(former, key)) == (1, before)
            holder.kill()
            waiting.communicate()
    assert "Traceback" not in log.read_text()
    assert _version(former, key) == migrations.LATEST


def test_a_program_says_that_it_waits_for_the_one_that_is_alone_and_goes_on_when_that_is_killed(
    former: Path, key: bytes, tmp_path: Path
) -> None:
    log = tmp_path / "status.log"
    with _begun("-c", HOLD, former, "take", log=tmp_path / "holder.log") as holder:
        assert _first_line(holder) == "held"
        with _begun(*_status(former), log=log) as waiting:
            wait_until(
                lambda: "等它做完" in log.read_text() or waiting.poll() is not None, "it says what for"
            )
            assert waiting.poll() is None
            holder.kill()
            waiting.communicate()
    assert "Traceback" not in log.read_text()
    assert _version(former, key) == migrations.LATEST


def test_a_migration_that_is_killed_leaves_the_former_tables_and_the_next_program_makes_it(
    former: Path, key: bytes, tmp_path: Path
) -> None:
    before, log = _version(former, key), tmp_path / "next.log"
    with _begun("-c", MIGRATE_AND_STOP, former, log=tmp_path / "killed.log") as killed:
        assert _first_line(killed) == "half"
        with _begun("-c", OPEN, former, log=log) as after:
            assert _version(former, key) == before
            killed.kill()
            assert _first_line(after) == "open", log.read_text()
    with closing(open_database(former)) as database:
        assert verify(database).sound


def test_the_wait_for_programs_of_a_former_version_is_bounded(
    former: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(location, "OTHERS_SECONDS", 0.0)
    with _begun("-c", HOLD, former, "share", log=tmp_path / "holder.log") as holder:
        assert _first_line(holder) == "held"
        with pytest.raises(TablesDue):
            open_database(former)
    open_database(former).close()
