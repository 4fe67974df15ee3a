"""How entries that commit to personal records are noted, and what becomes of records after a backup was put back."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.requests import (
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    OperatorProposed,
)
from kiosk.domain.personal import COMMITMENT_LENGTH, PersonalKind
from sync.central.journal.models import Source
from sync.central.journal.received_entries import ReceivedEntry
from sync.central.personal.models import AccountErasure, PersonalRecord, RecordKey, RecordState, SealedRecord
from sync.central.tables import Insert, OnConflict, column_text


def note_commitments(sender: object, *, received: list[ReceivedEntry], now: int, **_named: object) -> None:
    """Await the records that these entries commit to (a receiver of `entries_received`); of a revoked machine none.

    Of a commitment that is known the first entry counts: it has 16 random bytes in it.
    """
    if sender is not Source.CHAIN:
        return
    rows = [row for each in received if (row := _awaited(each, now)) is not None]
    accounts = {row.account for row in rows}
    erased = dict(
        AccountErasure.objects.filter(account__in=accounts).values_list("account", "until") if rows else ()
    )
    for row in rows:
        if row.made_at <= erased.get(row.account, row.made_at - 1):
            row.state, row.erased_at = RecordState.ERASED, now
    Insert(PersonalRecord, rows, OnConflict.KEEP).write()


def _awaited(each: ReceivedEntry, now: int) -> PersonalRecord | None:
    named = None if each.entry is None else committed(each.entry.body)
    if named is None:
        return None
    kind, subject, commitment = named
    return PersonalRecord(
        commitment=commitment.hex(),
        kiosk=each.kiosk,
        account=each.account,
        kind=kind.value,
        subject=column_text(subject, 40),
        made_at=min(each.wall, now),
    )


def committed(body: AnyBody) -> tuple[PersonalKind, str, bytes] | None:
    """What an entry commits to: the record's kind, what it is for, and the commitment; None for any other entry."""
    match body:
        case DeliveryAsked() | DeliveryChanged():
            found = PersonalKind.DELIVERY, body.order, body.commitment
        case InvoiceAsked() | InvoiceChanged():
            found = PersonalKind.INVOICE, body.order, body.commitment
        case OperatorProposed():
            found = PersonalKind.OPERATOR, body.proposal, body.commitment
        case _:
            return None
    return found if len(found[2]) == COMMITMENT_LENGTH else None


def await_again(sender: object, **_named: object) -> None:
    """Once the centre was put back, await the records whose keys the backup did not have (a receiver of `incarnation_began`).

    The kiosks send again what they still have.
    """
    del sender
    keys = RecordKey.objects.filter(commitment=OuterRef("commitment"))
    SealedRecord.objects.exclude(Exists(keys)).delete()
    without = PersonalRecord.objects.filter(state=RecordState.KEPT).exclude(Exists(keys))
    without.update(state=RecordState.AWAITED, received_at=None, finished_at=None)
