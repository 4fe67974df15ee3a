"""A desk over a real database, real certificates and virtual GM/T keys; the clock is moved by hand."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from argon2 import PasswordHasher

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.service import DeskService
from kiosk.desk.settings import DeskSettings
from kiosk.desk.views import BoundView, Placed, Session, StaffSession
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries import AnyBody, OrderAssigned, OrderPaid
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import FeeSchedule, OrderKind
from kiosk.domain.identifiers import OrderNumber
from kiosk.domain.ledger import PaidHow
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.payment_codes import confirmation_digits, confirmation_key
from kiosk.domain.policy import Policy, SignedPolicy, SignedTime
from kiosk.domain.scanned_confirmations import encode_scanned, scanned_message
from kiosk.pki.device_keys import device_public_key, device_sign, generate_device_key
from kiosk.pki.encodings import encode_private_key
from kiosk.pki.issuing import IssuingAuthority, RootAuthority, issuing_request
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2, Algorithm
from kiosk.store.agent_state import AgentState
from kiosk.store.database import Database
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.vault import VaultItem

NOW = 1_795_327_500  # 2026-11-22 06:05:00 UTC
DAY = 86_400
YEAR = 365 * DAY
KIOSK = 3
PAYMENT_SECRET = bytes(range(32))
PIN = "654321"
FIRM = "北京示例粮油贸易有限公司"

# Argon2id as weak as can be: the tests are about what it decides.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def centre_key() -> bytes:
    return generate_device_key()


@pytest.fixture(scope="session")
def authority() -> IssuingAuthority:
    root = RootAuthority.create(DEFAULT_ORGANISATION, SM2.generate(), 1, NOW - 3 * YEAR, NOW + 20 * YEAR)
    key = SM2.generate()
    request = issuing_request(DEFAULT_ORGANISATION, KIOSK, key)
    certificate = root.certify_kiosk(request, KIOSK, 2, NOW - 3 * YEAR, NOW + 5 * YEAR)
    return IssuingAuthority.load(encode_private_key(key), certificate, root.certificate.der, NOW)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture(scope="session")
def give_policy(centre_key: bytes) -> Callable[[Database, Policy], None]:
    """Put a policy that the centre signed."""

    def give(database: Database, policy: Policy) -> None:
        data = msgspec.json.encode(policy)
        with database.write() as tx:
            tx.feed.put_policy(SignedPolicy(data, device_sign(centre_key, data)))

    return give


@pytest.fixture(scope="session")
def meet_centre(centre_key: bytes) -> Callable[[Database, FixedClock], None]:
    """The agent reaches the centre now, which has everything afterwards."""

    def meet(database: Database, clock: FixedClock) -> None:
        now = clock.wall()
        signed = SignedTime(KIOSK, now, device_sign(centre_key, SignedTime.message(KIOSK, now)))
        with database.write() as tx:
            tip = tx.journal.tip()
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

    return meet


@pytest.fixture
def contact(
    database: Database, clock: FixedClock, meet_centre: Callable[[Database, FixedClock], None]
) -> Callable[[], None]:
    """The agent reaches the centre now."""
    return lambda: meet_centre(database, clock)


def _enrol(database: Database, clock: FixedClock, centre_key: bytes, authority: IssuingAuthority) -> None:
    items = {
        VaultItem.ISSUING_KEY: encode_private_key(authority.private_key),
        VaultItem.ISSUING_CERTIFICATE: authority.certificate.der,
        VaultItem.ROOT_CERTIFICATE: authority.root,
        VaultItem.PAYMENT_SECRET: PAYMENT_SECRET,
        VaultItem.CENTRE_KEY: device_public_key(centre_key),
    }
    with database.write() as tx:
        tx.enrol(KIOSK, 1, clock)
        for item, value in items.items():
            tx.vault.put(item, value)
        tx.feed.put_schedule(FeeSchedule(1, 0, 11000, 8000, 15000))


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
            verifier = HASHER.hash(f"Keydesk-{account[-1]}")
            tx.members.put_operator(Operator(account, code, name, review, verifier))
        tx.members.put_staff(StaffMember("张华", Role.STAFF, HASHER.hash("Staff-1")))
        tx.members.put_staff(StaffMember("林涛", Role.SUPERVISOR, HASHER.hash("Super-1")))


@pytest.fixture(scope="session")
def make_database(
    centre_key: bytes, authority: IssuingAuthority, give_policy: Callable[[Database, Policy], None]
) -> Callable[[Path, FixedClock], Database]:
    """The database of an enrolled kiosk with members, prices and a policy."""

    def make(path: Path, clock: FixedClock) -> Database:
        database = Database.create(path, bytes(32))
        _enrol(database, clock, centre_key, authority)
        _publish_members(database)
        give_policy(database, Policy(1, KIOSK, NOW + YEAR))
        return database

    return make


@pytest.fixture
def database(
    tmp_path: Path, clock: FixedClock, make_database: Callable[[Path, FixedClock], Database]
) -> Iterator[Database]:
    database = make_database(tmp_path / "keydesk.db", clock)
    yield database
    database.close()


@pytest.fixture(scope="session")
def desk_settings() -> DeskSettings:
    return DeskSettings(payment_page="HTTP://127.0.0.1:8000", dummy_verifier=HASHER.hash("nobody's"))


@pytest.fixture
def source() -> VirtualTokenSource:
    return VirtualTokenSource(("first", "second"))


@pytest.fixture
def printer(tmp_path: Path) -> VirtualPrinter:
    return VirtualPrinter(tmp_path / "receipts", 384)


@pytest.fixture
def waits() -> list[Callable[[], object]]:
    """What happens, one after the other, each time that a verb waits for the agent."""
    return []


@pytest.fixture
def sleep(clock: FixedClock, waits: list[Callable[[], object]]) -> Callable[[float], None]:
    """The clock goes on, and the next that is planned happens."""

    def wait(seconds: float) -> None:
        before = clock.milliseconds
        clock.milliseconds += round(1000 * seconds)
        clock.now += clock.milliseconds // 1000 - before // 1000
        if waits:
            waits.pop(0)()

    return wait


@pytest.fixture
def open_desk(
    tmp_path: Path,
    database: Database,
    clock: FixedClock,
    sleep: Callable[[float], None],
    source: VirtualTokenSource,
    printer: VirtualPrinter,
    contact: Callable[[], None],
    desk_settings: DeskSettings,
) -> Iterator[Callable[[], Desk]]:
    """A desk as after a start of the program: over its own connection to the same file."""
    contact()
    opened: list[Database] = []

    def start() -> Desk:
        opened.append(Database.open(tmp_path / "keydesk.db", bytes(32)))
        return Desk(opened[-1], clock, os.urandom, source, printer, None, desk_settings, sleep)

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def desk(open_desk: Callable[[], Desk]) -> Desk:
    return open_desk()


@pytest.fixture
def service(desk: Desk) -> DeskService:
    return DeskService(desk)


@pytest.fixture
def session() -> Session:
    return Session("11000001", "李晓梅", FIRM, NOW)


@pytest.fixture
def session_of() -> Callable[[str], Session]:
    def of(account: str) -> Session:
        return Session(account, "操作员", FIRM, NOW)

    return of


@pytest.fixture
def staff() -> StaffSession:
    return StaffSession("张华", supervisor=False)


@pytest.fixture
def supervisor() -> StaffSession:
    return StaffSession("林涛", supervisor=True)


@pytest.fixture
def bodies(database: Database) -> Callable[[], list[AnyBody]]:
    """What the journal tells so far."""

    def read() -> list[AnyBody]:
        with database.read() as tx:
            return [sealed.entry.body for sealed in tx.journal.entries()]

    return read


@pytest.fixture
def bound_here(
    service: DeskService,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Callable[[str, OrderKind], str],
    session_of: Callable[[str], Session],
) -> Callable[[str, str], GmtCard]:
    """A key that this desk bound (account, serial); it still has the factory PIN."""

    def bind(account: str, serial: str) -> GmtCard:
        card, number = blank(serial), paid_order(account, OrderKind.NEW)
        source.insert(card)
        outcome = service.bind(session_of(account), number, None, False, lambda _progress: None)  # noqa: FBT003
        assert isinstance(outcome, BoundView), outcome
        source.remove()
        return card

    return bind


@pytest.fixture
def blank(tmp_path: Path) -> Callable[[str], GmtCard]:
    """A key as the vendor ships it, with that serial number."""

    def make(serial: str) -> GmtCard:
        return blank_key(tmp_path / f"{serial}.card", serial, pin_tries=6)

    return make


@pytest.fixture
def pay(database: Database, clock: FixedClock) -> Callable[[str], None]:
    """The feed tells that the provider has the money."""
    numbers = itertools.count(1)

    def confirm(number: str) -> None:
        with database.write() as tx:
            order = tx.ledger.order(number)
            assert order is not None
            serial = next(numbers)
            paid = OrderPaid(
                number, PaidHow.FEED, order.total, clock.wall(), transaction=f"T{serial}", feed=serial
            )
            tx.append(paid, clock)

    return confirm


@pytest.fixture
def digits_for(database: Database) -> Callable[[str], str]:
    """What the centre's page shows the payer of an order to type."""

    def show(number: str) -> str:
        with database.read() as tx:
            order = tx.ledger.order(number)
        assert order is not None
        return confirmation_digits(order.token, order.total, confirmation_key(PAYMENT_SECRET))

    return show


