"""The agent and a sealed key: it waits until somebody has opened it, and enrolling says how the key is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.store import keyfile, resealing
from kiosk.store.key_derivation import file_salt
from kiosk.store.location import KEY_FILE, open_or_create_database
from kiosk.store.sealing import held
from sync.agent.enrolment import enrol
from sync.agent.opening import AgentSettings
from tests.support.memory_centre import ADDRESS, NOW, MemoryCentre
from tests.support.memory_desk import FaultyLine
from tests.support.tpm import typed
from tests.support.waiting import wait_until

PASSPHRASE = "three white cats in the granary"
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}


@pytest.fixture
def directory(centre: MemoryCentre, tmp_path: Path) -> Iterator[Path]:
    """An enrolled kiosk whose key, which no other test has, is sealed with a passphrase that nobody has typed yet."""
    place = tmp_path / "desk"
    with closing(open_or_create_database(place)) as database:
        enrol(
            AgentSettings(place, ADDRESS),
            database,
            centre.kiosk(3).token,
            FaultyLine(centre),
            FixedClock(NOW),
        )
    key = keyfile.load(place / KEY_FILE)
    keyfile.replace(place / KEY_FILE, resealing.for_passphrase(key, PASSPHRASE).sealed)
    held.let_go(file_salt(key), place.stat().st_uid)
    yield place
    held.let_go(file_salt(key), place.stat().st_uid)


def test_the_agent_waits_until_somebody_has_opened_the_key(directory: Path) -> None:
    address = ("--centre", "http://127.0.0.1:1")
    agent = subprocess.Popen(
        [sys.executable, "-m", "sync.agent.command", "run", "--data", str(directory), *address],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert agent.stderr is not None
        said = agent.stderr.readline()
        assert "keydesk seal unlock" in said
        log = directory / "log" / "sync.log"
        assert "started" not in log.read_text()
        command = [sys.executable, "-m", "kiosk.commands.cli", "seal", "unlock", "--data", str(directory)]
        assert typed(command, (("启动密码", PASSPHRASE),), ENVIRONMENT).status == 0
        wait_until(lambda: "started" in log.read_text(), "the agent goes on by itself")
    finally:
        agent.terminate()
        agent.wait()


@pytest.mark.parametrize("command", ["once", "nightly", "status"])
def test_a_command_with_nobody_at_a_terminal_says_how_to_open_the_key(directory: Path, command: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sync.agent.command", command),
            *("--data", str(directory), "--centre", "http://127.0.0.1:1"),
        ],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert (
        done.stderr
        == "keydesk-sync: 密钥由启动密码封着。请在终端上运行 keydesk run 或 keydesk seal unlock，输入启动密码\n"
    )
