"""What a program says on standard error while its data directory keeps it waiting."""

from __future__ import annotations

import sys
from pathlib import Path

from kiosk.store.location import ALONE_SECONDS, OTHERS_SECONDS
from kiosk.store.occupancy import Wait
from kiosk.text.catalogue import N_
from kiosk.text.command_line import spoken

_WAITS = {
    Wait.ONE_ALONE: (
        N_("数据目录 {directory} 正由另一个程序升级或恢复备份，等它做完，最多 {seconds} 秒"),
        ALONE_SECONDS,
    ),
    Wait.OTHERS: (
        N_("数据目录 {directory} 要升级，等还开着它的程序退出，最多 {seconds} 秒"),
        OTHERS_SECONDS,
    ),
}


def say_waiting(directory: Path, wait: Wait) -> None:
    """Say what it waits for, and how long at most."""
    sentence, seconds = _WAITS[wait]
    sys.stderr.write(spoken().text(sentence, directory=directory, seconds=f"{seconds:g}") + "\n")
    sys.stderr.flush()
