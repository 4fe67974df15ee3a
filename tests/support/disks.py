"""File systems that are soon full, and disks that fail."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.pcsc import do_without


@contextmanager
def disk_of(megabytes: int, folder: Path, inodes: int = 0) -> Iterator[Path]:
    """Have a file system of so many megabytes, and inodes where their number is given, in memory at a new folder; only root may."""
    folder.mkdir()
    options = f"size={megabytes}m" + (f",nr_inodes={inodes}" if inodes else "")
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remounted(folder: Path, mode: str) -> None:
    """Mount the file system at a folder anew, `ro` or `rw`; nothing may be open there for writing."""
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)


def failing_disk(folder: Path) -> Path:
    """Compile failing_disk.c into a folder and give the library, which LD_PRELOAD takes."""
    compiler = shutil.which("gcc")
    if compiler is None:
        do_without("needs a C compiler: apt-get install gcc")
    library = folder / "failing_disk.so"
    source = Path(__file__).with_name("failing_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library
