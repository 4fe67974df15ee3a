"""Readers in software, in this process: the token source of the demo and of tests."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from hardware.ports import SourceFault, Token, TokenHeld, TokenPresence, TokenRemoved
from hardware.token.registry import DRIVERS, Driver, open_token
from hardware.virtual.card import CardPulled, VirtualCard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hardware.apdu import Channel
    from hardware.ports import TokenSource


class VirtualTokenSource:
    """Readers with slots for virtual cards (`ports.TokenSource`); all methods may be called from any thread.

    `seconds_for_each_command` makes every card slow; meanwhile it can be pulled.
    """

    seconds_for_each_command = 0.0

    def __init__(
        self,
        readers: Sequence[str] = ("Virtual reader",),
        drivers: Sequence[Driver] = DRIVERS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._readers = tuple(readers)
        self._drivers = tuple(drivers)
        self._lock = threading.RLock()
        self._cards: dict[str, tuple[VirtualCard, TokenPresence]] = {}
        self._connected: dict[str, VirtualChannel] = {}
        self._refused: set[str] = set()
        self._insertions = 0
        self._watchers: list[_Watcher] = []

    def insert(self, card: VirtualCard, reader: str | None = None) -> TokenPresence:
        """Put a card into a reader, the first one unless named. Raises ValueError where one is in already."""
        with self._lock:
            name = self._reader(reader)
            if name in self._cards:
                raise ValueError(f"{name} has a card in it")
            card.power_on()
            self._insertions += 1
            presence = TokenPresence(name, card.atr, self._insertions)
            self._cards[name] = (card, presence)
            self._notify()
            return presence

    def remove(self, reader: str | None = None) -> None:
        """Pull the card out of a reader, mid-work or not; an empty reader stays empty."""
        with self._lock:
            name = self._reader(reader)
            self._connected.pop(name, None)
            self._refused.discard(name)
            if self._cards.pop(name, None) is not None:
                self._notify()

    def swap(self, card: VirtualCard, reader: str | None = None) -> TokenPresence:
        """Pull the card that is in, if any, and put another in its place."""
        with self._lock:
            self.remove(reader)
            return self.insert(card, reader)

    def present(self) -> tuple[TokenPresence, ...]:
        """The cards that are in now, in the order of the readers."""
        with self._lock:
            return tuple(self._cards[name][1] for name in self._readers if name in self._cards)

    def open(self, presence: TokenPresence) -> Token:
        """Connect to that insertion.

        Raises TokenRemoved, TokenHeld where another connection holds the card, TokenNotRecognised and what the driver
        raises.
        """
        with self._lock:
            if presence not in self.present():
                raise TokenRemoved(f"the card is no longer in {presence.reader}")
            if presence.reader in self._connected:
                self._refused.add(presence.reader)
                raise TokenHeld(presence.reader)
            channel = VirtualChannel(self, presence)
            self._connected[presence.reader] = channel
        return open_token(channel, self._drivers)

    def problems(self) -> tuple[SourceFault, ...]:
        """None, ever."""
        return ()

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` from a thread of its own after every insertion and removal; returns the stop.

        It is also called when a card that `open` found held comes free.
        """
        watcher = _Watcher(changed)
        with self._lock:
            self._watchers.append(watcher)

        def stop() -> None:
            with self._lock:
                if watcher in self._watchers:
                    self._watchers.remove(watcher)
            watcher.stop()

        return stop

    def _transmit(self, channel: VirtualChannel, command: bytes) -> bytes:
        if self.seconds_for_each_command:
            self._sleep(self.seconds_for_each_command)
        with self._lock:
            name = channel.presence.reader
            if self._connected.get(name) is not channel:
                raise TokenRemoved(f"the card is no longer in {name}")
            try:
                return self._cards[name][0].transmit(command)
            except CardPulled:
                self.remove(name)
                raise TokenRemoved(f"the card was pulled out of {name}") from None

    def _disconnect(self, channel: VirtualChannel) -> None:
        """Reset the card, as a reader does when an exclusive connection ends."""
        with self._lock:
            name = channel.presence.reader
            if self._connected.get(name) is channel:
                del self._connected[name]
                self._cards[name][0].power_on()
                if name in self._refused:
                    self._refused.discard(name)
                    self._notify()

    def _reader(self, reader: str | None) -> str:
        name = self._readers[0] if reader is None else reader
        if name not in self._readers:
            raise ValueError(f"there is no reader {name}")
        return name

    def _notify(self) -> None:
        for watcher in self._watchers:
            watcher.notify()


class VirtualChannel:
    """An exclusive connection to the card of one insertion (`apdu.Channel`)."""

    def __init__(self, source: VirtualTokenSource, presence: TokenPresence) -> None:
        self._source = source
        self.presence = presence

    @property
    def atr(self) -> bytes:
        """The card's answer to reset."""
        return self.presence.atr

    def transmit(self, command: bytes) -> bytes:
        """Speak to the card. Raises TokenRemoved once it left, or the connection was closed."""
        return self._source._transmit(self, command)  # noqa: SLF001 - the channel is the source's own end

    def close(self) -> None:
        """Give the connection up and reset the card."""
        self._source._disconnect(self)  # noqa: SLF001 - the channel is the source's own end


class _Watcher:
    """Calls one callback from its own thread, so that inserting a card never waits for the screen."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._stopped = threading.Event()
        self._events: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="virtual-readers", daemon=True).start()

    def notify(self) -> None:
        self._events.put(None)

    def stop(self) -> None:
        """Begin no further call; one that has begun may still end."""
        self._stopped.set()
        self._events.put(None)

    def _run(self) -> None:
        while True:
            self._events.get()
            if self._stopped.is_set():
                return
            self._changed()


if TYPE_CHECKING:

    def _is_a_source(source: VirtualTokenSource) -> TokenSource:
        return source

    def _is_a_channel(channel: VirtualChannel) -> Channel:
        return channel
