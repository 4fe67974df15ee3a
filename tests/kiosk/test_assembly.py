"""What a desk is put together of, and what stands in its log."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from hardware.pcsc.library import SystemLibrary
from hardware.ports import ReaderUnavailable
from hardware.token.gmt.profile import GmtProfile
from hardware.token.piv.profile import PivProfile
from hardware.token.skf.profile import configured_profile
from kiosk.assembly import card_drivers, token_source
from kiosk.configuration import Configuration

if TYPE_CHECKING:
    from pathlib import Path

LOGGING = """
import logging, pathlib, sys
from kiosk.assembly import log_to
from kiosk.configuration import LogLevel
log_to(pathlib.Path(sys.argv[1]), LogLevel(sys.argv[2]))
logging.getLogger("keydesk.traffic").log(5, "80 04 -> 90 00")
logging.getLogger("another.library").warning("beware")
logging.getLogger("another.library").log(5, "chatter")
"""


@pytest.mark.parametrize(("level", "told"), [("info", False), ("traffic", True)])
def test_the_traffic_stands_in_the_desk_s_log_where_it_was_asked_for(
    tmp_path: Path, level: str, *, told: bool
) -> None:
    file = tmp_path / "log" / "desk.log"
    subprocess.run([sys.executable, "-c", LOGGING, file, level], check=True)
    text = file.read_text()
    assert ("TRAFFIC keydesk.traffic: 80 04 -> 90 00" in text) is told
    assert "beware" in text
    assert "chatter" not in text
    assert file.stat().st_mode & 0o077 == 0


def test_drivers_have_the_configured_profiles_in_the_order_in_which_they_are_asked() -> None:
    configuration = replace(Configuration(), gmt=GmtProfile(name="ours"), piv=PivProfile(name="theirs"))
    assert [driver.name for driver in card_drivers(configuration)] == ["ours", "theirs"]


def test_readers_and_every_library_are_asked_and_told_of_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardware.pcsc.calls.SystemLibrary", lambda: SystemLibrary("libpcsclite-none.so.1"))
    libraries = tuple(
        configured_profile({"library": f"/no/{name}.so", "name": name}) for name in ("one", "two")
    )
    source = token_source(replace(Configuration(), skf=libraries))
    with pytest.raises(ReaderUnavailable):
        source.present()
    assert [problem.driver for problem in source.problems()] == ["pcsc", "one", "two"]
