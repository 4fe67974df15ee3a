"""A kiosk's data directory, and a copy of it that was made after its first order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.body import Tip
from kiosk.store.agent_state import AgentState
from kiosk.store.copies import make_copy
from kiosk.store.location import open_database, open_or_create_database
from kiosk.store.transaction import Transaction
from tests.support.values import present

Place = Callable[[Transaction, str], str]
Order = Callable[[str], str]


@pytest.fixture
def directory(tmp_path: Path, clock: FixedClock) -> Path:
    """The data directory of kiosk 3, with nothing but its first entry; no program works in it."""
    made = tmp_path / "desk"
    with closing(open_or_create_database(made)) as database, database.write() as tx:
        tx.enrol(3, 1, clock)
    return made


@pytest.fixture
def order(directory: Path, clock: FixedClock, place: Place) -> Order:
    """Place an order for an account as the desk does."""

    def placed(account: str) -> str:
        with closing(open_database(directory)) as database, database.write() as tx:
            tx.settle_epoch(clock)
            return place(tx, account)

    return placed


@pytest.fixture
def copy(directory: Path, order: Order, tmp_path: Path) -> Path:
    """A copy after the first order."""
    order("11000001")
    make_copy(directory, tmp_path / "copy", with_key=True)
    return tmp_path / "copy"


def tip_of(directory: Path) -> Tip:
    with closing(open_database(directory)) as database, database.read() as tx:
        return present(tx.journal.tip())


def uploaded(directory: Path) -> None:
    """Note that the centre has everything."""
    with closing(open_database(directory)) as database, database.write() as tx:
        tx.agent.put(AgentState(high_water=tx.journal.count()))


def names_in(directory: Path) -> set[str]:
    return {each.name for each in directory.iterdir()}


def spoil(database: Path) -> None:
    content = bytearray(database.read_bytes())
    for place in range(4096 + 99, len(content), 4096):
        content[place] ^= 1
    database.write_bytes(content)
