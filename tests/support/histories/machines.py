"""A kiosk's machine: a data directory, the desk and the agent over it, a clock, a line and a reader."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx2

from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.service import DeskService
from kiosk.domain.entries.body import Tip
from kiosk.domain.ledger import Order
from kiosk.store.database import Database
from kiosk.store.marker import Marker
from sync.agent.context import Agent
from sync.agent.errors import AgentError
from sync.agent.opening import AgentSettings, agent_over
from sync.protocol.errors import ProtocolError
from tests.support.desk import desk_settings
from tests.support.histories.centre import ADDRESS, Time

STORE = "keydesk.db"
KEY = bytes(32)


class MachineClock:
    """A machine's clock: the true time, and how far it is off; setting it leaves the monotonic clock alone."""

    def __init__(self, time: Time, boot: str, off: int = 0) -> None:
        self.off = off
        self._time = time
        self._begin = time.now
        self._boot = boot

    def wall(self) -> int:
        """Now, in UTC seconds."""
        return self._time.now + self.off

    def monotonic(self) -> int:
        """Milliseconds since the boot."""
        return 1000 * (self._time.now - self._begin)

    def boot(self) -> str:
        """The name of this boot."""
        return self._boot


class Line(httpx2.BaseTransport):
    """The line to the centre, which can be down, lose an answer, or bring an upload later than the next ones."""

    def __init__(self, centre: httpx2.BaseTransport) -> None:
        self.up = True
        self.lose_answers = 0
        self.delay_uploads = 0
        self.delayed: list[tuple[str, str, dict[str, str], bytes]] = []
        self._centre = centre

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry a request, as far as it goes."""
        if not self.up:
            raise httpx2.ConnectError("the line is down", request=request)
        body = bytes(request.read())
        if self.delay_uploads and request.method == "POST" and request.url.path.endswith("/journal"):
            self.delay_uploads -= 1
            self.delayed.append((request.method, str(request.url), dict(request.headers), body))
            raise httpx2.ReadTimeout("the upload is on its way", request=request)
        answer = self._centre.handle_request(request)
        if self.lose_answers:
            self.lose_answers -= 1
            raise httpx2.ReadError("the answer was lost", request=request)
        return answer

    def deliver(self) -> int:
        """Let the uploads that were on their way arrive now, the last one first; the result is how many there were."""
        late, self.delayed = self.delayed, []
        for method, url, headers, body in reversed(late):
            self._centre.handle_request(httpx2.Request(method, url, headers=headers, content=body))
        return len(late)


class Machine:
    """One data directory at work; `name` is what its marker knows the machine by."""

    def __init__(
        self,
        kiosk: int,
        directory: Path,
        marker: Path,
        name: str,
        clock: MachineClock,
        centre: httpx2.BaseTransport,
        random: Callable[[int], bytes],
    ) -> None:
        self.kiosk = kiosk
        self.label = directory.name
        self.directory = directory
        self.marker = marker
        self.name = name
        self.clock = clock
        self.line = Line(centre)
        self.at_work = True
        self.heard = False
        """Whether it has read the whole feed once."""
        self.source = VirtualTokenSource()
        self.settings = AgentSettings(directory, ADDRESS)
        self._random = random
        self._stack = ExitStack()
        self.open()

    def open(self) -> None:
        """Open the store, and start the desk over it."""
        path = self.directory / STORE
        marker = Marker(self.marker, self.name)
        make = Database.open if path.exists() else Database.create
        self.database = make(path, KEY, random=self._random, marker=marker)
        self._stack.callback(self.database.close)
        self.restart()
        self._agent: Agent | None = None

    def close(self) -> None:
        """Stop everything; the store is one file then."""
        self._stack.close()
        self._stack = ExitStack()

    def restart(self) -> None:
        """Start the desk anew, as after a crash."""
        printer = VirtualPrinter(self.directory / "receipts")
        desk = Desk(
            self.database,
            self.clock,
            self._random,
            self.source,
            printer,
            None,
            desk_settings(),
            lambda: True,
            _no_sleep,
        )
        self.service = DeskService(desk)

    @property
    def agent(self) -> Agent:
        """The agent over the store, as the machine is enrolled now."""
        if self._agent is None:
            self._agent = self._stack.enter_context(
                agent_over(self.settings, self.database, self.line, self.clock)
            )
        return self._agent

    def enrolled_anew(self) -> None:
        """Open the agent with other keys at its next work."""
        self._agent = None

    def work(self, what: Callable[[Agent], object], *, hears: bool = False) -> str:
        """Let the agent do something, in which it `hears` the whole feed; the result says how it ended."""
        try:
            done = what(self.agent)
        except (AgentError, ProtocolError) as error:
            return f"{type(error).__name__}: {error}"
        self.heard |= hears
        return done if isinstance(done, str) else type(done).__name__

    def tip(self) -> Tip | None:
        """Where the journal ends."""
        with self.database.read() as tx:
            return tx.journal.tip()

    @property
    def works(self) -> bool:
        """Whether the centre lets this machine serve members, as far as it was told."""
        with self.database.read() as tx:
            state = tx.agent.get()
        return not state.retired and not state.quarantined

    @property
    def strand(self) -> int:
        """The strand that its journal is on, as far as it was told."""
        with self.database.read() as tx:
            return tx.agent.get().strand

    def orders(self) -> tuple[Order, ...]:
        """The orders that the store knows."""
        with self.database.read() as tx:
            return tx.ledger.orders()

    def copy(self, directory: Path) -> Path:
        """Copy the data directory's store while nothing runs."""
        self.close()
        directory.mkdir(parents=True)
        shutil.copyfile(self.directory / STORE, directory / STORE)
        self.open()
        return directory

    def put_back(self, copy: Path, marker: Path | None, clock: MachineClock) -> None:
        """Put a copy back in place of the store, and of the marker if one is given, and start anew."""
        self.close()
        self.clock = clock
        if marker is not None:
            shutil.rmtree(self.marker, ignore_errors=True)
            shutil.copytree(marker, self.marker)
        for file in self.directory.glob(f"{STORE}*"):
            file.unlink()
        shutil.copyfile(copy / STORE, self.directory / STORE)
        self.open()


def _no_sleep(_seconds: float) -> None:
    """Nobody waits in a history."""
