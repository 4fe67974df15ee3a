"""A kiosk's store after years of service: each verb of the desk beside itself in a store that is nearly empty.

A verb's own time is without Argon2 (the members' verifiers are as weak as can be). Listings and checking are measured by
the peak memory of a process of their own.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from argon2 import PasswordHasher
from msgspec.structs import replace

from bench.desk import BenchDesk
from bench.large_store import FIRST_ACCOUNT, fill
from bench.measure import report, seconds
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView, Placed
from kiosk.desk.views.people import Field, Session, StaffSession
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery
from kiosk.domain.members import Operator, Review, Role, StaffMember
from kiosk.domain.payment_codes import confirmation_digits, confirmation_key
from kiosk.domain.scanned_confirmations import encode_scanned
from kiosk.store.location import open_or_create_database
from kiosk.store.system_clock import SystemClock

ORDERS, FEW = 100_000, 10
BACKLOG = 100_000
ROUNDS = 15
LIMIT, POLL_LIMIT = 20.0, 2.0  # milliseconds
_PRINTING = {"choose_delivery", "print_receipt"}  # they draw and write a picture as well
_OPEN = 50  # orders in the staff's list
_PASSWORD = "Keydesk-1"  # noqa: S105 - the bench's own
_SUPERVISOR = StaffSession("林涛", supervisor=True)
_SECRET = bytes(range(32))

# What a child inherits of its parent's peak (ru_maxrss) would hide its own.
_PEAK_OF = """
import sys
from pathlib import Path
from kiosk.commands.cli import main
if main() != 0:
    sys.exit(1)
