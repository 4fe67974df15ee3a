"""A private PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _programs() -> Path | None:
    """The folder of the newest PostgreSQL server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else (Path(on_path).parent if on_path else None)


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs."""
    folder = _programs()
    return name if folder is None else str(folder / name)


def _as_owner(*command: str) -> list[str]:
    """The server refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a database in a cluster of our own, gone afterwards; the test is left out where there is none."""
    programs = _programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is missing: apt install postgresql")
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    directory = Path(tempfile.mkdtemp(prefix="keydesk-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, log = str(directory / "data"), str(directory / "log")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {directory}"
    try:
        _must(_as_owner(str(programs / "initdb"), "-D", data, "-U", "keydesk", "-A", "trust", "-E", "UTF8"))
        control = str(programs / "pg_ctl")
        _must(_as_owner(control, "-D", data, "-l", log, "-w", "-o", options, "start"))
        try:
            yield f"postgresql://keydesk@127.0.0.1:{port}/postgres"
        finally:
            _must(_as_owner(control, "-D", data, "-m", "immediate", "-w", "stop"))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _must(command: list[str]) -> None:
    done = subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
