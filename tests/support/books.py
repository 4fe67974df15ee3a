"""What became of the entries at the centre, for its tests."""

from __future__ import annotations

import time

from sync.central.journal.models import Entry, Strand
from sync.central.ledger import settling
from sync.central.ledger.models import EntryRemark, LedgerCertificate, Matter, MatterState, StrandCursor
from sync.central.ledger.rules import Action
from sync.central.tables import strand_number
from tests.support.kiosk_double import KioskDouble


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


def last_remarks(kiosk: KioskDouble) -> list[str]:
    """The remarks on a kiosk's last entry, once all is applied."""
    assert all_applied()
    return remarks(kiosk.number).get(kiosk.last.sequence, [])


def open_matters() -> list[tuple[str, str]]:
    """The rules and accounts of the open matters, in the order in which they came."""
    rows = Matter.objects.filter(state=MatterState.OPEN).order_by("position", "key")
    return list(rows.values_list("rule", "account"))


def the_matter() -> Matter:
    """The one open matter."""
    return Matter.objects.get(state=MatterState.OPEN)


def decide(action: Action) -> Matter:
    """Have staff decide the one open matter."""
    matter = the_matter()
    assert settling.decide([matter], action, "admin", "看过了", int(time.time())) == []
    matter.refresh_from_db()
    return matter


def status_of(number: str) -> str:
    """The status of a certificate in the register."""
    return LedgerCertificate.objects.get(number=number).status
