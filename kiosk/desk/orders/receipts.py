"""Receipts, and what else is printed: one is queued in the transaction that it documents; printing takes it off the queue.

Before a receipt goes to the printer, the one in the queue becomes a copy (补打), so that a second print never passes
for the first. A printer that fails leaves it in the queue. Where a printer may have printed a receipt and did not tell, only
a person has it printed again: otherwise one that never tells, or that breaks down each time, would print copies until its paper ends.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import msgspec
from msgspec.structs import replace

from hardware.ports import PaperOut, PrinterState, PrinterUnavailable, PrintUnconfirmed
from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import is_bound, own_order, require_paid
from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.feed import RegisteredState
from kiosk.domain.journal import short_hash
from kiosk.domain.payment_codes import link
from kiosk.text.receipt import NEXT_STEPS, Receipt, ReceiptKey, render
from kiosk.text.visit_papers import KeyLabel, VisitSlip, render_label, render_slip

if TYPE_CHECKING:
    from collections.abc import Callable

    from kiosk.desk.context import Desk
    from kiosk.domain.ledger import Order
    from kiosk.store.transaction import Transaction

_FIRST = 0  # what the first receipt in the queue is past
_RECEIPT = msgspec.msgpack.Decoder(Receipt)
_OTHERS: msgspec.msgpack.Decoder[KeyLabel | VisitSlip] = msgspec.msgpack.Decoder(KeyLabel | VisitSlip)
_ARRAY = range(0x90, 0xA0)
"""How labels and slips begin (MessagePack, fixarray); a receipt is a map."""

Printable = Receipt | KeyLabel | VisitSlip


def receipt_of(desk: Desk, tx: Transaction, order: Order) -> Receipt:
    """The receipt of a paid or bound order as of this transaction. Raises DeskRefused for any other order."""
    if not is_bound(order):
        require_paid(order)
    tip = tx.journal.tip()
    payment = next((each for each in order.payments if not each.returned), None)
    if payment is None or tip is None:
        raise DeskRefused(Refusal.ORDER_UNPAID)
    settings = desk.settings
    return Receipt(
        exchange=settings.exchange.name,
        payee=settings.exchange.payee,
        order=order.order_number,
        kind=order.kind,
        account=order.account,
        enterprise=order.enterprise,
        lines=order.lines,
        paid_how=payment.how,
        paid_at=payment.time,
        journal_sequence=tip.sequence,
        journal_hash=short_hash(tip.hash),
        printed_at=desk.clock.wall(),
        support=settings.exchange.support,
        qr_text=link(settings.payment_page, order.order_code) if order.order_code else order.reference,
        key=_key(tx, order),
        next_step=NEXT_STEPS[order.delivery] if order.delivery and not is_bound(order) else None,
        official_account=settings.exchange.official_account,
        site=settings.exchange.site,
    )


def queue_receipt(desk: Desk, tx: Transaction, order: Order) -> None:
    """Queue the order's receipt in the transaction that made it worth one. Raises DeskRefused."""
    tx.print_queue.put(msgspec.msgpack.encode(receipt_of(desk, tx, order)), order.reference)


def print_receipt(desk: Desk, reference: str) -> PrintOutcome:
    """Print what waits for that order, else a copy of its receipt. Raises DeskRefused where it has none."""
    return print_paper(
        desk, reference, lambda tx: replace(receipt_of(desk, tx, own_order(tx, reference)), copy=True)
    )


def print_paper(desk: Desk, name: str, make: Callable[[Transaction], Printable]) -> PrintOutcome:
    """Print what waits under that name, else what `make` gives; `name` is an order's reference, or no order's."""
    with desk.database.write() as tx:
        if tx.print_queue.next_after(_FIRST, name) is None:
            tx.print_queue.put(msgspec.msgpack.encode(make(tx)), name)
    return _print(desk, name)[0]


def print_waiting(desk: Desk) -> int:
    """Print what is queued and not out, oldest first; the result is how many were printed."""
    return _print(desk, None, again=False)[1]


def print_again(desk: Desk) -> int:
    """Print all that is queued, also what may be out, for a person who looks; how many receipts were printed."""
    return _print(desk, None)[1]


