"""The centre's backups as somebody at its command line makes them and puts them back."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from kiosk.backup.keys import create_identity
from sync.central import configuration
from sync.central.replacement import RESTORE
from tests.support.forked import ran


class Operator:
    """Who runs `keydesk-central` over one data directory, with a configuration of its own."""

    def __init__(self, folder: Path, data: Path, identity: Path, database: str = "") -> None:
        self.data, self.identity, self.database = data, identity, database
        self.destination = folder / "stick"
        self.destination.mkdir(exist_ok=True)
        self.configuration = folder / "central.toml"
        self.configuration.write_text(
            f'data = "{data}"\ndatabase = "{database}"\n[backup]\nrecipients = ["{_public(identity)}"]\n'
            f'destinations = ["{self.destination}"]\nsame_disk = true\n'
        )

    def begin(self, *words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "sync.central.command", *map(str, words), *self._place],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment(),
            umask=0,
        )

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        done = ran("sync.central.command", *words, *self._place, environment=environment(), umask=0)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def backup(self, *words: str) -> Path:
        done = self.run("backup", *words)
        assert done.returncode == 0, done.stderr
        return max(self.destination.glob("*.age"))

    def restore(self, file: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("restore", file, "--identity", self.identity, *words)

    @property
    def _place(self) -> tuple[str, str]:
        return "--config", str(self.configuration)


def environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(configuration.ENVIRONMENT)
    }
    return {**kept, "LC_ALL": "C.UTF-8"}


def make_key(folder: Path, name: str = "offline.key") -> Path:
    file = folder / name
    create_identity(file)
    return file


def _public(identity: Path) -> str:
    return identity.read_text().splitlines()[0].removeprefix("# public key: ")


def files_of(directory: Path) -> dict[str, str]:
    """What lies in a data directory, by its content; the logs of servers aside."""
    return {
        str(each.relative_to(directory)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted(directory.rglob("*"))
        if each.is_file() and each.suffix not in {".log", ".lock"}
    }


def leftovers(directory: Path) -> list[Path]:
    return [*directory.glob(f".{RESTORE}*"), *directory.glob(RESTORE)]
