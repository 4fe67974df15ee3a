"""Labels and slips at the desk: whose they are, that they wait for paper, and that nothing is said of keys that were not bound here."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import zxingcpp
from PIL import Image

from hardware.ports import PrintUnconfirmed
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.printer import VirtualPrinter
from kiosk.desk.orders import receipts
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import PrintOutcome, ScanRead
from kiosk.desk.views.people import Session
from kiosk.domain.fees import OrderKind
from kiosk.domain.journal import short_hash
from kiosk.text.visit_papers import KeyLabel, VisitSlip
from tests.support.desk import FIRM, DeskSetup, answered
from tests.support.values import present

Drawn = KeyLabel | VisitSlip


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Drawn]:
    """The labels and slips that go to the printer, in their order."""
    made: list[Drawn] = []
    for name in ("render_label", "render_slip"):
        render = getattr(receipts, name)

        def draw(paper: Drawn, dots: int, render: Callable[[Drawn, int], bytes] = render) -> bytes:
            made.append(paper)
            return render(paper, dots)

        monkeypatch.setattr(receipts, name, draw)
    return made


@pytest.fixture
def orders(desk_setup: DeskSetup, bound_here: Callable[[str, str], GmtCard]) -> tuple[str, ...]:
    """Two operators of one enterprise have their keys bound, and their receipts are out."""
    references = []
    for account, serial in (("11000001", "E8AD652202221F03"), ("11000003", "E8AD652202221F09")):
        bound_here(account, serial)
        with desk_setup.database.read() as tx:
            (order,) = tx.ledger.orders(account=account)
        references.append(order.reference)
    return tuple(references)


def test_a_label_tells_whose_the_key_is_with_a_masked_name_and_its_code_opens_the_order(
    service: DeskService, printer: VirtualPrinter, orders: tuple[str, ...], drawn: list[Drawn]
) -> None:
    service.print_waiting()
    assert service.print_label(orders[0]) is PrintOutcome.PRINTED
    (label,) = drawn
    assert isinstance(label, KeyLabel)
    assert (label.account, label.operator, label.serial) == ("11000001", "操**", "E8AD652202221F03")
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(printer.receipts()[-1].read_bytes())).convert("L"))
    assert service.read_scan(code.text) == ScanRead("")


def test_a_slip_has_a_line_for_each_key_and_the_sum(
    desk_setup: DeskSetup, service: DeskService, orders: tuple[str, ...], drawn: list[Drawn]
) -> None:
    assert service.print_slip(orders) is PrintOutcome.PRINTED
    (slip,) = drawn
    assert isinstance(slip, VisitSlip)
    assert (slip.enterprise, slip.total, slip.copy) == (FIRM, 68_000, False)
    assert [(line.account, line.amount) for line in slip.lines] == [
        ("11000001", 34_000),
        ("11000003", 34_000),
    ]
    with desk_setup.database.read() as tx:
        tip = present(tx.journal.tip())
    assert (slip.journal_sequence, slip.journal_hash) == (tip.sequence, short_hash(tip.hash))


def test_without_paper_they_wait_beside_the_receipts_and_none_is_taken_for_another(
    service: DeskService, printer: VirtualPrinter, orders: tuple[str, ...], drawn: list[Drawn]
) -> None:
    waiting = answered(service.status()).receipts_waiting
    printer.set_paper(present=False)
    for _ in range(2):
        assert service.print_label(orders[0]) is PrintOutcome.PAPER_OUT
        assert service.print_slip(orders) is PrintOutcome.PAPER_OUT
    assert answered(service.status()).receipts_waiting == waiting + 2
    printer.set_paper(present=True)
    drawn.clear()
    assert service.print_receipt(orders[0]) is PrintOutcome.PRINTED
    assert drawn == [], "the receipt, and not the label that waits for the same order"
    service.print_waiting()
    assert [type(each) for each in drawn] == [KeyLabel, VisitSlip]
    assert answered(service.status()).receipts_waiting == 0


def test_a_slip_that_may_be_out_comes_again_as_a_copy(
    service: DeskService, orders: tuple[str, ...], drawn: list[Drawn], printer: VirtualPrinter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    service.print_waiting()

    def breaks(_: bytes) -> None:
        raise PrintUnconfirmed("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(printer, "print_image", breaks)
        assert service.print_slip(orders) is PrintOutcome.UNCONFIRMED
    service.print_again()
    first, second = drawn
    assert isinstance(first, VisitSlip)
    assert isinstance(second, VisitSlip)
    assert (first.copy, second.copy) == (False, True)


def test_nothing_is_printed_of_what_was_not_bound_here(
    service: DeskService,
    session: Session,
    orders: tuple[str, ...],
    placed: Callable[[Session, OrderKind], str],
    paid_order: Callable[[str, OrderKind], str],
    drawn: list[Drawn],
) -> None:
    unpaid, paid = placed(session, OrderKind.RENEWAL), paid_order("11000009", OrderKind.NEW)
    for order in (unpaid, paid, "3-9999-1"):
        assert service.print_label(order) is PrintOutcome.NO_RECEIPT
        assert service.print_slip((*orders, order)) is PrintOutcome.NO_RECEIPT
    assert service.print_slip(()) is PrintOutcome.NO_RECEIPT
    assert drawn == []


def test_a_slip_is_of_one_enterprise(
    desk_setup: DeskSetup,
    service: DeskService,
    bound_here: Callable[[str, str], GmtCard],
    orders: tuple[str, ...],
    drawn: list[Drawn],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.support.desk.FIRM", "另一家企业")
    bound_here("11000009", "E8AD652202221F10")
    with desk_setup.database.read() as tx:
        (other,) = tx.ledger.orders(account="11000009")
    assert other.enterprise == "另一家企业"
    assert service.print_slip((*orders, other.reference)) is PrintOutcome.NO_RECEIPT
    assert drawn == []
    assert service.print_slip((other.reference,)) is PrintOutcome.PRINTED
