"""What a database that is put back must not undo stands in a file beside it; nobody works with one that is behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sync.central.errors import DatabaseBehind
from sync.central.fleet import standing
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.feed.models import Incarnation
from sync.central.fleet.machines import end
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.central.journal.incarnations import begin_by_hand
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
    assert standing.take_over(_now()) == 4
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
    whole = file.read_bytes()
    file.write_bytes(whole[:-9] + b"\n")
    standing.require_not_behind()
    standing.record()
    assert whole in file.read_bytes()
    standing.record()
    assert file.read_bytes().count(b"\n") == 2


@pytest.mark.xdist_group("serving")
def test_a_database_behind_the_file_is_not_worked_with_until_somebody_says_so(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYDESK_CENTRAL_")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sync.central.command", *words, "--data", str(tmp_path)]
        return subprocess.run(command, env=kept, capture_output=True, text=True, check=False)

    assert run("enrol-token", "--kiosk", "3").returncode == 0
    (tmp_path / standing.FILE).write_text('{"subject":"3"}\n')
    refused = run("enrol-token", "--kiosk", "4")
    assert refused.returncode == 1
    assert "keydesk-central restored" in refused.stderr
    assert run("restored").returncode == 0
    assert run("enrol-token", "--kiosk", "4").returncode == 0
    assert run("enrol-token", "--kiosk", "4").stdout
    assert '"incarnation 2"' in (tmp_path / standing.FILE).read_text()
