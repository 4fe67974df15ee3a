from __future__ import annotations

import os

import pytest
from django.db import connection

from sync.central.configuration import CentreConfiguration, database_settings
from sync.central.errors import ConfigurationWrong
from sync.central.sqlite.base import wal_keeps_commits


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
