"""What a verb asks of the database is as much in a store of many orders as in one of few.

Counted in the steps of SQLite's machine, which are the same however busy the computer is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from bench.large_store import FIRST_ACCOUNT, fill
from kiosk.desk.keys.first_password import FirstPasswordView
from kiosk.desk.keys.views import FoundView, KeyIntroduced, KeyView, LiftedView, LoginCheckView, LossView
from kiosk.desk.orders.confirming import CodeAccepted, CodeRefusal, CodeRefused
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import Placed, PrintOutcome, ScanRead, Verified
from kiosk.desk.views.people import Field, Session, SignedIn, StaffSignedIn, WrongCredentials
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import Delivery, OrderStatus
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, OperatorDetails
from kiosk.domain.policy import Policy
from kiosk.domain.scanned_confirmations import encode_scanned
from kiosk.store import connections, database
from tests.support.desk import (
    FIRM,
    KIOSK,
    NOW,
    PIN,
    SESSION,
    STAFF,
    SUPERVISOR,
    YEAR,
    DeskSetup,
    answered,
    give_policy,
    session_of,
)

if TYPE_CHECKING:
    from sqlite3 import Connection

FEW, MANY = 20, 600
NOT_COUNTED = {
    "watch_tokens": "asks no database",
    "watch_scans": "asks no database",
    "key_answer": "asks no database",
    "leave_keys": "asks no database",
    "see_to_left_keys": "asks no database",
    "orders_page": "asks no database",
    "print_waiting": "prints all that waits",
    "print_again": "prints all that waits",
}


class CountedDesk:
    """A desk in a store of so many orders, which counts the steps of the database in each verb."""

    def __init__(self, setup: DeskSetup, orders: int, patch: pytest.MonkeyPatch) -> None:
        self.setup = setup
        self.steps: dict[str, int] = {}
        self._count = 0
        fill(setup.database, setup.clock, orders)
        give_policy(setup.database, Policy(1, KIOSK, NOW + YEAR, 10**9, 10**12))
        patch.setattr(database, "connect", self._connect)
        self.service = setup.open_service()

    def _connect(self, path: Path, key: bytes, busy_seconds: float) -> Connection:
        connection = connections.connect(path, key, busy_seconds)
        connection.set_progress_handler(self._step, 1)
        return connection

    def _step(self) -> int:
        self._count += 1
        return 0

    def ask(self, verb: str, *values: object) -> Any:
        """Call a verb, count its steps, and give its outcome."""
        before = self._count
        outcome = getattr(self.service, verb)(*values)
        self.steps[verb] = max(self.steps.get(verb, 0), self._count - before)
        return outcome


def _serve(desk: CountedDesk) -> None:
    """What members and staff do, until every verb was called."""
    _look(desk)
    _member(desk)
    _other_orders(desk)
    _requests(desk)
    _keys(desk)


def _requests(desk: CountedDesk) -> None:
    member = session_of("11000003")
    number = _placed(desk, "11000003")
    desk.ask("vouch", SUPERVISOR, number)
    address = DeliveryAddress("周伟", "河南省郑州市", "花园路1号")
    assert desk.ask("ask_delivery", member, number, address).delivery is not None
    assert desk.ask("key_mailed", STAFF, number, "顺丰速运", "SF1").delivery is not None
    assert desk.ask("key_received_back", STAFF, number, "无人签收").delivery is not None
    details = InvoiceDetails("周伟", "", "member@example.cn")
    assert desk.ask("ask_invoice", member, number, InvoiceKind.ORDINARY, details).invoice is not None
    assert desk.ask("withdraw_invoice", member, number).invoice is not None
    assert desk.ask("request_forms", STAFF, number).requests.reference == number
    assert [each.reference for each in desk.ask("requests_of", member)] == [number]
    assert desk.ask("requests", member, number).reference == number
    operator = OperatorDetails("王芳", DocumentKind.PASSPORT, "E12345678", "13812345678")
    proposed = desk.ask("propose_operator", member, operator, True)  # noqa: FBT003 - the verb's own signature
    assert desk.ask("proposals", member) == (proposed,)
    desk.ask("withdraw_operator", member, proposed.proposal)


def _look(desk: CountedDesk) -> None:
    for verb in (
        "status",
        "fees",
        "staff_orders",
        "unapplied_rows",
        "matters",
        "night_reports",
        "ask_centre_now",
        "expire_due",
    ):
        assert not isinstance(desk.ask(verb), Refused), verb
    assert desk.ask("find_orders", SUPERVISOR, "1-0001-7") is not None
    fields = {Field.ACCOUNT: "11000001", Field.PASSWORD: "Keydesk-1", Field.ENTERPRISE: FIRM}
    names = {Field.LEGAL_PERSON: "王建国", Field.OPERATOR: "李晓梅"}
    assert isinstance(desk.ask("verify", OrderKind.NEW, fields | names), Verified)
    assert isinstance(desk.ask("sign_in", "11000001", "wrong"), WrongCredentials)
    assert isinstance(desk.ask("sign_in", "11000001", "Keydesk-1"), SignedIn)
    assert isinstance(desk.ask("staff_sign_in", "林涛", "Super-1"), StaffSignedIn)
    assert isinstance(desk.ask("quote", SESSION, OrderKind.NEW), Verified)
    old = Session(str(FIRST_ACCOUNT + 1), "李晓梅", FIRM, NOW)
    assert len(desk.ask("account", old).orders) == 1
    # Everybody else is of one enterprise, all of whose operators are shown.
    assert len(desk.ask("user_centre", session_of("11000002")).enterprise.operators) == 1
    (shown,) = answered(desk.service.user_centre(old)).orders
    assert desk.ask("order_story", old, shown.order.reference).shown == shown


def _member(desk: CountedDesk) -> None:
    number = _placed(desk, "11000001")
    desk.ask("order", number)
    assert desk.ask("read_scan", number) == ScanRead(number_in(number))
    assert len(desk.ask("scanned_orders", SESSION, number)) == 1
    assert desk.ask("read_scan", "E8AD652202221F77") == Refused(Refusal.SCAN_UNKNOWN)
    assert len(desk.ask("open_orders", SESSION)) == 1
    scan = encode_scanned((7).to_bytes(38, "big"), 34_000, bytes(64))
    assert desk.ask("confirm_scanned", number, scan).reason is CodeRefusal.ANOTHER_ORDER
    right = desk.setup.digits_for(number)
    wrong = desk.setup.digits_for(_placed(desk, "11000003"))
    assert isinstance(desk.ask("confirm_typed", number, wrong), CodeRefused)
    assert isinstance(desk.ask("confirm_typed", number, right), CodeAccepted)
    assert [each.reference for each in desk.ask("bindable", SESSION)] == [number]
    desk.setup.source.insert(desk.setup.blank("NEW1"))
    desk.ask("read_token", number)
    assert isinstance(desk.ask("bind", SESSION, number, None, False, _watch), BoundView)  # noqa: FBT003 - the verb's own signature
    assert desk.ask("registration", number) is None
    assert desk.ask("print_receipt", number) is PrintOutcome.PRINTED
    assert desk.ask("print_label", number) is PrintOutcome.PRINTED
    assert desk.ask("print_slip", (number,)) is PrintOutcome.PRINTED


def _other_orders(desk: CountedDesk) -> None:
    (open_order,) = desk.ask("open_orders", session_of("11000003"))
    assert desk.ask("cancel", session_of("11000003"), open_order.reference).status is OrderStatus.CANCELLED
    number = _placed(desk, "11000003")
    assert desk.ask("vouch", SUPERVISOR, number).status is OrderStatus.PAID
    assert (
        desk.ask("choose_delivery", session_of("11000003"), number, Delivery.COUNTER) is PrintOutcome.PRINTED
    )
    assert desk.ask("abandon", SUPERVISOR, number, "") == Refused(Refusal.NOT_ALLOWED)
    assert desk.ask("grant_refund", SUPERVISOR, number, "").status is OrderStatus.REFUNDING


def _keys(desk: CountedDesk) -> None:
    assert isinstance(desk.ask("key_status", SESSION), KeyView)
    assert isinstance(desk.ask("introduce"), KeyIntroduced)
    assert isinstance(desk.ask("change_pin", SESSION, None, PIN, False), KeyView)  # noqa: FBT003 - the verb's own signature
    desk.ask("skip_pin_change", SESSION, "NEW1")
    assert isinstance(desk.ask("unblock_pin", SUPERVISOR, None, PIN), KeyView)
    view = desk.ask("login_check", SESSION, PIN, False)  # noqa: FBT003 - the verb's own signature
    assert isinstance(view, LoginCheckView)
    desk.ask("login_code", view, "123456")
    assert isinstance(desk.ask("choose_first_password", "11000001", "123456", "Aa#9-_xy"), FirstPasswordView)
    assert isinstance(desk.ask("report_loss", SESSION), LossView)
    assert desk.ask("loss_registered", "11000001") is False
    assert isinstance(desk.ask("key_found", STAFF), FoundView)
    assert isinstance(desk.ask("lift_hold", SESSION, STAFF, PIN, False), LiftedView)  # noqa: FBT003 - the verb's own signature
    desk.ask("erase", SUPERVISOR, "NEW1")


def _placed(desk: CountedDesk, account: str) -> str:
    outcome = desk.ask("place_order", session_of(account), OrderKind.NEW)
    assert isinstance(outcome, Placed), outcome
    return outcome.order.reference


def _watch(_: object) -> None:
    """The screens' progress."""


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], CountedDesk]]:
    """Make a desk in a store of so many orders."""
    setups = []

    def made(orders: int) -> CountedDesk:
        folder = tmp_path / str(orders)
        folder.mkdir()
        monkeypatch.undo()
        setups.append(DeskSetup(folder))
        return CountedDesk(setups[-1], orders, monkeypatch)

    yield made
    for setup in setups:
        setup.close()


def test_every_verb_asks_as_much_of_a_store_of_many_orders_as_of_few(
    make: Callable[[int], CountedDesk],
) -> None:
    few = make(FEW)
    _serve(few)
    many = make(MANY)
    _serve(many)
    verbs = {name for name in dir(DeskService) if not name.startswith("_")}
    assert many.steps.keys() == verbs - NOT_COUNTED.keys()
    grown = {
        verb: (few.steps[verb], steps)
        for verb, steps in many.steps.items()
        if steps > 1.2 * few.steps[verb] + MANY / 4
    }
    assert grown == {}


def test_the_status_asks_as_much_whatever_the_centre_does_not_have(
    make: Callable[[int], CountedDesk],
) -> None:
    desk = make(MANY)
    desk.ask("status")
    desk.ask("loss_registered", str(FIRST_ACCOUNT + 1))
    with_nothing = dict(desk.steps)
    with desk.setup.database.write() as tx:
        tx.agent.put(replace(tx.agent.get(), high_water=0))
    assert desk.ask("status").backlog > 5 * MANY
    desk.ask("loss_registered", str(FIRST_ACCOUNT + 1))
    assert desk.steps == with_nothing
