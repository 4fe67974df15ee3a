"""What a member asks with a phone: entered in the centre's own journal, its personal record kept beside.

One request after the other is decided, by all that was entered before, applied or not, so that the same form sent twice, or from
two browsers at once, enters nothing twice. What is entered is applied at once; `sync.central.ledger.erasing` then erases what it replaced.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable

import msgspec
from django.db import transaction

from kiosk.domain.entries.requests import (
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    InvoiceKind,
    InvoiceWithdrawn,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, PersonalKind, PersonalRecord
from kiosk.domain.requests import DeliveryState, InvoiceState, Requests, RequestStep, fold_requests
from sync.central.context import centre_keys
from sync.central.journal.centre_journal import STRAND, enter, entered_after, hold
from sync.central.ledger.models import LedgerRequests, StrandCursor
from sync.central.ledger.rows import requests_record
from sync.central.ledger.settling import apply_entered
from sync.central.personal import models
from sync.central.personal.keeping import keep_own, opened
from sync.central.personal.models import RecordState
from sync.central.tables import strand_number

BY = "phone"
_SEEN = 16


class Answer(enum.StrEnum):
    """What became of a request."""

    ENTERED = "entered"
    SAME = "same"
    """It was so already: the form was sent twice."""
    ELSEWHERE = "elsewhere"
    """Meanwhile somebody else changed what the form was filled in from."""
    TOO_LATE = "too-late"
    """The key was mailed, or the invoice made out."""
    NOT_ASKED = "not-asked"


class Known(msgspec.Struct, frozen=True):
    """What is known for a form: the record of the order's own request; without one an earlier of its account; or none.

    `seen` tells what it was filled in from; nothing in it is personal.
    """

    seen: str
    record: PersonalRecord | None = None


def asked_for(orders: Collection[str]) -> dict[str, Requests]:
    """What was asked for these orders, by reference, as far as it is applied."""
    rows = LedgerRequests.objects.filter(order__in=orders).order_by()
    return {row.order: requests_record(row) for row in rows}


def records_of(asked: Iterable[Requests]) -> dict[bytes, PersonalRecord]:
    """The records of these requests that are here, by their commitments."""
    parts = [part for each in asked for part in (each.delivery, each.invoice) if part is not None]
    return opened({part.commitment for part in parts if part.commitment}, centre_keys())


def known_for(order: str, account: str, kind: PersonalKind, *, earlier: bool) -> Known:
    """What a form of that order is filled in from; `earlier`: also from what was asked for other orders of the account."""
    return _known(_standing(order, account), account, kind, earlier=earlier)


def ask_delivery(
    order: str, account: str, address: DeliveryAddress, known: Known, now: int, *, earlier: bool
) -> Answer:
    """Have the key of an order mailed there; `known` is what the form was filled in from. UTC seconds.

    Raises PersonalMalformed.
    """
    with transaction.atomic():
        hold(now)
        asked = _standing(order, account)
        delivery = asked.delivery
        if delivery is not None and delivery.state is DeliveryState.MAILED:
            return Answer.TOO_LATE
        waits = delivery is not None and delivery.state is DeliveryState.ASKED
        present = _known(asked, account, PersonalKind.DELIVERY, earlier=earlier)
        if waits and present.record == address:
            return Answer.SAME
        if present.seen != known.seen:
            return Answer.ELSEWHERE
        commitment = keep_own(address, account, order, centre_keys(), now)
        body = DeliveryAsked if delivery is None else DeliveryChanged
        enter([body(order, account, commitment, BY)], now)
    apply_entered(now)
    return Answer.ENTERED


def ask_invoice(
    order: str,
    account: str,
    invoice: InvoiceKind,
    details: InvoiceDetails,
    known: Known,
    now: int,
    *,
    earlier: bool,
) -> Answer:
    """Ask for an invoice of an order, or for another one, in the same way. Raises PersonalMalformed."""
    with transaction.atomic():
        hold(now)
        asked = _standing(order, account)
        former = asked.invoice
        if former is not None and former.state is InvoiceState.ISSUED:
            return Answer.TOO_LATE
        waits = former is not None and former.state is InvoiceState.ASKED
        present = _known(asked, account, PersonalKind.INVOICE, earlier=earlier)
        if former is not None and waits and former.invoice is invoice and present.record == details:
            return Answer.SAME
        if present.seen != known.seen:
            return Answer.ELSEWHERE
        commitment = keep_own(details, account, order, centre_keys(), now)
        body = InvoiceChanged if waits else InvoiceAsked
        enter([body(order, account, invoice, commitment, BY)], now)
    apply_entered(now)
    return Answer.ENTERED


def withdraw_invoice(order: str, account: str, now: int) -> Answer:
    """Take a request for an invoice back. `now` is UTC seconds."""
    with transaction.atomic():
        hold(now)
        former = _standing(order, account).invoice
        if former is None:
            return Answer.NOT_ASKED
        if former.state is InvoiceState.ISSUED:
            return Answer.TOO_LATE
        if former.state is InvoiceState.WITHDRAWN:
            return Answer.SAME
        enter([InvoiceWithdrawn(order, account, BY)], now)
    apply_entered(now)
    return Answer.ENTERED


def _standing(order: str, account: str) -> Requests:
    """What was asked for an order by all that was entered here; folding an entry that is applied already changes nothing."""
    cursor = StrandCursor.objects.filter(strand=strand_number(EXCHANGE_KIOSK, STRAND)).first()
    waiting = entered_after(0 if cursor is None else cursor.applied)
    row = LedgerRequests.objects.filter(order=order).first()
    asked = Requests(order, account) if row is None else requests_record(row)
    for entry in waiting:
        body = entry.body
        if isinstance(body, RequestStep) and body.order == order:
            asked = fold_requests(asked, None, entry, body).row or asked
    return asked


def _known(asked: Requests, account: str, kind: PersonalKind, *, earlier: bool) -> Known:
    commitment = _commitment(asked, kind)
    record = opened([commitment], centre_keys()).get(commitment) if commitment else None
    source = commitment
    # What was asked already is not replaced by something older, even where its record is not here.
    if earlier and not commitment:
        source, record = _earlier(account, kind)
    return Known(f"{commitment.hex()[:_SEEN]}.{source.hex()[:_SEEN]}", record)


def _commitment(asked: Requests, kind: PersonalKind) -> bytes:
    if kind is PersonalKind.DELIVERY:
        return b"" if asked.delivery is None else asked.delivery.commitment
    withdrawn = asked.invoice is None or asked.invoice.state is InvoiceState.WITHDRAWN
    return b"" if asked.invoice is None or withdrawn else asked.invoice.commitment


def _earlier(account: str, kind: PersonalKind) -> tuple[bytes, PersonalRecord | None]:
    """The newest record of that kind of an account."""
    rows = models.PersonalRecord.objects.filter(account=account, kind=kind.value, state=RecordState.KEPT)
    newest = rows.order_by("-made_at", "-commitment").first()
    if newest is None:
        return b"", None
    commitment = bytes.fromhex(newest.commitment)
    return commitment, opened([commitment], centre_keys()).get(commitment)
