"""Run every measurement and print one line for each."""

from __future__ import annotations

import argparse
import secrets
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import sqlcipher3.dbapi2 as sqlcipher  # type: ignore[import-untyped]

from bench.central_lists import central_lists
from bench.centre import centre
from bench.keys import over_the_reader
from bench.measure import compare
from bench.pruning import pruning
from bench.screens import changing_screens
from bench.signatures import signing_and_reading
from bench.spare import taking_over
from bench.store import in_a_large_store
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.journal import check_chain
from kiosk.domain.ledger_fold import fold_journal
from kiosk.domain.versions import Version
from kiosk.pki.suites import KeyAlgorithm, suite
from kiosk.store.database import Database

APPENDS = 200
ROWS = 100_000
ENTRIES = 10_000


def _placed(number: int) -> OrderPlaced:
    lines = (PriceLine(FeeItem.CERTIFICATE, 8000), PriceLine(FeeItem.SERVICE, 15000))
    return OrderPlaced(
        order=f"3-{number:04d}-0",
        account=str(10_000_000 + number),
        enterprise="北京示例粮油贸易有限公司",
        operator="李晓梅",
        order_kind=OrderKind.RENEWAL,
        lines=lines,
        schedule=1,
        schedule_digest=bytes(8),
        policy=1,
        feed=Version(1, 1),
        deadline=0,
        order_code=bytes(38),
    )


def appending(folder: Path) -> None:
    """A durable journal entry with its rows, beside a bare durable insert of the same bytes, both encrypted."""
    key = secrets.token_bytes(32)
    database = Database.create(folder / "ours.db", key)
    clock = FixedClock(1_790_000_000)
    with database.write() as tx:
        tx.enrol(3, 1, clock)
    numbers = iter(range(10_000_000))

    def ours() -> None:
        for _ in range(APPENDS):
            with database.write() as tx:
                tx.append(_placed(next(numbers)), clock)

    bare: sqlite3.Connection = sqlcipher.connect(str(folder / "floor.db"), isolation_level=None)
    bare.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, data BLOB)")

    def floor() -> None:
        for _ in range(APPENDS):
            bare.execute("BEGIN IMMEDIATE")
            bare.execute("INSERT INTO entries (data) VALUES (?)", (bytes(420),))
            bare.execute("COMMIT")

    compare("journal entry, durable (floor: bare insert)", ours, floor, 7, APPENDS)
    with database.read() as tx:
        entries = tx.journal.entries()
    compare(
        "rebuilding one entry (floor: its hash chain)",
        lambda: fold_journal(entries),
        lambda: check_chain(None, entries),
        7,
        len(entries),
    )


def signing(folder: Path) -> None:
    """A signature through the driver and the card's APDUs, beside the bare signature of the same library."""
    source = VirtualTokenSource()
    token = source.open(source.insert(blank_key(folder / "bench.card", "E8AD652202221F03")))
    token.verify_pin("111111")
    token.generate_key_pair()
    sm2 = suite(KeyAlgorithm.SM2)
    key = sm2.generate()
    message = secrets.token_bytes(400)
    compare(
        "signature by the virtual key (floor: libcrypto)",
        lambda: token.sign(message),
        lambda: sm2.sign(key, message),
        50,
    )


def starting() -> None:
    """Importing the screens in a new process, beside importing Textual alone."""

    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True)

    compare(
        "importing the screens (floor: Textual)",
        lambda: run("import kiosk.ui.app"),
        lambda: run("import textual.app, textual.widgets"),
        7,
    )


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows in each table of the centre's console")
    parser.add_argument(
        "--entries", type=int, default=ENTRIES, help="entries that kiosks upload to the centre"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="keydesk-bench-") as folder:
        appending(Path(folder))
        signing(Path(folder))
        signing_and_reading()
        over_the_reader(Path(folder))
        changing_screens(Path(folder))
        in_a_large_store(Path(folder) / "store")
        pruning(Path(folder) / "pruning")
        central_lists(Path(folder) / "central", chosen.rows)
        taking_over(Path(folder) / "spare")
    centre(chosen.entries)
    starting()


if __name__ == "__main__":
    main()
