"""The world of one history: the centre, machines, members with their keys and receipts, and what really happened to money."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

import httpx2
import msgspec
from django.test import Client

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from kiosk.desk.orders.confirming import CodeAccepted
from kiosk.desk.views.orders import AccountView, OrderView
from kiosk.desk.views.people import Session, StaffSession
from kiosk.domain.ledger import Order
from kiosk.store import keyfile
from kiosk.store.errors import StoreError
from kiosk.store.location import KEY_FILE
from sync.agent.enrolment import enrol
from sync.agent.errors import AgentError
from sync.agent.exchanging import exchange
from sync.agent.leftovers import hand_in
from sync.agent.opening import AgentSettings
from sync.central.examples import EXAMPLES
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.ledger.models import LedgerAccount, LedgerCertificate, LedgerOrder
from sync.central.ledger.rows import register_record
from sync.central.payments.views import RATES
from sync.protocol.errors import ProtocolError
from tests.support.histories.centre import ADDRESS, InProcess, OverLoopback, Time
from tests.support.histories.hostile import Targets
from tests.support.histories.machines import KEY, Line, Machine, MachineClock
from tests.support.histories.template import KIOSKS, Beginning, Store

STAFF = StaffSession("张华", supervisor=False)
SUPERVISOR = StaffSession("林涛", supervisor=True)
ACCOUNTS = ("11000001", "11000002", "11000003", "11000006")
PIN = "111111"
Chosen = TypeVar("Chosen")
NOTHING = "–"
"""There was nothing to do it to."""


class Killed(BaseException):
    """The process is gone."""


def chance(seed: int) -> Random:
    """Random choices that are the same every time."""
    return Random(seed)  # noqa: S311 - that is what a history needs


class Receipt(msgspec.Struct):
    """What the page showed the payer of an order."""

    confirmation: str
    scan_text: str


class Notes:
    """What the world knows better than the books."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()
        self.deciding: set[str] = set()
        self.decided: dict[str, str] = {}
        self.wrong: list[str] = []
        self.served_unheard: list[str] = []
        self.set_aside: set[tuple[int, int]] = set()

    def confirmed(self, order: str, paid: str, done: object) -> None:
        """A confirmation of one order was shown for another, or for itself."""
        if order != paid and isinstance(done, CodeAccepted):
            self.wrong.append(f"the confirmation of {paid} was taken for {order}")


class Copy(NamedTuple):
    """A copy of a machine's store; `marker` is the marker's directory where the whole disk was copied, `heard` whether the
    store had heard the whole feed once.
    """

    label: str
    machine: Machine
    directory: Path
    marker: Path | None
    heard: bool


