"""A kiosk in memory before a centre in memory: its database, its clock, its agent, and a line that can fail in every way."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import httpx2

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import OrderNumber, OrderReference
from kiosk.domain.journal import SealedEntry
from kiosk.domain.versions import ALL
from kiosk.store.database import Database
from sync.agent.context import Agent
from sync.agent.enrolment import enrol
from sync.agent.opening import AgentSettings, agent_over
from tests.support.memory_centre import ADDRESS, LINES, NOW, MemoryCentre


class FaultyLine(httpx2.BaseTransport):
    """The line to the centre; `faults` are used up one a request, and "" is none."""

    def __init__(self, centre: MemoryCentre) -> None:
        self.centre = centre
        self.faults: list[str] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        fault = self.faults.pop(0) if self.faults else ""
        match fault:
            case "cut":
                raise httpx2.ConnectError("cut before sending", request=request)
            case "busy":
                return httpx2.Response(503, headers={"retry-after": "7"})
            case "broken":
                return httpx2.Response(500, content=b"<h1>Internal Server Error</h1>")
        response = self.centre.handle(request)
        match fault:
            case "lost":
                raise httpx2.ReadError("cut before the answer", request=request)
            case "slow":
                raise httpx2.ReadTimeout("no answer in time", request=request)
            case "garbage":
                return httpx2.Response(200, content=b"<html>please log in to this network</html>")
            case "truncated":
                return httpx2.Response(200, content=bytes(response.read())[:-7])
        return response


class Desk:
    """One kiosk: its data directory, its database, its clock, its agent, and a hand that works at it."""

    def __init__(self, directory: Path, number: int, centre: MemoryCentre, stack: ExitStack) -> None:
        self.directory = directory
        self.number = number
        self.centre = centre
        self.faulty = FaultyLine(centre)
        self.line: httpx2.BaseTransport = self.faulty
        self.clock = FixedClock(NOW)
        self.settings = AgentSettings(directory, ADDRESS)
        self.database = Database.create(directory / "keydesk.db", bytes(range(32)))
        self.stack = stack
        stack.callback(self.database.close)
        self.memory = centre.kiosk(number)
        self._counter = itertools.count(1)

    def enrol(self) -> Any:
        return enrol(self.settings, self.database, self.memory.token, self.line, self.clock)

    def agent(self) -> Agent:
        return self.stack.enter_context(agent_over(self.settings, self.database, self.line, self.clock))

    def place(self, account: str | None = None) -> str:
        with self.database.write() as tx:
            place = tx.next_tip()
            number = str(OrderReference(OrderNumber(place.kiosk, place.epoch, place.sequence), bytes(6)))
            body = OrderPlaced(
                order=number,
                account=account or f"{self.number}{next(self._counter):07d}",
                enterprise="北京示例粮油贸易有限公司",
                operator="李晓梅",
                order_kind=OrderKind.NEW,
                lines=LINES,
                schedule=1,
                schedule_digest=bytes(8),
                policy=1,
                feed=tx.feed.rows.cursor(ALL),
                deadline=self.clock.wall() + 900,
                order_code=bytes(38),
            )
            tx.append(body, self.clock)
        return number

    def append(self, body: AnyBody) -> SealedEntry:
        with self.database.write() as tx:
            return tx.append(body, self.clock)

    def order(self, number: str) -> Any:
        with self.database.read() as tx:
            return tx.ledger.order(number)

    def hashes(self) -> list[bytes]:
        with self.database.read() as tx:
            return [each.hash for each in tx.journal.entries()]

    def centre_hashes(self) -> list[bytes]:
        return [each.hash for each in self.memory.chain]


class NewDesk(Protocol):
    """Make a kiosk that is not enrolled yet."""

    def __call__(self, number: int = 3, of: MemoryCentre | None = None) -> Desk: ...
