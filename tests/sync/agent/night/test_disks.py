"""A night on a disk that is full, or whose pages are damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kiosk.domain.nights import NightlyFinding, NightStep, StepOutcome, StepReason
from kiosk.store.database import Database
from sync.agent.night.running import NightExit, nightly
from sync.agent.night.steps import Night, StepResult, usual_steps
from tests.support.disks import disk_of
from tests.support.memory_centre import MemoryCentre
from tests.support.memory_desk import Desk

PAGE = 4096


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    with disk_of(4, tmp_path / "disk") as folder:
        yield folder


def test_a_disk_that_fills_up_under_the_report_fails_the_run_alone_and_the_night_is_owed(
    small_disk: Path, centre: MemoryCentre
) -> None:
    filler = small_disk / "filler"

    def fill(night: Night) -> StepResult:
        with night.agent.database._connection() as connection:  # no room in SQLite's log either
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(PAGE))
        return StepResult()

    with ExitStack() as stack:
        desk = Desk(small_disk, 3, centre, stack)
        desk.enrol()
        agent = desk.agent()
        full = nightly(agent, usual_steps(backup=fill))
        assert not full.kept
        assert full.exit_status is NightExit.STEP_FAILED
        with desk.database.read() as tx:
            assert tx.nights.newest() is None
        filler.unlink()
        healed = nightly(agent)
        assert healed.kept
        assert healed.well, healed.report.findings


def test_a_damaged_page_is_found_kept_and_stops_no_other_step(desk: Desk) -> None:
    with desk.database.write() as tx:
        for time in range(3000):
            tx.lockouts.record("kiosk", time)
    desk.place()
    file = desk.database.path
    desk.database.close()
    content = bytearray(file.read_bytes())
    # the last pages hold what was written last: the rows that no step of the night reads
    content[-2 * PAGE + 100] ^= 1
    file.write_bytes(content)
    desk.database = Database.open(file, bytes(range(32)))
    desk.stack.callback(desk.database.close)
    night = nightly(desk.agent())
    took = {each.step: (each.outcome, each.reason) for each in night.report.steps}
    assert next(each.kind for each in night.report.findings) == NightlyFinding.PAGES_DAMAGED
    assert took[NightStep.DRAIN][0] is StepOutcome.DONE
    assert took[NightStep.VERIFY] == (StepOutcome.SKIPPED, StepReason.PAGES_DAMAGED)
    assert took[NightStep.PRUNE] == (StepOutcome.SKIPPED, StepReason.NOT_SOUND)
    assert took[NightStep.EXPIRING][0] is StepOutcome.DONE
    assert night.kept
    assert not night.journal_sound
