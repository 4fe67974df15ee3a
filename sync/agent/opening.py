"""Opening an agent, from options and configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import msgspec

from kiosk.configuration import Key, ProxyInvalid, read_proxy
from kiosk.domain.clock import Clock
from kiosk.domain.retention import PersonalRetention
from kiosk.store import location
from kiosk.store.database import Database
from kiosk.store.errors import StoreMissing
from kiosk.store.system_clock import SystemClock
from kiosk.store.vault import VaultItem
from kiosk.text.asking import ask_on_terminal
from kiosk.text.command_line import program
from kiosk.text.waiting import say_waiting
from sync.agent.centre_client import CentreClient, Credentials
from sync.agent.context import KEEP_DAYS, Agent, CentreTime, StoredReceipts
from sync.agent.errors import AddressInClear, NotEnrolledYet, ProxyUnusable
from sync.agent.line.network_switch import NetworkSwitch, SwitchedTransport
from sync.agent.line.tls import ssl_context
from sync.agent.line.transport import LineTransport
from sync.agent.logs import open_log


class AgentSettings(msgspec.Struct, frozen=True):
    """Where the data and the centre are, and the two files used in drills (None without them).

    `marker` is the directory of the marker; None for the one beside the data directory.

    `authority` is a PEM file with the CA of the centre's TLS certificate; None for the system's CAs. `proxy` is configured;
    the environment's proxies are not followed, so that the same configuration always takes the same way. `keep_days` is how
    long entries are kept that a snapshot stands for; 0 for ever.
    """

    directory: Path
    centre: str
    network_switch: Path | None = None
    clock_shift: Path | None = None
    authority: Path | None = None
    marker: Path | None = None
    proxy: str = ""
    keep_days: int = KEEP_DAYS
    retention: PersonalRetention = PersonalRetention()
    key: Key = Key()

    def __repr__(self) -> str:
        """Name the directory; the proxy may hold a password."""
        return f"AgentSettings({str(self.directory)!r})"

    @property
    def clock(self) -> Clock:
        """The machine's clock, shifted as the file says."""
        return SystemClock(self.clock_shift)

    @property
    def switch(self) -> NetworkSwitch:
        """The network switch."""
        return NetworkSwitch(self.network_switch)

    def transport(self) -> httpx2.BaseTransport:
        """The HTTP transport, behind the network switch.

        Raises AuthorityUnusable, ProxyUnusable, and AddressInClear for http with a CA.
        """
        if self.authority is not None and self.centre.lower().startswith("http://"):
            raise AddressInClear(self.authority, self.centre)
        try:
            proxy = read_proxy(self.proxy)
        except ProxyInvalid:
            raise ProxyUnusable from None
        return SwitchedTransport(LineTransport(ssl_context(self.authority), proxy), self.switch)


@contextmanager
def open_database(directory: Path, marker: Path | None = None) -> Iterator[Database]:
    """The kiosk's database. Raises NotEnrolledYet, StoreError."""
    try:
        opened = location.open_database(directory, marker, say_waiting, ask_on_terminal)
    except StoreMissing as error:
        raise NotEnrolledYet(directory) from error
    with _closing(opened) as database:
        yield database


@contextmanager
def open_or_create_database(directory: Path, marker: Path | None = None) -> Iterator[Database]:
    """The kiosk's database, made with a new key where there is none. Raises StoreError, OSError."""
    with _closing(
        location.open_or_create_database(directory, marker, say_waiting, ask_on_terminal)
    ) as database:
        yield database


@contextmanager
def _closing(database: Database) -> Iterator[Database]:
    try:
        yield database
    finally:
        database.close()


@contextmanager
def open_agent(settings: AgentSettings) -> Iterator[Agent]:
    """An agent of the enrolled kiosk in the data directory. Raises NotEnrolledYet, AddressInvalid, StoreError."""
    with (
        open_database(settings.directory, settings.marker) as database,
        agent_over(settings, database, settings.transport(), settings.clock) as agent,
    ):
        yield agent


@contextmanager
def agent_over(
    settings: AgentSettings, database: Database, transport: httpx2.BaseTransport, clock: Clock
) -> Iterator[Agent]:
    """An agent over an open database. Raises NotEnrolledYet, AddressInvalid, StoreError."""
    with database.read() as tx:
        identity, device_key = tx.identity, tx.vault.get(VaultItem.DEVICE_KEY)
    if identity is None or device_key is None:
        raise NotEnrolledYet(settings.directory)
    time = CentreTime(database, clock)
    credentials = Credentials(identity.kiosk, device_key, identity.machine)
    receipts = StoredReceipts(database)
    centre = CentreClient(settings.centre, credentials, time.now, time.learn, transport, receipts=receipts)
    try:
        yield Agent(
            database=database,
            clock=clock,
            centre=centre,
            log=open_log(settings.directory),
            kiosk=identity.kiosk,
            device_key=device_key,
            program=program(),
            keep_days=settings.keep_days,
            retention=settings.retention,
        )
    finally:
        centre.close()
