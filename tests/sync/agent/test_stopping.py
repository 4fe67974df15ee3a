"""Stopping by a signal, at whatever moment it comes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sync.agent.stopping import SIGNALS
from tests.support.waiting import wait_until

# The main thread holds the event's lock, as it does at the beginning and the end of every `wait`. Whoever runs the tests in
# the background may ignore some of these signals, and a child would inherit that.
_INTERRUPTED = """
import signal, sys, threading
from sync.agent.stopping import stop_on_signals

number = int(sys.argv[1])
signal.signal(number, signal.SIG_DFL)
stop = threading.Event()
with stop_on_signals(stop):
    with stop._cond:
        signal.raise_signal(number)
        signal.raise_signal(number)
    stop.wait()
print("stopped")
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_also_a_thread_that_holds_the_events_lock(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED, str(int(number))], stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            wait_until(lambda: program.poll() is not None, "the program stops")
        finally:
            program.kill()
        assert program.communicate()[0] == "stopped\n"
    assert program.returncode == 0
