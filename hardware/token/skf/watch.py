"""Noticing insertions and removals: by the library's events where they can be relied on, else by looking often."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final

from hardware.ports import MalformedAnswer, NotSupported, TokenRemoved, VendorLibraryFailed
from hardware.token.skf.codes import SarCode
from hardware.token.skf.process import SkfProcess
from hardware.token.skf.session import SkfCalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.token.skf.devices import SkfDevices, Snapshot
    from hardware.token.skf.wire import Answer

_REMOVED: Final = 2
"""What SKF_WaitForDevEvent calls a removal; an insertion is 1 (GM/T 0016-2012, 7.1.2)."""

_LONGEST_NAME: Final = 1024
_SAFETY: Final = 2.0
"""Seconds between looks beside a library that reports events, should one be missed."""

_SETTLING: Final = 1.0
"""Seconds after the beginning of a wait for which keys are looked for as often as without events: what happened
before the library began to wait is not reported."""

_AT_MOST_EVERY: Final = 0.02
"""Seconds between two waits, for a library that does not wait."""

_FAILURES: Final = 3
"""So many failures in a row, and events are given up for looking often."""

_HASTY: Final = 20
"""So many events in a row that came sooner than the next look would have, and they are given up as well: that library
does not wait."""


class DeviceWatch:
    """One or two threads around one library's keys, until stopped; `changed` is called from them."""

    def __init__(self, devices: SkfDevices, changed: Callable[[], None]) -> None:
        self._devices = devices
        self._changed = changed
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._looked = False
        self._settled = math.inf
        self._seen: Snapshot = devices.snapshot
        profile = devices.profile
        self._events: SkfProcess | None = None
        if profile.events:
            self._events = SkfProcess(
                profile.library, ulong_bytes=profile.ulong_bytes, load_limit=profile.limits.load
            )
            threading.Thread(target=self._await, args=(self._events,), name="skf-events", daemon=True).start()
        threading.Thread(target=self._look, name="skf-devices", daemon=True).start()

    @property
    def looked(self) -> bool:
        """Whether the state is being kept: there was a first look, and the watch goes on."""
        return self._looked and not self._stopped.is_set()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    def stop(self) -> None:
        """Begin no further call of `changed`; one that has begun may still end."""
        self._stopped.set()
        self._wake.set()
        events, self._events = self._events, None
        if events is not None:
            events.stop()

    def _look(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            # What an event or a broken connection told is passed on at once, even while the library is busy.
            self._tell()
            looked = self._devices.look_if_idle(self._stopped.is_set) is not None
            self._looked = self._looked or looked
            self._tell()
            often = not looked or self._events is None or time.monotonic() < self._settled
            self._wake.wait(self._devices.profile.poll_seconds if often else _SAFETY)

    def _tell(self) -> None:
        snapshot = self._devices.snapshot
        if snapshot != self._seen and not self._stopped.is_set():
            self._seen = snapshot
            self._changed()

    def _await(self, process: SkfProcess) -> None:
        """Wait for events, which only tell that it is time to look; a removal tells of whom as well."""
        calls = SkfCalls(process, self._devices.profile)
        failures = hasty = 0
        while max(failures / _FAILURES, hasty / _HASTY) < 1 and not self._stopped.wait(_AT_MOST_EVERY):
            try:
                generation = process.start()
                if self._stopped.is_set():
                    break
                began = time.monotonic()
                self._settled = began + _SETTLING
                answer = process.call("SKF_WaitForDevEvent", (_LONGEST_NAME,), None, generation)
            except (VendorLibraryFailed, MalformedAnswer, TokenRemoved):
                failures += 1
                continue
            except NotSupported:
                break
            code = calls.code(answer)
            if code == SarCode.NOT_SUPPORTED_YET:
                break
            waited = time.monotonic() - began >= self._devices.profile.poll_seconds
            # A wait that ends for nothing after a while is no failure: some libraries limit it.
            failures = 0 if code == SarCode.OK or waited else failures + 1
            hasty = 0 if waited else hasty + 1
            if code == SarCode.OK:
                self._take_note(answer)
        self._events = None
        self._wake.set()
        process.stop()

    def _take_note(self, answer: Answer) -> None:
        """Have the keys looked at; one that was pulled and is in again by then is another insertion."""
        _, name, event = answer.results
        if event == _REMOVED and isinstance(name, bytes):
            self._devices.lose_named(name.split(b"\0", 1)[0])
        self._wake.set()
