"""How entries that commit to personal records are noted, and what becomes of records after a backup was put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
from sync.central.journal.received_entries import LAST_TIME, ReceivedEntry
from sync.central.personal.models import AccountErasure, PersonalRecord, RecordKey, RecordState, SealedRecord
from sync.central.tables import Insert, OnConflict, column_text
from sync.protocol.signatures import TOLERANCE

_STEP = 5  # seconds by which a clock may differ from the monotonic one without having been set


class Made(NamedTuple):
    """When an entry was made, in UTC seconds by the centre's clock; not `certain` where it may have been long before."""

    time: int
    certain: bool = True


def made_times(received: Sequence[ReceivedEntry], sent_at: int | None, now: int) -> list[Made]:
    """When each of a batch's entries was made, as far as the batch tells (pure).

    The machine's clock was as far off as when it sent them, or, where it was set back meanwhile, as the monotonic clock says of
    entries of the same boot. An entry that is dated after it was sent, with none to compare, may have been made at any time.
    """
    off = 0 if sent_at is None else sent_at - now
    if -TOLERANCE <= off < 0:
        off = 0  # as long as a request may take on its way
    found, began = list[Made](), dict[str, int]()
    for each in reversed(received):
        wall = each.wall
        if each.entry is not None:
            boot, since = each.entry.boot, each.entry.monotonic
            began[boot] = min(wall * 1000 - since, began.get(boot, wall * 1000 - since))
            by_boot = (began[boot] + since) // 1000
            wall = by_boot if wall - by_boot > _STEP else wall
        certain = sent_at is None or wall <= sent_at + _STEP
        found.append(Made(max(-LAST_TIME, min(wall - off, now)), certain))
    return found[::-1]


def note_commitments(
    sender: object,
    *,
    received: list[ReceivedEntry],
    now: int,
    sent_at: int | None = None,
    **_named: object,
) -> None:
    """Await the records that these entries commit to (a receiver of `entries_received`); of a revoked machine none.

    Of a commitment that is known the first entry counts: it has 16 random bytes in it. What may have been made before its account's
    records were erased is not awaited.
    """
    if sender is not Source.CHAIN:
        return
    dated = zip(received, made_times(received, sent_at, now), strict=True)
    rows = [(row, made) for each, made in dated if (row := _awaited(each, made)) is not None]
    accounts = {row.account for row, _ in rows}
    erased = dict(
        AccountErasure.objects.filter(account__in=accounts).values_list("account", "until") if rows else ()
    )
    for row, made in rows:
        until = erased.get(row.account)
        if until is not None and (row.made_at <= until or not made.certain):
            row.state, row.erased_at = RecordState.ERASED, now
    Insert(PersonalRecord, [row for row, _ in rows], OnConflict.KEEP).write()


def _awaited(each: ReceivedEntry, made: Made) -> PersonalRecord | None:
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
        made_at=made.time,
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
