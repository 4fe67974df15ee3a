"""Smart card readers through PC/SC.

Failures of commands are not told apart by their codes (see `hardware.pcsc.calls`). Whatever goes wrong with a card,
it counts as removed; whatever goes wrong with the service, its context is made anew. A card that another program
holds is remembered as refused, and the watch tells when nobody is connected to it any more.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from hardware.pcsc.absences import Absences
from hardware.pcsc.buffers import ReaderBuffers
from hardware.pcsc.calls import EVENT_BITS, WAIT, CardHeld, PcscCalls, PcscFailed, ReaderState
from hardware.pcsc.channel import PcscChannel
from hardware.pcsc.connecting import Connected, Connecting
from hardware.pcsc.programs import programs_with_pcsc
from hardware.ports import (
    HardwareError,
    ReaderTrouble,
    ReaderUnavailable,
    SourceFault,
    Token,
    TokenHeld,
    TokenNotRecognised,
    TokenPresence,
    TokenRemoved,
)
from hardware.token.registry import DRIVERS, Driver, open_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hardware.ports import TokenSource

_News = tuple[tuple[tuple[str, bool, int], ...], int]

_RETRY: Final = 0.5
"""Seconds between attempts to reach the service."""

_SHORT_WAIT: Final = 500
"""Milliseconds after which the readers are looked at again where the service may not tell what is awaited: that a card
which was refused is free, or that a card is in after all."""


_ANSWER: Final = 0.25
"""Seconds between looks at a card whose connection the service does not answer; a card's start may take several."""


