"""A desk over a real database, real certificates and virtual GM/T keys; its clock is moved by hand."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from argon2 import PasswordHasher

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk, DeskSettings
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import Placed
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderAssigned, OrderPaid
from kiosk.domain.feed import CertificateRegistered, KeyBoundElsewhere, RegisteredState
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.fees import FeeSchedule, OrderKind
from kiosk.domain.identifiers import OrderNumber, OrderReference, parse_order_reference
from kiosk.domain.journal import FORM, GENESIS, Entry, seal
from kiosk.domain.ledger import Order, PaidHow
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.payment_codes import confirmation_digits, confirmation_key
from kiosk.domain.policy import Policy, SignedPolicy, SignedTime
from kiosk.domain.scanned_confirmations import encode_scanned, scanned_message
from kiosk.domain.versions import ALL, NO_VERSION, Version
from kiosk.pki.device_keys import device_public_key, device_sign, generate_device_key
from kiosk.pki.encodings import encode_private_key
from kiosk.pki.issuing import IssuingAuthority, RootAuthority, issuing_request
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2, KeyAlgorithm
from kiosk.store.agent_state import AgentState
from kiosk.store.database import Database
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.vault import VaultItem

OutcomeT = TypeVar("OutcomeT")

NOW = 1_795_327_500  # 2026-11-22 06:05:00 UTC
DAY = 86_400
YEAR = 365 * DAY
KIOSK = 3
PAYMENT_SECRET = bytes(range(32))
FACTORY_PIN = "111111"
PIN = "654321"
"""The PIN of a key that was bound elsewhere."""
FIRM = "北京示例粮油贸易有限公司"
SCHEDULE = FeeSchedule(number=1, effective_from=0, token=11000, certificate=8000, service=15000)
DATABASE_KEY = bytes(32)

# Argon2id as weak as can be: the tests are about what it decides.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Authorities(msgspec.Struct, frozen=True):
    """The centre's own key, and the certificates that kiosk 3 issues by."""

    centre_key: bytes
    issuing: IssuingAuthority


@functools.cache
def authorities() -> Authorities:
    """Make the keys of the centre and the kiosk, once a process."""
    root = RootAuthority.create(DEFAULT_ORGANISATION, SM2.generate(), 1, NOW - 3 * YEAR, NOW + 20 * YEAR)
    key = SM2.generate()
    request = issuing_request(DEFAULT_ORGANISATION, KIOSK, key)
    certificate = root.certify_kiosk(request, KIOSK, 2, NOW - 3 * YEAR, NOW + 5 * YEAR)
    issuing = IssuingAuthority.load(encode_private_key(key), certificate, root.certificate.der, NOW)
    return Authorities(generate_device_key(), issuing)


@functools.cache
def _verifier(password: str) -> str:
    return HASHER.hash(password)


def desk_settings() -> DeskSettings:
    """Return the settings of the desk under test."""
    return DeskSettings(payment_page="HTTP://127.0.0.1:8000", dummy_verifier=_verifier("nobody's"))


def give_policy(database: Database, policy: Policy) -> None:
    """Put a policy that the centre signed."""
    data = msgspec.json.encode(policy)
    with database.write() as tx:
        tx.feed.put_policy(SignedPolicy(data, device_sign(authorities().centre_key, data)))
        tx.feed.rows.put_cursor(ALL, Version(1, 1))


def meet_centre(database: Database, clock: FixedClock) -> None:
    """Let the agent reach the centre now, which has everything afterwards and lists every certificate."""
    now = clock.wall()
    signed = SignedTime(KIOSK, now, device_sign(authorities().centre_key, SignedTime.message(KIOSK, now)))
    with database.write() as tx:
        tip = tx.journal.tip()
        for serial, each in enumerate(itertools.islice(tx.ledger.certificates(), 50), 1):
            told = CertificateRegistered(each.number, each.account, RegisteredState.LISTED)
            row = unsigned_row(ALL, row_key_of(told), Version(1, serial), NO_VERSION, told)
            tx.feed.rows.put(row)
        tx.agent.put(
            AgentState(
                high_water=tip.sequence if tip else 0,
                last_contact=now,
                last_attempt=now,
                signed_time=signed,
                signed_time_monotonic=clock.monotonic(),
                signed_time_boot=clock.boot(),
            )
        )


def make_database(path: Path, clock: FixedClock, *, priced: bool = True) -> Database:
    """Make the database of an enrolled kiosk with members, a policy and, if `priced`, prices."""
    database = Database.create(path, DATABASE_KEY)
    _enrol(database, clock)
    if priced:
        with database.write() as tx:
            tx.feed.put_schedule(SCHEDULE)
    _publish_members(database)
    give_policy(database, Policy(1, KIOSK, NOW + YEAR))
    return database


