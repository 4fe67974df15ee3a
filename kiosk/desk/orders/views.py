"""Orders as the screens show them, and finding one that may be worked on. Inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from kiosk.desk.authority import certificate_years, identity_of
from kiosk.desk.errors import DeskRefused
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.ledger import BindingStep, Order, OrderStatus
from kiosk.domain.payment_codes import link
from kiosk.domain.payment_tries import TRIES_PER_ORDER
from kiosk.domain.validity import validity
from kiosk.store.keys_on_record import key_before
from kiosk.store.lockouts import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kiosk.desk.context import Desk
    from kiosk.store.transaction import Transaction

KIOSK_TRIES = "confirmations"


def order_tries(reference: str) -> str:
    """The scope under which an order's wrong confirmations are counted."""
    return f"{KEPT}{reference}"


def order_views(desk: Desk, tx: Transaction, orders: Iterable[Order]) -> tuple[OrderView, ...]:
    """The orders as `order_view` shows each; the policy, whose signature is checked, is read once."""
    years = certificate_years(tx)
    return tuple(order_view(desk, tx, order, years) for order in orders)


def order_view(desk: Desk, tx: Transaction, order: Order, years: int | None = None) -> OrderView:
    """The order with its key on record; `ends_at` is the certificate's, once there is one.

    `years` is for how long a certificate is issued; as the policy says unless given.
    """
    binding = order.binding
    certificate = tx.ledger.certificate(binding.certificate) if binding and binding.certificate else None
    if certificate is not None:
        ends_at = certificate.not_after
    else:
        key = key_before(tx, order)
        old_end = key.not_after if key else None
        ends_at = validity(desk.clock.wall(), old_end, years or certificate_years(tx)).end
    used = len(tx.lockouts.failures(order_tries(order.reference)))
    return OrderView(
        reference=order.reference,
        kind=order.kind,
        account=order.account,
        enterprise=order.enterprise,
        operator=order.operator,
        lines=order.lines,
        total=order.total,
        status=order.status,
        placed_at=order.placed_at,
        deadline=order.deadline,
        previous=order.previous,
        ends_at=ends_at,
        link=link(desk.settings.payment_page, order.order_code) if order.order_code else "",
        tries_left=max(0, TRIES_PER_ORDER - used),
        typing_locked=used >= TRIES_PER_ORDER,
        delivery=order.delivery,
        binding_step=binding.step if binding else None,
        binding_serial=binding.token_serial if binding else None,
        certificate=binding.certificate if binding else None,
        surplus=order.surplus,
        returned=order.returned,
    )


def own_order(tx: Transaction, reference: str, account: str | None = None) -> Order:
    """The order of that reference, of that account if one is given, that this kiosk owns. Raises DeskRefused."""
    order = tx.ledger.order(reference)
    if order is None or (account is not None and order.account != account):
        raise DeskRefused(Refusal.NO_ORDER, rests_on_feed=True)
    if order.owner != identity_of(tx).kiosk:
        raise DeskRefused(Refusal.ORDER_ELSEWHERE)
    return order


def require_paid(order: Order) -> Order:
    """The order, if a key may be bound for it. Raises DeskRefused with the reason why not."""
    match order.status:
        case OrderStatus.PAID:
            return order
        case OrderStatus.PLACED:
            raise DeskRefused(Refusal.ORDER_UNPAID, rests_on_feed=True)
        case OrderStatus.BOUND:
            raise DeskRefused(Refusal.ORDER_BOUND)
        case OrderStatus.CANCELLED:
            raise DeskRefused(Refusal.ORDER_CANCELLED)
        case OrderStatus.EXPIRED:
            raise DeskRefused(Refusal.ORDER_EXPIRED)
        case OrderStatus.REFUNDING | OrderStatus.REFUNDED:
            raise DeskRefused(Refusal.ORDER_REFUNDING)
        case _:
            assert_never(order.status)


def require_unpaid(order: Order) -> None:
    """Raises DeskRefused, with the reason, unless the order waits for payment."""
    if order.status is OrderStatus.PAID:
        raise DeskRefused(Refusal.ORDER_PAID_ALREADY)
    if order.status is not OrderStatus.PLACED:
        require_paid(order)


def paid_orders(tx: Transaction, account: str) -> tuple[Order, ...]:
    """The account's orders that a key may be bound for, one of each kind. Raises DeskRefused with the reason where there is none.

    A copy of this kiosk may have taken an order as well: then two of a kind are paid, and either will do.
    """
    pending = tx.ledger.open_orders_of(account)
    paid = {each.kind: each for each in reversed(pending) if each.status is OrderStatus.PAID}
    if paid:
        return tuple(paid.values())
    latest = next(iter((*pending, *tx.ledger.orders(account=account, limit=1))), None)
    if latest is None:
        raise DeskRefused(Refusal.NO_ORDER, rests_on_feed=True)
    return (require_paid(own_order(tx, latest.reference)),)


def is_bound(order: Order) -> bool:
    """Whether its key is bound."""
    return order.binding is not None and order.binding.step is BindingStep.BOUND