@pytest.fixture
def scan_for(database: Database, centre_key: bytes) -> Callable[[str], str]:
    """What the centre's page shows the payer of an order to scan."""

    def show(number: str) -> str:
        with database.read() as tx:
            order = tx.ledger.order(number)
        assert order is not None
        signature = device_sign(centre_key, scanned_message(order.token, order.total))
        return encode_scanned(order.token, order.total, signature)

    return show


@pytest.fixture
def placed(service: DeskService) -> Callable[[Session, OrderKind], str]:
    """Place an order and give its number."""

    def place(session: Session, kind: OrderKind) -> str:
        outcome = service.place_order(session, kind)
        assert isinstance(outcome, Placed), outcome
        return outcome.order.number

    return place


@pytest.fixture
def bound_elsewhere(
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    authority: IssuingAuthority,
) -> Callable[[str, str, int, int], GmtCard]:
    """A key that the exchange bound (account, serial, begin, end), told by the feed; its PIN is PIN."""
    numbers = itertools.count(0x0001_000001_000001)

    def bind(account: str, serial: str, begin: int, end: int) -> GmtCard:
        card, number = blank(serial), next(numbers)
        token = source.open(source.insert(card))
        token.verify_pin("111111")
        member = MemberName(account, FIRM)
        info = certification_request_info(
            DEFAULT_ORGANISATION, member, Algorithm.SM2, token.generate_key_pair()
        )
        request = assemble(info, Algorithm.SM2, token.sign(info))
        certificate = authority.issue(request, member, number, begin, end)
        token.write_certificate(certificate)
        token.change_pin("111111", PIN)
        token.close()
        source.remove()
        key = KeyBoundElsewhere(account, f"{number:016X}", serial, begin, end, certificate=certificate)
        with database.write() as tx:
            tx.feed.put_key_elsewhere(key)
        return card

    return bind


@pytest.fixture
def paid_order(database: Database, clock: FixedClock) -> Callable[[str, OrderKind], str]:
    """An order of that account and kind that was paid elsewhere, for an operator who is made where there is none."""
    numbers = itertools.count(1)

    def assign(account: str, kind: OrderKind) -> str:
        serial = next(numbers)
        with database.write() as tx:
            if tx.members.operator(account) is None:
                tx.members.put_operator(Operator(account, "A", "操作员", Review.APPROVED, ""))
            body = OrderAssigned(
                order=str(OrderNumber(1, 1, serial)),
                account=account,
                enterprise=FIRM,
                operator="操作员",
                order_kind=kind,
                lines=FeeSchedule(1, 0, 11000, 8000, 15000).lines(kind),
                schedule=1,
                placed_at=clock.wall(),
                transaction=f"W{serial}",
                paid_at=clock.wall(),
                feed=1000 + serial,
                previous=key_on_record(tx, account),
            )
            tx.append(body, clock)
        return body.order

    return assign
