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
