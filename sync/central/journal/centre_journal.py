"""The centre's own journal: what people decided here and what the exchange issued, chained like a kiosk's.

It runs under the exchange's number, on one strand in one epoch, and is applied like the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from kiosk.domain.entries import AnyBody, EpochBegan, Tip
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.identifiers import FIRST_EPOCH
from kiosk.domain.journal import FORM, GENESIS, Entry, seal
from sync.central.journal import models
from sync.central.journal.appending import entry_row
from sync.central.journal.received_entries import read
from sync.central.journal.strands import strand_key
from sync.central.tables import Insert

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
