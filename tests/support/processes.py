"""The real centre, its own process on loopback, and real kiosks whose agents are processes too."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.feed_keys import schedule_digest
from kiosk.domain.fees import OrderKind, schedule_at
from kiosk.domain.identifiers import OrderNumber
from kiosk.domain.ledger import Order
from kiosk.domain.payment_codes import OrderCode, encode_order_code, link, order_code_key
from kiosk.domain.versions import ALL
from kiosk.store import location
from kiosk.store.agent_state import AgentState
from kiosk.store.database import Database
from kiosk.store.system_clock import SystemClock
from kiosk.store.vault import VaultItem
from sync.agent.enrolment import enrol
from sync.agent.exchanging import exchange
from sync.agent.opening import AgentSettings, open_agent, open_or_create_database
from tests.support.forked import ran
from tests.support.run_folder import alone
from tests.support.values import present
from tests.support.waiting import wait_until

FIRST_KIOSK, LAST_KIOSK = 11, 160
_TOKENS = "tokens.txt"
OPEN = 0
"""The umask of every process: what they make is for their owner alone by their own doing (`open_to_others`)."""


def _python(module: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def _environment() -> dict[str, str]:
    """Leave out what Django's tests in the same process have set for themselves."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYDESK_CENTRAL_")}
    return {**kept, "LC_ALL": "C.UTF-8"}


def centre_template(folder: Path) -> Path:
    """Make, once a run, what every centre begins with, in a folder that the run's processes share."""
    template = folder / "centre"
    with alone(folder, "centre"):
        if not template.exists():
            fresh = CentreProcess(folder / "centre.new")
            fresh.command("examples")
            # All tokens at once: every start of Django costs a second.
            given = fresh.django(
                "from sync.central.fleet.enrolment_tokens import give_token\n"
                f"for number in range({FIRST_KIOSK}, {LAST_KIOSK} + 1): print(give_token(number, now))"
            )
            (fresh.directory / _TOKENS).write_text(given)
            fresh.directory.rename(template)
    return template


def open_to_others(folder: Path) -> list[str]:
    """What lies in a folder and somebody else may read, write or enter; the tests' own files aside."""
    return [
        f"{each.relative_to(folder)} {stat.filemode(mode)}"
        for each in sorted(folder.rglob("*"))
        if each.name not in _OUR_OWN and (mode := each.lstat().st_mode) & 0o077
    ]


_OUR_OWN = {_TOKENS, "serve.log", "network-cut", "clock-shift"}


