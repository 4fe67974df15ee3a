"""Whether a desk or a sync agent runs on a data directory, or one enrols it: as long as it does it holds a lock on a file there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hardware.disk import FileLock
from kiosk.store.errors import (
    AgentRunsAlready,
    DeskRunsAlready,
    DirectoryError,
    EnrolmentRuns,
)
from kiosk.store.shortage import refused_by_system

DESK = "keydesk.lock"
FILE = "keydesk-sync.lock"
ENROLMENT = "keydesk-sync.enrol.lock"
_TRIES, _STEP_SECONDS = 50, 0.02
"""Whoever looks whether the agent runs holds its lock for a moment."""


@contextmanager
def serving(directory: Path) -> Iterator[None]:
    """Be the desk that works on a data directory. Raises DeskRunsAlready, OSError."""
    with _alone(directory / DESK, DeskRunsAlready(directory)):
        yield


@contextmanager
def running(directory: Path) -> Iterator[None]:
    """Be the agent that runs on a data directory. Raises AgentRunsAlready, OSError."""
    with _alone(directory / FILE, AgentRunsAlready(directory), _TRIES):
        yield


@contextmanager
def enrolling(directory: Path) -> Iterator[None]:
    """Be the one that enrols a data directory: two at once would send the same keys with two tokens. Raises EnrolmentRuns, OSError."""
    with _alone(directory / ENROLMENT, EnrolmentRuns(directory)):
        yield


@contextmanager
def _alone(file: Path, refusal: DirectoryError, tries: int = 1) -> Iterator[None]:
    """Hold the lock on a file; raises the refusal where another holds it."""
    with closing(FileLock(file)) as lock:
        for turn in range(tries):
            if turn:
                time.sleep(_STEP_SECONDS)
            if lock.take():
                break
        else:
            raise refusal
        yield


def agent_runs(directory: Path) -> bool:
    """Whether one runs there now. Raises StoreUnavailable."""
    file = directory / FILE
    if not file.exists():
        return False
    try:
        with closing(FileLock(file)) as lock:
            return not lock.share()
    except OSError as error:
        raise refused_by_system(file, error) from error
