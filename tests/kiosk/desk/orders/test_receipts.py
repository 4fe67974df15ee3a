from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import zxingcpp
from msgspec.structs import replace
from PIL import Image

from hardware.ports import PrinterState, PrinterUnavailable, PrintUnconfirmed
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.orders import receipts
from kiosk.desk.orders.receipts import receipt_of
from kiosk.desk.orders.views import own_order
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import SurplusReturned
from kiosk.domain.feed import RegisteredState
from kiosk.domain.fees import OrderKind
from kiosk.domain.journal import short_hash
from kiosk.domain.ledger import Delivery
from kiosk.settings import Exchange
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull
from kiosk.store.transaction import Transaction
from kiosk.text.receipt import LOGIN_AFTER_SYNC, NEXT_STEPS, Receipt, render
from tests.support.desk import answered

Place = Callable[[Session, OrderKind], str]


def test_without_paper_the_slip_waits_and_comes_out_once_when_there_is_paper(
    service: DeskService, session: Session, printer: VirtualPrinter, placed: Place, pay: Callable[[str], None]
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    printer.set_paper(present=False)
    assert service.choose_delivery(session, number, Delivery.COUNTER) is PrintOutcome.PAPER_OUT
    status = answered(service.status())
    assert (status.printer, status.receipts_waiting) == (PrinterState.PAPER_OUT, 1)
    assert service.print_waiting() == 0
    printer.set_paper(present=True)
    assert service.print_waiting() == 1
    assert service.print_waiting() == 0
    assert len(printer.receipts()) == 1


def test_the_receipt_of_a_bound_key_has_the_sites_address(
    desk: Desk, session: Session, bound_here: Callable[[str, str], GmtCard], database: Database
) -> None:
    bound_here(session.account, "OWN")
    settings = replace(desk.settings, exchange=Exchange(site="https://site.example/"))
    with database.read() as tx:
        (order,) = tx.ledger.orders()
        receipt = receipt_of(dataclasses.replace(desk, settings=settings), tx, order)
    assert (receipt.site, receipt.key is not None) == ("https://site.example/", True)


def test_a_slip_waits_through_a_restart(
    open_desk: Callable[[], Desk],
    session: Session,
    printer: VirtualPrinter,
    placed: Place,
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    printer.set_paper(present=False)
    DeskService(open_desk()).choose_delivery(session, number, Delivery.MAIL)
    printer.set_paper(present=True)
    assert DeskService(open_desk()).print_waiting() == 1


def test_a_slip_that_waited_says_when_it_was_printed_and_what_the_journal_was_when_it_was_made_out(
    service: DeskService,
    session: Session,
    printer: VirtualPrinter,
    clock: FixedClock,
    placed: Place,
    pay: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rendered: list[Receipt] = []

    def render_noted(receipt: Receipt, dots: int, follow: Path | None) -> bytes:
        rendered.append(receipt)
        return render(receipt, dots, follow)

    monkeypatch.setattr("kiosk.desk.orders.receipts.render", render_noted)
    number = placed(session, OrderKind.NEW)
    pay(number)
    printer.set_paper(present=False)
    service.choose_delivery(session, number, Delivery.COUNTER)
    clock.advance(3600)
    printer.set_paper(present=True)
    assert service.print_waiting() == 1
    before, printed = rendered
    assert printed == replace(before, printed_at=clock.wall())
    assert printed.printed_at - before.printed_at == 3600


class _MutePrinter(VirtualPrinter):
    """It prints, and never says that it did."""

    def print_image(self, png: bytes) -> None:
        super().print_image(png)
        raise PrintUnconfirmed("no answer")


def test_a_printer_that_tells_nothing_prints_a_receipt_once_and_again_only_for_a_person(
    open_desk: Callable[[], Desk],
    session: Session,
    printer: VirtualPrinter,
    placed: Place,
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    desk = open_desk()
    mute = dataclasses.replace(desk, printer=_MutePrinter(printer.folder))
    service = DeskService(mute)
    assert service.choose_delivery(session, number, Delivery.COUNTER) is PrintOutcome.UNCONFIRMED
    for _ in range(3):
        assert service.print_waiting() == 0
    assert len(printer.receipts()) == 1
    assert answered(service.status()).receipts_waiting == 1
    assert service.print_again() == 0
    assert len(printer.receipts()) == 2
    assert DeskService(desk).print_waiting() == 0
    assert DeskService(desk).print_receipt(number) is PrintOutcome.PRINTED
    assert answered(service.status()).receipts_waiting == 0


class _LastPrinter:
    """A printer beside which something happens once the paper is out."""

    def __init__(self, printer: VirtualPrinter, happens: Callable[[], object]) -> None:
        self.dots = printer.dots
        self._printer = printer
        self._happens = happens

    def state(self) -> PrinterState:
        return self._printer.state()

    def print_image(self, png: bytes) -> None:
        self._printer.print_image(png)
        self._happens()


def _killed() -> None:
    raise KeyboardInterrupt


def _broken() -> None:
    raise PrinterUnavailable("the cable")


@pytest.mark.parametrize("happens", [_killed, _broken])
def test_a_receipt_that_may_be_out_already_comes_out_again_as_a_copy(
    desk: Desk,
    open_desk: Callable[[], Desk],
    session: Session,
    printer: VirtualPrinter,
    placed: Place,
    pay: Callable[[str], None],
    happens: Callable[[], object],
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    breaks = DeskService(dataclasses.replace(desk, printer=_LastPrinter(printer, happens)))
    with contextlib.suppress(KeyboardInterrupt):
        assert breaks.choose_delivery(session, number, Delivery.COUNTER) is PrintOutcome.UNAVAILABLE
    with desk.database.read() as tx:
        (waiting,) = tx.print_queue.waiting()
        original = replace(msgspec.msgpack.decode(waiting.receipt, type=Receipt), copy=False)
    service = DeskService(open_desk())
    assert service.print_waiting() == 1
    assert service.print_waiting() == 0
    first, second = (each.read_bytes() for each in printer.receipts())
    assert first == render(original, printer.dots)
    assert second == render(replace(original, copy=True), printer.dots)


def test_a_full_disk_prints_nothing_rather_than_the_same_again_and_again(
    desk: Desk,
    service: DeskService,
    session: Session,
    printer: VirtualPrinter,
    placed: Place,
    pay: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    printer.set_paper(present=False)
    service.choose_delivery(session, number, Delivery.COUNTER)
    printer.set_paper(present=True)

    @contextlib.contextmanager
    def full(_database: Database) -> Iterator[Transaction]:
        raise DiskFull(desk.database.path)
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", full)
        assert service.print_waiting() == Refused(Refusal.DISK_FULL)
        assert service.print_receipt(number) == Refused(Refusal.DISK_FULL)
        assert service.choose_delivery(session, number, Delivery.MAIL) == Refused(Refusal.DISK_FULL)
    assert printer.receipts() == []
    assert service.print_waiting() == 1


def test_a_delivery_whose_slip_alone_could_not_be_recorded_stands(
    desk: Desk,
    service: DeskService,
    session: Session,
    placed: Place,
    pay: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)

    def full(_desk: Desk, _number: str) -> PrintOutcome:
        raise DiskFull(desk.database.path)

    monkeypatch.setattr(receipts, "print_receipt", full)
    assert service.choose_delivery(session, number, Delivery.MAIL) is PrintOutcome.NOT_PRINTED
    order = answered(service.order(number))
    assert order is not None
    assert order.delivery is Delivery.MAIL


def test_an_unpaid_or_unknown_order_has_no_receipt(
    service: DeskService, session: Session, placed: Place
) -> None:
    assert service.print_receipt(placed(session, OrderKind.NEW)) is PrintOutcome.NO_RECEIPT
    assert service.print_receipt("3-4711-0") is PrintOutcome.NO_RECEIPT


def test_the_slip_says_what_comes_next_and_its_code_names_the_order(
    desk: Desk,
    service: DeskService,
    session: Session,
    printer: VirtualPrinter,
    placed: Place,
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    assert service.choose_delivery(session, number, Delivery.MAIL) is PrintOutcome.PRINTED
    with desk.database.read() as tx:
        receipt = receipt_of(desk, tx, own_order(tx, number))
        tip = tx.journal.tip()
    assert tip is not None
    assert receipt.next_step == NEXT_STEPS[Delivery.MAIL]
    assert receipt.key is None
    assert (receipt.journal_sequence, receipt.journal_hash) == (tip.sequence, short_hash(tip.hash))
    with Image.open(printer.receipts()[0]) as picture:
        codes = [code.text for code in zxingcpp.read_barcodes(picture.convert("L"))]
    view = answered(service.order(number))
    assert view is not None
    assert codes == [view.link]


def test_a_receipt_tells_of_the_payment_that_stands(
    desk: Desk, session: Session, placed: Place, pay: Callable[[str], None], clock: FixedClock
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    clock.advance(60)
    pay(number)
    with desk.database.write() as tx:
        first = own_order(tx, number).payments[0]
        assert first.transaction is not None
        tx.append(SurplusReturned(number, first.transaction, first.amount, "row/99"), clock)
        assert receipt_of(desk, tx, own_order(tx, number)).paid_at == first.time + 60


def test_a_receipt_of_a_key_bound_before_the_upload_says_so_and_one_after_it_does_not(
    desk: Desk,
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    contact: Callable[[], None],
    placed: Place,
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    source.insert(blank("E8AD652202221F03"))
    bound = service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView)
    with desk.database.read() as tx:
        receipt = receipt_of(desk, tx, own_order(tx, number))
    assert receipt.key is not None
    assert (receipt.key.serial, receipt.key.certificate) == (bound.serial, bound.certificate)
    assert receipt.key.login_after_sync, LOGIN_AFTER_SYNC
    assert receipt.next_step is None
    contact()
    with desk.database.read() as tx:
        later = receipt_of(desk, tx, own_order(tx, number))
    assert later.key is not None
    assert not later.key.login_after_sync


def test_a_receipt_that_waited_for_the_upload_no_longer_asks_the_member_to_wait(
    desk: Desk,
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    printer: VirtualPrinter,
    blank: Callable[[str], GmtCard],
    contact: Callable[[], None],
    placed: Place,
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    source.insert(blank("E8AD652202221F03"))
    assert isinstance(service.bind(session, number, None, False, lambda _progress: None), BoundView)  # noqa: FBT003 - the contract
    assert service.registration(number) is None
    with desk.database.read() as tx:
        waiting = render(receipt_of(desk, tx, own_order(tx, number)), printer.dots)
    contact()
    assert service.registration(number) is RegisteredState.LISTED
    assert service.print_receipt(number) is PrintOutcome.PRINTED
    assert _height(printer.receipts()[0].read_bytes()) < _height(waiting)


def _height(png: bytes) -> int:
    with Image.open(io.BytesIO(png)) as picture:
        return picture.height


def test_a_member_prints_the_own_receipt_and_leaves_the_others_waiting(
    service: DeskService,
    session_of: Callable[[str], Session],
    printer: VirtualPrinter,
    placed: Place,
    pay: Callable[[str], None],
) -> None:
    printer.set_paper(present=False)
    for account in ("11000001", "11000003"):
        number = placed(session_of(account), OrderKind.NEW)
        pay(number)
        service.choose_delivery(session_of(account), number, Delivery.MAIL)
    printer.set_paper(present=True)
    assert service.print_receipt(number) is PrintOutcome.PRINTED
    assert len(printer.receipts()) == 1
    assert answered(service.status()).receipts_waiting == 1


def test_a_receipt_printed_before_the_upload_asks_the_member_to_wait(
    desk: Desk,
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    printer: VirtualPrinter,
    blank: Callable[[str], GmtCard],
    placed: Place,
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    source.insert(blank("E8AD652202221F03"))
    assert isinstance(service.bind(session, number, None, False, lambda _progress: None), BoundView)  # noqa: FBT003 - the contract
    with desk.database.read() as tx:
        receipt = receipt_of(desk, tx, own_order(tx, number))
    assert receipt.key is not None
    assert receipt.key.login_after_sync
    assert service.print_receipt(number) is PrintOutcome.PRINTED
    assert printer.receipts()[0].read_bytes() == render(receipt, printer.dots)


def test_an_order_without_a_certificate_and_an_unknown_one_are_not_registered(
    service: DeskService, session: Session, placed: Place
) -> None:
    assert service.registration(placed(session, OrderKind.NEW)) is None
    assert service.registration("3-4711-0") is None
