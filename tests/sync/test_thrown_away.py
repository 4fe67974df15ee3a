"""The data directory is thrown away at random points of random work, with backups at random points; nothing acknowledged is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import FIRST_KIOSK, CentreProcess
from tests.support.thrown_away import Kiosk

pytestmark = pytest.mark.xdist_group("central")

STEPS = 25
LOSSES = 3
SEEDS = range(2)
MORE_SEEDS = range(100, 130)

Begin = Callable[[int], Kiosk]


@pytest.fixture
def begin(tmp_path: Path, template: Path) -> Iterator[Begin]:
    """A kiosk at a centre of its own."""
    centres: list[CentreProcess] = []

    def made(seed: int) -> Kiosk:
        centre = CentreProcess.begin(tmp_path / "centre", template)
        centres.append(centre)
        centre.start()
        kiosk = Kiosk(tmp_path, centre, FIRST_KIOSK, seed)
        kiosk.begin(centre.tokens[FIRST_KIOSK])
        return kiosk

    yield made
    for centre in centres:
        centre.stop()


def _lived(kiosk: Kiosk) -> None:
    for number in range(STEPS):
        kiosk.step()
        if number % (STEPS // LOSSES) == STEPS // LOSSES - 1:
            kiosk.log.append(f"then {kiosk.throw_away()}")
    kiosk.settle()
    kiosk.check()
    assert kiosk.thrown_away >= LOSSES


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_thrown_away_nothing_acknowledged_is_lost_and_no_name_given_twice(
    begin: Begin, seed: int
) -> None:
    _lived(begin(seed))


@pytest.mark.soak
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_the_same_holds_for_many_more_histories(begin: Begin, seed: int) -> None:
    _lived(begin(seed))
