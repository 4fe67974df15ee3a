"""An agent that does not run is told apart from a network that is down, by real processes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from kiosk.store.agent_lock import agent_runs
from kiosk.text.contact_faults import AGENT_STOPPED
from tests.support.processes import KioskProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("central")
SAID = AGENT_STOPPED[0]
NO_ANSWER = """
import socket, sys, time
from sync.agent import command
real = socket.getaddrinfo
def asleep(host, *rest, **more):
    if host == "centre.example":
        time.sleep(3600)
    return real(host, *rest, **more)
socket.getaddrinfo = asleep
sys.exit(command.main())
"""


def told(kiosk: KioskProcess) -> list[str]:
    """What each report says."""
    return [
        kiosk.sync("status").stdout,
        kiosk.keydesk("status").stdout,
        kiosk.keydesk("doctor").stdout,
    ]


def test_whether_the_agent_runs_stands_in_every_report_also_after_a_kill(kiosk: KioskProcess) -> None:
    kiosk.switch.touch()
    assert all(SAID in each for each in told(kiosk))
    kiosk.start()
    wait_until(lambda: kiosk.state().error != "")
    assert not any(SAID in each for each in told(kiosk))
    second = kiosk.sync("run")
    assert second.returncode == 1
    assert "已有同步程序在运行" in second.stderr
    kiosk.stop(signal.SIGKILL)
    assert all(SAID in each for each in told(kiosk))


def test_a_resolver_that_never_answers_holds_neither_the_reports_nor_the_end(kiosk: KioskProcess) -> None:
    options = ("--data", kiosk.directory, "--centre", "https://centre.example", "--exit-with-parent")
    agent = subprocess.Popen(
        [sys.executable, "-c", NO_ANSWER, "run", *map(str, options)], stdin=subprocess.PIPE
    )
    try:
        wait_until(lambda: "centre.example was not found" in kiosk.state().error)
        first = kiosk.state().last_attempt
        wait_until(lambda: kiosk.state().last_attempt != first)
        assert agent_runs(kiosk.directory)
    finally:
        agent.terminate()
        assert agent.wait() == 0
        assert agent.stdin is not None
        agent.stdin.close()
