"""`keydesk-sync run`: threads that upload entries, apply the feed and answer the app, until they are stopped.

The sending thread sends a heartbeat every half minute and uploads a new entry at once. The receiving thread keeps one
request waiting at the centre, so that a payment arrives when it happens; it starts only after the first heartbeat, so
that a restored kiosk first gets its lost entries back. A third thread answers the mailbox.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kiosk.domain.errors import DomainError
from kiosk.store.errors import StoreBusy, StoreError
from sync.agent.backoff import Backoff, failed, pause
from sync.agent.context import Agent, record_failed_contact
from sync.agent.errors import AgentError, CentreBusy, ExchangeFailed, UploadBlocked
from sync.agent.feed.pull import pull, retry_kept
from sync.agent.heartbeat import heartbeat
from sync.agent.mailbox import answer_waiting
from sync.agent.push import push
from sync.protocol.errors import ProtocolError

if TYPE_CHECKING:
    from sync.agent.backoff import NotBeforeFile
    from sync.agent.line.network_switch import NetworkSwitch

HEARTBEAT_SECONDS = 30.0
FEED_WAIT_SECONDS = 25
FEED_PACE_SECONDS = 1.0
TICK_SECONDS = 0.1
REFUSED_SECONDS = 30.0
STOP_SECONDS = 0.4
CLOCK_STEP_SECONDS = 5.0

_EXPECTED = (AgentError, ProtocolError, StoreError, DomainError, OSError)


class Loop:
    """One run of the agent; `chance` gives random numbers from 0 to 1."""

    def __init__(
        self, agent: Agent, switch: NetworkSwitch, not_before: NotBeforeFile, chance: Callable[[], float]
    ) -> None:
        self.stop = threading.Event()
        self._agent = agent
        self._switch = switch
        self._not_before = not_before
        self._chance = chance
        self._aligned = threading.Event()
        self._wake = threading.Event()
        self._line_was_cut = switch.cut
        self._broke_down = False

    def run(self) -> bool:
        """Work until `stop` is set; returns within a second of that, False when a thread failed."""
        threads = [
            threading.Thread(target=self._guarded, args=(each,), name=each.__name__, daemon=True)
            for each in (self._send, self._receive, self._answer)
        ]
        self._agent.log.info("started", kiosk=self._agent.kiosk, program=self._agent.program)
        for thread in threads:
            thread.start()
        self.stop.wait()
        self._wake.set()
        self._aligned.set()
        until = time.monotonic() + STOP_SECONDS
        for thread in threads:
            # A request that still waits at the centre is abandoned: once `stop` is set it changes nothing here.
            thread.join(max(0.0, until - time.monotonic()))
        self._agent.log.info("stopped")
        return not self._broke_down

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run one thread; an unexpected error ends the whole agent, which is then started again."""
        try:
            work()
        except BaseException:
            self._agent.log.exception("a thread broke down")
            self._broke_down = True
            self.stop.set()
            raise

    def _send(self) -> None:
        backoff = Backoff(not_before=self._not_before.load())
        self._sleep(pause(backoff, self._now(), self._chance()))
        beat_at, version, ahead = 0.0, -1, 0.0
        while not self.stop.is_set():
            try:
                version = self._agent.database.data_version()
                if time.monotonic() >= beat_at:
                    ahead = self._ahead()
                    heartbeat(self._agent)
                    self._aligned.set()
                    retry_kept(self._agent)
                    beat_at = time.monotonic() + HEARTBEAT_SECONDS
                if push(self._agent, self.stop.is_set).tail_lost:
                    beat_at = 0.0
                    continue
                backoff = self._succeeded(backoff)
                if not self._idle(version, beat_at, ahead):
                    beat_at = 0.0
            except _EXPECTED as error:
                backoff = self._failed(backoff, error)
                beat_at = 0.0

    def _receive(self) -> None:
        self._aligned.wait()
        backoff = Backoff()
        while not self.stop.is_set():
            if self._switch.cut:
                self.stop.wait(TICK_SECONDS)
                continue
            asked = time.monotonic()
            try:
                came = pull(self._agent, FEED_WAIT_SECONDS, self.stop.is_set)
                backoff = Backoff()
                if not (came.applied or came.kept):
                    # A centre with too many waiting kiosks answers at once; asking again at once would only add to its load.
                    self._sleep(asked + FEED_PACE_SECONDS - time.monotonic())
            except _EXPECTED as error:
                if self.stop.is_set():
                    return
                self._agent.log.warning("the feed failed", error=str(error))
                self._wake.set()
                backoff = failed(backoff, self._now(), _retry_after(error))
                self._sleep(_pause_after(error, pause(backoff, self._now(), self._chance())))

    def _answer(self) -> None:
        """Answer the app's questions as soon as they are in the mailbox."""
        version = -1
        while not self.stop.is_set():
            try:
                now = self._agent.database.data_version()
                if now != version:
                    answer_waiting(self._agent, reachable=not self._switch.cut)
                    version = now
            except _EXPECTED as error:
                self._agent.log.warning("a question was not answered", error=str(error))
            self.stop.wait(TICK_SECONDS)

    def _idle(self, version: int, beat_at: float, ahead: float) -> bool:
        """Wait for something to do; False when a heartbeat is due ahead of its time.

        That is when the line was cut or restored, the feed failed, or the clock was set since the last one.
        """
        while not self.stop.is_set() and time.monotonic() < beat_at:
            if self._wake.wait(TICK_SECONDS):
                self._wake.clear()
                return False
            if self._switch.cut is not self._line_was_cut:
                self._line_was_cut = self._switch.cut
                return False
            if abs(self._ahead() - ahead) > CLOCK_STEP_SECONDS:
                return False
            if self._agent.database.data_version() != version:
                return True
        return True

    def _failed(self, backoff: Backoff, error: Exception) -> Backoff:
        """Record a failure and wait before the next attempt."""
        self._agent.log.warning("failed", error=str(error), kind=type(error).__name__)
        self._line_was_cut = self._switch.cut
        backoff = failed(backoff, self._now(), _retry_after(error))
        try:
            if isinstance(error, CentreBusy):
                self._not_before.save(backoff.not_before)
            if isinstance(error, AgentError):
                record_failed_contact(self._agent, error)
        except (OSError, StoreError) as trouble:
            self._agent.log.exception("the failure could not be recorded", error=str(trouble))
        self._sleep(_pause_after(error, pause(backoff, self._now(), self._chance())))
        return backoff

    def _succeeded(self, backoff: Backoff) -> Backoff:
        if backoff.not_before:
            self._not_before.save(0.0)
        if backoff.failures:
            self._agent.log.info("the centre answers again", failures=backoff.failures)
        return Backoff()

    def _sleep(self, seconds: float) -> None:
        """Wait, at most until a line that was cut is restored."""
        until = time.monotonic() + seconds
        was_cut = self._switch.cut
        while not self.stop.is_set() and (left := until - time.monotonic()) > 0:
            self.stop.wait(min(TICK_SECONDS, left))
            if was_cut and not self._switch.cut:
                return
            was_cut = self._switch.cut

    def _ahead(self) -> float:
        """The wall clock minus the monotonic one, in seconds: it changes when the clock is set."""
        return self._now() - self._agent.clock.monotonic() / 1000

    def _now(self) -> float:
        return float(self._agent.clock.wall())


def _retry_after(error: Exception) -> float | None:
    return error.retry_after if isinstance(error, CentreBusy) else None


def _pause_after(error: Exception, seconds: float) -> float:
    """The pause before the next attempt: longer after a refusal or a database error than after a broken line."""
    passes_soon = isinstance(error, ExchangeFailed | StoreBusy) and not isinstance(error, UploadBlocked)
    return seconds if passes_soon else max(seconds, REFUSED_SECONDS)
