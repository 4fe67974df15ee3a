"""The programs of a recording and those of today, as processes: an older kiosk with a newer centre, and the reverse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.processes import CentreProcess
from tests.support.recording import archive
from tests.support.recording.archive import Recorded
from tests.support.recording.programs import Programs

AT_WORK = (3, 5, 18, 25)
"""Kiosks whose machine may serve members."""
NEW = 19
_NOT_ENDED = {"receipts-waiting", "unapplied", "matters"}
"""What a night may find; of either version, so that it is named as it is printed."""


@pytest.fixture(scope="session")
def former_folder(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the recording's programs."""
    folder = tmp_path_factory.mktemp("programs")
    archive.unpack(recording, archive.PROGRAM, folder)
    return folder


@contextmanager
def _centre(recorded: Recorded, programs: Programs) -> Iterator[CentreProcess]:
    """The recorded centre, served by these programs."""
    centre = CentreProcess(recorded.folder / "centre")
    centre.environment = programs.environment
    centre.start()
    try:
        yield centre
    finally:
        centre.stop()


def _stores(recorded: Recorded) -> dict[int, Path]:
    """The data directory of each kiosk's last machine."""
    return {each.kiosk: each.directory for each in recorded.stores()}


def _agent(
    programs: Programs, centre: CentreProcess, command: str, directory: Path, *more: str
) -> dict[str, Any]:
    """What a command of the agent's says."""
    done = programs.run(
        "sync.agent.command",
        command,
        *("--data", directory, "--centre", centre.address, "--json"),
        *more,
        at=directory.parent,
    )
    assert done.stdout, done.stderr
    return msgspec.json.decode(done.stdout, type=dict[str, Any])


def _exchanged(programs: Programs, centre: CentreProcess, recorded: Recorded) -> None:
    """Kiosks tell all that they have and hear all that there is, twice; one is enrolled with a token from before."""
    stores = _stores(recorded)
    _agent(programs, centre, "enrol", stores[NEW], "--token", recorded.facts.tokens[str(NEW)])
    for kiosk in (*AT_WORK, NEW):
        assert _agent(programs, centre, "once", stores[kiosk])["received"] >= 0
    for kiosk in (*AT_WORK, NEW):
        night = _agent(programs, centre, "nightly", stores[kiosk])
        assert not set(night["troubles"]) - _NOT_ENDED, night
        assert night["same_tip"], night


def test_the_programs_of_a_recording_are_those_that_run(former_folder: Path, tmp_path: Path) -> None:
    programs = Programs(former_folder, 0)
    assert programs.run("sync.agent.command", "--version", at=tmp_path).returncode == 0
    shown = programs.run("inspect", "sync.protocol.records", at=tmp_path).stdout
    assert "class CentreDescription" in shown
    done = programs.run("pydoc", "sync", at=tmp_path)
    assert str(former_folder) in done.stdout


@pytest.mark.long
def test_an_older_kiosk_works_with_a_newer_centre_and_is_brought_up_to_date(
    recorded: Callable[[], Recorded], former_folder: Path
) -> None:
    unpacked = recorded()
    former, today = (Programs(folder, unpacked.facts.now) for folder in (former_folder, None))
    with _centre(unpacked, today) as centre:
        _exchanged(former, centre, unpacked)
        _nights(today, centre, unpacked)


@pytest.mark.long
def test_a_newer_kiosk_works_with_an_older_centre_which_is_brought_up_to_date(
    recorded: Callable[[], Recorded], former_folder: Path
) -> None:
    unpacked = recorded()
    former, today = (Programs(folder, unpacked.facts.now) for folder in (former_folder, None))
    with _centre(unpacked, former) as centre:
        _exchanged(today, centre, unpacked)
    with _centre(unpacked, today) as centre:
        _nights(today, centre, unpacked)


def _nights(programs: Programs, centre: CentreProcess, recorded: Recorded) -> None:
    stores = _stores(recorded)
    for kiosk in (*AT_WORK, NEW):
        night = _agent(programs, centre, "nightly", stores[kiosk])
        assert not set(night["troubles"]) - _NOT_ENDED, night
