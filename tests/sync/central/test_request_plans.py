"""What the statements of the device API and of the payer's page read, by SQLite's plans."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.ledger import PaidHow
from sync.protocol import records
from tests.support.kiosk_double import KioskDouble
from tests.support.query_plans import faults, statements

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's plans"),
]

SMALL = {
    "fleet_kiosk": "the kiosks",
    "fleet_kioskpolicy": "a few a year for each kiosk",
    "fleet_machine": "a few for each kiosk",
    "members_deskstaff": "the desks' staff",
    "members_feeschedule": "the prices, a few a year",
    "ledger_strandcursor": "a row for each strand",
    "journal_strand": "a row for each strand",
    "ledger_decidedstrand": "what staff decided about strands, a few",
}
MANY = 40
"""More accounts than a column's few values: by that SQLite chooses the index."""
FEW = {
    '"fleet_feedrow"."key" >= ': "the prices, and what a kiosk was asked about an order",
    '"fleet_kioskpolicy"."kiosk_id" = ': "a kiosk's policies",
    '"fleet_machine"."kiosk_id" = ': "a kiosk's machines",
    '"ledger_ledgercertificate"."account" IN ': "an account's certificates",
    '"journal_entry"."account" = ': "an account's entries",
    '"journal_entry"."subject" = ': "an order's entries",
    '"payments_paymentattempt"."payment_id" = ': "an order's attempts",
}
"""The conditions that leave few rows, which may be sorted or looked through."""


def test_no_request_of_an_orders_life_reads_a_table_that_grows_from_end_to_end(kiosk: KioskDouble) -> None:
    with statements() as sent:
        kiosk.feed()
        placed = kiosk.place()
        for action in ("decline", "pay"):
            Client().get(kiosk.page_path(placed))
            Client().post(kiosk.page_path(placed), {"action": action})
        kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
        kiosk.certificate(placed)
        kiosk.finish(placed)
        kiosk.place(account="11000006", lines=())
        kiosk.pushed()
        kiosk.news()
        beat = records.encode(records.Heartbeat(None, 0, {}, kiosk.now()))
        assert kiosk.request("POST", records.PATH_HEARTBEAT, beat).status == 200
    asked = [one for one in sent if one.sql.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert len(asked) > 100
    found = [(each, one.sql) for one in asked for each in faults(one, SMALL)]
    assert not [(each, sql) for each, sql in found if not any(few in sql for few in FEW)]


def test_no_batch_of_many_accounts_reads_a_table_that_grows_from_end_to_end(kiosk: KioskDouble) -> None:
    with statements() as sent:
        kiosk.feed()
        for number in range(MANY):
            placed = kiosk.place(account=str(11000100 + number))
            kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
            if number % 2:
                kiosk.certificate(placed)
                kiosk.finish(placed)
        kiosk.pushed()
    asked = [one for one in sent if one.sql.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert any(one.parameters.count(str(11000100)) and len(one.parameters) >= MANY for one in asked)
    found = [(each, one.sql) for one in asked for each in faults(one, SMALL)]
    assert not [(each, sql) for each, sql in found if not any(few in sql for few in FEW)]
