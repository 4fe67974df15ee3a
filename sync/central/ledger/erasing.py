"""Erasing personal records: on request, and when another one took their place.

A request is an entry, `personal-erased`, of the centre's own journal or of a kiosk's; applying it erases, and tells the kiosks.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from django.db.models import Q

from kiosk.domain.entries.requests import PersonalErased
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import ErasureTold
from kiosk.domain.identifiers import is_account
from kiosk.domain.requests import InvoiceState, Requests
from kiosk.domain.versions import audience_of_kiosk
from sync.central.fleet.feed.collecting import Telling
from sync.central.journal.models import Source
from sync.central.journal.received_entries import ReceivedEntry
from sync.central.ledger.asked import tell_kept
from sync.central.members.publishing import audiences_of_accounts, serves
from sync.central.personal.keeping import erase, note_erasure
from sync.central.personal.models import PersonalRecord, RecordState
from sync.central.personal.receivers import made_times


class Erasure(msgspec.Struct, frozen=True):
    """A request to erase what was made of an account up to `until` (UTC seconds), which `kiosk` entered."""

    account: str
    until: int
    kiosk: int


def note_requests(
    sender: object,
    *,
    received: list[ReceivedEntry],
    now: int,
    sent_at: int | None = None,
    **_named: object,
) -> None:
    """Note which requests were made later than they say, by a clock that is behind (a receiver of `entries_received`).

    Applying the entry then erases up to what was noted.
    """
    if sender is not Source.CHAIN:
        return
    for each, made in zip(received, made_times(received, sent_at, now), strict=True):
        body, behind = None if each.entry is None else each.entry.body, made.time - each.wall
        if not isinstance(body, PersonalErased) or behind <= 0 or not is_account(body.account):
            continue
        if serves(each.kiosk, body.account):
            note_erasure(body.account, min(body.until + behind, now))


def carry_out(told: Telling, erasure: Erasure) -> None:
    """Erase what a request names, in the transaction that tells; of a kiosk that does not serve the account only what it sent.

    What is dated after now was made while the clock was ahead, before the request.
    """
    everywhere = erasure.kiosk == EXCHANGE_KIOSK or serves(erasure.kiosk, erasure.account)
    until = note_erasure(erasure.account, erasure.until) if everywhere else erasure.until
    own = Q(account=erasure.account) & (Q(made_at__lte=until) | Q(made_at__gt=told.now))
    rows = PersonalRecord.objects.filter(own if everywhere else own & Q(kiosk=erasure.kiosk))
    erase_rows(told, rows.exclude(state=RecordState.ERASED))
    if everywhere:
        told.of_members(lambda: _tell(told, ErasureTold(erasure.account, until)))


def _tell(told: Telling, body: ErasureTold) -> None:
    """Tell the kiosks that serve the account, and those that entered something of it."""
    kiosks = PersonalRecord.objects.filter(account=body.account).order_by().values_list("kiosk", flat=True)
    audiences = {audience_of_kiosk(each) for each in kiosks.distinct() if each != EXCHANGE_KIOSK}
    audiences.update(audiences_of_accounts([body.account]).get(body.account, ()))
    told.tell(sorted(audiences), body)


def erase_rows(told: Telling, rows: Iterable[PersonalRecord]) -> int:
    """Erase records and tell the kiosks what is left to be said of what they were for; how many were here."""
    rows = list(rows)
    count = erase([each.commitment for each in rows], told.now)
    tell_kept(told, rows)
    return count


def superseded(before: Requests | None, after: Requests) -> set[bytes]:
    """The commitments that an entry put out of use: another one came in their place, or the request was withdrawn."""
    gone = set[bytes]()
    if before is not None and before.delivery is not None:
        gone.add(before.delivery.commitment)
    if before is not None and before.invoice is not None:
        gone.add(before.invoice.commitment)
    if after.delivery is not None:
        gone.discard(after.delivery.commitment)
    if after.invoice is not None and after.invoice.state is not InvoiceState.WITHDRAWN:
        gone.discard(after.invoice.commitment)
    return gone - {b""}
