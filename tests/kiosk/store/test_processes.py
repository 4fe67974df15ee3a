"""Two real processes on one database, as the app and the agent are, and what a kill leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kiosk.store.database import Database
from kiosk.store.verify import verify
from tests.support.waiting import wait_until

# A verb of two entries; every order is reported on standard output after its commit.
WRITER = """
import itertools, sys, time
from pathlib import Path
from kiosk.domain.clock import FixedClock
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.entries.orders import OrderPaid, OrderPlaced
from kiosk.domain.versions import NO_VERSION
from kiosk.domain.ledger import PaidHow
from kiosk.store.database import Database

path, key, name, count = Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), sys.argv[3], int(sys.argv[4])
database, clock = Database.open(path, key, busy_seconds=600), FixedClock(1_800_000_000)
for turn in itertools.islice(itertools.count(), count or None):
    with database.write() as tx:
        number = f"3-{tx.next_tip().sequence:06d}"
        lines = (PriceLine(FeeItem.SERVICE, 10_000),)
        account = f"{name}-{turn}"
        tx.append(OrderPlaced(number, account, "", "", OrderKind.RENEWAL, lines, 1, bytes(8), 1, NO_VERSION, 0, b""), clock)
        tx.append(OrderPaid(number, PaidHow.CODE, 10_000, clock.wall()), clock)
        tx.print_queue.put(bytes(3000), number)
    print(number, flush=True)
    time.sleep(0.002)
"""


def start(path: Path, key: bytes, name: str, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, str(path), key.hex(), name, str(count)]
    with path.with_name(name).open("wb") as told:
        return subprocess.Popen(command, stdout=told)


def told_by(path: Path, name: str) -> list[str]:
    """The orders whose commit the process told; a last line that was cut off does not count."""
    return path.with_name(name).read_text().split("\n")[:-1]


def wait_for_first_words(path: Path, *names: str) -> None:
    wait_until(lambda: all(told_by(path, name) for name in names), "the writers begin")


def test_two_processes_write_one_chain_without_a_gap(database: Database, path: Path, key: bytes) -> None:
    writers = [start(path, key, name, 60) for name in ("app", "agent")]
    assert [writer.wait() for writer in writers] == [0, 0]
    told = [*told_by(path, "app"), *told_by(path, "agent")]
    with database.read() as tx:
        orders = [order.reference for order in tx.ledger.orders()]
        sequences = [sealed.entry.sequence for sealed in tx.journal.entries()]
    assert sorted(orders) == sorted(told)
    assert len(set(told)) == 120
    assert sequences == list(range(1, 2 * 120 + 2))
    assert verify(database).sound


@pytest.mark.parametrize("after", [0.0, 0.05, 0.1, 0.15])
def test_what_was_committed_survives_a_kill_and_nothing_else(
    database: Database, path: Path, key: bytes, after: float
) -> None:
    writers = [start(path, key, name, 0) for name in ("app", "agent")]
    wait_for_first_words(path, "app", "agent")
    time.sleep(after)
    for writer in writers:
        writer.kill()
        assert writer.wait() == -signal.SIGKILL
    told = {*told_by(path, "app"), *told_by(path, "agent")}
    database.close()
    survived = Database.open(path, key)
    report = verify(survived, rebuild=True)
    assert report.sound
    assert not report.rebuilt
    with survived.read() as tx:
        orders = {order.reference for order in tx.ledger.orders()}
        assert len(tx.print_queue.waiting()) == len(orders)
        assert tx.journal.count() == 2 * len(orders) + 1
    assert told <= orders
    assert len(orders - told) <= len(writers), "at most the verbs that were cut off before they could tell"
    with survived.write() as tx:
        assert tx.next_tip().sequence == 2 * len(orders) + 2
    survived.close()


def test_a_kill_within_a_verb_leaves_nothing_of_it(database: Database, path: Path, key: bytes) -> None:
    killed_before_its_commit = WRITER.replace(
        "    print(number", "        import os\n        os.kill(os.getpid(), 9)\n    print(number"
    )
    command = [sys.executable, "-c", killed_before_its_commit, str(path), key.hex(), "app", "1"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with database.write() as tx:
        assert tx.journal.count() == 1
        assert tx.ledger.orders() == ()
        tx.lockouts.record("kiosk", 1)
    assert verify(database).sound


def test_a_reader_sees_the_other_process_at_work(database: Database, path: Path, key: bytes) -> None:
    version = database.data_version()
    assert start(path, key, "agent", 1).wait() == 0
    assert database.data_version() != version
    (number,) = told_by(path, "agent")
    with database.read() as tx:
        assert tx.ledger.order(number) is not None
