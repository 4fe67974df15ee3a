"""Who may hold a card, by what Linux tells of processes."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from hardware.pcsc.programs import programs_with_pcsc

if TYPE_CHECKING:
    from pathlib import Path

MAPS = "7f00-7f01 r-xp 0 08:01 1  /usr/lib/x86_64-linux-gnu/{}\n"


def process(proc: Path, number: int, name: bytes, library: str) -> None:
    folder = proc / str(number)
    folder.mkdir()
    (folder / "comm").write_bytes(name + b"\n")
    (folder / "maps").write_text(MAPS.format(library))


def test_programs_with_libpcsclite_are_named_and_nobody_else(tmp_path: Path) -> None:
    process(tmp_path, 20, b"firefox", "libpcsclite.so.1.0.0")
    process(tmp_path, 3, "浏览器".encode()[:-1] + b"\x1b", "libpcsclite_real.so.1")
    process(tmp_path, 4, b"bash", "libc.so.6")
    process(tmp_path, 5, b"keydesk", "libpcsclite.so.1")
    (tmp_path / "6").mkdir()  # ended meanwhile
    (tmp_path / "self").mkdir()
    assert programs_with_pcsc(tmp_path, own=5) == ("浏览\\xe5\\x99 (3)", "firefox (20)")


def test_where_nothing_can_be_seen_nobody_is_named(tmp_path: Path) -> None:
    assert programs_with_pcsc(tmp_path / "missing") == ()


def test_where_no_more_files_can_be_opened_nobody_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> object:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "listdir", refused)
    monkeypatch.setattr(os, "scandir", refused)
    assert programs_with_pcsc(tmp_path) == ()
