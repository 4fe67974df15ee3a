"""What payers do on the page, and what the provider settles after they gave up."""

from __future__ import annotations

from sync.central.payments import paying
from sync.central.payments.models import AttemptState, PaymentAttempt, SandboxTrade
from sync.central.payments.provider import TradeState
from sync.central.payments.sandbox import SandboxProvider
from tests.support.histories.world import NOTHING, World

PAYS_AFTER_ALL = 0.7
"""How often somebody who gave up on the page pays there after all, before the first payment is settled."""


def pay(world: World) -> str:
    """Somebody pays on the page."""
    reference = world.choose(sorted(world.links))
    return NOTHING if reference is None else f"{reference} {world.page(reference, 'pay')}"


def decline(world: World) -> str:
    """A payer gives up on the page."""
    reference = world.choose(sorted(world.links))
    return NOTHING if reference is None else f"{reference} {world.page(reference, 'decline')}"


def settle_late(world: World) -> str:
    """The provider settles what a payer gave up on the page, mostly after another payment there."""
    reference = world.choose(sorted(world.links))
    if reference is None:
        return NOTHING
    if _given_up(reference) is None:
        world.page(reference, "decline")
    given_up = _given_up(reference)
    if given_up is None:
        return NOTHING
    now, number = world.centre.now, given_up.out_trade_no
    came = world.page(reference, "pay") if world.random.random() < PAYS_AFTER_ALL else "not paid"
    SandboxTrade.objects.filter(out_trade_no=number).update(state=TradeState.NOT_PAID.value)
    paying.settle(number, SandboxProvider().pay(number, now), now)
    return f"{number} after {came}"


def _given_up(reference: str) -> PaymentAttempt | None:
    attempts = PaymentAttempt.objects.filter(payment_id=reference, state=AttemptState.CLOSED)
    return attempts.order_by("attempt").first()
