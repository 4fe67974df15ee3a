"""Epochs that a kiosk never had, given in rising numbers; a kiosk that cannot ask takes a random one above them."""

from __future__ import annotations

from collections.abc import Iterable

from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH
from sync.central.fleet.models import Kiosk


def next_epoch(kiosk: Kiosk) -> int:
    """An epoch that this kiosk never had, recorded in its row (not saved)."""
    kiosk.epoch_given += 1
    return kiosk.epoch_given


def note_epochs(kiosk: Kiosk, epochs: Iterable[int]) -> None:
    """Never give these again (not saved): a journal may know more of them than the centre."""
    given = (epoch for epoch in epochs if epoch < FIRST_RANDOM_EPOCH)
    kiosk.epoch_given = max(kiosk.epoch_given, *given, 0)
