"""Machines as they are after installation: a home folder and a configuration, and the commands as processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec.structs import replace

from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.demo.members import ACCOUNTS
from kiosk.desk.context import Desk
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView, Placed
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.tokens import BindOutcome, BoundView
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Order
from kiosk.store.location import open_database
from kiosk.store.system_clock import SystemClock
from tests.support.desk import desk_settings
from tests.support.forked import ran
from tests.support.processes import CentreProcess

SUPERVISOR = StaffSession("林涛", supervisor=True)
PIN = "111111"
_NAMES = {each.account: (each.operator, each.enterprise) for each in ACCOUNTS}
_OURS = ("XDG_", "KEYDESK_")
_MODULES = {"keydesk": "kiosk.commands.cli", "keydesk-sync": "sync.agent.command"}
"""What the installed commands are."""


class Home:
    """One machine; `data` is its data directory, which is not there before it is enrolled."""

    def __init__(
        self, folder: Path, centre: CentreProcess, *, recipient: str = "", stick: Path | None = None
    ) -> None:
        self.folder = folder
        self.centre = centre
        self.data = folder / "data"
        self.switch = folder / "network-cut"
        configuration = folder / ".config" / "keydesk" / "keydesk.toml"
        configuration.parent.mkdir(parents=True)
        configuration.write_text(
            f'[data]\ndirectory = "{self.data}"\n[centre]\nurl = "{centre.address}"\n'
            f"[backup]\nrecipients = {[recipient] if recipient else []}\n"
            f"destinations = {[str(stick)] if stick else []}\nsame_disk = true\n"
        )
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
        }
        self.agent: subprocess.Popen[bytes] | None = None

    def run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command; `keydesk-sync` behind this machine's own network switch."""
        words = (*arguments, *self._behind_the_switch(program))
        return ran(_MODULES[program], *words, environment=self._environment)

    def did(self, program: str, *arguments: str | Path) -> str:
        """The same, which succeeds; what it printed."""
        done = self.run(program, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _behind_the_switch(self, program: str) -> tuple[str, ...]:
        return ("--network-switch", str(self.switch)) if program == "keydesk-sync" else ()

    def start_agent(self) -> None:
        """Start the agent by its installed command."""
        program = str(Path(sys.executable).with_name("keydesk-sync"))
        self.agent = subprocess.Popen(
            [program, "run", "--exit-with-parent", *self._behind_the_switch("keydesk-sync")],
            env=self._environment,
            stdin=subprocess.PIPE,
        )

    def stop_agent(self) -> None:
        if self.agent is not None:
            self.agent.send_signal(signal.SIGKILL)
            self.agent.wait()
            if self.agent.stdin is not None:
                self.agent.stdin.close()
            self.agent = None

    def lose(self) -> None:
        """The machine is gone with all that is on it."""
        self.stop_agent()
        shutil.rmtree(self.folder)

    @contextmanager
    def desk(self) -> Iterator[Counter]:
        """The desk over the data directory, while it is open."""
        with ExitStack() as stack:
            database = open_database(self.data)
            stack.callback(database.close)
            source = VirtualTokenSource()
            printer = VirtualPrinter(self.folder / "receipts")
            clock = SystemClock()
            settings = replace(desk_settings(), payment_page=self.centre.address.upper())
            desk = Desk(database, clock, os.urandom, source, printer, None, settings, lambda: True, _no_sleep)
            yield Counter(DeskService(desk), source, self.folder)

    def order(self, reference: str) -> Order | None:
        """An order as the store has it."""
        database = open_database(self.data)
        try:
            with database.read() as tx:
                return tx.ledger.order(reference)
        finally:
            database.close()


class Counter:
    """The desk as members and staff use it."""

    def __init__(self, service: DeskService, source: VirtualTokenSource, folder: Path) -> None:
        self.service = service
        self._source = source
        self._folder = folder

    def place(self, account: str) -> OrderView:
        """A member orders a new key."""
        placed = self.service.place_order(session(account), OrderKind.NEW)
        assert isinstance(placed, Placed), placed
        return placed.order

    def vouch(self, reference: str) -> None:
        """A supervisor takes the money."""
        vouched = self.service.vouch(SUPERVISOR, reference)
        assert isinstance(vouched, OrderView), vouched

    def bind(self, account: str, reference: str) -> BoundView:
        """A paid order is bound to a key from stock."""
        bound = self.try_bind(account, reference)
        assert isinstance(bound, BoundView), bound
        return bound

    def try_bind(self, account: str, reference: str) -> BindOutcome:
        """The same, which the desk may refuse."""
        serial = f"S{os.urandom(4).hex().upper()}"
        self._source.swap(blank_key(self._folder / f"{serial}.card", serial, pin_tries=6))
        try:
            return self.service.bind(session(account), reference, PIN, False, _unwatched)  # noqa: FBT003 - the verb's own signature
        finally:
            self._source.remove()


def session(account: str) -> Session:
    """An example member who signed in just now."""
    return Session(account, *_NAMES[account], SystemClock().wall())


def _unwatched(_progress: object) -> None:
    """Nobody looks on."""


def _no_sleep(_seconds: float) -> None:
    """Nobody waits."""
