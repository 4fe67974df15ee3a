"""Destinations on real file systems: not mounted, read-only, too small, and gone in the middle of a backup."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PRELUDE = """
import io, subprocess, sys
from pathlib import Path
import pyrage
from kiosk.backup import destination
from kiosk.backup.destination import deliver, deposit_everywhere
from kiosk.backup.envelope import describe, open_backup
from kiosk.backup.errors import BackupError
from kiosk.backup.records import BackupSettings
from kiosk.backup.rotation import Kind, Owner
data, stick = Path(sys.argv[1]) / "data", Path(sys.argv[1]) / "stick"
key = pyrage.x25519.Identity.generate()
members = {"keydesk.db": data / "keydesk.db"}
settings = BackupSettings((str(key.to_public()),), (str(stick),))
def mount(options): subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", stick], check=True)
def leave(): subprocess.run(["umount", "-l", stick], check=True)
def make(made=0):
    manifest = describe(Owner(Kind.KIOSK, "3.1"), made, members)
    (done,) = deposit_everywhere(settings, manifest, members, data, ())
    print(done.fault.value if done.fault else "done", sorted(path.name for path in stick.iterdir()))
    return done
"""


def _in_a_namespace(folder: Path, script: str) -> list[str]:
    """What a script says that may mount; everything is unmounted when it ends."""
    allowed = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
    if not allowed:
        pytest.skip("no namespaces for mounts here")
    (folder / "data").mkdir()
    (folder / "stick").mkdir()
    (folder / "data" / "keydesk.db").write_bytes(b"pages" * 100_000)
    command = ["unshare", "-rm", sys.executable, "-c", _PRELUDE + script, str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


FIRST = "keydesk-kiosk-3.1-19700101T000000Z.age"


def test_a_stick_that_is_not_mounted_gets_nothing_on_the_disk_beneath(tmp_path: Path) -> None:
    assert _in_a_namespace(tmp_path, 'make()\nmount("size=4m")\nmake()') == [
        "same-disk []",
        f"done ['{FIRST}']",
    ]


def test_a_read_only_stick_is_told(tmp_path: Path) -> None:
    assert _in_a_namespace(tmp_path, 'mount("size=4m,ro")\nmake()') == ["read-only []"]


def test_a_stick_that_one_backup_does_not_fit_is_told(tmp_path: Path) -> None:
    assert _in_a_namespace(tmp_path, 'mount("size=1m")\nmake()') == ["too-small []"]


def test_one_stick_under_two_names_gets_one_backup_and_is_told(tmp_path: Path) -> None:
    script = """
mount("size=8m")
again, folder = data.parent / "again", stick / "folder"
again.mkdir()
folder.mkdir()
subprocess.run(["mount", "--bind", stick, again], check=True)
settings = BackupSettings(settings.recipients, (str(stick), str(again), str(folder)))
manifest = describe(Owner(Kind.KIOSK, "3.1"), 0, members)
for done in deposit_everywhere(settings, manifest, members, data, ()):
    print(done.fault and done.fault.value, done.detail == str(stick))
"""
    assert _in_a_namespace(tmp_path, script) == [
        "None False",
        "destination-twice True",
        "destination-twice True",
    ]


def test_a_full_stick_is_told_before_and_while_it_is_written(tmp_path: Path) -> None:
    script = """
mount("size=3m")
make()
make(86400)
destination.check_destination = lambda *_, **__: None  # as if something else filled it meanwhile
(stick / "film").write_bytes(bytes(1_900_000))
make(2 * 86400)
(stick / "film").unlink()
print(open_backup(min(stick.iterdir()), [key], Kind.KIOSK, None).made)
"""
    first, second, third, made = _in_a_namespace(tmp_path, script)
    assert first == f"done ['{FIRST}']"
    assert second.startswith("done")
    assert third.startswith("no-room")
    assert ".part" not in third
    assert made == "0"


def test_a_stick_that_is_gone_in_the_middle_leaves_its_earlier_backups_whole(tmp_path: Path) -> None:
    script = """
mount("size=8m")
first = make()
kept = open(first.file, "rb")
real = destination._prove
def prove(file, sha256):
    real(file, sha256)
    leave()
destination._prove = prove
manifest = describe(Owner(Kind.KIOSK, "3.1"), 86400, members)
(done,) = deposit_everywhere(settings, manifest, members, data, ())
print(done.fault.value, done.file, sorted(stick.iterdir()))
copy = data / "copy.age"
copy.write_bytes(kept.read())
print(open_backup(copy, [key], Kind.KIOSK, None).made)
"""
    assert _in_a_namespace(tmp_path, script) == [f"done ['{FIRST}']", "lost None []", "0"]
