"""The clock of the nightly run: it looks whether a night's work is due, and has a process of its own do it.

A process of its own, with the lowest priority, so that checking a large database takes nothing from the desk and from the
agent's answers, and so that what kills it or hangs (a share that does not answer) kills or stops nothing else.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from kiosk.domain.nights import QUIET, Verdict, judged, pause_after, postponed
from kiosk.store.errors import StoreError

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction
    from sync.agent.context import Agent

LONGEST_RUN = 6 * 3600.0
"""Seconds after which a run is ended that does not end."""
STOP_SECONDS = 0.2


class Running(Protocol):
    """A run under way."""

    def ended(self) -> bool:
        """Whether it has ended."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


class NightProcess:
    """`keydesk-sync nightly --scheduled` as a child process, which ends with this one."""

    def __init__(self, options: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sync.agent.command", "nightly", "--scheduled", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )

    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End it, by force when it does not heed the signal."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


class NightWatch:
    """Begins a run where one is due; to be asked again and again. `at` is the time of day in minutes."""

    def __init__(self, agent: Agent, at: int, begin: Callable[[], Running]) -> None:
        self._agent = agent
        self._at = at
        self._begin = begin
        self._run: Running | None = None
        self._began = 0.0
        self._due_since: float | None = None
        self._failures = 0
        self._not_before = 0.0

    def look(self, *, heard: bool) -> None:
        """Begin a run if one is due, or see whether it ended; `heard` once the centre answered. Raises StoreError, OSError."""
        if self._run is not None:
            self._see_to(self._run)
            return
        database, now = self._agent.database, self._agent.clock.wall()
        with database.read() as tx:
            nights, offline, busy = tx.nights.judged_by(), not heard or _is_offline(tx), _is_busy(tx, now)
        if nights is None or nights.at != self._at:
            with database.write() as tx:
                tx.nights.owe(now if nights is None else nights.since, self._at)
            return
        match judged(nights, now, self._agent.kiosk):
            case Verdict.COUNT_ANEW:
                with database.write() as tx:
                    tx.nights.owe(now, self._at)
            case Verdict.WAIT:
                self._due_since, self._failures = None, 0
            case Verdict.RUN:
                self._run_unless_postponed(offline=offline, busy=busy)

    def _run_unless_postponed(self, *, offline: bool, busy: bool) -> None:
        seconds = self._seconds()
        if self._due_since is None:
            self._due_since = seconds
        if seconds < self._not_before or postponed(seconds - self._due_since, offline=offline, busy=busy):
            return
        self._agent.log.info("the night's work begins")
        self._run, self._began = self._begin(), seconds

    def _see_to(self, run: Running) -> None:
        """Let a run be over that ended or does not end; what it left undone is due again after a pause."""
        if not run.ended():
            if self._seconds() - self._began < LONGEST_RUN:
                return
            self._agent.log.error("the night's work does not end")
        run.stop()
        self._run = None
        self._failures += 1
        self._not_before = self._seconds() + pause_after(self._failures)

    def stop(self) -> None:
        """End the run under way; that it did not end is no fault of its step."""
        if self._run is None:
            return
        self._run.stop()
        self._run = None
        try:
            with self._agent.database.write() as tx:
                tx.nights.forgive()
        except StoreError as error:
            self._agent.log.warning("the run could not be noted", error=str(error))

    def _seconds(self) -> float:
        return self._agent.clock.monotonic() / 1000


def _is_offline(tx: Transaction) -> bool:
    return tx.agent.get().error != ""


def _is_busy(tx: Transaction, now: int) -> bool:
    """Whether somebody is being served: the last entry is of just now, or a member waits for the centre's answer."""
    tip = tx.journal.tip()
    last = None if tip is None else tx.journal.latest_wall(tip.sequence)
    return (last is not None and 0 <= now - last < QUIET) or bool(tx.mailbox.waiting(now))
