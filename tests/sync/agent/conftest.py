"""A centre in memory that checks what a centre must check, behind a line that can fail in every way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kiosk.pki.issuing import RootAuthority
from kiosk.pki.names import DEFAULT_ORGANISATION
from kiosk.pki.suites import SM2
from tests.support.memory_centre import NOW, YEAR, MemoryCentre
from tests.support.memory_desk import Desk, NewDesk


@pytest.fixture(scope="session")
def _root_made_once() -> RootAuthority:
    return RootAuthority.create(DEFAULT_ORGANISATION, SM2.generate(), 1, NOW - YEAR, NOW + 20 * YEAR)


@pytest.fixture
def centre() -> MemoryCentre:
    return MemoryCentre()


@pytest.fixture
def new_desk(tmp_path: Path, centre: MemoryCentre) -> Iterator[NewDesk]:
    """Make kiosks that are not enrolled yet."""
    counter = itertools.count()
    with ExitStack() as stack:

        def make(number: int = 3, of: MemoryCentre | None = None) -> Desk:
            directory = tmp_path / f"{number}-{next(counter)}"
            directory.mkdir()
            return Desk(directory, number, of or centre, stack)

        yield make


@pytest.fixture
def desk(new_desk: NewDesk) -> Desk:
    """Kiosk 3, enrolled."""
    made = new_desk(3)
    made.enrol()
    return made
