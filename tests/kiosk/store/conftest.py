from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.identifiers import OrderNumber, OrderReference
from kiosk.domain.versions import NO_VERSION
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction

KEY = bytes(range(32))
LINES = (
    PriceLine(FeeItem.TOKEN, 5_000),
    PriceLine(FeeItem.CERTIFICATE, 20_000),
    PriceLine(FeeItem.SERVICE, 10_000),
)

Place = Callable[[Transaction, str], str]


@pytest.fixture
def key() -> bytes:
    return KEY


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(1_800_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kiosk.db"


@pytest.fixture
def database(path: Path, key: bytes, clock: FixedClock) -> Iterator[Database]:
    """An enrolled kiosk's database: kiosk 3, epoch 1."""
    opened = Database.create(path, key, busy_seconds=0.2)
    with opened.write() as tx:
        tx.enrol(3, 1, clock)
    yield opened
    opened.close()


@pytest.fixture
def place(clock: FixedClock) -> Place:
    """Place an order of 350 yuan for an account; the result is its reference."""

    def placed(tx: Transaction, account: str) -> str:
        order = str(OrderReference(OrderNumber(*tx.next_tip()), bytes(6)))
        deadline = clock.wall() + 900
        tx.append(
            OrderPlaced(
                order,
                account,
                "企业",
                "经办人",
                OrderKind.NEW,
                LINES,
                1,
                bytes(8),
                1,
                NO_VERSION,
                deadline,
                bytes(38),
            ),
            clock,
        )
        return order

    return placed