sys.stderr.write(next(line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")))
"""

Verb = Callable[[], object]


class Store:
    """A kiosk's data directory with so many orders, its desk, and a blank key in the reader."""

    def __init__(self, folder: Path, orders: int) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.database = open_or_create_database(folder)
        tokens = VirtualTokenSource()
        tokens.insert(blank_key(folder / "bench.card", "E8AD652202221F03"))
        self.made = BenchDesk(folder, tokens, self.database)
        self.service = DeskService(self.made.desk)
        self.seconds_to_fill = seconds(lambda: fill(self.database, SystemClock(), orders))
        verifier = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(_PASSWORD)
        with self.database.write() as tx:
            tx.members.put_staff(StaffMember(_SUPERVISOR.name, Role.SUPERVISOR, verifier))
            tx.members.put_operator(Operator("11000001", "A", "李晓梅", Review.APPROVED, verifier))
        self.database.data_version()  # holds a connection, as the agent does
        self.uploaded()

    def uploaded(self, but: int = 0) -> None:
        """The centre has all entries but so many."""
        with self.database.write() as tx:
            tip = tx.journal.tip()
            assert tip is not None
            tx.agent.put(replace(tx.agent.get(), high_water=max(0, tip.sequence - but)))

    def placed(self) -> tuple[Session, OrderView]:
        """A new member and their unpaid order."""
        session = self.made.member()
        outcome = self.service.place_order(session, OrderKind.NEW)
        assert isinstance(outcome, Placed), outcome
        return session, outcome.order

    def code_of(self, reference: str) -> bytes:
        """The code of an order of this store."""
        with self.database.read() as tx:
            order = tx.ledger.order(reference)
        assert order is not None
        return order.order_code


def _member_verbs(store: Store) -> dict[str, Callable[[], Verb]]:
    service, old = store.service, Session(str(FIRST_ACCOUNT + 1), "李晓梅", "企业", 0)
    fields = {Field.ACCOUNT: "11000001", Field.PASSWORD: _PASSWORD}
    fields |= {
        Field.ENTERPRISE: "北京示例粮油贸易有限公司",
        Field.LEGAL_PERSON: "王建国",
        Field.OPERATOR: "李晓梅",
    }

    def for_placed(verb: Callable[[Session, OrderView], object]) -> Callable[[], Verb]:
        def prepare() -> Verb:
            session, order = store.placed()
            return lambda: verb(session, order)

        return prepare

    def for_member(verb: Callable[[Session], object]) -> Callable[[], Verb]:
        def prepare() -> Verb:
            session = store.made.member()
            return lambda: verb(session)

        return prepare

    def digits(order: OrderView) -> str:
        return confirmation_digits(store.code_of(order.reference), order.total, confirmation_key(_SECRET))

    def confirmed() -> Verb:
        _, order = store.placed()
        typed = digits(order)
        return lambda: service.confirm_typed(order.reference, typed)

    def scanned() -> Verb:
        _, order = store.placed()
        text = encode_scanned((99).to_bytes(38, "big"), order.total, bytes(64))
        return lambda: service.confirm_scanned(order.reference, text)

    return {
        "fees": lambda: service.fees,
        "verify": lambda: lambda: service.verify(OrderKind.NEW, fields),
        "sign_in": lambda: lambda: service.sign_in("11000001", _PASSWORD),
        "quote": for_member(lambda session: service.quote(session, OrderKind.NEW)),
        "place_order": for_member(lambda session: service.place_order(session, OrderKind.NEW)),
        "order": for_placed(lambda _, order: service.order(order.reference)),
        "open_orders": for_placed(lambda session, _: service.open_orders(session)),
        "confirm_typed": confirmed,
        "confirm_typed, wrong": for_placed(
            lambda _, order: service.confirm_typed(order.reference, "12345678903")
        ),
        "confirm_scanned, of another order": scanned,
        "cancel": for_placed(lambda session, order: service.cancel(session, order.reference)),
        "account": lambda: lambda: service.account(old),
        "report_loss": lambda: lambda: service.report_loss(old),
        "loss_registered": lambda: lambda: service.loss_registered(old.account),
        "expire_due": lambda: service.expire_due,
    }


def _desk_verbs(store: Store) -> dict[str, Callable[[], Verb]]:
    service, made = store.service, store.made

    def for_paid(verb: Callable[[Session, str], object]) -> Callable[[], Verb]:
        def prepare() -> Verb:
            paid = made.paid_order()
            return lambda: verb(paid.session, paid.reference)

        return prepare

    def vouched() -> Verb:
        _, order = store.placed()
        return lambda: service.vouch(_SUPERVISOR, order.reference)

    return {
        "choose_delivery": for_paid(
            lambda session, order: service.choose_delivery(session, order, Delivery.COUNTER)
        ),
        "bindable": for_paid(lambda session, _: service.bindable(session)),
        "registration": for_paid(lambda _, order: service.registration(order)),
        "print_receipt": for_paid(lambda _, order: service.print_receipt(order)),
        "grant_refund": for_paid(lambda _, order: service.grant_refund(_SUPERVISOR, order, "")),
        "vouch": vouched,
        "abandon": for_paid(lambda _, order: service.abandon(_SUPERVISOR, order, "")),
        "staff_sign_in": lambda: lambda: service.staff_sign_in(_SUPERVISOR.name, _PASSWORD),
        "unapplied_rows": lambda: service.unapplied_rows,
        "matters": lambda: service.matters,
        "read_token": lambda: service.read_token,
        "key_status": lambda: lambda: service.key_status(_SUPERVISOR),
    }


def in_a_large_store(folder: Path) -> None:
    """Measure all of it."""
    large, small = Store(folder / "large", ORDERS), Store(folder / "small", FEW)
    print(f"a store of {ORDERS} orders was made in {large.seconds_to_fill:.0f} s")
    _polls(large, small)
    for store in (large, small):
        for _ in range(_OPEN):
            store.made.paid_order()
    _verb(
        f"staff_orders, {_OPEN} open", lambda: large.service.staff_orders, lambda: small.service.staff_orders
    )
    for backlog in (0, BACKLOG):
        large.uploaded(but=backlog)
        verbs, floors = _all_verbs(large), _all_verbs(small)
        for name, prepare in verbs.items():
            limit = math.inf if name in _PRINTING else LIMIT
            _verb(f"{name}, backlog {backlog}", prepare, floors[name], limit)
    for store in (large, small):
        store.database.close()
    _memory(large.folder, small.folder)


def _all_verbs(store: Store) -> dict[str, Callable[[], Verb]]:
    return _member_verbs(store) | _desk_verbs(store)


def _polls(large: Store, small: Store) -> None:
    for backlog in (0, BACKLOG):
        large.uploaded(but=backlog)
        _verb(
            f"status poll, backlog {backlog}",
            lambda: large.service.status,
            lambda: small.service.status,
            POLL_LIMIT,
        )


def _verb(name: str, ours: Callable[[], Verb], floor: Callable[[], Verb], limit: float = LIMIT) -> None:
    pairs = [(1000 * seconds(ours()), 1000 * seconds(floor())) for _ in range(ROUNDS + 1)][1:]
    mine, bare = (statistics.median(times) for times in zip(*pairs, strict=True))
    report(name, mine, bare, statistics.median(one / other for one, other in pairs))
    if mine > limit:
        print(f"    over {limit:.0f} ms")


def _memory(large: Path, small: Path) -> None:
    commands = [
        [*each, form]
        for each in (["orders"], ["orders", "--open"], ["keys"])
        for form in ("", "--csv", "--json")
    ]
    for command in (*commands, ["journal", "export"], ["journal", "verify"], ["status"]):
        words = [word for word in command if word]
        ours, floor = (_peak(words, folder) for folder in (large, small))
        print(
            f"{'memory of keydesk ' + ' '.join(words):<44} {ours / 1024:9.1f} MB   floor {floor / 1024:9.1f} MB"
            f"   ratio {ours / floor:6.2f}"
        )


def _peak(command: list[str], folder: Path) -> int:
    """The peak of a command's memory (KiB), by the system's account of its own pages."""
    arguments = [sys.executable, "-c", _PEAK_OF, *command, "--data", str(folder)]
    told = subprocess.run(
        arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ).stderr
    return int(told.split()[-2])
