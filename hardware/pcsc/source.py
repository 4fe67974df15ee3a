"""Smart card readers through PC/SC.

Failures are not told apart by their codes (see `hardware.pcsc.calls`). Whatever goes wrong with a card, it
counts as removed; whatever goes wrong with the service, its context is made anew.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from hardware.pcsc.calls import EVENT_BITS, PcscCalls, PcscFailed, ReaderState
from hardware.ports import (
    ReaderUnavailable,
    SourceFault,
    Token,
    TokenNotRecognised,
    TokenPresence,
    TokenRemoved,
)
from hardware.token.registry import DRIVERS, Driver, open_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hardware.apdu import Channel
    from hardware.ports import TokenSource

_RETRY: Final = 0.5
"""Seconds between attempts to reach the service."""


class PcscTokenSource:
    """The readers that PC/SC knows (`ports.TokenSource`); all methods may be called from any thread.

    Nothing is reached for before the first call, so a desk without pyscard or pcscd can hold one.
    """

    def __init__(self, drivers: Sequence[Driver] = DRIVERS) -> None:
        self._drivers = tuple(drivers)
        self._lock = threading.RLock()
        self._service: PcscCalls | None = None
        self._context: Any = None
        self._generation = 0
        self._readers: frozenset[str] = frozenset()
        self._arrivals: dict[str, int] = {}
        self._channels: dict[str, PcscChannel] = {}

    def present(self) -> tuple[TokenPresence, ...]:
        """The cards that are in now. Raises ReaderUnavailable where there is no service or no reader."""
        with self._lock:
            states = self._states()
            if not states:
                raise ReaderUnavailable("there is no smart card reader")
            return tuple(self._presence(each) for each in states if each.present)

    def open(self, presence: TokenPresence) -> Token:
        """Connect to that insertion, exclusively.

        Raises TokenRemoved, ReaderUnavailable where another connection holds the card, TokenNotRecognised and
        what the driver raises.
        """
        with self._lock:
            self._close_stale(presence)
            if presence not in self.present():
                raise TokenRemoved(f"the card is no longer in {presence.reader}")
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
        return open_token(channel, self._drivers)

    def readers(self) -> tuple[str, ...]:
        """The readers' names. Raises ReaderUnavailable where there is no service."""
        with self._lock:
            return tuple(each.reader for each in self._states())

    def problems(self) -> tuple[SourceFault, ...]:
        """None: where something is wrong `present` says so."""
        return ()

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` from a thread of its own; returns the stop.

        It is called after every insertion and removal, when readers or the service come and go, and once
        when the service is first reached.
        """
        return _Watch(self._reached, self._observe, changed).stop

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
            raise ReaderUnavailable(f"the smart card service does not answer: {failure}") from None
        self._context = context
        return states

    def _observe(self, service: PcscCalls, context: Any) -> tuple[ReaderState, ...]:
        """Ask for the readers' states, and count how often each reader came. Raises PcscFailed."""
        with self._lock:
            states = service.states(context)
            readers = frozenset(each.reader for each in states)
            for reader in readers - self._readers:
                self._arrivals[reader] = self._arrivals.get(reader, 0) + 1
            self._readers = readers
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
        service = self._reached()
        context = service.establish()
        try:
            card, protocol = service.connect(context, presence.reader)
        except PcscFailed:
            service.release(context)
            if presence in self.present():
                raise TokenNotRecognised(presence.atr) from None
            raise TokenRemoved(f"the card is no longer in {presence.reader}") from None
        except ReaderUnavailable:
            service.release(context)
            raise
        return PcscChannel(service, context, card, protocol, presence)


class PcscChannel:
    """An exclusive connection to one card (`apdu.Channel`); after a first failure it is closed for good."""

    def __init__(
        self, service: PcscCalls, context: Any, card: Any, protocol: Any, presence: TokenPresence
    ) -> None:
        self._service = service
        self._context = context
        self._card = card
        self._protocol = protocol
        self._open = True
        self._lock = threading.Lock()
        self.presence = presence

    @property
    def atr(self) -> bytes:
        """The card's answer to reset."""
        return self.presence.atr

    def transmit(self, command: bytes) -> bytes:
        """Speak to the card. Raises TokenRemoved for whatever goes wrong, and ever after."""
        with self._lock:
            if not self._open:
                raise TokenRemoved("the connection to the card is closed")
            try:
                return self._service.transmit(self._card, self._protocol, command)
            except PcscFailed as failure:
                self._give_up()
                raise TokenRemoved(f"the card gave no answer: {failure}") from None

    def close(self) -> None:
        """Reset the card and give the connection up."""
        with self._lock:
            self._give_up()

    def _give_up(self) -> None:
        if self._open:
            self._open = False
            self._service.disconnect(self._card)
            self._service.release(self._context)


class _Watch:
    """One thread around SCardGetStatusChange, which outlives the service and finds it again."""

    def __init__(
        self,
        reached: Callable[[], PcscCalls],
        observe: Callable[[PcscCalls, Any], tuple[ReaderState, ...]],
        changed: Callable[[], None],
    ) -> None:
        self._reached = reached
        self._observe = observe
        self._changed = changed
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._waiting: tuple[PcscCalls, Any] | None = None
        self._seen: tuple[tuple[str, bool, int], ...] | None = None
        threading.Thread(target=self._run, name="pcsc-readers", daemon=True).start()

    def stop(self) -> None:
        """Begin no further call of the callback; one that has begun may still end."""
        self._stopped.set()
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
                states = self._observe(service, context)
                self._report(tuple((each.reader, each.present, each.events) for each in states))
                service.wait(context, states)
        finally:
            with self._lock:
                self._waiting = None
            service.release(context)

    def _report(self, seen: tuple[tuple[str, bool, int], ...] | None) -> None:
        if seen != self._seen and not self._stopped.is_set():
            self._seen = seen
            self._changed()


if TYPE_CHECKING:

    def _is_a_source(source: PcscTokenSource) -> TokenSource:
        return source

    def _is_a_channel(channel: PcscChannel) -> Channel:
        return channel
