"""A log whose disk fails: whoever writes goes on, and what was lost is said."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from kiosk.store.log_file import LogFile
from sync.agent.logs import open_log
from tests.support.disks import remounted


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """There is no room left in the file system."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


def logger_to(log: LogFile) -> structlog.typing.FilteringBoundLogger:
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(log),  # type: ignore[arg-type]  # it is a text stream; the type wants the whole TextIO
        processors=[structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return logger


def events(file: Path) -> list[str]:
    return [json.loads(line)["event"] for line in file.read_text().splitlines() if line]


def test_on_a_full_disk_nothing_is_raised_and_what_was_lost_is_said_once_there_is_room(
    small_disk: Path,
) -> None:
    file = small_disk / "log" / "desk.log"
    log = logger_to(LogFile(file))
    log.info("before")
    with full(small_disk):
        for _ in range(300):
            log.warning("refused", problem="x" * 100)
    log.info("after")
    lines = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    said = next(line for line in lines if line["event"] == "lines were lost")
    whole = sum(line["event"] == "refused" for line in lines)
    assert lines[-1]["event"] == "after"
    assert said["count"] + whole == 300


def test_a_line_that_was_cut_short_is_alone_on_its_line(small_disk: Path) -> None:
    file = small_disk / "desk.log"
    log = LogFile(file)
    log.write("a" * 4000 + "\n")
    with full(small_disk):
        log.write("b" * 4000 + "\n")  # the rest of the page is all that there is
    log.write("c\n")
    assert file.read_text().splitlines()[-1] == "c"
    assert {line[:1] for line in file.read_text().splitlines()} <= {"a", "b", "c", "{"}


def test_a_log_that_cannot_be_opened_is_opened_once_it_can(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("no folder")
    log = LogFile(tmp_path / "log" / "desk.log")
    log.write("lost\n")
    (tmp_path / "log").unlink()
    log.write("there\n")
    assert (tmp_path / "log" / "desk.log").read_text().splitlines()[1:] == ["there"]


def test_on_a_disk_that_is_read_only_nothing_is_raised(small_disk: Path) -> None:
    remounted(small_disk, "ro")
    LogFile(small_disk / "log" / "desk.log").write("lost\n")
    open_log(small_disk).info("lost")
    remounted(small_disk, "rw")
    assert list(small_disk.iterdir()) == []


def test_it_is_renamed_before_it_grows_too_large_and_so_many_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "desk.log"
    file.touch()
    file.chmod(0o644)  # as a former version left it
    log = LogFile(file, largest=100, kept=2)
    for number in range(50):
        log.write(f"line {number:04d}\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["desk.log", "desk.log.1", "desk.log.2"]
    kept = "".join((tmp_path / name).read_text() for name in ("desk.log.2", "desk.log.1", "desk.log"))
    assert kept.splitlines() == [f"line {number:04d}" for number in range(50)][-len(kept.splitlines()) :]
    assert all(each.stat().st_size <= 100 for each in tmp_path.iterdir())
    assert all(each.stat().st_mode & 0o077 == 0 for each in tmp_path.iterdir())


def test_a_rename_on_a_full_disk_ends_no_log(small_disk: Path) -> None:
    file = small_disk / "desk.log"
    log = LogFile(file, largest=2000)
    log.write("a" * 1500 + "\n")
    with full(small_disk):
        for _ in range(5):
            log.write("b" * 1500 + "\n")
    log.write("c\n")
    assert file.read_text().splitlines()[-1] == "c"


def test_a_file_that_somebody_removed_or_renamed_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "desk.log"
    log = LogFile(file)
    log.write("first\n")
    file.unlink()
    log.write("second\n")
    file.rename(tmp_path / "kept")
    log.write("third\n")
    assert file.read_text() == "third\n"
    assert (tmp_path / "kept").read_text() == "second\n"


def test_two_programs_that_rename_the_same_file_lose_none_of_it(tmp_path: Path) -> None:
    file = tmp_path / "sync.log"
    logs = [LogFile(file, largest=100, kept=50) for _ in range(2)]
    for number in range(40):
        logs[number % 2].write(f"line {number:04d}\n")
    lines = [line for each in tmp_path.iterdir() for line in each.read_text().splitlines()]
    assert sorted(lines) == [f"line {number:04d}" for number in range(40)]


def test_characters_that_are_none_are_written_as_their_numbers(tmp_path: Path) -> None:
    file = tmp_path / "desk.log"
    logger_to(LogFile(file)).warning("reader", name="\udcb9\udcfa UKey")
    assert "\\udcb9\\udcfa UKey" in file.read_text()


def test_what_libraries_write_to_a_descriptor_goes_to_the_present_file(tmp_path: Path) -> None:
    read, standing_for = os.pipe()
    os.close(read)
    file = tmp_path / "desk.log"
    log = LogFile(file, largest=100, standing_for=standing_for)
    assert log.fileno() == standing_for
    os.write(standing_for, b"nowhere\n")
    log.write("first\n")
    os.write(standing_for, b"native\n")
    log.write("x" * 99 + "\n")
    os.write(standing_for, b"behind it\n")
    assert (tmp_path / "desk.log.1").read_text() == "first\nnative\n"
    assert file.read_text().splitlines()[1:] == ["behind it"]
    os.close(standing_for)


@pytest.mark.parametrize("times", [1, 3])
def test_an_error_while_the_log_is_unwritable_ends_nothing(small_disk: Path, times: int) -> None:
    log = open_log(small_disk)
    with full(small_disk):
        for _ in range(times):
            try:
                raise OSError("the disk is full")  # noqa: TRY301 - what is logged is an exception that was raised
            except OSError:
                log.exception("a thread broke down")
    log.info("after")
    assert events(small_disk / "log" / "sync.log")[-1] == "after"
