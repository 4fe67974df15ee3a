"""Telling the kiosks: rows collect during a transaction and get their versions as its last step.

Whoever tells something does so within `telling`, which is the transaction; what is called within it joins it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import transaction

from sync.central.fleet.feed.collecting import Telling
from sync.central.fleet.feed.writing import write

_TELLING: ContextVar[Telling | None] = ContextVar("telling", default=None)


@contextmanager
def telling(now: int) -> Iterator[Telling]:
    """A transaction that tells the kiosks something, or a part of the one that is open (a savepoint)."""
    outer = _TELLING.get()
    if outer is not None:
        with _undone_with(outer), transaction.atomic():
            yield outer
        return
    told = Telling(now)
    token = _TELLING.set(told)
    try:
        # Durable: within another transaction the rows' versions would not be its last step.
        with transaction.atomic(durable=True):
            yield told
            write(told)
    finally:
        _TELLING.reset(token)


@contextmanager
def _undone_with(told: Telling) -> Iterator[None]:
    """What was told in a part that fails is not told."""
    rows, echoed, later = dict(told.rows), set(told.echoed), list(told.later)
    try:
        yield
    except BaseException:
        told.rows, told.echoed, told.later = rows, echoed, later
        raise
