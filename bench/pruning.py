"""A journal before and after it is pruned: checking it, its size, and what a writer at the desk waits for meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.large_store import fill
from bench.measure import seconds
from kiosk.domain.snapshots import SnapshotAcknowledgement, snapshot_hash
from kiosk.pki.device_keys import device_public_key
from kiosk.pki.snapshots import sign_acknowledgement
from kiosk.store.database import Database
from kiosk.store.system_clock import SystemClock
from kiosk.store.taking import take_snapshot
from kiosk.store.vault import VaultItem
from kiosk.store.verify import verify
from sync.agent.night.pruning import PAGES, PORTION, in_portions

ORDERS = 125_000
"""About a million entries."""
_KEPT = 10  # the last tenth stays
_MANY = 10**9
_EVERY = 0.05  # seconds
_KEY = bytes(range(32))


def pruning(folder: Path, orders: int = ORDERS) -> None:
    """Fill a store, prune all but the last tenth of its journal, and compare."""
    folder.mkdir(parents=True)
    database, clock = Database.create(folder / "kiosk.db", _KEY), SystemClock()
    with database.write() as tx:
        tx.enrol(3, 1, clock)
        tx.vault.put(VaultItem.CENTRE_KEY, device_public_key(_KEY))
    fill(database, clock, orders)
    with database.read() as tx:
        entries = tx.journal.count()
    before, size = _checked(database), _size(database, folder)
    last = entries - entries // _KEPT
    taking = seconds(lambda: take_snapshot(database, last, device_key=_KEY, strand=1, now=clock.wall()))
    _acknowledge(database)
    file = database.path.stat().st_size
    with _writing(folder / "kiosk.db") as waits:
        deleting = seconds(lambda: in_portions(lambda: _prune(database), _MANY, _never, time.sleep))
    with _writing(folder / "kiosk.db") as more:
        shrinking = seconds(
            lambda: in_portions(lambda: database.give_back(PAGES) > 0, _MANY, _never, time.sleep)
        )
    after, left, shrunk = _checked(database), _size(database, folder), database.path.stat().st_size
    print(
        f"journal of {entries} entries pruned to a tenth: checking takes {after / before:.2f} of {before:.0f} s, "
        f"the copy has {left / size:.2f} of {size / 1e6:.0f} MB; snapshot {taking:.0f} s, "
        f"deleting {deleting:.0f} s, a writer waited {max(waits) * 1000:.0f} ms at most; the file went from "
        f"{file / 1e6:.0f} to {shrunk / 1e6:.0f} MB in {shrinking:.0f} s, a writer waited {max(more) * 1000:.0f} ms at most"
    )
    database.close()


def _prune(database: Database) -> bool:
    with database.write() as tx:
        return tx.prune(PORTION) == PORTION


def _never() -> bool:
    return False


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[list[float]]:
    """How long each small transaction took (seconds) of a desk that writes now and then meanwhile, by a connection of its own."""
    waits, ended = [0.0], threading.Event()

    def work() -> None:
        database = Database.open(path, _KEY)
        while not ended.wait(_EVERY):
            began = time.perf_counter()
            with database.write() as tx:
                tx.lockouts.record("bench", 1)
            waits.append(time.perf_counter() - began)
        database.close()

    desk = threading.Thread(target=work)
    desk.start()
    try:
        yield waits
    finally:
        ended.set()
        desk.join()


def _checked(database: Database) -> float:
    def check() -> None:
        found = verify(database)
        assert found.sound, found

    return seconds(check)


def _size(database: Database, folder: Path) -> int:
    """Of a copy, which has no free pages."""
    copy = folder / "copy.db"
    database.copy_to(copy)
    size = copy.stat().st_size
    copy.unlink()
    return size


def _acknowledge(database: Database) -> None:
    with database.write() as tx:
        waiting = tx.snapshots.waiting()
        assert waiting is not None
        digest = snapshot_hash(waiting.signed.snapshot)
        said = SnapshotAcknowledgement(3, digest, 1, bytes(8), 0)
        tx.snapshots.acknowledge(waiting.sequence, sign_acknowledgement(said, _KEY))
