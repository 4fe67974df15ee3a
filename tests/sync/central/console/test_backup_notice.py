"""What the console's first page says of backups."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.test import Client

from kiosk.backup.errors import BackupFault
from kiosk.backup.records import BackupSettings, Deposit
from kiosk.backup.standing import BackupReport, BackupState, state
from kiosk.domain.policy import DAY
from sync.central.backups.record import FILE, note, read_record

CONFIGURED = BackupSettings(recipients=("age1",), destinations=("/mnt",), stale=3)
NOW = 1_900_000_000
WELL = BackupReport(NOW, (Deposit("/mnt", "/mnt/a.age"),))
HALF = msgspec.structs.replace(
    WELL, deposits=(*WELL.deposits, Deposit("/share", fault=BackupFault.DESTINATION_MISSING))
)
BESIDE_AHEAD = msgspec.structs.replace(
    WELL, deposits=(Deposit("/mnt", "/mnt/a.age", ahead=("keydesk-centre-a-20990101T000000Z.age",)),)
)
NOWHERE = BackupReport(NOW + DAY, (Deposit("/mnt", fault=BackupFault.DESTINATION_MISSING),))


@pytest.mark.parametrize(
    ("reports", "later", "expected"),
    [
        ((), 0, BackupState.MISSING),
        ((BackupReport(NOW, detail="no room"),), 0, BackupState.MISSING),
        ((WELL,), 3 * DAY, BackupState.FRESH),
        ((WELL,), 3 * DAY + 1, BackupState.STALE),
        ((HALF,), 0, BackupState.FAILING),
        ((WELL, NOWHERE), DAY, BackupState.FAILING),
        ((WELL, NOWHERE), 4 * DAY, BackupState.STALE),
        ((NOWHERE, WELL), DAY, BackupState.FRESH),
        ((WELL,), -2 * DAY, BackupState.AHEAD),
        ((BESIDE_AHEAD,), 0, BackupState.AHEAD),
    ],
)
def test_a_backup_is_fresh_failing_stale_or_missing(
    tmp_path: Path, reports: tuple[BackupReport, ...], later: int, expected: BackupState
) -> None:
    for each in reports:
        note(tmp_path, each)
    assert state(CONFIGURED, read_record(tmp_path), NOW + later) is expected


def test_where_nobody_wants_backups_that_is_said_and_a_record_that_cannot_be_read_is_none(
    tmp_path: Path,
) -> None:
    assert state(BackupSettings(), read_record(tmp_path), NOW) is BackupState.NOT_CONFIGURED
    (tmp_path / FILE).write_text("{")
    assert state(CONFIGURED, read_record(tmp_path), NOW) is BackupState.MISSING


@pytest.fixture
def directory() -> Iterator[Path]:
    place = Path(settings.KEYDESK.directory)
    yield place
    (place / FILE).unlink(missing_ok=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("age", "says", "level"),
    [(None, "没有配置备份", "error"), (DAY, "最近一次备份：", "success"), (9 * DAY, "备份过期", "error")],
)
def test_the_first_page_says_how_old_the_newest_backup_is(
    staff: Client, directory: Path, age: int | None, says: str, level: str
) -> None:
    if age is not None:
        note(directory, msgspec.structs.replace(WELL, made=int(time.time()) - age))
    page = staff.get("/admin/").content.decode()
    assert page.count(says) == 1
    assert f'<li class="{level}">{says}' in page
