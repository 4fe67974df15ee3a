"""The applier as a process of its own: a keeper with two children, one that applies and one that verifies.

The one that verifies checks snapshots of kiosks when no certificate waits; and each minute whether kiosks missed their nights,
and whether the time of personal records is up.

The keeper only forks: a child that died is there again in a moment, and the other one never noticed.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from django.conf import settings
from django.db import DatabaseError, connections

from sync.central.context import centre_now
from sync.central.journal.nights import LOOK_SECONDS, look_for_missed
from sync.central.journal.snapshot_checks import SnapshotChecker
from sync.central.ledger.applier import apply_batch
from sync.central.ledger.replaying import reread
from sync.central.ledger.retention import RetentionWatch
from sync.central.ledger.verifying import Verifier
from sync.central.ledger.waking import listening

LOG = logging.getLogger("keydesk.central")

LOOK_AGAIN = 1.0
"""Seconds after which an applier that nobody woke looks for itself: entries may be appended on another machine."""
PAUSE = 0.1
"""Seconds before a child that died is replaced, and after a failure."""


def keep_applying(end_with: Callable[[int], None]) -> None:
    """Keep an applier and a verifier going, until a signal; `end_with` has a child end with the process of that id."""
    connections.close_all()
    signal.signal(signal.SIGTERM, _leave)
    works: dict[int, Callable[[], None]] = {}
    try:
        for work in (_apply_for_ever, _verify_for_ever):
            works[_forked(work, end_with)] = work
        while True:
            gone, status = os.wait()
            work = works.pop(gone)
            LOG.error("%s ended with status %s and is started again", work.__name__, status)
            time.sleep(PAUSE)
            works[_forked(work, end_with)] = work
    finally:
        for child in works:
            os.kill(child, signal.SIGTERM)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _forked(work: Callable[[], None], end_with: Callable[[int], None]) -> int:
    keeper = os.getpid()
    child = os.fork()
    if child:
        return child
    end_with(keeper)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        work()
    except BaseException:
        LOG.exception("%s failed", work.__name__)
        os._exit(1)
    os._exit(0)


def _apply_for_ever() -> None:
    reread(centre_now())
    suspects = False

    def step() -> bool:
        nonlocal suspects
        suspects = not suspects
        return apply_batch(centre_now(), suspects=not suspects)

    _for_ever(step)


def _verify_for_ever() -> None:
    verifier, snapshots, look_at = Verifier(), SnapshotChecker(), 0.0
    personal = RetentionWatch(settings.KEYDESK.privacy)

    def step() -> bool:
        nonlocal look_at
        if time.monotonic() >= look_at:
            look_at = time.monotonic() + LOOK_SECONDS
            look_for_missed(centre_now())
            personal.look(centre_now())
        return verifier.step(centre_now()) or snapshots.step(centre_now())

    _for_ever(step)


def _for_ever(step: Callable[[], bool]) -> None:
    """Take step after step; with nothing to do wait until somebody knocks."""
    with listening() as bell:
        while True:
            if not _stepped(step):
                bell.wait(LOOK_AGAIN)


def _stepped(step: Callable[[], bool]) -> bool:
    try:
        return step()
    except DatabaseError:
        LOG.exception("the database failed; it is tried again")
        connections.close_all()
        time.sleep(PAUSE)
        return False
