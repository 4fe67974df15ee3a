"""What a database that is put back must not undo stands in a file beside it; nobody works with one that is behind."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from sync.central.errors import DatabaseBehind
from sync.central.fleet import standing
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.epochs import MARGIN
from sync.central.fleet.feed.models import Incarnation
from sync.central.fleet.machines import end
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.central.journal.incarnations import begin_after_restore, begin_by_hand
from tests.support.forked import ran
from tests.support.kiosk_double import KioskDouble
from tests.support.scenes import Backup


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / standing.FILE
    monkeypatch.setattr(standing, "path", lambda: place)
    return place


def _now() -> int:
    return int(time.time())


@pytest.mark.django_db
@pytest.mark.usefixtures("file")
def test_what_a_backup_forgot_is_taken_from_the_file_beside_it(kiosk: KioskDouble) -> None:
    backup = Backup()
    machine = Machine.objects.get(kiosk=3)
    end(machine, MachineState.LOST, "root", "stolen", _now())
    standing.record()
    end(machine, MachineState.REVOKED, "root", "stolen", _now())
    unknown = KioskDouble(6).enrol(give_token(6, _now()))
    end(Machine.objects.get(kiosk=6), MachineState.RETIRED, "root", "old", _now())
    KioskDouble(7).enrol(give_token(7, _now()))
    Kiosk.objects.filter(number=7).update(state=KioskState.REVOKED)
    begin_by_hand(_now())
    standing.record()
    standing.require_not_behind()
    backup.put_back()
    with pytest.raises(DatabaseBehind, match=r"3/1 revoked.*restored"):
        standing.require_not_behind()
    assert standing.take_over(_now()) == 4 + 3 * 2  # and what each of the three kiosks was given
    assert begin_by_hand(_now()).number == 3
    standing.record()
    standing.require_not_behind()
    assert Machine.objects.get(kiosk=3).state == MachineState.REVOKED
    taken = Machine.objects.get(kiosk=6)
    assert (taken.state, bytes(taken.issuing_certificate)) == (
        MachineState.RETIRED,
        unknown.answer.issuing_certificate,
    )
    assert Kiosk.objects.get(number=7).state == KioskState.REVOKED
    assert list(Incarnation.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3]
    assert unknown.pushed().retired
    assert kiosk.pushed().quarantined


@pytest.mark.django_db
def test_a_line_that_a_power_cut_left_is_written_again(kiosk: KioskDouble, file: Path) -> None:
    end(Machine.objects.get(kiosk=kiosk.number), MachineState.LOST, "", "", _now())
    standing.record()
    lines = file.read_bytes().splitlines(keepends=True)
    last = lines[-1]
    file.write_bytes(b"".join(lines)[:-9] + b"\n")
    standing.require_not_behind()
    standing.record()
    assert file.read_bytes().endswith(last)
    standing.record()
    assert file.read_bytes().count(b"\n") == len(lines) + 1


@pytest.mark.django_db
@pytest.mark.usefixtures("file")
def test_a_database_that_forgot_an_enrolment_is_not_worked_with(
    kiosk: KioskDouble, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """The machine is gone, and nobody shows a receipt before the next one is enrolled."""
    backup = Backup()
    with django_capture_on_commit_callbacks(execute=True):
        lost = [KioskDouble(each).enrol(give_token(each, _now())).answer for each in (kiosk.number, 6)]
    backup.put_back()
    with pytest.raises(DatabaseBehind, match=r"epoch 3 2.*machine 3 2.*restored"):
        standing.require_not_behind()
    begin_after_restore(_now())
    standing.require_not_behind()
    for each in lost:
        again = KioskDouble(each.kiosk).enrol(give_token(each.kiosk, _now())).answer
        assert again.machine > each.machine + MARGIN
        assert again.epoch > each.epoch + MARGIN


@pytest.mark.xdist_group("serving")
def test_a_database_behind_the_file_is_not_worked_with_until_somebody_says_so(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYDESK_CENTRAL_")}
    kept["LC_ALL"] = "C.UTF-8"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return ran("sync.central.command", *words, "--data", tmp_path, environment=kept)

    assert run("enrol-token", "--kiosk", "3").returncode == 0
    (tmp_path / standing.FILE).write_text('{"subject":"3"}\n')
    refused = run("enrol-token", "--kiosk", "4")
    assert refused.returncode == 1
    assert "keydesk-central restored" in refused.stderr
    unasked = run("restored")
    assert unasked.returncode == 1
    assert "--yes" in unasked.stderr
    assert run("enrol-token", "--kiosk", "4").returncode == 1
    assert run("restored", "--yes").returncode == 0
    assert run("enrol-token", "--kiosk", "4").returncode == 0
    again = run("enrol-token", "--kiosk", "4")
    assert again.stdout.startswith("4-")
    assert again.stdout.count("\n") == 1, "scripts read the token alone"
    assert "令牌已作废（1 个）" in again.stderr
    assert '"incarnation 2"' in (tmp_path / standing.FILE).read_text()
