"""A kiosk's journal in memory, for the tests of the fold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.journal import Journal


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture(scope="session")
def make_journal() -> Callable[[bool], Journal]:
    """A journal with a ledger that is complete, as the centre's, or one kiosk's alone."""
    return lambda complete: Journal(complete=complete)
