"""What the installer tells while it installs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import install

PIP = """#!/bin/sh
echo "Collecting textual==6.2.1 (from -r demo.txt (line 1))"
echo "  Downloading textual-6.2.1-py3-none-any.whl (1 kB)"
echo "Collecting rich==14.1.0 (from -r demo.txt (line 4))"
echo "Installing collected packages: rich, textual"
exit ${STATUS:-0}
"""


@pytest.fixture
def pip(tmp_path: Path) -> str:
    program = tmp_path / "pip"
    program.write_text(PIP)
    program.chmod(0o755)
    return str(program)


def test_each_package_is_told_when_it_is_fetched_with_the_time(
    pip: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = iter(install.BEGAN + seconds for seconds in (1.0, 22.4, 40.0))
    monkeypatch.setattr("tools.install.time.monotonic", lambda: next(times))
    install.run_pip([pip], 2)
    assert capsys.readouterr().err.splitlines() == [
        "keydesk: [  1 s]     1/2 textual==6.2.1",
        "keydesk: [ 22 s]     2/2 rich==14.1.0",
        "keydesk: [ 40 s]     unpacking",
    ]


def test_a_failure_of_pip_is_one_of_the_installer(pip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATUS", "3")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        install.run_pip([pip], 2)
    assert failed.value.returncode == 3


@pytest.mark.parametrize("where", ["make_venv", "fill"])
def test_an_interrupted_installation_says_so_in_one_line(
    where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "make_venv", lambda: None)
    monkeypatch.setattr(install, where, interrupted)
    assert install.main("demo") == 130
    assert capsys.readouterr().err.splitlines() == [
        "keydesk: interrupted; run make again, it goes on from here"
    ]


def test_half_a_virtual_environment_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an interruption leaves has a python and no pip: every later run would fail, and blame the network."""
    venv = tmp_path / ".venv"
    binaries = venv / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").touch()
    (venv / "left-over").touch()

    def made(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        binaries.mkdir(parents=True)
        (binaries / "python").touch()
        (binaries / "pip").touch()
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(install, "VENV", venv)
    monkeypatch.setattr(install, "PYTHON", binaries / "python")
    monkeypatch.setattr(install, "PIP", binaries / "pip", raising=False)
    monkeypatch.setattr("tools.install.subprocess.run", made)
    install.make_venv()
    assert (binaries / "pip").exists()
    assert not (venv / "left-over").exists()
