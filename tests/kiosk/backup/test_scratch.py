"""The folder in which backups lie in the clear is empty however a program ends there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

_AT_WORK = """
import io, signal, sys, time
from pathlib import Path
import pyrage
from pyrage import x25519
from kiosk.backup.scratch import scratch

place, number, where = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
signal.signal(number, signal.SIG_DFL)

class Source(io.BytesIO):
    def read(self, size=-1):
        signal.raise_signal(number)
        return super().read(size)

with scratch(place / "keydesk.backup") as folder:
    (folder / "opened").mkdir()
    (folder / "opened" / "keydesk.key").write_text("a key")
    if where == "in the library":
        pyrage.encrypt_io(Source(b"pages"), io.BytesIO(), [x25519.Identity.generate().to_public()])
    signal.raise_signal(number)
print("went on")
"""


@pytest.mark.parametrize("where", ["between", "in the library"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_program_that_is_ended_leaves_nothing_in_the_clear(tmp_path: Path, number: int, where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _AT_WORK, str(tmp_path), str(int(number)), where],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")
    assert list((tmp_path / "keydesk.backup").iterdir()) == []
