"""Erasing personal records whose time is up: a few at each look of the verifier's process, round and round."""

from __future__ import annotations

from collections.abc import Iterable

from kiosk.domain.personal import PersonalKind
from kiosk.domain.requests import DeliveryState, InvoiceState, Proposal, ProposalState, Requests
from kiosk.domain.retention import CentreRetention
from sync.central.fleet.feed.telling import telling
from sync.central.ledger.erasing import erase_rows
from sync.central.ledger.models import LedgerProposal, LedgerRequests
from sync.central.ledger.rows import proposal_record, requests_record
from sync.central.personal.models import PersonalRecord, RecordState
from sync.central.personal.pages import forget

AT_ONCE = 500
"""Records that are looked at in one step."""


class RetentionWatch:
    """Goes through the records step by step; what was erased, on request too, then goes from the database's pages."""

    def __init__(self, retention: CentreRetention) -> None:
        self._retention = retention
        self._after = ""

    def look(self, now: int) -> None:
        """Take the next step. `now` is UTC seconds."""
        self._after = erase_due(self._retention, self._after, now)
        forget()


def erase_due(retention: CentreRetention, after: str, now: int) -> str:
    """Erase those of the next records past a commitment whose time is up; where to go on, empty at the end. UTC seconds."""
    kept = PersonalRecord.objects.filter(state=RecordState.KEPT, commitment__gt=after)
    names = list(kept.order_by("commitment").values_list("commitment", flat=True)[:AT_ONCE])
    if not names:
        return ""
    with telling(now) as told:
        locked = PersonalRecord.objects.select_for_update().filter(commitment__in=names)
        rows = list(locked.filter(state=RecordState.KEPT).order_by("commitment"))
        done = _noted(rows, now)
        erase_rows(told, [each for each in rows if _is_due(each, done[each.commitment], retention, now)])
    return names[-1] if len(names) == AT_ONCE else ""


def _noted(rows: Iterable[PersonalRecord], now: int) -> dict[str, bool | None]:
    """Whether that is done for which each record is here (None: no request names it), noted since when."""
    rows = list(rows)
    subjects = {each.subject for each in rows}
    orders = LedgerRequests.objects.filter(order__in=subjects).order_by()
    asked = {row.order: requests_record(row) for row in orders}
    names = LedgerProposal.objects.filter(proposal__in=subjects).order_by()
    proposed = {row.proposal: proposal_record(row) for row in names}
    done, changed = dict[str, bool | None](), []
    for row in rows:
        found = _done(row, asked.get(row.subject), proposed.get(row.subject))
        since = (row.finished_at or now) if found else None
        if since != row.finished_at:
            row.finished_at = since
            changed.append(row)
        done[row.commitment] = found
    PersonalRecord.objects.bulk_update(changed, ["finished_at"])
    return done


def _is_due(row: PersonalRecord, done: bool | None, retention: CentreRetention, now: int) -> bool:  # noqa: FBT001 - of three values
    received_at, kind = row.received_at or 0, PersonalKind(row.kind)
    if received_at <= retention.received_before(now):
        return True
    if done is None:
        return received_at <= retention.unnamed_before(now)
    return row.finished_at is not None and row.finished_at <= retention.finished_before(kind, now)


def _done(row: PersonalRecord, asked: Requests | None, proposed: Proposal | None) -> bool | None:
    """Whether that is done for which a record is here; None where no request names it."""
    commitment = bytes.fromhex(row.commitment)
    match PersonalKind(row.kind):
        case PersonalKind.DELIVERY:
            delivery = None if asked is None else asked.delivery
            if delivery is None or delivery.commitment != commitment:
                return None
            return delivery.state is DeliveryState.MAILED
        case PersonalKind.INVOICE:
            invoice = None if asked is None else asked.invoice
            if invoice is None or invoice.commitment != commitment:
                return None
            return invoice.state is InvoiceState.ISSUED
        case PersonalKind.OPERATOR:
            if proposed is None or proposed.commitment != commitment:
                return None
            return proposed.state in {ProposalState.APPROVED, ProposalState.REFUSED}