class CentreProcess:
    """`keydesk-central serve` over SQLite."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self.tokens: dict[int, str] = {}
        self.environment: dict[str, str] = {}
        """What its processes get beside this one's."""

    @classmethod
    def begin(cls, directory: Path, template: Path) -> CentreProcess:
        """A centre with the example members and tokens for kiosks, over a copy of the template."""
        shutil.copytree(template, directory, dirs_exist_ok=True)
        made, given = cls(directory), (directory / _TOKENS).read_text()
        made.tokens = dict(zip(range(FIRST_KIOSK, LAST_KIOSK + 1), given.split(), strict=True))
        return made

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> str:
        name, *rest = arguments
        words: tuple[str | Path, ...] = (name, "--data", self.directory, *rest)
        done = ran("sync.central.command", *words, environment=_environment(), umask=OPEN)
        done.check_returncode()
        return done.stdout

    def start(self, *options: str) -> None:
        with (self.directory / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                _python(
                    "sync.central.command",
                    *("serve", "--data", self.directory, "--port", str(self.port), "--exit-with-parent"),
                    *options,
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**_environment(), **self.environment},
                umask=OPEN,
            )
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        self.port = int(address.rpartition(":")[2])

    def stop(self) -> None:
        if self.process is None:
            return
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.terminate()
        self.process.wait()
        self.process = None

    def kill(self) -> None:
        """End the centre as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with contextlib.closing(
            sqlite3.connect(self.directory / "central.sqlite3", timeout=600)
        ) as connection:
            return connection.execute(query, values).fetchall()

    def wait_applied(self) -> None:
        """Wait until all that was sent is applied: an exchange ends before that, by how much depends on the machine."""
        wait_until(
            lambda: (
                not self.rows(
                    "SELECT 1 FROM journal_strand AS strand LEFT JOIN ledger_strandcursor AS cursor "
                    "ON cursor.strand = strand.kiosk * 65536 + strand.number "
                    "WHERE strand.high_sequence > coalesce(cursor.applied, 0)"
                )
            ),
            "what was sent is applied",
        )

    def django(self, code: str) -> str:
        """Run staff's doing in the centre's own code."""
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "sync.central.settings",
            "KEYDESK_CENTRAL_DATA": str(self.directory),
        }
        prelude = "import django, time; django.setup(); now = int(time.time())\n"
        command = [sys.executable, "-c", prelude + code]
        return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout


class KioskProcess:
    """A data directory, the desk's side of its database, and the agent's commands."""

    def __init__(self, directory: Path, number: int, centre: CentreProcess, token: str) -> None:
        self.directory, self.number, self.centre = directory, number, centre
        self.switch = directory / "network-cut"
        self.shift = directory / "clock-shift"
        self.clock = SystemClock(self.shift)
        self.agent: subprocess.Popen[bytes] | None = None
        self.front = ""
        """Where the agent finds the centre, when not at its own address."""
        self._set_up(token)
        self.database = self.open()

    def _set_up(self, token: str) -> None:
        """Enrol and exchange once, as the commands do, without the starts of two processes."""
        settings = AgentSettings(self.directory, self.centre.address, network_switch=self.switch)
        before = os.umask(0o077)
        try:
            with open_or_create_database(self.directory) as database:
                enrol(settings, database, token, settings.transport(), settings.clock)
            with open_agent(settings) as agent:
                exchange(agent)
        finally:
            os.umask(before)

    def _options(self) -> tuple[str | Path, ...]:
        address = self.front or self.centre.address
        named = ("--data", self.directory, "--centre", address)
        return (*named, "--network-switch", self.switch, "--clock-shift", self.shift)

    def open(self) -> Database:
        """Open the database of the data directory, as the app does when it starts."""
        self.database = location.open_database(self.directory)
        return self.database

    def set_clock(self, ahead: int) -> None:
        """Set the kiosk's clock so many seconds before the machine's."""
        self.shift.write_text(str(ahead))

    def begin(self, command: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin a command of the agent's and let it run."""
        return subprocess.Popen(
            _python("sync.agent.command", command, *self._options(), *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            umask=OPEN,
        )

    def sync(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the agent's."""
        words = (command, *self._options(), *arguments)
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        return ran("sync.agent.command", *words, environment=environment, umask=OPEN)

    def keydesk(self, command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the desk's."""
        words = (command, *arguments, "--data", self.directory)
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        return ran("kiosk.commands.cli", *words, environment=environment, umask=OPEN)

    def restore(self, copy: Path) -> None:
        """Close the desk, put a copy back, and open it again."""
        self.database.close()
        done = self.keydesk("restore", copy)
        assert done.returncode == 0, done.stderr
        self.open()

    def start(self) -> None:
        # What starts the tests may itself ignore the interrupt, and children inherit that; the agent heeds it.
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            self.agent = subprocess.Popen(
                _python("sync.agent.command", "run", *self._options(), "--exit-with-parent"),
                stdin=subprocess.PIPE,
                umask=OPEN,
            )
        finally:
            signal.signal(signal.SIGINT, before)

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The agent, which runs."""
        return present(self.agent)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the agent."""
        assert self.agent is not None
        self.agent.send_signal(number)
        self.agent.wait()
        if self.agent.stdin is not None:
            self.agent.stdin.close()
        self.agent = None

    def close(self) -> None:
        if self.agent is not None:
            self.stop(signal.SIGKILL)
        self.database.close()

    def place(self, account: str) -> tuple[str, str]:
        """Place an order as the desk does; its reference and the address in its QR code."""
        now = self.clock.wall()
        with self.database.write() as tx:
            tx.settle_epoch(self.clock)
            place = tx.next_tip()
            number = OrderNumber(place.kiosk, place.epoch, place.sequence)
            schedule = schedule_at(tx.feed.schedules(), now)
            operator = tx.members.operator(account)
            signed, secret = tx.feed.signed_policy(), tx.vault.get(VaultItem.PAYMENT_SECRET)
            assert schedule is not None
            assert operator is not None
            assert signed is not None
            assert secret is not None
            enterprise = tx.members.enterprise(operator.enterprise_code)
            assert enterprise is not None
            policy = signed.read()
            token = OrderCode(number, account, OrderKind.NEW, schedule.number, now, os.urandom(6))
            data = encode_order_code(token, order_code_key(secret))
            body = OrderPlaced(
                order=str(token.reference),
                account=account,
                enterprise=enterprise.name,
                operator=operator.name,
                order_kind=OrderKind.NEW,
                lines=schedule.lines(OrderKind.NEW),
                schedule=schedule.number,
                schedule_digest=schedule_digest(schedule),
                policy=policy.number,
                feed=tx.feed.rows.cursor(ALL),
                deadline=now + policy.payment_window,
                order_code=data,
            )
            tx.append(body, self.clock)
        return body.order, link(self.centre.address, data)

    def append(self, body: AnyBody) -> None:
        with self.database.write() as tx:
            tx.append(body, self.clock)

    def order(self, number: str) -> Order | None:
        with self.database.read() as tx:
            return tx.ledger.order(number)

    def state(self) -> AgentState:
        with self.database.read() as tx:
            return tx.agent.get()

    def backlog(self) -> int:
        with self.database.read() as tx:
            tip = tx.journal.tip()
            return (0 if tip is None else tip.sequence) - tx.agent.get().high_water

    def hashes(self) -> list[bytes]:
        with self.database.read() as tx:
            return [each.hash for each in tx.journal.entries()]

    def centre_entries(self, strand: int = 1) -> list[tuple[Any, ...]]:
        return self.centre.rows(
            "SELECT hash, kind, sequence <= coalesce(applied, 0) FROM journal_entry AS entry "
            "LEFT JOIN ledger_strandcursor AS cursor ON cursor.strand = entry.kiosk * 65536 + entry.strand "
            "WHERE entry.kiosk = ? AND entry.strand = ? ORDER BY sequence",
            self.number,
            strand,
        )


class NewKiosk(Protocol):
    """Enrol a kiosk: the next number, or this one by this token."""

    def __call__(self, number: int | None = None, token: str = "") -> KioskProcess: ...
