"""Rigs: one kind of key each, that can be pulled at any exchange between the desk and the key.

An exchange is a command and its answer (APDU), or a call of a vendor's library (SKF).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from kiosk.desk.context import Desk
from kiosk.domain.clock import FixedClock
from kiosk.pki.issuing import IssuingAuthority
from kiosk.store.database import Database
from tests.support.key_rigs import (
    CARDS,
    CardRig,
    LibraryRig,
    ReaderRig,
    Rig,
    Workshop,
)


@pytest.fixture
def library_rig(soft_token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LibraryRig]:
    """Keys of a vendor's library."""
    made = LibraryRig(soft_token, tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


@pytest.fixture(params=[*sorted(CARDS), LibraryRig.name])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """One kind of key after the other: cards in process, then a vendor's library."""
    if request.param in CARDS:
        return CardRig(request.param, *CARDS[request.param](tmp_path))
    found: Rig = request.getfixturevalue("library_rig")
    return found


@pytest.fixture(params=sorted(CARDS))
def reader_rig(request: pytest.FixtureRequest, tmp_path: Path, pcscd: tuple[str, int]) -> Iterator[ReaderRig]:
    """One kind of card after the other, in a PC/SC reader."""
    made = ReaderRig(f"{request.param} over PC/SC", *CARDS[request.param](tmp_path), pcscd)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Hundreds of bindings stop on purpose; only what is worse is printed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


@pytest.fixture
def open_workshop(
    database: Database, clock: FixedClock, authority: IssuingAuthority, desk: Desk
) -> Callable[[Rig], Workshop]:
    """A workshop for one rig."""
    return lambda rig: Workshop(database, clock, authority, rig, desk)


@pytest.fixture
def workshop(open_workshop: Callable[[Rig], Workshop], rig: Rig) -> Workshop:
    return open_workshop(rig)
