"""A desk with its own database, whose members have already paid."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hardware.virtual.printer import VirtualPrinter
from kiosk.desk.context import Desk, DeskSettings
from kiosk.desk.views.people import Session
from kiosk.domain.entries.orders import OrderAssigned
from kiosk.domain.fees import FeeSchedule, OrderKind
from kiosk.domain.identifiers import OrderNumber, OrderReference
from kiosk.domain.members import Enterprise, Operator, Review
from kiosk.domain.policy import Policy, SignedPolicy, SignedTime
from kiosk.domain.versions import ALL, Version
from kiosk.pki.device_keys import device_public_key, device_sign, generate_device_key
from kiosk.pki.encodings import encode_private_key
from kiosk.pki.issuing import RootAuthority, issuing_request
from kiosk.pki.names import DEFAULT_ORGANISATION
from kiosk.pki.suites import SM2
from kiosk.store.agent_state import AgentState
from kiosk.store.database import Database
from kiosk.store.system_clock import SystemClock
from kiosk.store.vault import VaultItem

if TYPE_CHECKING:
    from hardware.ports import TokenSource

KIOSK = 3
DAY = 86_400
_SCHEDULE = FeeSchedule(1, 0, 11000, 8000, 15000)
_NO_CEILINGS = (10**9, 10**12)  # certificates and fen before the next upload
_FIRM = Enterprise("A", "北京示例粮油贸易有限公司", "王建国", Review.APPROVED)


class PaidOrder(msgspec.Struct, frozen=True):
    """A member's session and the reference of their paid new-key order."""

    session: Session
    reference: str


class BenchDesk:
    """A desk and its members."""

    def __init__(self, folder: Path, tokens: TokenSource, database: Database) -> None:
        self._database = database
        self._clock = SystemClock()
        self._numbers = itertools.count(1)
        printer = VirtualPrinter(folder / "receipts", 384)
        settings = DeskSettings(payment_page="HTTP://127.0.0.1:8000")
        self.desk = Desk(database, self._clock, os.urandom, tokens, printer, None, settings, lambda: True)
        self._enrol()

    def member(self) -> Session:
        """A new member."""
        account, now = str(20_000_000 + next(self._numbers)), self._clock.wall()
        with self._database.write() as tx:
            tx.members.put_operator(Operator(account, _FIRM.code, "操作员", Review.APPROVED, ""))
        return Session(account, "操作员", _FIRM.name, now)

    def paid_order(self) -> PaidOrder:
        """A new member who paid for a new key."""
        session, number, now = self.member(), next(self._numbers), self._clock.wall()
        with self._database.write() as tx:
            body = OrderAssigned(
                order=str(OrderReference(OrderNumber(1, 1, number), bytes(6))),
                account=session.account,
                enterprise=_FIRM.name,
                operator=session.operator,
                order_kind=OrderKind.NEW,
                lines=_SCHEDULE.lines(OrderKind.NEW),
                schedule=1,
                placed_at=now,
                transaction=f"W{number}",
                paid_at=now,
                handover=1,
                feed=f"order-assigned/{number}/1",
            )
            tx.append(body, self._clock)
        return PaidOrder(session, body.order)

    def _enrol(self) -> None:
        now, centre_key = self._clock.wall(), generate_device_key()
        root = RootAuthority.create(DEFAULT_ORGANISATION, SM2.generate(), 1, now - DAY, now + 7000 * DAY)
        key = SM2.generate()
        request = issuing_request(DEFAULT_ORGANISATION, KIOSK, key)
        certificate = root.certify_kiosk(request, KIOSK, 2, now - DAY, now + 2000 * DAY)
        policy = msgspec.json.encode(Policy(1, KIOSK, now + 90 * DAY, *_NO_CEILINGS))
        signed = SignedTime(KIOSK, now, device_sign(centre_key, SignedTime.message(KIOSK, now)))
        items = {
            VaultItem.ISSUING_KEY: encode_private_key(key),
            VaultItem.ISSUING_CERTIFICATE: certificate,
            VaultItem.ROOT_CERTIFICATE: root.certificate.der,
            VaultItem.PAYMENT_SECRET: bytes(range(32)),
            VaultItem.CENTRE_KEY: device_public_key(centre_key),
        }
        with self._database.write() as tx:
            tx.enrol(KIOSK, 1, self._clock)
            for item, value in items.items():
                tx.vault.put(item, value)
            tx.feed.rows.put_cursor(ALL, Version(1, 1))
            tx.feed.put_schedule(_SCHEDULE)
            tx.feed.put_policy(SignedPolicy(policy, device_sign(centre_key, policy)))
            tx.members.put_enterprise(_FIRM)
            tx.agent.put(
                AgentState(
                    last_contact=now,
                    signed_time=signed,
                    signed_time_monotonic=self._clock.monotonic(),
                    signed_time_boot=self._clock.boot(),
                )
            )


@contextmanager
def bench_desk(folder: Path, tokens: TokenSource) -> Iterator[BenchDesk]:
    """Open a desk in an empty folder."""
    folder.mkdir(parents=True)
    database = Database.create(folder / "keydesk.db", os.urandom(32))
    try:
        yield BenchDesk(folder, tokens, database)
    finally:
        database.close()