def _print(desk: Desk, name: str | None, *, again: bool = True) -> tuple[PrintOutcome, int]:
    """Print what waits, under that name or all of it, until the printer fails."""
    printed, after = 0, _FIRST
    with desk.printer_lock:
        while True:
            with desk.database.read() as tx:
                waiting = tx.print_queue.next_after(after, name)
                if waiting is None:
                    break
                paper = _as_of_now(desk, tx, _decoded(waiting.receipt))
            after = waiting.id
            if waiting.unconfirmed and not again:
                continue
            outcome = _print_one(desk, waiting.id, paper)
            if outcome is not PrintOutcome.PRINTED:
                return outcome, printed
            printed += 1
            with desk.database.write() as tx:
                tx.print_queue.done(waiting.id)
    return PrintOutcome.PRINTED, printed


def _decoded(data: bytes) -> Printable:
    """What waits in the queue."""
    return _OTHERS.decode(data) if data[0] in _ARRAY else _RECEIPT.decode(data)


def _as_of_now(desk: Desk, tx: Transaction, paper: Printable) -> Printable:
    """What was queued at this moment, a receipt without 「联网登记后可登录」 once the centre lists the certificate."""
    if isinstance(paper, KeyLabel):
        return paper
    paper = replace(paper, printed_at=desk.clock.wall())
    if isinstance(paper, VisitSlip):
        return paper
    if paper.key is None or registration_of(tx, paper.key.certificate) is not RegisteredState.LISTED:
        return paper
    return replace(paper, key=replace(paper.key, login_after_sync=False))


def registration_of(tx: Transaction, certificate: str) -> RegisteredState | None:
    """Where the certificate stands at the centre; None while the centre told nothing of it."""
    told = tx.feed.registered(certificate)
    return None if told is None else told.state


def registration(desk: Desk, reference: str) -> RegisteredState | None:
    """Where the certificate that was bound for that order stands at the centre."""
    with desk.database.read() as tx:
        order = tx.ledger.order(reference)
        binding = order.binding if order else None
        if binding is None or binding.certificate is None:
            return None
        return registration_of(tx, binding.certificate)


def _print_one(desk: Desk, waiting: int, paper: Printable) -> PrintOutcome:
    picture = _drawn(desk, paper)
    state = desk.printer.state()
    if state is not PrinterState.READY:
        return PrintOutcome.PAPER_OUT if state is PrinterState.PAPER_OUT else PrintOutcome.UNAVAILABLE
    with desk.database.write() as tx:
        copy = paper if isinstance(paper, KeyLabel) else replace(paper, copy=True)
        tx.print_queue.change(waiting, msgspec.msgpack.encode(copy))
    try:
        desk.printer.print_image(picture)
    except PaperOut:
        return PrintOutcome.PAPER_OUT
    except PrinterUnavailable:
        return PrintOutcome.UNAVAILABLE
    except PrintUnconfirmed:
        with desk.database.write() as tx:
            tx.print_queue.leave_unconfirmed(waiting)
        return PrintOutcome.UNCONFIRMED
    return PrintOutcome.PRINTED


def _drawn(desk: Desk, paper: Printable) -> bytes:
    """The picture that the printer is given."""
    match paper:
        case Receipt():
            follow = desk.settings.exchange.follow_picture
            return render(paper, desk.printer.dots, Path(follow).expanduser() if follow else None)
        case KeyLabel():
            return render_label(paper, desk.printer.dots)
        case VisitSlip():
            return render_slip(paper, desk.printer.dots)
        case _:
            assert_never(paper)


def _key(tx: Transaction, order: Order) -> ReceiptKey | None:
    binding = order.binding
    if binding is None or binding.certificate is None or not is_bound(order):
        return None
    certificate = tx.ledger.certificate(binding.certificate)
    if certificate is None:
        return None
    return ReceiptKey(
        serial=certificate.token_serial,
        certificate=certificate.number,
        valid_from=certificate.not_before,
        valid_until=certificate.not_after,
        previous_until=certificate.old_end,
        login_after_sync=registration_of(tx, certificate.number) is not RegisteredState.LISTED,
    )
