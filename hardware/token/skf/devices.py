"""Which keys one library sees, from one look to the next."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.ports import LibraryTrouble, SourceFault, TokenError, TokenPresence, VendorLibraryFailed
from hardware.token.skf.errors import FunctionFailed
from hardware.token.skf.layout import text_of
from hardware.token.skf.process import SkfProcess
from hardware.token.skf.session import SkfCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hardware.token.skf.profile import SkfProfile

_SHORTEST_REST: Final = 0.5
_LONGEST_REST: Final = 30.0
"""Seconds for which a library that failed again and again is left alone; doubled with every failure."""


class Snapshot(msgspec.Struct, frozen=True):
    """What one look saw: the keys, or why there was nothing to see."""

    present: tuple[TokenPresence, ...]
    problem: SourceFault | None


class SkfDevices:
    """The keys of one library; all methods may be called from any thread.

    A key that is listed again keeps the number of its insertion, also over a crash of the library; one that was
    missing in between, or whose connection died, gets another.
    """

    def __init__(
        self,
        profile: SkfProfile,
        insertions: Iterator[int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.profile = profile
        limits = profile.limits
        self.process = SkfProcess(profile.library, ulong_bytes=profile.ulong_bytes, load_limit=limits.load)
        self._calls = SkfCalls(self.process, profile)
        self._insertions = insertions
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._present: dict[bytes, int] = {}
        self._problem: SourceFault | None = None
        self._failures = 0
        self._not_before = 0.0

    @property
    def snapshot(self) -> Snapshot:
        """What the last look saw, less what was lost since."""
        with self._lock:
            present = tuple(
                TokenPresence(text_of(name), b"", insertion) for name, insertion in self._present.items()
            )
            return Snapshot(present, self._problem)

    def name_of(self, insertion: int) -> bytes | None:
        """Return the name of the key of that insertion while it is in."""
        with self._lock:
            return next((name for name, number in self._present.items() if number == insertion), None)

    def look(self) -> Snapshot:
        """Enumerate now; a library that fails has no keys, and is left alone for longer each time."""
        with self.process.exclusively():
            if self._monotonic() >= self._not_before:
                self._enumerate()
            return self.snapshot

    def look_if_idle(self, stopped: Callable[[], bool] = lambda: False) -> Snapshot | None:
        """Enumerate now; None where another thread is at work with the library, or the watch was `stopped`.

        That is asked while others are kept out, so that a stop before it starts no process any more.
        """
        with self.process.if_idle() as idle:
            return self.look() if idle and not stopped() else None

    def lose(self, insertion: int) -> None:
        """Take note that a connection died: its key, if it is listed again, is another insertion."""
        with self._lock:
            self._present = {name: number for name, number in self._present.items() if number != insertion}

    def lose_named(self, name: bytes) -> None:
        """Take note that the library reported a removal."""
        with self._lock:
            self._present.pop(name, None)

    def _enumerate(self) -> None:
        try:
            names = self._calls.devices()
        except TokenError as failure:
            self._failures += 1
            rest = _SHORTEST_REST * 2 ** min(self._failures - 2, 10) if self._failures > 1 else 0.0
            self._not_before = self._monotonic() + min(rest, _LONGEST_REST)
            with self._lock:
                self._present = {}
                self._problem = self._fault(failure)
            return
        self._failures = 0
        with self._lock:
            self._problem = None
            known = self._present
            self._present = {name: known[name] if name in known else next(self._insertions) for name in names}

    def _fault(self, failure: TokenError) -> SourceFault:
        if isinstance(failure, VendorLibraryFailed):  # it names the library itself
            return SourceFault(self.profile.name, str(failure), failure.trouble, failure.detail)
        reason = f"{self.profile.library}: {failure}"
        if isinstance(failure, FunctionFailed):
            detail = f"{failure.function} {failure.status_word:08X}"
            return SourceFault(self.profile.name, reason, LibraryTrouble.ANSWERED, detail)
        return SourceFault(self.profile.name, reason, LibraryTrouble.FAULTY)
