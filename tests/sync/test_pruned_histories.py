"""Histories in which journals are pruned at any point: the promises hold as they do without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.support.histories.prunings import at_any_age, long_plan, prune_somewhere
from tests.support.histories.running import run

SEEDS, MORE_SEEDS, AT_ONCE = 4, 40, 2


@pytest.fixture(autouse=True)
def tables_of_its_own(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Each history brings its tables."""
    with django_db_blocker.unblock():
        yield


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_wherever_journals_are_pruned_the_promises_hold(first: int) -> None:
    _hold(first)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(SEEDS, MORE_SEEDS, AT_ONCE))
def test_wherever_else_journals_are_pruned_they_hold_too(first: int) -> None:
    _hold(first)


def _hold(first: int) -> None:
    with at_any_age():
        for seed in range(first, first + AT_ONCE):
            outcome = run(long_plan(seed), seed, after=prune_somewhere)
            assert not outcome.wrong, "\n".join([f"seed {seed}", *outcome.log, *outcome.wrong])
