"""Whatever is appended, sent, lost and repeated in any order: the centre ends with every entry once, in order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.domain import feed
from kiosk.domain.entries.orders import OrderCancelled
from kiosk.domain.ledger import OrderStatus
from kiosk.store.verify import verify
from sync.agent.errors import ExchangeFailed
from sync.agent.feed.pull import pull
from sync.agent.heartbeat import heartbeat
from sync.agent.push import push
from tests.support.memory_desk import Desk

FAULTS = st.sampled_from(["", "", "cut", "lost", "garbage", "truncated", "broken", "slow", "busy"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["place", "pay", "cancel", "forget"]), st.just(())),
        st.tuples(st.sampled_from(["push", "pull", "heartbeat"]), st.lists(FAULTS, max_size=3).map(tuple)),
    ),
    max_size=25,
)
WORK: dict[str, Callable[[Any], object]] = {"push": push, "pull": pull, "heartbeat": heartbeat}


@pytest.fixture
def kinds(desk: Desk) -> tuple[type, type]:
    return type(desk), type(desk.centre)


def _do(desk: Desk, step: str, orders: list[str]) -> None:
    match step:
        case "place":
            orders.append(desk.place())
        case "pay" if orders:
            number = orders[len(desk.centre.told(desk.number)) % len(orders)]
            desk.centre.publish(
                desk.number,
                feed.PaymentConfirmed(order=number, amount=50_000, transaction=f"T{number}", paid_at=1),
            )
        case "cancel" if orders and desk.order(orders[-1]).status is OrderStatus.PLACED:
            desk.append(OrderCancelled(orders[-1], "member"))
        case "forget" if desk.memory.chain:
            del desk.memory.chain[-1]  # the centre was restored from a copy


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_nothing_is_lost_and_nothing_is_applied_twice(
    kinds: tuple[type, type], steps: list[tuple[str, tuple[str, ...]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        desk = kinds[0](Path(folder), 3, kinds[1](), stack)
        desk.enrol()
        agent, orders = desk.agent(), list[str]()
        for step, faults in steps:
            if step not in WORK:
                _do(desk, step, orders)
                continue
            desk.faulty.faults = list(faults)
            try:
                WORK[step](agent)
            except ExchangeFailed:
                assert faults
        desk.faulty.faults = []
        heartbeat(agent)
        pull(agent)
        push(agent)
        _check(desk, orders)


def _check(desk: Desk, orders: list[str]) -> None:
    assert desk.centre_hashes() == desk.hashes()
    assert verify(desk.database).sound
    told = desk.centre.told(desk.number)
    paid = {each.order for each in told if isinstance(each, feed.PaymentConfirmed)}
    for number in orders:
        order = desk.order(number)
        confirmed = number in paid
        assert len(order.payments) == int(confirmed)
        assert order.received == (50_000 if confirmed else 0)
    with desk.database.read() as tx:
        assert tx.feed.rows.unapplied() == ()
        assert tx.feed.rows.cursors() == desk.centre.heads_of(desk.memory)
        assert tx.feed.matters() == ()
