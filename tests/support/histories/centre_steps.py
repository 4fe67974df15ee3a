"""What staff may do at the centre in a history."""

from __future__ import annotations

from kiosk.domain.ledger import OrderStatus
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerCertificate, LedgerOrder
from sync.central.payments import paying
from sync.central.payments.models import Payment, PaymentState
from tests.support.histories.world import ACCOUNTS, NOTHING, World

BOSS = "boss"


def move(world: World) -> str:
    """Staff move a paid order to another kiosk."""
    rows = LedgerOrder.objects.filter(status=OrderStatus.PAID.value, account__in=ACCOUNTS)
    row = world.choose(list(rows.order_by("reference")))
    if row is None:
        return NOTHING
    target = world.choose([each for each in world.kiosks if each != row.owner])
    if target is None:
        return NOTHING
    done = settling.move(row, target, BOSS, world.centre.now)
    return f"{row.reference} to {target} {done}"


def ask_refund(world: World) -> str:
    """Staff ask a kiosk to give an order's money back."""
    row = world.choose(list(LedgerOrder.objects.filter(status=OrderStatus.PAID.value).order_by("reference")))
    if row is None:
        return NOTHING
    return f"{row.reference} {settling.request_refund(row, BOSS, 'asked', world.centre.now)}"


def pay_back(world: World) -> str:
    """Staff pay back what may be paid back."""
    paid = Payment.objects.filter(state=PaymentState.PAID).order_by("order")
    payment = world.choose([each for each in paid if settling.may_return(each.order, each.kiosk)])
    if payment is None:
        return NOTHING
    return f"{payment.order} {paying.pay_back(payment, world.centre.now)}"


def return_surplus(world: World) -> str:
    """Staff pay back what came in twice."""
    payment = world.choose(list(Payment.objects.order_by("order")))
    if payment is None:
        return NOTHING
    return f"{payment.order} {paying.return_surplus(payment, world.centre.now)}"


def revoke_certificate(world: World) -> str:
    """Staff revoke a certificate."""
    rows = LedgerCertificate.objects.exclude(status__in=("revoked", "void")).order_by("number")
    row = world.choose(list(rows))
    if row is None:
        return NOTHING
    settling.revoke_certificate(row, BOSS, "stolen", world.centre.now)
    world.notes.revoked.add(row.number)
    return row.number
