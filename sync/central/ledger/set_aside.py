"""What was decided about strands and quarantine, and which orders only what was set aside tells of."""

from __future__ import annotations

from kiosk.domain.entries import StrandDecision
from kiosk.domain.identifiers import IdentifierError, parse_order_reference
from sync.central.journal.models import Entry, StrayEntry
from sync.central.journal.received_entries import read
from sync.central.ledger.books import decided_key
from sync.central.ledger.models import DecidedStrand

_OPENING = ("order-placed", "order-assigned")


def decision_about(kiosk: int, strand: int = 0, machine: int = 0) -> DecidedStrand | None:
    """What was decided about a strand, or about a machine's quarantine; None for nothing."""
    return DecidedStrand.objects.filter(key=decided_key(kiosk, strand, machine)).first()


def is_of_a_strand_set_aside(order: str) -> bool:
    """Whether only strands that were set aside brought an order, or a quarantine that was."""
    rows = Entry.objects.filter(subject=order, kind__in=_OPENING).order_by().values_list("kiosk", "strand")
    brought = {(kiosk, strand, 0) for kiosk, strand in rows} or _in_quarantine(order)
    return bool(brought) and all(_is_set_aside(*each) for each in brought)


def _in_quarantine(order: str) -> set[tuple[int, int, int]]:
    """The machines in whose quarantine an order was placed; its number tells where."""
    try:
        number = parse_order_reference(order).number
    except IdentifierError:
        return set()
    rows = StrayEntry.objects.filter(kiosk=number.kiosk, epoch=number.epoch, sequence=number.sequence)
    return {(row.kiosk, 0, row.machine) for row in rows if read(bytes(row.data)).order == order}


def _is_set_aside(kiosk: int, strand: int, machine: int) -> bool:
    found = decision_about(kiosk, strand, machine)
    return found is not None and found.decision == StrandDecision.SET_ASIDE
