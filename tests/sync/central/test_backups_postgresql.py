"""The centre on PostgreSQL backed up and put back: by `keydesk-central`, by PostgreSQL's own tools, and `restored`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sync.central.backups.copying import DUMP
from sync.central.configuration import STANDING
from tests.support.postgresql import postgresql
from tests.sync.central.backing_up import Operator, make_key

pytestmark = pytest.mark.xdist_group("serving")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with postgresql() as address:
        yield address


def _rows(address: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def test_what_pg_dump_had_is_put_back_into_a_fresh_database_and_nobody_works_before_it_is_said(
    tmp_path: Path, cluster: str
) -> None:
    key = make_key(tmp_path)
    (tmp_path / "old").mkdir()
    old = Operator(tmp_path / "old", tmp_path / "old" / "centre", key, cluster)
    assert old.run("examples").returncode == 0
    entries = _rows(cluster, "SELECT key, hash FROM journal_entry ORDER BY key")
    assert entries
    file = old.backup()

    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
    fresh = cluster.rpartition("/")[0] + "/fresh"
    (tmp_path / "new").mkdir()
    new = Operator(tmp_path / "new", tmp_path / "new" / "centre", key, fresh)
    put_back = new.restore(file)
    assert put_back.returncode == 0, put_back.stderr
    dump = new.data / DUMP
    assert str(dump) in put_back.stdout
    assert "keydesk-central restored" in put_back.stdout
    words = ("--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={fresh}", str(dump))
    subprocess.run(["pg_restore", *words], check=True)
    assert _rows(fresh, "SELECT key, hash FROM journal_entry ORDER BY key") == entries

    early = new.run("enrol-token", "--kiosk", "4")
    assert early.returncode == 1
    assert "keydesk-central restored" in early.stderr
    restored = new.run("restored", "--yes")
    assert restored.returncode == 0, restored.stderr
    assert _rows(fresh, "SELECT number FROM fleet_incarnation ORDER BY number") == [(1,), (2,), (3,)]
    assert '"incarnation 3"' in (new.data / STANDING).read_text()
    assert new.run("enrol-token", "--kiosk", "4").returncode == 0


def test_without_pg_dump_it_is_said_what_to_do_and_the_keys_alone_are_a_deliberate_choice(
    tmp_path: Path, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Operator(tmp_path, tmp_path / "centre", make_key(tmp_path), cluster)
    assert operator.run("enrol-token", "--kiosk", "5").returncode == 0
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = operator.run("backup")
    assert refused.returncode == 1
    assert "没有 pg_dump 这个程序" in refused.stderr
    assert "--keys-only" in refused.stderr
    assert not list(operator.destination.iterdir())
    assert operator.backup("--keys-only")
