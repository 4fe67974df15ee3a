"""Random work at a kiosk whose data directory is thrown away at random points, and an oracle that keeps its own books.

What was acknowledged: an act whose entries the centre has, or that a backup has which somebody kept. What is neither is lost with the
disk, and nothing that was named there may be named again.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import httpx2
import pyrage

from kiosk.backup.records import BackupSettings
from kiosk.desk.views.orders import OrderView, Placed
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import Order, OrderStatus
from kiosk.store import backups
from kiosk.store.location import open_database, open_or_create_database
from sync.agent.enrolment import enrol
from sync.agent.errors import AgentError
from sync.agent.exchanging import exchange
from sync.agent.leftovers import hand_in
from sync.agent.opening import AgentSettings, open_agent
from tests.support.homes import SUPERVISOR, Home, session
from tests.support.processes import CentreProcess

ACCOUNTS = ("11000001", "11000002", "11000003", "11000007")
WHOLE_MACHINE = 0.5
"""How often the marker is gone with the data."""
_KEY = pyrage.x25519.Identity.generate()
_REACHED = {OrderStatus.PLACED: 0, OrderStatus.PAID: 1, OrderStatus.BOUND: 2}


class Backup(NamedTuple):
    """A file that was kept: of which machine, and which entries it has."""

    file: Path
    machine: int
    hashes: frozenset[bytes]


class Kiosk:
    """The kiosk, its centre and the oracle's books; `log` tells a failing seed's history."""

    def __init__(self, folder: Path, centre: CentreProcess, number: int, seed: int) -> None:
        self.folder = folder
        self.centre = centre
        self.number = number
        self.random = random.Random(seed)  # noqa: S311 - a history that can be drawn again
        self.log: list[str] = []
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.settings = BackupSettings((str(_KEY.to_public()),), (str(self.stick),), same_disk=True)
        self.home = self._new_home()
        self.kept: list[Backup] = []
        self.acknowledged: set[bytes] = set()
        self.references: list[str] = []
        self.certificates: list[str] = []
        self.reached: dict[str, tuple[OrderStatus, bytes]] = {}
        self.links: dict[str, str] = {}
        self.backups = 0
        self.thrown_away = 0

    def begin(self, token: str) -> None:
        """Enrol the first machine."""
        self._enrol(token)
        self.exchange()

    # acts; each is acknowledged to somebody when it returns

    def step(self) -> None:
        """One act by chance."""
        acts: list[tuple[int, Callable[[], str]]] = [
            (6, self.place), (4, self.vouch), (3, self.pay), (5, self.bind),
            (4, self.exchange), (3, self.switch_line), (3, self.back_up), (2, self.throw_away),
        ]  # fmt: skip
        weights = [weight for weight, _ in acts]
        (act,) = self.random.choices([act for _, act in acts], weights)
        self.log.append(f"{act.__name__}: {act()}")

    def place(self) -> str:
        """A member orders."""
        with self.home.desk() as desk:
            placed = desk.service.place_order(session(self.random.choice(ACCOUNTS)), OrderKind.NEW)
        if not isinstance(placed, Placed):
            return str(placed)
        self.references.append(placed.order.reference)
        self.links[placed.order.reference] = placed.order.link
        return self._note(placed.order.reference, OrderStatus.PLACED)

    def vouch(self) -> str:
        """A supervisor takes the money."""
        reference = self._some(OrderStatus.PLACED)
        if reference is None:
            return "-"
        with self.home.desk() as desk:
            done = desk.service.vouch(SUPERVISOR, reference)
        return self._note(reference, OrderStatus.PAID) if isinstance(done, OrderView) else str(done)

    def pay(self) -> str:
        """Somebody pays on the page, which the kiosk hears of at an exchange."""
        reference = self._some(OrderStatus.PLACED)
        if reference is None or reference not in self.links:
            return "-"
        address = self.links[reference].replace("HTTP", "http")
        answer = httpx2.post(address, data={"action": "pay"}, headers={"accept": "application/json"})
        return f"{reference} {answer.status_code}"

    def bind(self) -> str:
        """A paid order is bound to a key from stock."""
        reference = self._some(OrderStatus.PAID)
        if reference is None:
            return "-"
        with self.home.desk() as desk:
            account = next(order.account for order in self._orders() if order.reference == reference)
            bound = desk.try_bind(account, reference)
        if not isinstance(bound, BoundView):
            return str(bound)
        self.certificates.append(bound.certificate)
        return self._note(reference, OrderStatus.BOUND)

    def exchange(self) -> str:
        """The agent tells and hears everything, where the line is up."""
        try:
            with open_agent(self._agent_settings()) as agent:
                exchange(agent)
        except AgentError as error:
            return str(error)
        with closing(open_database(self.home.data)) as database, database.read() as tx:
            mark = tx.agent.get().high_water
            self.acknowledged.update(
                each.hash for each in tx.journal.entries() if each.entry.sequence <= mark
            )
        return f"{mark} sent"

    def switch_line(self) -> str:
        """The line is cut, or whole again."""
        if self.home.switch.exists():
            self.home.switch.unlink()
            return "whole"
        self.home.switch.touch()
        return "cut"

    def back_up(self) -> str:
        """An encrypted backup goes to the stick."""
        self.backups += 1
        report = backups.back_up(self.home.data, self.settings, 1_800_000_000 + 86_400 * self.backups)
        assert report.well, report
        with closing(open_database(self.home.data)) as database, database.read() as tx:
            hashes = frozenset(each.hash for each in tx.journal.entries())
            machine = 1 if tx.identity is None else tx.identity.machine
        self.kept.append(Backup(Path(str(report.deposits[0].file)), machine, hashes))
        return f"{len(hashes)} entries of machine {machine}"

    # loss

    def throw_away(self) -> str:
        """The data is gone at once; a machine takes its place in one of several ways, and all that was acknowledged is there."""
        with closing(open_database(self.home.data)) as database, database.read() as tx:
            machine = 0 if tx.identity is None else tx.identity.machine
        kept = [each for each in self.kept if each.file.exists()]  # others went by the rotation
        own = [each for each in kept if each.machine == machine]
        ways = [
            "token",
            *(["token and backup", "backup later"] if kept else []),
            *(["backup"] if own else []),
        ]
        way = self.random.choice(ways)
        self.thrown_away += 1
        cut = self.home.switch.exists()
        if self.random.random() < WHOLE_MACHINE:
            self.home.lose()
            self.home = self._new_home()
        else:
            shutil.rmtree(self.home.data)
        match way:
            case "token":
                self._enrol(self._token())
            case "token and backup":
                self._hand_in(kept[-1])
                self._enrol(self._token())
            case "backup later":
                self._enrol(self._token())
                self._hand_in(kept[-1])
            case _:
                backups.restore(own[-1].file, [_KEY], self.home.data, leave_unsent=False)
                self.acknowledged |= own[-1].hashes
                if cut:
                    self.home.switch.touch()
                    return f"{way}; offline, {self.place()}"
        self.settle()
        self.check()
        return way

    def _hand_in(self, backup: Backup) -> None:
        settings = self._agent_settings()
        self.home.switch.unlink(missing_ok=True)
        hand_in(settings, backup.file, [_KEY], settings.transport(), settings.clock)
        self.acknowledged |= backup.hashes

    def settle(self) -> None:
        """Let the kiosk and the centre tell each other everything."""
        self.home.switch.unlink(missing_ok=True)
        for _ in range(3):
            self.exchange()

    # the oracle

    def check(self) -> None:
        """Nothing acknowledged is lost, at the kiosk or the centre, and no name was given twice. The line is up."""
        story = "\n".join(self.log)
        known = self._entries_here()
        missing = self.acknowledged - known
        assert not missing, f"{len(missing)} acknowledged entries are not here\n{story}"
        rows = self.centre.rows("SELECT hash FROM journal_entry WHERE kiosk = ?", self.number)
        missing = self.acknowledged - {bytes(digest) for (digest,) in rows}
        assert not missing, f"{len(missing)} acknowledged entries are not at the centre\n{story}"
        here = {order.reference: order.status for order in self._orders()}
        for reference, (status, digest) in self.reached.items():
            if digest in self.acknowledged:
                found = here.get(reference)
                assert found is not None, f"{reference} is lost\n{story}"
                assert _REACHED.get(found, 3) >= _REACHED[status], f"{reference} is {found}\n{story}"
        numbers = [number_in(reference) for reference in self.references]
        assert len(set(numbers)) == len(numbers), f"an order number was given twice\n{story}"
        assert len(set(self.certificates)) == len(self.certificates), f"a certificate number twice\n{story}"
        placed = self.centre.rows(
            "SELECT count(*), count(DISTINCT subject) FROM journal_entry WHERE kind = 'order-placed' AND kiosk = ?",
            self.number,
        )
        assert placed[0][0] == placed[0][1], f"the centre has an order twice\n{story}"

    def _entries_here(self) -> set[bytes]:
        with closing(open_database(self.home.data)) as database, database.read() as tx:
            own = {each.hash for each in tx.journal.entries()}
            return own | {each.sealed.hash for each in tx.other_strands.each()}

    # its own

    def _note(self, reference: str, status: OrderStatus) -> str:
        with closing(open_database(self.home.data)) as database, database.read() as tx:
            tip = tx.journal.tip()
        assert tip is not None
        self.reached[reference] = (status, tip.hash)
        return f"{reference} {status.value}"

    def _orders(self) -> tuple[Order, ...]:
        with closing(open_database(self.home.data)) as database, database.read() as tx:
            return tx.ledger.orders()

    def _some(self, status: OrderStatus) -> str | None:
        found = sorted(order.reference for order in self._orders() if order.status is status)
        return self.random.choice(found) if found else None

    def _new_home(self) -> Home:
        return Home(
            self.folder / f"home-{len(list(self.folder.iterdir()))}-{self.random.randrange(10**9)}",
            self.centre,
        )

    def _agent_settings(self) -> AgentSettings:
        return AgentSettings(self.home.data, self.centre.address, network_switch=self.home.switch)

    def _token(self) -> str:
        return self.centre.command("enrol-token", "--kiosk", str(self.number)).strip()

    def _enrol(self, token: str) -> None:
        settings = self._agent_settings()
        self.home.switch.unlink(missing_ok=True)
        before = os.umask(0o077)
        try:
            with closing(open_or_create_database(settings.directory)) as database:
                enrol(settings, database, token, settings.transport(), settings.clock)
        finally:
            os.umask(before)
