from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hardware.disk import append_durably, create_durably, make_private, write_durably


def test_content_is_on_the_disk_before_the_name_points_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "card"
    path.write_bytes(b"old")
    seen: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _descriptor: seen.append(path.read_bytes()))
    write_durably(path, b"new")
    assert seen == [b"old", b"new"]


def test_a_new_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    seen: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _descriptor: seen.append(path.exists()))
    create_durably(path, b"new")
    assert seen == [False, True]


def test_a_failure_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "card"
    path.write_bytes(b"old")

    def fails(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["card"]


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_durably(path, b"first")
    with pytest.raises(FileExistsError):
        create_durably(path, b"second")
    assert path.read_bytes() == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_what_others_may_read_is_made_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_all, own, missing = (tmp_path / name for name in ("open", "own", "missing"))
    for file, mode in ((open_to_all, 0o664), (own, 0o400)):
        file.touch()
        file.chmod(mode)
    make_private(open_to_all, missing, own)
    assert [stat.S_IMODE(file.stat().st_mode) for file in (open_to_all, own)] == [0o600, 0o400]
    open_to_all.chmod(0o644)
    append_durably(open_to_all, b"line")
    assert stat.S_IMODE(open_to_all.stat().st_mode) == 0o600

    def refused(_self: Path, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")  # as FAT does, and of another's file

    open_to_all.chmod(0o644)
    monkeypatch.setattr(Path, "chmod", refused)
    make_private(open_to_all)
    assert stat.S_IMODE(open_to_all.stat().st_mode) == 0o644


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    write_durably(tmp_path / "replaced", b"")
    create_durably(tmp_path / "created", b"")
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


def test_a_full_disk_leaves_the_old_content_and_no_draft(small_disk: Path) -> None:
    path = small_disk / "card"
    write_durably(path, b"old")
    with pytest.raises(OSError, match="No space left"):
        write_durably(path, bytes(2_000_000))
    with pytest.raises(OSError, match="No space left"):
        create_durably(small_disk / "key", bytes(2_000_000))
    assert path.read_bytes() == b"old"
    assert [each.name for each in small_disk.iterdir()] == ["card"]
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_name_that_is_made_durable_at_the_second_try_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.fsync
    failed: list[int] = []

    def fails_once_for_a_folder(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) and not failed:
            failed.append(descriptor)
            raise OSError(5, "Input/output error")
        usual(descriptor)

    monkeypatch.setattr(os, "fsync", fails_once_for_a_folder)
    write_durably(tmp_path / "card", b"new")
    failed.clear()
    create_durably(tmp_path / "key", b"new")
    assert [(tmp_path / name).read_bytes() for name in ("card", "key")] == [b"new", b"new"]


def test_a_full_disk_leaves_no_part_of_what_was_to_be_added(small_disk: Path) -> None:
    path = small_disk / "standing"
    append_durably(path, b"first\n")
    with pytest.raises(OSError, match="No space left"):
        append_durably(path, bytes(2_000_000))
    assert path.read_bytes() == b"first\n"
    append_durably(path, b"second\n")
    assert path.read_bytes() == b"first\nsecond\n"
