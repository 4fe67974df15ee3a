"""The centre's own journal: what people decided here and what the exchange issued, chained like a kiosk's.

It runs under the exchange's number, on one strand in one epoch, and is applied like the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.identifiers import FIRST_EPOCH
from kiosk.domain.journal import FORM, GENESIS, Entry, seal
from sync.central.journal import models
from sync.central.journal.appending import entry_row
from sync.central.journal.received_entries import read
from sync.central.journal.strands import strand_key
from sync.central.tables import LAST, Insert, entry_key

STRAND = 1
"""The one strand of the centre's journal."""
_MACHINE = 1
_BOOT = "centre"


def enter(bodies: Iterable[AnyBody], now: int) -> None:
    """Append entries with these bodies, in one transaction. `now` is UTC seconds."""
    with transaction.atomic():
        strand, tip = _locked(now)
        waiting: list[AnyBody] = [*(() if tip else (EpochBegan(given_by_centre=True),)), *bodies]
        rows = []
        for body in waiting:
            sequence = 1 if tip is None else tip.sequence + 1
            previous = GENESIS if tip is None else tip.hash
            place = (FORM, EXCHANGE_KIOSK, _MACHINE, FIRST_EPOCH, sequence)
            sealed = seal(Entry(*place, now, 0, _BOOT, previous, body))
            tip = Tip(FIRST_EPOCH, sequence, sealed.hash)
            rows.append(entry_row(read(sealed.data), STRAND, now))
        Insert(models.Entry, rows).write()
        if tip is not None:
            strand.put_high_water(tip)
        strand.received_at = now
        strand.save()


def hold(now: int) -> None:
    """Keep everybody else from entering until the transaction that is open ends. `now` is UTC seconds."""
    _locked(now)


def entered_after(sequence: int) -> list[Entry]:
    """The entries past a sequence of the centre's journal, in order; none that this version cannot read."""
    key = entry_key(EXCHANGE_KIOSK, STRAND, sequence)
    rows = models.Entry.objects.filter(key__gt=key, key__lte=entry_key(EXCHANGE_KIOSK, STRAND, LAST))
    found = (read(bytes(row.data)).entry for row in rows.order_by("key"))
    return [each for each in found if each is not None]


def _locked(now: int) -> tuple[models.Strand, Tip | None]:
    """The strand, locked until the transaction ends, and its tip; None before its first entry."""
    key = strand_key(EXCHANGE_KIOSK, STRAND)
    fresh = {
        "kiosk": EXCHANGE_KIOSK,
        "number": STRAND,
        "machine": _MACHINE,
        "begun_at": now,
        "received_at": now,
    }
    models.Strand.objects.get_or_create(key=key, defaults=fresh)
    strand = models.Strand.objects.select_for_update().get(key=key)
    return strand, strand.high_water if strand.high_sequence else None
