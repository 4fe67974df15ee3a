"""Personal records at the same time, on PostgreSQL, where rows are locked one by one; test_postgresql.py runs this file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from kiosk.domain.entries.orders import OrderCancelled
from kiosk.domain.entries.requests import DeliveryAsked, InvoiceAsked, InvoiceKind, OperatorProposed
from kiosk.domain.personal import Disclosed
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.journal.models import Alarm, Entry
from sync.central.ledger import waking
from sync.central.ledger.applier import apply_pending
from sync.central.ledger.models import LedgerProposal, LedgerRequests
from sync.central.ledger.privacy import erase_on_request
from sync.central.ledger.replaying import differences
from sync.central.personal import keeping
from sync.central.personal.models import PersonalRecord, RecordKey, RecordState, SealedRecord
from sync.protocol.records import PersonalOutcome
from tests.support.books import all_applied
from tests.support.kiosk_double import KioskDouble
from tests.support.personal_facts import ADDRESS, INVOICE, disclosed, now
from tests.support.waiting import wait_until
from tests.sync.central.parallel_on_postgresql import at_once, pair
from tests.sync.central.reviewing_on_postgresql import WHO

__all__ = ["pair"]

pytestmark = pytest.mark.django_db(transaction=True)


def account_of(kiosk: KioskDouble) -> str:
    """One of its own, since orders of one account that are open at once are matters."""
    return f"1200{kiosk.number:04d}"


def ask_everything(kiosk: KioskDouble, proposal: str) -> list[Disclosed]:
    """A delivery and an invoice of one order, and a trader; the records to it."""
    account = account_of(kiosk)
    order = kiosk.place(account=account).order
    sent = [disclosed(each) for each in (ADDRESS, INVOICE, WHO)]
    kiosk.append(DeliveryAsked(order, account, sent[0].commitment, "member"))
    kiosk.append(InvoiceAsked(order, account, InvoiceKind.SPECIAL, sent[1].commitment, "member"))
    kiosk.append(OperatorProposed(proposal, account, "c", sent[2].commitment, authorised=True, by="member"))
    kiosk.append(OrderCancelled(order, "member"))
    return sent


def test_ten_kiosks_that_send_what_members_ask_at_once_lose_nothing(
    pair: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "wake", lambda: None)  # one applier beside the uploads, as a centre has it
    kiosks: list[KioskDouble] = list(pair)
    kiosks += [KioskDouble(number).enrol(give_token(number, now())) for number in range(5, 13)]
    sent = [ask_everything(each, f"{each.number:016x}") for each in kiosks]

    def upload(kiosk: KioskDouble, records: list[Disclosed]) -> None:
        kiosk.pushed()
        assert kiosk.sent(*records) == [PersonalOutcome.KEPT] * 3

    works: list[Callable[[], object]] = [
        lambda kiosk=kiosk, records=records: upload(kiosk, records)  # type: ignore[misc] # defaults bind
        for kiosk, records in zip(kiosks, sent, strict=True)
    ]
    at_once(works)
    at_once(works)
    assert PersonalRecord.objects.filter(state=RecordState.KEPT).count() == 30
    apply_pending(now())
    assert all_applied()
    assert (LedgerRequests.objects.count(), LedgerProposal.objects.count()) == (10, 10)
    assert Entry.objects.filter(kind="delivery-asked").count() == 10
    assert not Alarm.objects.exists()
    assert all_applied()
    assert differences() == []


def _waits_for_a_row() -> bool:
    """Whether another connection waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() is not None


def test_a_record_that_arrives_while_its_account_is_erased_does_not_stay(
    pair: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk: KioskDouble = pair[0]
    sent = ask_everything(kiosk, "0" * 16)
    kiosk.pushed()
    put, erasing = keeping._put, list[threading.Thread]()

    def erase() -> None:
        erase_on_request(account_of(kiosk), "张华", now())
        connection.close()

    def meanwhile(each: Disclosed, keys: CentreKeys) -> None:
        if not erasing:
            erasing.append(threading.Thread(target=erase))
            erasing[0].start()
            wait_until(lambda: not erasing[0].is_alive() or _waits_for_a_row())
        put(each, keys)

    monkeypatch.setattr(keeping, "_put", meanwhile)
    kiosk.sent(*sent)
    erasing[0].join()
    assert set(PersonalRecord.objects.values_list("state", flat=True)) == {RecordState.ERASED}
    assert not SealedRecord.objects.exists()
    assert not RecordKey.objects.exists()
    assert kiosk.sent(*sent) == [PersonalOutcome.ERASED] * 3
