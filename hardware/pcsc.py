"""Smart card readers through PC/SC; the only importer of pyscard, which it imports when first needed.

Failures are not told apart by their codes: a card pulled in the middle of a command has been seen to fail
with a code that says success. Whatever goes wrong with a card, it counts as removed; whatever goes wrong with
the service, its context is made anew.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hardware.ports import ReaderUnavailable, Token, TokenNotRecognised, TokenPresence, TokenRemoved
from hardware.token.registry import DRIVERS, Driver, open_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hardware.apdu import Channel
    from hardware.ports import TokenSource

_NOTIFICATION: Final = "\\\\?PnP?\\Notification"
"""The name under which PC/SC reports that readers come and go."""

_WAIT: Final = 2000
"""Milliseconds after which a wait for changes is begun anew, should its cancellation have been missed."""

_RETRY: Final = 0.5
"""Seconds between attempts to reach the service."""

_EVENTS: Final = 16
"""The bits of a reader's state below pcscd's count of insertions and removals."""


class _Failed(Exception):
    """A PC/SC call failed, with whatever code."""


class _ReaderState(msgspec.Struct, frozen=True):
    """One reader at one moment; `state` is PC/SC's word, with the count of events in its upper half."""

    reader: str
    present: bool
    state: int
    atr: bytes

    @property
    def events(self) -> int:
        """How often a card was put into this reader or taken out, since the service began."""
        return self.state >> _EVENTS & 0xFFFF


class _Service:
    """The calls of PC/SC that are needed; each raises _Failed. Raises ReaderUnavailable without pyscard."""

    def __init__(self) -> None:
        try:
            self._scard: Any = importlib.import_module("smartcard.scard")
        except ImportError:
            raise ReaderUnavailable(
                "pyscard is not installed: install Keydesk's device extra"
                " (its build needs a C compiler and libpcsclite-dev)"
            ) from None

    def establish(self) -> Any:
        """Return a new context. Raises ReaderUnavailable where no service runs."""
        try:
            return self._call("SCardEstablishContext", self._scard.SCARD_SCOPE_SYSTEM)[0]
        except _Failed as failure:
            raise ReaderUnavailable(f"no smart card service answers (is pcscd running?): {failure}") from None

    def release(self, context: Any) -> None:
        """Give a context back; where its service is gone there is nothing to give back."""
        with contextlib.suppress(_Failed):
            self._call("SCardReleaseContext", context)

    def cancel(self, context: Any) -> None:
        """End the wait that another thread is in, if any."""
        with contextlib.suppress(_Failed):
            self._call("SCardCancel", context)

    def states(self, context: Any) -> tuple[_ReaderState, ...]:
        """Return every reader's state now."""
        (readers,) = self._call(
            "SCardListReaders", context, [], allowed=(self._scard.SCARD_E_NO_READERS_AVAILABLE,)
        )
        if not readers:
            return ()
        (found,) = self._call("SCardGetStatusChange", context, 0, [(name, 0) for name in readers])
        return tuple(
            _ReaderState(name, bool(state & self._scard.SCARD_STATE_PRESENT), state, bytes(atr))
            for name, state, atr in found
        )

    def wait(self, context: Any, known: Sequence[_ReaderState]) -> None:
        """Return when a reader or a card comes or goes, or after a while."""
        scard = self._scard
        awaited = [(each.reader, each.state & ~scard.SCARD_STATE_CHANGED) for each in known]
        self._call(
            "SCardGetStatusChange",
            context,
            _WAIT,
            [*awaited, (_NOTIFICATION, 0)],
            allowed=(scard.SCARD_E_TIMEOUT, scard.SCARD_E_CANCELLED),
        )

    def connect(self, context: Any, reader: str) -> tuple[Any, Any]:
        """Return an exclusive connection and its protocol. Raises ReaderUnavailable where another has it."""
        scard = self._scard
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        connected = self._call(
            "SCardConnect",
            context,
            reader,
            scard.SCARD_SHARE_EXCLUSIVE,
            protocols,
            allowed=(scard.SCARD_E_SHARING_VIOLATION,),
        )
        if not connected[1]:
            raise ReaderUnavailable(f"the card in {reader} is in use by another program")
        return connected[0], scard.SCARD_PCI_T0 if connected[
            1
        ] == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1

    def transmit(self, card: Any, protocol: Any, command: bytes) -> bytes:
        """Send a command and return its answer; no answer at all counts as failed."""
        (answer,) = self._call("SCardTransmit", card, protocol, list(command))
        if not answer:
            raise _Failed("SCardTransmit brought nothing")
        return bytes(answer)

    def disconnect(self, card: Any) -> None:
        """Reset the card and give the connection up; a card that is gone needs neither."""
        with contextlib.suppress(_Failed):
            self._call("SCardDisconnect", card, self._scard.SCARD_RESET_CARD)

    def _call(self, name: str, *arguments: Any, allowed: tuple[int, ...] = ()) -> tuple[Any, ...]:
        """Call PC/SC and return what came besides the code, which must be success or one of `allowed`."""
        try:
            hresult, *result = getattr(self._scard, name)(*arguments)
        except Exception as failure:
            # pyscard's extension raises its own error, or SystemError where it forgot to set one.
            raise _Failed(f"{name}: {type(failure).__name__}") from failure
        codes = {code & 0xFFFFFFFF for code in (self._scard.SCARD_S_SUCCESS, *allowed)}
        if hresult & 0xFFFFFFFF not in codes:
            raise _Failed(f"{name}: {hresult & 0xFFFFFFFF:08X}")
        return tuple(result)


