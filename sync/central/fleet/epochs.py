"""Epochs that a kiosk never had, given in rising numbers; a kiosk that cannot ask takes a random one above them."""

from __future__ import annotations

from collections.abc import Iterable

from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH
from sync.central.fleet.feed.writing import present_incarnation
from sync.central.fleet.models import Kiosk

MARGIN = 64
"""How many epochs, and how many machines, a centre that was put back leaves out: it may have given them and forgotten."""


def next_epoch(kiosk: Kiosk) -> int:
    """An epoch that this kiosk never had, recorded in its row (not saved)."""
    kiosk.epoch_given = max(kiosk.epoch_given, _left_out()) + 1
    return kiosk.epoch_given


def next_machine(kiosk: Kiosk, former: int) -> int:
    """The number of the machine that is enrolled after `former` (0: none), recorded in the kiosk's row (not saved)."""
    kiosk.machine_given = max(kiosk.machine_given, former, _left_out()) + 1
    return kiosk.machine_given


def leave_out(kiosk: Kiosk, present: int) -> None:
    """Give none of the next epochs and machines (not saved); `present` is the kiosk's machine, 0 for none."""
    kiosk.epoch_given += MARGIN
    kiosk.machine_given = max(kiosk.machine_given, present) + MARGIN


def _left_out() -> int:
    """What is left out of a kiosk whose row was lost and is made again."""
    return MARGIN * (present_incarnation() - 1)


def note_epochs(kiosk: Kiosk, epochs: Iterable[int]) -> None:
    """Never give these again (not saved): a journal may know more of them than the centre."""
    given = (epoch for epoch in epochs if epoch < FIRST_RANDOM_EPOCH)
    kiosk.epoch_given = max(kiosk.epoch_given, *given, 0)
