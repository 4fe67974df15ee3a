"""The confirmation that a payer brings from the phone, typed or scanned: it completes one order of this kiosk, once.

Looking, judging and recording are one transaction, so that no confirmation counts twice. A wrong check digit or form
costs no try; a scan never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from kiosk.desk.authority import policy_of, require_amount_allowed, secret
from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.confirming import CodeAccepted, CodeRefusal, CodeRefused
from kiosk.desk.orders.views import KIOSK_TRIES, order_tries, order_view, own_order, require_paid
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.ledger import Order, OrderStatus, PaidHow
from kiosk.domain.payment_codes import (
    ConfirmationCheckDigitWrong,
    ConfirmationMalformed,
    ConfirmationOfAnotherOrder,
    ConfirmationWrong,
    confirmation_key,
    confirmation_matches,
)
from kiosk.domain.payment_tries import (
    HOUR,
    TRIES_PER_ORDER,
    TryAllowed,
    TryLater,
    TypingLocked,
    tries_verdict,
)
from kiosk.domain.scanned_confirmations import read_scanned, require_scanned
from kiosk.pki.device_keys import device_verify
from kiosk.store.vault import VaultItem

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.store.transaction import Transaction


def confirm_typed(desk: Desk, reference: str, digits: str) -> CodeAccepted | CodeRefused:
    """Take the eleven digits for that order. Raises DeskRefused where the order takes no confirmation."""
    with desk.database.write() as tx:
        order = _unconfirmed(tx, reference)
        now = desk.clock.wall()
        tries = tx.lockouts.failures(order_tries(reference))
        left = max(0, TRIES_PER_ORDER - len(tries))
        key = confirmation_key(secret(tx, VaultItem.PAYMENT_SECRET))
        try:
            right = confirmation_matches(digits, order.order_code, order.total, key)
        except ConfirmationCheckDigitWrong:
            return CodeRefused(CodeRefusal.CHECK_DIGIT, left)
        except ConfirmationMalformed:
            return CodeRefused(CodeRefusal.MALFORMED, left)
        verdict = tries_verdict(tries, tx.lockouts.failures(KIOSK_TRIES, now - HOUR), now)
        match verdict:
            case TypingLocked():
                return CodeRefused(CodeRefusal.LOCKED, 0)
            case TryLater():
                problem = CodeRefusal.KIOSK_LOCKED if verdict.whole_kiosk else CodeRefusal.WAIT
                return CodeRefused(problem, left, verdict.at)
            case TryAllowed():
                return _paid(desk, tx, order, PaidHow.CODE) if right else _wrong(tx, reference, now, left - 1)
            case _:
                assert_never(verdict)


def confirm_scanned(desk: Desk, reference: str, text: str) -> CodeAccepted | CodeRefused:
    """Take a scanned confirmation for that order. Raises DeskRefused where the order takes none."""
    with desk.database.write() as tx:
        order = _unconfirmed(tx, reference)
        left = max(0, TRIES_PER_ORDER - len(tx.lockouts.failures(order_tries(reference))))
        centre = secret(tx, VaultItem.CENTRE_KEY)
        try:
            require_scanned(
                text,
                order.order_code,
                order.total,
                lambda message, signature: device_verify(centre, message, signature),
            )
        except ConfirmationMalformed:
            return CodeRefused(CodeRefusal.MALFORMED, left)
        except ConfirmationOfAnotherOrder:
            return CodeRefused(_whose(tx, read_scanned(text).identity), left)
        except ConfirmationWrong:
            return CodeRefused(CodeRefusal.NOT_GENUINE, left)
        return _paid(desk, tx, order, PaidHow.SCAN)


def _unconfirmed(tx: Transaction, reference: str) -> Order:
    """The order, if a confirmation may complete it: unpaid, or ended before it was paid."""
    order = own_order(tx, reference)
    if order.status is OrderStatus.PAID:
        raise DeskRefused(Refusal.ORDER_PAID_ALREADY)
    if order.status not in {OrderStatus.PLACED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}:
        require_paid(order)
    return order


def _paid(desk: Desk, tx: Transaction, order: Order, how: PaidHow) -> CodeAccepted:
    if order.status is OrderStatus.PLACED:  # after its end it is only given back
        require_amount_allowed(tx, policy_of(tx), order.total, except_order=order.reference)
    tx.append(OrderPaid(order.reference, how, order.total, desk.clock.wall()), desk.clock)
    return CodeAccepted(order_view(desk, tx, own_order(tx, order.reference)))


def _wrong(tx: Transaction, reference: str, now: int, left: int) -> CodeRefused:
    tx.lockouts.record(order_tries(reference), now)
    tx.lockouts.record(KIOSK_TRIES, now)
    return CodeRefused(CodeRefusal.LOCKED if left == 0 else CodeRefusal.WRONG, left)


def _whose(tx: Transaction, identity: bytes) -> CodeRefusal:
    """Whether the order code of that identity belongs to another order of this kiosk, or to none."""
    return CodeRefusal.ANOTHER_ORDER if tx.ledger.has_code(identity) else CodeRefusal.ANOTHER_KIOSK