class World:
    """Everything; `random` is set anew for each step, so that a step that is left out changes no other's choices."""

    def __init__(self, folder: Path, template: Beginning, *, sockets: bool = False) -> None:
        self.folder = folder
        self.time = Time(template.time.now)
        self.random = chance(0)
        self.centre = template.centre.copy(folder, self.time)
        self.hostiles = template.hostile_copies(self.time)
        self.sockets = OverLoopback(self.centre) if sockets else None
        self.transport: httpx2.BaseTransport = self.sockets or InProcess()
        self.payer = Client()
        for rate in RATES:  # of another world's orders
            rate.clear()
        self.machines: list[Machine] = []
        self.copies: list[Copy] = []
        self.members = {each.account: (each.operator, each.enterprise) for each in EXAMPLES}
        """Who signs in for an account, and of which enterprise."""
        self.cards: dict[str, GmtCard] = {}
        self.receipts: dict[str, Receipt] = {}
        self.links: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.cash: dict[str, int] = {}
        self.notes = Notes()
        self.log: list[str] = []
        self.trace: Exception | None = None
        self.boots = 0
        for each in template.stores():
            self._adopt(each)

    def _adopt(self, store: Store) -> None:
        label = store.directory.name
        shutil.copytree(store.directory, self.folder / label)
        if store.marker.exists():
            shutil.copytree(store.marker, self.folder / f"{label}.marker")
        self.add_machine(store.kiosk, label, store.name).heard = store.heard

    def add_machine(self, kiosk: int, label: str, name: str, marker: str | None = None) -> Machine:
        """Start a machine over the data directory of that label."""
        machine = Machine(
            kiosk,
            self.folder / label,
            self.folder / (marker or f"{label}.marker"),
            name,
            MachineClock(self.time, self.next_boot()),
            self.transport,
            self.bytes,
        )
        self.machines.append(machine)
        return machine

    def next_boot(self) -> str:
        """The name of a boot that was not before."""
        self.boots += 1
        return f"boot-{self.boots}"

    @contextmanager
    def at_work(self) -> Iterator[World]:
        """Everything, until it is closed."""
        try:
            with self.centre.at_work():
                yield self
        finally:
            for machine in self.live:
                machine.close()
            if self.sockets is not None:
                self.sockets.stop()
            self.centre.tables.drop()

    def bytes(self, count: int) -> bytes:
        """Random bytes, by the step's own chance."""
        return self.random.randbytes(count)

    def choose(self, among: list[Chosen]) -> Chosen | None:
        """One of these by chance; None where there are none."""
        return self.random.choice(among) if among else None

    # members

    def session(self, account: str) -> Session:
        """The session of a member who signed in."""
        return Session(account, *self.members[account], self.time.now)

    def seen(self, order: OrderView) -> None:
        """The member has the order's code."""
        if order.link:
            self.links[order.reference] = order.link.rpartition("/")[2]

    def blank(self) -> GmtCard:
        """A key from stock."""
        serial = f"STOCK{len(self.cards):03d}"
        self.cards[serial] = blank_key(self.folder / f"{serial}.card", serial, pin_tries=6)
        return self.cards[serial]

    def card_for(self, machine: Machine, order: Order) -> GmtCard:
        """The attempt's own token, the account's for a renewal, else one from stock."""
        serial = order.binding.token_serial if order.binding else None
        if serial is None and not order.kind.wants_new_token:
            serial = self.serial_of(machine, order.account)
        return self.cards[serial] if serial in self.cards else self.blank()

    def serial_of(self, machine: Machine, account: str) -> str:
        """The serial of the account's key as the machine knows it; empty for none."""
        view = machine.service.account(self.session(account))
        return view.key.token_serial if isinstance(view, AccountView) and view.key is not None else ""

    # the page

    def page(self, reference: str, action: str | None = None) -> str:
        """Open an order's page, or pay or decline there; what it shows once paid is kept as the receipt."""
        path, headers = f"/P/{self.links[reference]}", {"accept": "application/json"}
        if action is None:
            answer = self.payer.get(path, headers=headers)
        else:
            answer = self.payer.post(path, {"action": action}, headers=headers)
        shown = answer.json()
        if shown.get("confirmation"):
            self.receipts[reference] = Receipt(shown["confirmation"], shown["scan_text"])
        return str(shown.get("state") or shown.get("trouble"))

    # machines

    @property
    def live(self) -> list[Machine]:
        """The machines that are at work."""
        return [each for each in self.machines if each.at_work]

    @property
    def kiosks(self) -> list[int]:
        """The numbers of the honest kiosks that are not revoked."""
        revoked = Kiosk.objects.filter(state=KioskState.REVOKED).values_list("number", flat=True)
        return [each for each in KIOSKS if each not in set(revoked)]

    def copy(self, machine: Machine, *, with_marker: bool) -> str:
        """Copy a machine's store."""
        label = f"c{len(self.copies)}"
        directory = machine.copy(self.folder / label)
        marker = None
        if with_marker and machine.marker.exists():
            marker = self.folder / f"{label}.marker"
            shutil.copytree(machine.marker, marker)
        self.copies.append(Copy(label, machine, directory, marker, machine.heard))
        return f"{label}{'' if marker is None else ' with its marker'}"

    def put_back(self, copy: Copy) -> None:
        """Put a copy back, with its marker if the whole disk was copied; the machine starts anew."""
        machine = copy.machine
        machine.put_back(copy.directory, copy.marker, MachineClock(self.time, self.next_boot()))
        machine.heard = copy.heard

    def clone(self, copy: Copy) -> Machine:
        """Start a copy beside its machine: on another one, or as the same once more with its marker."""
        label = self._label(copy.machine.kiosk)
        shutil.copytree(copy.directory, self.folder / label)
        name = copy.machine.name
        if copy.marker is None:
            name = f"{name}-{label}"
        else:
            shutil.copytree(copy.marker, self.folder / f"{label}.marker")
        made = self.add_machine(copy.machine.kiosk, label, name)
        made.heard = copy.heard
        return made

    def new_machine(self, kiosk: int) -> Machine:
        """Put up a machine that is not enrolled yet."""
        label = self._label(kiosk)
        (self.folder / label).mkdir()
        return self.add_machine(kiosk, label, f"machine-{label}")

    def lose(self, machine: Machine) -> None:
        """A machine is gone with its data."""
        machine.close()
        machine.at_work = False

    def enrol(self, machine: Machine) -> str:
        """Enrol a machine with a new token."""
        token = give_token(machine.kiosk, self.centre.now)
        try:
            enrolled = enrol(machine.settings, machine.database, token, machine.line, machine.clock)
        except AgentError as error:
            if machine.tip() is None:
                self.lose(machine)  # it never came to work
            return f"{type(error).__name__}: {error}"
        machine.enrolled_anew()
        return "was enrolled" if enrolled.before else f"epoch {enrolled.epoch}"

    def hand_in(self, copy: Copy) -> str:
        """Upload what the centre lacks of a copy, over a line of its own."""
        key = copy.directory / KEY_FILE
        if not key.exists():
            keyfile.save(key, KEY)
        settings = AgentSettings(self.folder / "elsewhere", ADDRESS)
        clock = MachineClock(self.time, self.next_boot())
        try:
            handed = hand_in(settings, copy.directory, [], Line(self.transport), clock)
        except (AgentError, ProtocolError, StoreError) as error:
            return f"{type(error).__name__}: {error}"
        return f"{handed.sent} of {handed.entries}{' quarantined' if handed.quarantined else ''}"

    def _label(self, kiosk: int) -> str:
        return f"k{kiosk}{'abcdefghijklmnopqrstuvwxyz'[len(self.machines)]}"

    def exchange(self, machine: Machine) -> str:
        """One full exchange."""
        return machine.work(lambda agent: str(exchange(agent)), hears=True)

    def targets(self) -> Targets:
        """What the hostile kiosk knows of: it is told all that there is."""
        registers = [register_record(row) for row in LedgerAccount.objects.order_by("account")]
        return Targets(
            accounts=ACCOUNTS,
            orders=tuple(LedgerOrder.objects.order_by("reference").values_list("reference", flat=True)),
            certificates=tuple(LedgerCertificate.objects.order_by("number").values_list("number", flat=True)),
            keys=tuple((each.account, key) for each in registers if (key := each.key) is not None),
        )
