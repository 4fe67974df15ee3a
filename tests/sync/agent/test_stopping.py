"""Stopping by a signal, at whatever moment it comes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sync.agent.stopping import SIGNALS
from tests.support.waiting import PATIENCE_SECONDS

# The main thread holds the event's lock, as it does at the beginning and the end of every `wait`.
_INTERRUPTED = """
import signal, sys, threading
from sync.agent.stopping import stop_on_signals

stop = threading.Event()
with stop_on_signals(stop):
    with stop._cond:
        signal.raise_signal(int(sys.argv[1]))
        signal.raise_signal(int(sys.argv[1]))
    stop.wait()
print("stopped")
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_also_a_thread_that_holds_the_events_lock(number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, str(int(number))],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )

    assert done.stdout == "stopped\n"
