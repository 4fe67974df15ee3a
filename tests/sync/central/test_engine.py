from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from sync.central.configuration import CentreConfiguration, database_settings
from sync.central.errors import ConfigurationWrong
from sync.central.sqlite.base import DatabaseWrapper, wal_keeps_commits


@pytest.mark.django_db
def test_the_tests_run_on_the_engine_they_are_meant_for() -> None:
    assert connection.vendor == os.environ.get("KEYDESK_TEST_ENGINE", "sqlite")


@pytest.mark.django_db
def test_sqlite_writes_through() -> None:
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (2,)


def test_a_database_that_others_may_read_is_its_owners_alone_once_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "central.sqlite3"
    with closing(sqlite3.connect(path)) as former:
        former.execute("CREATE TABLE of_a_former_version (row)")
    path.chmod(0o644)
    engine = DatabaseWrapper({"NAME": str(path), "OPTIONS": {}})
    with closing(engine.get_new_connection(engine.get_connection_params())) as connection:
        connection.execute("INSERT INTO of_a_former_version VALUES (1)")
        assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("version", "keeps"),
    [
        ((3, 40, 1), False),
        ((3, 44, 6), True),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
        ((3, 44, 5), False),
    ],
)
def test_wal_is_used_where_it_keeps_commits(version: tuple[int, int, int], keeps: bool) -> None:  # noqa: FBT001
    assert wal_keeps_commits(version) is keeps


def test_a_postgresql_address_is_read() -> None:
    made = database_settings(CentreConfiguration(database="postgresql://desk:p%40ss@db.example:5433/keydesk"))
    wanted = {"NAME": "keydesk", "USER": "desk", "PASSWORD": "p@ss", "HOST": "db.example", "PORT": "5433"}
    assert {name: made[name] for name in wanted} == wanted


@pytest.mark.parametrize("address", ["mysql://x/y", "postgresql://host", "postgresql://host:port/name"])
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationWrong):
        database_settings(CentreConfiguration(database=address))
