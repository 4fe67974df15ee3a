"""What was decided about strands and quarantine, and which orders that leaves to nobody."""

from __future__ import annotations

from kiosk.domain.entries.decisions import StrandDecision
from kiosk.domain.identifiers import IdentifierError, OrderNumber, parse_order_reference
from sync.central.fleet.machines import has_working_machine, present_machine
from sync.central.journal.models import Entry, Strand, StrayEntry
from sync.central.journal.received_entries import read
from sync.central.journal.strands import strand_key
from sync.central.ledger.books import decided_key
from sync.central.ledger.models import DecidedStrand

_OPENING = ("order-placed", "order-assigned")


def decision_about(kiosk: int, strand: int = 0, machine: int = 0) -> DecidedStrand | None:
    """What was decided about a strand, or about a machine's quarantine; None for nothing."""
    return DecidedStrand.objects.filter(key=decided_key(kiosk, strand, machine)).first()


def is_of_a_strand_set_aside(order: str) -> bool:
    """Whether only strands that were set aside brought an order, or a quarantine that was."""
    decided = _decided(order)
    return bool(decided) and all(each is not None and each.is_set_aside for each in decided)


def is_nobodys(order: str, owner: int) -> bool:
    """Whether an order's strand was set aside and nobody binds it any more.

    Any machine of its owner that works may: it takes in what every strand of its kiosk tells. Such a one is asked, as of
    any other order, unless a person who gave the strand up answers for it.
    """
    if not is_of_a_strand_set_aside(order):
        return False
    return _decided(order) == {StrandDecision.GIVEN_UP} or not has_working_machine(owner)


def is_lost(order: str, kiosk: int) -> bool:
    """Whether nothing tells of an order, and its kiosk's present machine cannot any more.

    Its journal came past the place that the order's number names, or left the order's epoch: the data directory was put
    back from a copy then. If the order comes after all, from another copy, it finds its money returned, and its key is held.
    """
    number = _number(order)
    if number is None or number.kiosk != kiosk or Entry.objects.filter(subject=order).exists():
        return False
    if _in_quarantine(order) and not is_of_a_strand_set_aside(order):
        return False
    machine = present_machine(kiosk)
    strand = None if machine is None else Strand.objects.filter(key=strand_key(kiosk, machine.strand)).first()
    if strand is None:
        return False
    left = strand.high_epoch != number.epoch and _was_begun(kiosk, number.epoch)
    return left or strand.high_sequence >= number.sequence


def _was_begun(kiosk: int, epoch: int) -> bool:
    """Whether another strand of the kiosk ends in that epoch, which no machine begins again."""
    return Strand.objects.filter(kiosk=kiosk, high_epoch=epoch).exists()


def _decided(order: str) -> set[StrandDecision | None]:
    """What was decided about the strands that brought an order, or about the quarantine that has it; empty for neither."""
    rows = Entry.objects.filter(subject=order, kind__in=_OPENING).order_by().values_list("kiosk", "strand")
    brought = {(kiosk, strand, 0) for kiosk, strand in rows} or _in_quarantine(order)
    found = (decision_about(*each) for each in brought)
    return {None if each is None else StrandDecision(each.decision) for each in found}


def _in_quarantine(order: str) -> set[tuple[int, int, int]]:
    """The machines in whose quarantine an order was placed; its number tells where."""
    number = _number(order)
    if number is None:
        return set()
    rows = StrayEntry.objects.filter(kiosk=number.kiosk, epoch=number.epoch, sequence=number.sequence)
    return {(row.kiosk, 0, row.machine) for row in rows if read(bytes(row.data)).order == order}


def _number(order: str) -> OrderNumber | None:
    try:
        return parse_order_reference(order).number
    except IdentifierError:
        return None
