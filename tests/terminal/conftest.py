"""The real programs in a terminal of tmux: keys in, the screen's text out, and the processes behind it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.terminal import BIN, Demo, Desk, Openssl, first_line, started


@pytest.fixture(scope="session")
def tmux() -> None:
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is not installed, and under CI nothing may be left out")
        pytest.skip("needs tmux: apt-get install tmux")


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the installed commands."""
    return BIN


@pytest.fixture(scope="session")
def demo(tmux: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all tests: its first start takes the longest. Each test serves accounts of its own."""
    made = Demo(tmp_path_factory.mktemp("demo") / "data")
    made.start()
    yield made
    made.terminal.close()
    made.all_gone()


@pytest.fixture
def new_desk(tmux: None) -> Iterator[Callable[[Path], Desk]]:
    """Make a desk over a data directory; its window is closed afterwards."""
    made: list[Desk] = []

    def make(directory: Path) -> Desk:
        made.append(Desk(directory))
        return made[-1]

    yield make
    for each in made:
        each.terminal.close()


@pytest.fixture
def openssl(tmp_path: Path) -> Callable[[Desk], Openssl]:
    return lambda desk: Openssl(tmp_path, desk.database())


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """What was started is stopped in the opposite order."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def centre(stack: contextlib.ExitStack, programs: Path, tmp_path: Path) -> tuple[str, str]:
    """The address of a centre with the example members, and a token that enrols kiosk 3."""
    data = ("--data", tmp_path / "centre")
    told = subprocess.run(
        [programs / "keydesk-central", "examples", *data], check=True, capture_output=True, text=True
    )
    address = first_line(started(stack, programs / "keydesk-central", "serve", *data, "--port", "0"))
    return address, json.loads(told.stdout)["enrol_token"]
