"""What became of the entries at the centre, for its tests."""

from __future__ import annotations

from sync.central.journal.models import Entry, Strand
from sync.central.ledger.models import EntryRemark, Matter, MatterState, StrandCursor
from sync.central.tables import strand_number


def all_applied() -> bool:
    """Whether every strand is applied to its end."""
    applied = dict(StrandCursor.objects.values_list("strand", "applied"))
    return all(
        applied.get(strand_number(each.kiosk, each.number)) == each.high_sequence
        for each in Strand.objects.all()
    )


def remarks(kiosk: int = 3) -> dict[int, list[str]]:
    """The remarks on a kiosk's entries, by sequence; nothing for an entry that left none."""
    places = dict(Entry.objects.filter(kiosk=kiosk).values_list("key", "sequence"))
    found: dict[int, list[str]] = {}
    for remark in EntryRemark.objects.filter(entry__in=places).order_by("key"):
        found.setdefault(places[remark.entry], []).append(remark.reason)
    return found


def open_matters() -> list[tuple[str, str]]:
    """The rules and accounts of the open matters, in the order in which they came."""
    rows = Matter.objects.filter(state=MatterState.OPEN).order_by("position", "key")
    return list(rows.values_list("rule", "account"))


def the_matter() -> Matter:
    """The one open matter."""
    return Matter.objects.get(state=MatterState.OPEN)