class PcscTokenSource:
    """The readers that PC/SC knows (`ports.TokenSource`); all methods may be called from any thread.

    Nothing is reached for before the first call, so a desk without pyscard or pcscd can hold one.
    """

    def __init__(self, drivers: Sequence[Driver] = DRIVERS) -> None:
        self._drivers = tuple(drivers)
        self._lock = threading.RLock()
        self._service: _Service | None = None
        self._context: Any = None
        self._generation = 0
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
            if presence not in self.present():
                channel.close()
                raise TokenRemoved(f"the card is no longer in {presence.reader}")
            self._channels[presence.reader] = channel
        return open_token(channel, self._drivers)

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` from a thread of its own; returns the stop.

        It is called after every insertion and removal, when readers or the service come and go, and once
        when the service is first reached.
        """
        return _Watch(self._reached, changed).stop

    def _reached(self) -> _Service:
        with self._lock:
            if self._service is None:
                self._service = _Service()
            return self._service

    def _states(self) -> tuple[_ReaderState, ...]:
        """Ask the service; a context that no longer serves is replaced once."""
        service = self._reached()
        if self._context is not None:
            try:
                return service.states(self._context)
            except _Failed:
                service.release(self._context)
                self._context = None
        context = service.establish()
        self._generation += 1
        try:
            states = service.states(context)
        except _Failed as failure:
            service.release(context)
            raise ReaderUnavailable(f"the smart card service does not answer: {failure}") from None
        self._context = context
        return states

    def _presence(self, state: _ReaderState) -> TokenPresence:
        """Name an insertion: pcscd counts events anew when it restarts, so our count of contexts is in it."""
        return TokenPresence(state.reader, state.atr, self._generation << _EVENTS | state.events)

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
        except _Failed:
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
        self, service: _Service, context: Any, card: Any, protocol: Any, presence: TokenPresence
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
            except _Failed as failure:
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

    def __init__(self, reached: Callable[[], _Service], changed: Callable[[], None]) -> None:
        self._reached = reached
        self._changed = changed
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._waiting: tuple[_Service, Any] | None = None
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
            except (_Failed, ReaderUnavailable):
                self._report(None)
                self._stopped.wait(_RETRY)

    def _follow(self, service: _Service) -> None:
        """Report changes until the service fails (_Failed) or the watch is stopped."""
        context = service.establish()
        with self._lock:
            self._waiting = service, context
        try:
            while not self._stopped.is_set():
                states = service.states(context)
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