@functools.cache
def _template(*, priced: bool) -> Path:
    """Make the database that every setup begins with, once a process."""
    folder = Path(tempfile.mkdtemp(prefix="keydesk-desk-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_database(folder / "keydesk.db", FixedClock(NOW), priced=priced).close()
    return folder / "keydesk.db"


def _enrol(database: Database, clock: FixedClock) -> None:
    issuing = authorities().issuing
    items = {
        VaultItem.ISSUING_KEY: encode_private_key(issuing.private_key),
        VaultItem.ISSUING_CERTIFICATE: issuing.certificate.der,
        VaultItem.ROOT_CERTIFICATE: issuing.root,
        VaultItem.PAYMENT_SECRET: PAYMENT_SECRET,
        VaultItem.CENTRE_KEY: device_public_key(authorities().centre_key),
    }
    with database.write() as tx:
        tx.enrol(KIOSK, 1, clock)
        for item, value in items.items():
            tx.vault.put(item, value)


def _publish_members(database: Database) -> None:
    firms = (
        Enterprise("A", FIRM, "王建国", Review.APPROVED),
        Enterprise("B", "河南中原储备粮有限公司（郑州）", "赵志强", Review.UNDER_REVIEW),
    )
    operators = (
        ("11000001", "A", "李晓梅", Review.APPROVED),
        ("11000002", "B", "陈静", Review.APPROVED),
        ("11000003", "A", "周伟", Review.APPROVED),
        ("11000005", "A", "刘洋", Review.UNDER_REVIEW),
        ("11000006", "A", "何芳", Review.REFUSED),
    )
    with database.write() as tx:
        for firm in firms:
            tx.members.put_enterprise(firm)
        for account, code, name, review in operators:
            verifier = _verifier(f"Keydesk-{account[-1]}")
            tx.members.put_operator(Operator(account, code, name, review, verifier))
        tx.members.put_staff(StaffMember("张华", Role.STAFF, _verifier("Staff-1")))
        tx.members.put_staff(StaffMember("林涛", Role.SUPERVISOR, _verifier("Super-1")))


SESSION = Session("11000001", "李晓梅", FIRM, NOW)
STAFF = StaffSession("张华", supervisor=False)
SUPERVISOR = StaffSession("林涛", supervisor=True)


def session_of(account: str) -> Session:
    """Return the session of an account's operator."""
    return Session(account, "操作员", FIRM, NOW)


class Sleep:
    """The clock goes on while a verb waits, and the next of `happens` takes place."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self.happens: list[Callable[[], object]] = []

    def __call__(self, seconds: float) -> None:
        before = self._clock.milliseconds
        self._clock.milliseconds += round(1000 * seconds)
        self._clock.now += self._clock.milliseconds // 1000 - before // 1000
        if self.happens:
            self.happens.pop(0)()


class DeskSetup:
    """Everything around a desk in one folder: database, clock, reader, printer, and what the centre does.

    `database` is the tests' own connection; each desk of `open_desk` has another to the same file, as after a
    start of the program.
    """

    def __init__(
        self, folder: Path, source: VirtualTokenSource | None = None, *, priced: bool = True
    ) -> None:
        self.folder = folder
        self.clock = FixedClock(NOW)
        shutil.copyfile(_template(priced=priced), folder / "keydesk.db")
        self.database = Database.open(folder / "keydesk.db", DATABASE_KEY)
        self.source = VirtualTokenSource(("first", "second")) if source is None else source
        self.printer = VirtualPrinter(folder / "receipts", 384)
        self.sleep = Sleep(self.clock)
        self._opened: list[Database] = []
        self._paid = itertools.count(1)
        self._assigned = itertools.count(1)
        self._elsewhere = itertools.count(0x0001_000001_000001)

    def open_desk(self) -> Desk:
        """Open a desk whose agent has just reached the centre."""
        self.contact()
        self._opened.append(Database.open(self.folder / "keydesk.db", DATABASE_KEY))
        return Desk(
            self._opened[-1],
            self.clock,
            os.urandom,
            self.source,
            self.printer,
            None,
            desk_settings(),
            lambda: True,
            self.sleep,
        )

    def open_service(self) -> DeskService:
        """Open a desk and give its verbs."""
        return DeskService(self.open_desk())

    def close(self) -> None:
        """Close every database."""
        for each in (*self._opened, self.database):
            each.close()

    # what the centre and its feed do

    def contact(self) -> None:
        """Let the agent reach the centre now."""
        meet_centre(self.database, self.clock)

    def pay(self, number: str) -> None:
        """Let the feed tell that the provider has the money."""
        order = self.order(number)
        serial = next(self._paid)
        paid = OrderPaid(
            number,
            PaidHow.FEED,
            order.total,
            self.clock.wall(),
            transaction=f"T{serial}",
            feed=f"payment/{number}/T{serial}",
        )
        with self.database.write() as tx:
            tx.append(paid, self.clock)

    def paid_order(self, account: str, kind: OrderKind, beside: str = "") -> str:
        """Give the reference of an order that was paid elsewhere, for an operator who is made if unknown.

        It has the number of the order `beside` it, if one is given.
        """
        serial = next(self._assigned)
        number = parse_order_reference(beside).number if beside else OrderNumber(1, 1, serial)
        now = self.clock.wall()
        with self.database.write() as tx:
            if tx.members.operator(account) is None:
                tx.members.put_operator(Operator(account, "A", "操作员", Review.APPROVED, ""))
            body = OrderAssigned(
                order=str(OrderReference(number, bytes([1 if beside else 0] * 6))),
                account=account,
                enterprise=FIRM,
                operator="操作员",
                order_kind=kind,
                lines=SCHEDULE.lines(kind),
                schedule=SCHEDULE.number,
                placed_at=now,
                transaction=f"W{serial}",
                paid_at=now,
                handover=1,
                feed=f"order-assigned/{serial}/1",
                previous=key_on_record(tx, account),
            )
            tx.append(body, self.clock)
        return body.order

    def told_by_a_copy(self, after: Tip | None, body: AnyBody) -> Tip:
        """Take an entry that a copy of this kiosk wrote after that one, as the agent does when it hears of it."""
        with self.database.write() as tx:
            identity = tx.identity
            assert identity is not None
            entry = Entry(
                form=FORM,
                kiosk=identity.kiosk,
                machine=identity.machine,
                epoch=identity.epoch,
                sequence=1 if after is None else after.sequence + 1,
                wall=self.clock.wall(),
                monotonic=self.clock.monotonic(),
                boot="copy",
                previous=GENESIS if after is None else after.hash,
                body=body,
            )
            sealed = seal(entry)
            tx.import_other(2, [sealed])
        return Tip(entry.epoch, entry.sequence, sealed.hash)

    def digits_for(self, number: str) -> str:
        """Return what the centre's page shows the payer of an order to type."""
        order = self.order(number)
        return confirmation_digits(order.order_code, order.total, confirmation_key(PAYMENT_SECRET))

    def scan_for(self, number: str) -> str:
        """Return what the centre's page shows the payer of an order to scan."""
        order = self.order(number)
        message = scanned_message(order.order_code, order.total)
        return encode_scanned(order.order_code, order.total, device_sign(authorities().centre_key, message))

    # keys

    def blank(self, serial: str) -> GmtCard:
        """Make a key as the vendor ships it, with that serial number."""
        return blank_key(self.folder / f"{serial}.card", serial, pin_tries=6)

    def bound_here(self, service: DeskService, account: str, serial: str) -> GmtCard:
        """Let the desk bind a key; it still has the factory PIN."""
        card, number = self.blank(serial), self.paid_order(account, OrderKind.NEW)
        self.source.insert(card)
        outcome = service.bind(session_of(account), number, None, False, lambda _progress: None)  # noqa: FBT003 - the verb's own signature
        assert isinstance(outcome, BoundView), outcome
        self.source.remove()
        return card

    def bound_elsewhere(self, account: str, serial: str, begin: int, end: int) -> GmtCard:
        """Make a key that the exchange bound, told by the feed; its PIN is `PIN`."""
        card, number = self.blank(serial), next(self._elsewhere)
        token = self.source.open(self.source.insert(card))
        token.verify_pin(FACTORY_PIN)
        member = MemberName(account, FIRM)
        info = certification_request_info(
            DEFAULT_ORGANISATION, member, KeyAlgorithm.SM2, token.generate_key_pair()
        )
        request = assemble(info, KeyAlgorithm.SM2, token.sign(info))
        certificate = authorities().issuing.issue(request, member, number, begin, end)
        token.write_certificate(certificate)
        token.change_pin(FACTORY_PIN, PIN)
        token.close()
        self.source.remove()
        key = KeyBoundElsewhere(account, f"{number:016X}", serial, begin, end, certificate=certificate)
        with self.database.write() as tx:
            tx.feed.put_key_elsewhere(key)
        return card

    # what the record says

    def order(self, number: str) -> Order:
        """Return an order that is there."""
        with self.database.read() as tx:
            order = tx.ledger.order(number)
        assert order is not None
        return order

    def bodies(self) -> list[AnyBody]:
        """Return what the journal tells so far."""
        with self.database.read() as tx:
            return [sealed.entry.body for sealed in tx.journal.entries()]


def answered(outcome: OutcomeT | Refused) -> OutcomeT:
    """Return what a verb answered, which was no refusal."""
    assert not isinstance(outcome, Refused), outcome
    return outcome


def place(service: DeskService, session: Session, kind: OrderKind) -> str:
    """Place an order and give its number."""
    outcome = service.place_order(session, kind)
    assert isinstance(outcome, Placed), outcome
    return outcome.order.reference
