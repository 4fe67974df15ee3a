"""`keydesk-sync run`: threads that upload entries, apply the feed and answer the app, until they are stopped.

The sending thread sends a heartbeat every half minute and uploads a new entry at once. The receiving thread keeps one
request waiting at the centre, so that a payment arrives when it happens; it starts only after the first heartbeat, so
that a restored kiosk first gets its lost entries back. A third thread answers the mailbox, a fourth looks whether the
night's work is due.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kiosk.domain.errors import DomainError
from kiosk.store.errors import StoreBusy, StoreError
from sync.agent.backoff import held, pause
from sync.agent.context import Agent, forget_retry, record_failed_contact
from sync.agent.errors import AgentError, ExchangeFailed, UploadBlocked
from sync.agent.feed.pull import pull, retry_kept
from sync.agent.heartbeat import heartbeat
from sync.agent.mailbox import answer_waiting
from sync.agent.personal import send_personal
from sync.agent.push import push
from sync.protocol.errors import ProtocolError

if TYPE_CHECKING:
    from sync.agent.line.network_switch import NetworkSwitch
    from sync.agent.night.watch import NightWatch

HEARTBEAT_SECONDS = 30.0
FEED_WAIT_SECONDS = 25
FEED_PACE_SECONDS = 1.0
TICK_SECONDS = 0.1
REFUSED_SECONDS = 30.0
STOP_SECONDS = 0.4
CLOCK_STEP_SECONDS = 5.0
NIGHT_SECONDS = 1.0

_EXPECTED = (AgentError, ProtocolError, StoreError, DomainError, OSError)


class Loop:
    """One run of the agent; `chance` gives random numbers from 0 to 1, `night` begins the nightly run."""

    def __init__(
        self,
        agent: Agent,
        switch: NetworkSwitch,
        chance: Callable[[], float],
        night: NightWatch | None = None,
    ) -> None:
        self.stop = threading.Event()
        self._agent = agent
        self._switch = switch
        self._chance = chance
        self._night = night
        self._aligned = threading.Event()
        self._wake = threading.Event()
        self._line_was_cut = switch.cut
        self._broke_down = False

    def run(self) -> bool:
        """Work until `stop` is set; returns within a second of that, False when a thread failed."""
        threads = [
            threading.Thread(target=self._guarded, args=(each,), name=each.__name__, daemon=True)
            for each in (self._send, self._receive, self._answer, self._watch_the_clock)
        ]
        self._agent.log.info("started", kiosk=self._agent.kiosk, program=self._agent.program)
        forget_retry(self._agent)  # whoever starts it has it ask at once
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
        failures, beat_at, version, ahead = 0, 0.0, -1, 0.0
        while not self.stop.is_set():
            try:
                self._hold()
                if self.stop.is_set():
                    return
                version = self._agent.database.data_version()
                if time.monotonic() >= beat_at:
                    ahead = self._ahead()
                    heartbeat(self._agent)
                    self._aligned.set()
                    retry_kept(self._agent)
                    beat_at = time.monotonic() + HEARTBEAT_SECONDS
                if push(self._agent, self._held).tail_lost:
                    beat_at = 0.0
                    continue
                send_personal(self._agent, self._held)
                if failures:
                    self._agent.log.info("the centre answers again", failures=failures)
                failures = 0
                if not self._idle(version, beat_at, ahead):
                    beat_at = 0.0
            except _EXPECTED as error:
                failures, beat_at = failures + 1, 0.0
                self._failed(error, failures)

    def _receive(self) -> None:
        self._aligned.wait()
        failures = 0
        while not self.stop.is_set():
            if self._switch.cut:
                self.stop.wait(TICK_SECONDS)
                continue
            try:
                self._hold()
                if self.stop.is_set():
                    return
                asked = time.monotonic()
                came = pull(self._agent, FEED_WAIT_SECONDS, self.stop.is_set, self._held)
                failures = 0
                if not (came.applied or came.kept):
                    # A centre with too many waiting kiosks answers at once; asking again at once would only add to its load.
                    self._sleep(asked + FEED_PACE_SECONDS - time.monotonic())
            except _EXPECTED as error:
                if self.stop.is_set():
                    return
                self._agent.log.warning("the feed failed", error=str(error))
                failures += 1
                if isinstance(error, ExchangeFailed) and error.retry_after is not None:
                    self._record(error)
                self._wake.set()
                self._sleep(_pause_after(error, pause(failures, self._chance())))

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

    def _watch_the_clock(self) -> None:
        """Look again and again whether the night's work is due."""
        if self._night is None:
            return
        try:
            while not self.stop.wait(NIGHT_SECONDS):
                try:
                    self._night.look(heard=self._aligned.is_set())
                except _EXPECTED as error:
                    self._agent.log.warning("the nightly run could not be looked after", error=str(error))
        finally:
            self._night.stop()

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

    def _held(self) -> bool:
        """Whether nothing more is to be asked now: it stops, or the other thread was asked to leave the centre alone."""
        if self.stop.is_set():
            return True
        with self._agent.database.read() as tx:
            return held(tx.agent.get().retry_at, self._now())

    def _hold(self) -> None:
        """Wait as long as the centre, or who answered for it, asked to be left alone; at most until that is forgotten."""
        version, retry_at = -1, None
        while not self.stop.is_set():
            now = self._agent.database.data_version()
            if now != version:
                with self._agent.database.read() as tx:
                    version, retry_at = now, tx.agent.get().retry_at
            if not held(retry_at, self._now()):
                return
            self.stop.wait(TICK_SECONDS)

    def _failed(self, error: Exception, failures: int) -> None:
        """Record a failure and wait before the next attempt."""
        self._agent.log.warning("failed", error=str(error), kind=type(error).__name__)
        self._line_was_cut = self._switch.cut
        if isinstance(error, AgentError):
            self._record(error)
        self._sleep(_pause_after(error, pause(failures, self._chance())))

    def _record(self, error: AgentError) -> None:
        try:
            record_failed_contact(self._agent, error, self._chance())
        except StoreError as trouble:
            self._agent.log.exception("the failure could not be recorded", error=str(trouble))

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


def _pause_after(error: Exception, seconds: float) -> float:
    """The pause before the next attempt: longer after a refusal or a database error than after a broken line."""
    passes_soon = isinstance(error, ExchangeFailed | StoreBusy) and not isinstance(error, UploadBlocked)
    return seconds if passes_soon else max(seconds, REFUSED_SECONDS)
