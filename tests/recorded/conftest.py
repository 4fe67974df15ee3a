"""Every recording, unpacked once a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.support.recording import archive
from tests.support.recording.archive import Recorded

PATHS = archive.recordings()


@pytest.fixture(scope="session", params=PATHS, ids=[path.name for path in PATHS])
def recording(request: pytest.FixtureRequest) -> Path:
    """The folder of a recording."""
    path: Path = request.param
    return path


@pytest.fixture(scope="session")
def unpacked(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The recording's stores; nobody changes them."""
    return Recorded.unpacked(recording, tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def recorded(unpacked: Recorded, tmp_path: Path) -> Callable[[], Recorded]:
    """The recording's stores, to be worked with."""

    def copy() -> Recorded:
        return unpacked.copy(tmp_path / "recorded")

    return copy


@pytest.fixture(autouse=True)
def tables_of_its_own(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Each recording brings its tables."""
    with django_db_blocker.unblock():
        yield
