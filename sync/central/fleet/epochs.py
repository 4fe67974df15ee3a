"""Epochs that a kiosk never had, given in rising numbers; a kiosk that cannot ask takes a random one above them."""

from __future__ import annotations

from collections.abc import Iterable

from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH, MAXIMUM_MACHINE
from sync.central.fleet.feed.models import Incarnation
from sync.central.fleet.models import Kiosk

MARGIN = 64
"""How many epochs, and how many machines, a centre that was put back leaves out at least: it may have given and forgotten them."""
LAST = min(FIRST_RANDOM_EPOCH - 1, MAXIMUM_MACHINE)
"""The last epoch and machine that the centre may give."""
_PARTS = 64
"""Up to one of so many parts of the numbers that are left is left out besides, at random."""


def next_epoch(kiosk: Kiosk) -> int:
    """An epoch that this kiosk never had, recorded in its row (not saved)."""
    kiosk.epoch_given = max(kiosk.epoch_given, _left_out()) + 1
    return kiosk.epoch_given


def next_machine(kiosk: Kiosk, former: int) -> int:
    """The number of the machine that is enrolled after `former` (0: none), recorded in the kiosk's row (not saved)."""
    kiosk.machine_given = max(kiosk.machine_given, former, _left_out()) + 1
    return kiosk.machine_given


def leave_out(kiosk: Kiosk, present: int, bits: bytes) -> None:
    """Give none of the next epochs and machines (not saved); `present` is the kiosk's machine, 0 for none.

    `bits` are the new incarnation's: after one backup was put back twice, other numbers follow.
    """
    kiosk.epoch_given = past(kiosk.epoch_given, bits)
    kiosk.machine_given = past(max(kiosk.machine_given, present), bits)


def past(given: int, bits: bytes) -> int:
    """The last number that an incarnation with these random bits leaves out after `given`; at most half of what is left."""
    room = max(LAST - given, 0)
    return given + min(MARGIN + int.from_bytes(bits, "big") % (room // _PARTS + 1), room // 2)


def _left_out() -> int:
    """What every incarnation so far left out of a kiosk whose row was lost and is made again."""
    given = 0
    for bits in Incarnation.objects.filter(number__gt=1).order_by("number").values_list("bits", flat=True):
        given = past(given, bytes(bits))
    return given


def note_epochs(kiosk: Kiosk, epochs: Iterable[int]) -> None:
    """Never give these again (not saved): a journal may know more of them than the centre."""
    given = (epoch for epoch in epochs if epoch < FIRST_RANDOM_EPOCH)
    kiosk.epoch_given = max(kiosk.epoch_given, *given, 0)
