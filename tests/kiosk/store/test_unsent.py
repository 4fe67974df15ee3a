from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.bindings import BindingStarted, CertificateIssued, KeyPairMade
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.ledger import PaidHow
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction
from kiosk.store.unsent import unsent_amount, unsent_certificates, unsent_orders

Place = Callable[[Transaction, str], str]


def _sold(tx: Transaction, order: str, clock: FixedClock) -> None:
    now = clock.wall()
    tx.append(OrderPaid(order, PaidHow.CODE, 35_000, now), clock)
    tx.append(BindingStarted(order, 1, f"T{order}", "gmt", "sm2"), clock)
    tx.append(KeyPairMade(order, 1, b"\x04" + bytes(64)), clock)
    number = f"0003{tx.next_tip().epoch:06X}{tx.journal.count():06X}"
    tx.append(CertificateIssued(order, 1, number, b"DER", now, now + 31_536_000, 1), clock)


def test_what_came_from_other_strands_is_not_unsent_however_far_they_go(
    database: Database, path: Path, key: bytes, place: Place, clock: FixedClock
) -> None:
    database.close()
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    with closing(Database.open(path, key)) as own, closing(Database.open(copy, key)) as other:
        with other.write() as tx:
            begun = tx.journal.count()
            tx.begin_epoch(7, clock, given_by_centre=True)
            for account in ("11000001", "11000002"):
                _sold(tx, place(tx, account), clock)
            place(tx, "11000005")
            theirs = tx.journal.entries(after=begun)
        with own.write() as tx:
            tx.import_other(2, theirs)
            assert len(tx.ledger.certificates()) == 2
            assert (unsent_certificates(tx), unsent_amount(tx), unsent_orders(tx)) == (0, 0, ())
            order = place(tx, "11000003")
            _sold(tx, order, clock)
            last = place(tx, "11000004")
            assert (unsent_certificates(tx), unsent_amount(tx)) == (1, 35_000)
            assert [each.reference for each in unsent_orders(tx)] == [order, last]
