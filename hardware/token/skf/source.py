"""The keys that vendors' libraries reach (`ports.TokenSource`)."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from hardware.ports import SourceFault, Token, TokenHeld, TokenPresence, TokenRemoved
from hardware.token.skf.devices import SkfDevices, Snapshot
from hardware.token.skf.layout import text_of
from hardware.token.skf.session import SkfSession
from hardware.token.skf.token import SkfToken
from hardware.token.skf.watch import DeviceWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hardware.ports import TokenSource
    from hardware.token.skf.profile import SkfProfile


class SkfTokenSource:
    """The keys of all configured libraries, each library in a process of its own.

    A library that cannot be used has no keys and is told by `problems`; the others go on. Nothing is started
    before the first call. All methods may be called from any thread.
    """

    def __init__(self, profiles: Sequence[SkfProfile]) -> None:
        insertions = itertools.count(1)
        self._libraries = tuple(SkfDevices(profile, insertions) for profile in profiles)
        self._lock = threading.Lock()
        self._watches: dict[SkfDevices, DeviceWatch] = {}
        self._callbacks: list[Callable[[], None]] = []
        self._open: dict[int, SkfToken] = {}
        self._refused: set[int] = set()

    def present(self) -> tuple[TokenPresence, ...]:
        """The keys that are in now: as the watch keeps it, or by enumeration where nobody watches."""
        return tuple(presence for each in self._libraries for presence in self._snapshot(each).present)

    def problems(self) -> tuple[SourceFault, ...]:
        """The libraries that could not be used at the last look."""
        found = (each.snapshot.problem for each in self._libraries)
        return tuple(problem for problem in found if problem is not None)

    def open(self, presence: TokenPresence) -> Token:
        """Connect to that insertion; a key without the desk's application is opened as well.

        Raises TokenRemoved, TokenHeld where it is open already, VendorLibraryFailed, MalformedAnswer.
        """
        insertion = presence.insertion
        for devices in self._libraries:
            name = devices.name_of(insertion)
            if name is not None and text_of(name) == presence.reader:
                with devices.process.exclusively():
                    return self._connect(devices, name, insertion)
        raise TokenRemoved(f"the key is no longer in {presence.reader}")

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` (from a thread of a library's) after every insertion and removal; returns the stop.

        It is called as well when a library fails or serves again, and when a key that `open` found held comes free.
        """
        # Each watch is told apart even where the same function is given twice.
        registered = lambda: changed()  # noqa: E731, PLW0108 - an identity of its own
        with self._lock:
            self._callbacks.append(registered)
            if not self._watches:
                self._watches = {each: DeviceWatch(each, self._notify) for each in self._libraries}

        def stop() -> None:
            with self._lock:
                if registered in self._callbacks:
                    self._callbacks.remove(registered)
                watches = {} if self._callbacks else self._watches
                if not self._callbacks:
                    self._watches = {}
            for each in watches.values():
                each.stop()

        return stop

    def close(self) -> None:
        """End the libraries' processes; a later call starts them anew."""
        with self._lock:
            self._callbacks.clear()
            watches, self._watches = self._watches, {}
        for watch in watches.values():
            watch.stop()
        for each in self._libraries:
            each.process.stop()

    def _snapshot(self, devices: SkfDevices) -> Snapshot:
        with self._lock:
            watch = self._watches.get(devices)
        return devices.snapshot if watch is not None and watch.looked else devices.look()

    def _notify(self) -> None:
        with self._lock:
            callbacks = tuple(self._callbacks)
        for changed in callbacks:
            changed()

    def _connect(self, devices: SkfDevices, name: bytes, insertion: int) -> SkfToken:
        with self._lock:
            held = self._open.get(insertion)
        if held is not None and held.session.alive:
            with self._lock:
                self._refused.add(insertion)
            raise TokenHeld(text_of(name))

        def lost() -> None:
            devices.lose(insertion)
            with self._lock:
                watch = self._watches.get(devices)
            if watch is not None:
                watch.wake()

        def closed() -> None:
            with self._lock:
                self._open.pop(insertion, None)
                awaited = insertion in self._refused
                self._refused.discard(insertion)
            if awaited:
                self._notify()

        def current() -> bool:
            return devices.name_of(insertion) is not None

        session = SkfSession(devices.process, devices.profile, name, current, lost)
        token = SkfToken(session, name, closed)
        with self._lock:
            self._open[insertion] = token
        return token


if TYPE_CHECKING:

    def _is_a_source(source: SkfTokenSource) -> TokenSource:
        return source
