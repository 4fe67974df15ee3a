"""The open orders of accounts, wherever they are, as the kiosks that serve the accounts hear of them."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from kiosk.domain.feed import OpenOrder, OpenOrdersPublished
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.ledger import OrderStatus
from sync.central.fleet.feed.collecting import Telling
from sync.central.ledger.models import LedgerOrder
from sync.central.ledger.money import PaidOrder, money_held
from sync.central.ledger.rows import order_record
from sync.central.ledger.stored import open_of
from sync.central.members.publishing import audiences_of_accounts

MOST = 20
"""The most orders of one account for which the centre has no money that are told, those placed last."""


def tell_open_orders(told: Telling, accounts: Collection[str]) -> None:
    """Tell what is open of these accounts when the transaction ends."""
    accounts = frozenset(accounts)
    if accounts:
        told.of_members(lambda: tell_open_orders_now(told, audiences_of_accounts(accounts)))


def tell_open_orders_now(told: Telling, audiences: Mapping[str, Iterable[int]]) -> None:
    """Tell the audiences of each account, where what is told of members is read."""
    found = open_orders(audiences.keys())
    for account, some in audiences.items():
        body = found[account]
        for audience in some:
            if body.orders:
                told.tell(audience, body)
            else:
                told.remove(audience, row_key_of(body))


def open_orders(accounts: Collection[str]) -> dict[str, OpenOrdersPublished]:
    """The open orders of each of these accounts; also one that was paid here while its kiosk could not tell of it.

    Of those without money the last `MOST`: a kiosk may place any number of them.
    """
    held = {each.order: each for each in money_held(accounts)}
    rows = LedgerOrder.objects.filter(reference__in=_to_tell(accounts, held)).order_by()
    orders = sorted(map(order_record, rows), key=lambda order: (order.placed_at, order.reference))
    found: dict[str, list[OpenOrder]] = {account: [] for account in accounts}
    for order in orders:
        place = (order.reference, order.kind, order.owner, order.deadline)
        paid, money = order.status is OrderStatus.PAID, order.reference in held
        found[order.account].append(OpenOrder(*place, centre_holds_money=money, paid=paid))
    for each in _not_told_of(held.values()):
        place = (each.order, each.kind, each.kiosk, each.paid_at)
        found[each.account].append(OpenOrder(*place, centre_holds_money=True))
    return {account: OpenOrdersPublished(account, tuple(each)) for account, each in found.items()}


def _to_tell(accounts: Collection[str], held: Collection[str]) -> set[str]:
    """The references of the open orders that are told."""
    rows = LedgerOrder.objects.filter(open_of(accounts)).order_by()
    placed = defaultdict[str, list[tuple[int, str]]](list)
    for account, placed_at, reference in rows.values_list("account", "placed_at", "reference"):
        placed[account].append((placed_at, reference))
    latest = {reference for each in placed.values() for _, reference in heapq.nlargest(MOST, each)}
    return latest | {reference for each in placed.values() for _, reference in each if reference in held}


def _not_told_of(paid: Iterable[PaidOrder]) -> list[PaidOrder]:
    """Those that no kiosk's journal brought yet, the first paid first."""
    paid = sorted(paid, key=lambda each: (each.paid_at, each.order))
    told = LedgerOrder.objects.filter(reference__in=[each.order for each in paid]) if paid else ()
    references = {row.reference for row in told}
    return [each for each in paid if each.order not in references]