class PcscTokenSource:
    """The readers that PC/SC knows (`ports.TokenSource`); all methods may be called from any thread.

    Nothing is reached for before the first call, so a desk without libpcsclite or pcscd can hold one.
    """

    def __init__(self, drivers: Sequence[Driver] = DRIVERS) -> None:
        self._drivers = tuple(drivers)
        self._lock = threading.RLock()
        self._service: PcscCalls | None = None
        self._context: int | None = None
        self._generation = 0
        self._readers: frozenset[str] = frozenset()
        self._arrivals: dict[str, int] = {}
        self._channels: dict[str, PcscChannel] = {}
        self._late: dict[str, Connecting] = {}
        self._names: dict[str, bytes] = {}
        self._connected: set[TokenPresence] = set()
        self._refused: set[TokenPresence] = set()
        self._releases = 0
        self._buffers = ReaderBuffers()
        self._absences = Absences()
        self._watches: list[_Watch] = []

    def present(self) -> tuple[TokenPresence, ...]:
        """The cards that are in now. Raises ReaderUnavailable where there is no service or no reader."""
        with self._lock:
            states = self._states()
            if not states:
                raise ReaderUnavailable("there is no smart card reader", ReaderTrouble.NO_READER)
            return tuple(self._presence(each) for each in states if each.present)

    def open(self, presence: TokenPresence) -> Token:
        """Connect to that insertion, exclusively.

        Raises TokenRemoved, TokenHeld where another connection holds the card, TokenNotRecognised and what the driver
        raises. A card in a reader whose buffer turns out to be short is tried once more, in short pieces.
        """
        known = self._buffers.short(presence)
        try:
            return open_token(self._opened(presence), self._drivers)
        except TokenRemoved as removed:
            if known or not self._buffers.short(presence):
                raise
            channel = self._again(presence, removed)
        return open_token(channel, self._drivers)

    def _again(self, presence: TokenPresence, removed: TokenRemoved) -> PcscChannel:
        """Connect once more; a card that cannot be reached now was removed, as it seemed. Raises TokenHeld."""
        try:
            return self._opened(presence)
        except TokenHeld:
            raise
        except HardwareError:
            raise removed from None

    def _opened(self, presence: TokenPresence) -> PcscChannel:
        """Connect to that insertion. Raises TokenRemoved, TokenHeld, TokenNotRecognised."""
        with self._lock:
            self._close_stale(presence)
            if presence not in self.present():
                raise TokenRemoved(f"the card is no longer in {presence.reader}")
            if presence in self._connected:
                # not left to SCardConnect, which waits for the end of another program's transaction
                raise self._held(presence)
            channel = self._connect(presence)
            try:
                still_in = presence in self.present()
            except ReaderUnavailable:
                channel.close()
                raise
            if not still_in:
                channel.close()
                raise TokenRemoved(f"the card is no longer in {presence.reader}")
            self._channels[presence.reader] = channel
            return channel

    def readers(self) -> tuple[str, ...]:
        """The readers' names as people read them. Raises ReaderUnavailable where there is no service."""
        return tuple(each.reader for each in self.states())

    def states(self) -> tuple[ReaderState, ...]:
        """What is known of each reader now. Raises ReaderUnavailable where there is no service."""
        with self._lock:
            return self._states()

    def problems(self) -> tuple[SourceFault, ...]:
        """None: where something is wrong `present` says so."""
        return ()

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` from a thread of its own; returns the stop.

        It is called after every insertion and removal, when readers or the service come and go, when a card that
        `open` found held comes free, and once when the service is first reached.
        """
        watch = _Watch(self._reached, self._look, changed)
        with self._lock:
            self._watches.append(watch)

        def stop() -> None:
            with self._lock:
                if watch in self._watches:
                    self._watches.remove(watch)
            watch.stop()

        return stop

    def _reached(self) -> PcscCalls:
        with self._lock:
            if self._service is None:
                self._service = PcscCalls()
            return self._service

    def _states(self) -> tuple[ReaderState, ...]:
        """Ask the service; a context that no longer serves is replaced once."""
        service = self._reached()
        if self._context is not None:
            try:
                return self._observe(service, self._context)
            except PcscFailed:
                service.release(self._context)
                self._context = None
        context = service.establish()
        self._generation += 1
        try:
            states = self._observe(service, context)
        except PcscFailed as failure:
            service.release(context)
            raise ReaderUnavailable(
                f"the smart card service does not answer: {failure}", ReaderTrouble.SERVICE, str(failure)
            ) from None
        self._context = context
        return states

    def _look(self, service: PcscCalls, context: int) -> _Seen:
        """What the watch sees now. Raises PcscFailed."""
        with self._lock:
            states = self._observe(service, context)
            soon = bool(self._refused) or self._absences.doubted
            return _Seen(states, self._releases, _SHORT_WAIT if soon else WAIT)

    def _observe(self, service: PcscCalls, context: int) -> tuple[ReaderState, ...]:
        """Ask for the readers' states, and count how often each reader came and a card came free. Raises PcscFailed."""
        with self._lock:
            states, found = self._absences.seen(service, context)
            readers = frozenset(each.reader for each in states)
            for reader in (readers - self._readers) | found:
                self._arrivals[reader] = self._arrivals.get(reader, 0) + 1
            self._readers = readers
            self._names = {each.reader: each.name for each in states}
            self._connected = {self._presence(each) for each in states if each.present and each.connected}
            self._releases += len(self._refused - self._connected)
            self._refused &= self._connected
            return states

    def _presence(self, state: ReaderState) -> TokenPresence:
        """Name an insertion.

        pcscd counts a reader's events anew when it restarts and when the reader was unplugged, so our counts of
        contexts and of the reader's arrivals are in it.
        """
        count = self._generation << EVENT_BITS | self._arrivals.get(state.reader, 0) & 0xFFFF
        return TokenPresence(state.reader, state.atr, count << EVENT_BITS | state.events)

    def _close_stale(self, presence: TokenPresence) -> None:
        """Close a connection to a card that has left: PC/SC would refuse its successor until then."""
        channel = self._channels.get(presence.reader)
        if channel is not None and channel.presence != presence:
            channel.close()
            del self._channels[presence.reader]

    def _connect(self, presence: TokenPresence) -> PcscChannel:
        """Connect in a context of its own, so that a long command does not hold up the readers' state."""
        late = self._late.pop(presence.reader, None)
        if late is not None and late.pending:
            self._late[presence.reader] = late
            raise self._held(presence)
        service = self._reached()
        attempt = Connecting(service, self._names[presence.reader])
        try:
            context, card, protocol = self._answer(attempt, presence)
        except CardHeld:
            raise self._held(presence) from None
        except PcscFailed:
            if presence in self.present():
                raise TokenNotRecognised(presence.atr) from None
            raise TokenRemoved(f"the card is no longer in {presence.reader}") from None
        return PcscChannel(service, context, card, protocol, presence, self._buffers, self._tell)

    def _answer(self, attempt: Connecting, presence: TokenPresence) -> Connected:
        """Wait for the service's answer, but for no other program. Raises CardHeld, PcscFailed, ReaderUnavailable.

        Our own connection is seen only just before it is answered, so another's is what two looks find.
        """
        seen_connected = False
        while not attempt.answered(_ANSWER):
            try:
                present = presence in self.present()
            except ReaderUnavailable:
                attempt.give_up()
                raise
            connected = presence in self._connected
            if not present or (connected and seen_connected):
                attempt.give_up()
                self._late[presence.reader] = attempt
                raise CardHeld if present else PcscFailed("the card left before it was connected to")
            seen_connected = connected
        return attempt.connection()

    def _held(self, presence: TokenPresence) -> TokenHeld:
        """Remember a card that another program holds, and look soon whether it is free."""
        self._refused.add(presence)
        self._wake()
        return TokenHeld(presence.reader, programs_with_pcsc())

    def _tell(self) -> None:
        """Have the watches call: a card that failed may have been in a reader with a short buffer, and be there."""
        with self._lock:
            self._releases += 1
            self._wake()

    def _wake(self) -> None:
        for watch in self._watches:
            watch.wake()


class _Seen(NamedTuple):
    """The readers, how often a card may have become usable, and how long to wait for news (ms)."""

    states: tuple[ReaderState, ...]
    releases: int
    wait: int

    @property
    def news(self) -> _News:
        """What is told of when it differs; an open connection is no news."""
        return tuple((each.reader, each.present, each.events) for each in self.states), self.releases


class _Watch:
    """One thread around SCardGetStatusChange, which outlives the service and finds it again."""

    def __init__(
        self,
        reached: Callable[[], PcscCalls],
        look: Callable[[PcscCalls, int], _Seen],
        changed: Callable[[], None],
    ) -> None:
        self._reached = reached
        self._look = look
        self._changed = changed
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._waiting: tuple[PcscCalls, int] | None = None
        self._told: _News | None = None
        threading.Thread(target=self._run, name="pcsc-readers", daemon=True).start()

    def stop(self) -> None:
        """Begin no further call of the callback; one that has begun may still end."""
        self._stopped.set()
        self.wake()

    def wake(self) -> None:
        """Look at the readers now."""
        with self._lock:
            if self._waiting is not None:
                service, context = self._waiting
                service.cancel(context)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow(self._reached())
            except (PcscFailed, ReaderUnavailable):
                self._report(None)
                self._stopped.wait(_RETRY)

    def _follow(self, service: PcscCalls) -> None:
        """Report changes until the service fails (PcscFailed) or the watch is stopped."""
        context = service.establish()
        with self._lock:
            self._waiting = service, context
        try:
            while not self._stopped.is_set():
                seen = self._look(service, context)
                self._report(seen.news)
                service.wait(context, seen.states, seen.wait)
        finally:
            with self._lock:
                self._waiting = None
            service.release(context)

    def _report(self, news: _News | None) -> None:
        if news != self._told and not self._stopped.is_set():
            self._told = news
            self._changed()


if TYPE_CHECKING:

    def _is_a_source(source: PcscTokenSource) -> TokenSource:
        return source
