import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.demo.processes import Service, end
from tests.support.waiting import wait_until

STUBBORN = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
READER = "import sys; print('up', flush=True); sys.stdin.read()"


def _await(log: Path) -> None:
    wait_until(lambda: "up" in (log.read_text() if log.exists() else ""), "the child starts")


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_service_ends_when_its_pipe_is_closed(tmp_path: Path) -> None:
    service = Service("reader", [sys.executable, "-c", READER], tmp_path / "log", os.environ)
    _await(tmp_path / "log")
    assert service.said("up")
    service.let_go()
    assert service.process.wait() == 0
    second = Service("mute", [sys.executable, "-c", ""], tmp_path / "log", os.environ)
    assert second.process.wait() == 0
    assert not second.said("up"), "that was the one before"
    second.let_go()


def test_a_child_that_ignores_the_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiosk.demo.processes.STOP_SECONDS", 0.2)
    service = Service("stubborn", [sys.executable, "-c", STUBBORN], tmp_path / "log", os.environ)
    _await(tmp_path / "log")
    end(service.process)
    assert service.process.returncode == -signal.SIGKILL


def test_a_killed_parent_takes_its_service_with_it(tmp_path: Path) -> None:
    parent = (
        "import os,sys,time; from pathlib import Path; from kiosk.demo.processes import Service\n"
        f"service = Service('reader', [sys.executable, '-c', {READER!r}], Path({str(tmp_path / 'log')!r}), os.environ)\n"
        "print(service.process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        _await(tmp_path / "log")
        process.kill()
        wait_until(lambda: _gone(child), "the service ends with its parent")
