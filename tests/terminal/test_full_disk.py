"""`keydesk run` with its log and its data on one disk that fills up, and then has room again."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.disks import disk_of
from tests.support.terminal import Desk
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("terminal")]


def fill(desk: Desk) -> None:
    """Leave no room, not in SQLite's log either."""

    def empty() -> bool:
        with contextlib.closing(desk.database()) as database, database._connection() as connection:
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    wait_until(empty, "nobody reads SQLite's log")
    files = [
        desk.directory / "filler",
        *(desk.directory / "log").glob("desk.log"),
    ]  # whose last page has room, too
    for file, piece in zip(files, (bytes(4096), b"\n"), strict=False):
        with contextlib.suppress(OSError), file.open("ab", buffering=0) as stream:
            while True:
                stream.write(piece)


def test_the_desk_says_that_its_disk_is_full_and_goes_on_once_there_is_room(
    stack: contextlib.ExitStack,
    programs: Path,
    centre: tuple[str, str],
    new_desk: Callable[[Path], Desk],
    tmp_path: Path,
) -> None:
    disk = stack.enter_context(disk_of(16, tmp_path / "disk"))
    address, enrolment = centre
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text(f'[data]\ndirectory = "{disk / "desk"}"\n[centre]\nurl = "{address}"\n')
    configured = ("--config", configuration)
    for command in (("enrol", *configured, "--token", enrolment), ("once", *configured)):
        subprocess.run([programs / "keydesk-sync", *command], check=True, capture_output=True)
    desk = new_desk(disk / "desk")
    terminal = desk.terminal
    terminal.start(programs / "keydesk", "run", *configured)
    terminal.wait("网络 未同步")
    terminal.press("1")
    terminal.wait("您要办理")
    terminal.press("Enter")
    terminal.wait("带 . 的都要填")
    terminal.type("王建国", "北京示例粮油贸易有限公司", "11000001", "李晓梅", "Keydesk-1")
    beside = stack.enter_context(contextlib.closing(desk.database()))
    with beside.read():
        pass  # as the agent's, it stays open: the last one to be closed would give SQLite's index back, and the log its room
    fill(desk)
    terminal.press("Enter")
    terminal.wait("本机存储空间已满")
    assert not os.statvfs(disk).f_bfree
    (desk.directory / "filler").unlink()
    terminal.type("Keydesk-1")  # a refusal clears it
    terminal.press("Enter")
    terminal.wait("订单号 3-")
