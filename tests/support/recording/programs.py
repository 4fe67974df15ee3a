"""The programs of a version, kept with what they made, and run beside those of today."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.support.recording.archive import pack

ROOT = Path(__file__).parents[3]
PACKAGES = ("hardware", "kiosk", "sync")
_NOT_KEPT = shutil.ignore_patterns("__pycache__", "*.pyc", "ui", "demo")
"""Screens and demonstration: neither stores nor a line ask for them."""


def pack_programs(file: Path, scratch: Path) -> None:
    """Pack the programs of today, without their screens."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, scratch / package, ignore=_NOT_KEPT)
    pack(scratch, file)


class Programs:
    """The programs of a folder, or those of today, as processes whose clock is at a time (UTC seconds) when this is made."""

    def __init__(self, folder: Path | None, now: int) -> None:
        path = [str(_CLOCK), *([] if folder is None else [str(folder)])]
        self.environment = {
            "PYTHONPATH": os.pathsep.join(path),
            "KEYDESK_TEST_CLOCK": str(now - int(time.time())),
            "LC_ALL": "C.UTF-8",
        }

    def run(self, module: str, *arguments: str | Path, at: Path) -> subprocess.CompletedProcess[str]:
        """Run one of them; what it printed. The directory `at` holds no programs."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYDESK_")}
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            env={**kept, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=at,
        )


_CLOCK = Path(__file__).parent / "clock"
