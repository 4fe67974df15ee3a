"""Connecting to a card without waiting for another program.

pcscd answers SCardConnect at the end of another program's transaction, if that ever comes (pcsc-lite 1.9.9, winscard.c: it waits
for the reader's lock), and nothing cancels the call. A card in a transaction that was seen is not connected to at
all; one whose transaction begins in between leaves a thread behind, which gives back what it gets too late.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from hardware.pcsc.calls import CardHeld, PcscFailed
from hardware.ports import ReaderUnavailable

if TYPE_CHECKING:
    from hardware.pcsc.calls import PcscCalls
    from hardware.pcsc.library import Protocols


class Connected(NamedTuple):
    """A connection, with the context that it lives in."""

    context: int
    card: int
    protocol: Protocols


class Connecting:
    """One SCardConnect, in a context and a thread of its own. Raises ReaderUnavailable where there is no service."""

    def __init__(self, service: PcscCalls, reader: bytes) -> None:
        self._service = service
        self._reader = reader
        self._context = service.establish()
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._result: Connected | Exception | None = None
        self._wanted = True
        threading.Thread(target=self._run, name="pcsc-connect", daemon=True).start()

    def answered(self, seconds: float) -> bool:
        """Whether the service answers within that time."""
        return self._answered.wait(seconds)

    @property
    def pending(self) -> bool:
        """Whether it does not answer yet, or what it answered is still being given back."""
        return not self._answered.is_set()

    def connection(self) -> Connected:
        """What came of it, once it was answered. Raises CardHeld, PcscFailed, ReaderUnavailable."""
        if isinstance(self._result, Connected):
            return self._result
        raise self._result or PcscFailed("the thread that connects has ended")

    def give_up(self) -> None:
        """Want the connection no more: it is given back, now or once it comes."""
        with self._lock:
            self._wanted = False
            if self._result is not None:
                self._return(self._result)

    def _run(self) -> None:
        try:
            result = self._connect()
            with self._lock:
                self._result = result
                if not self._wanted:
                    self._return(result)
        finally:
            self._answered.set()

    def _connect(self) -> Connected | Exception:
        try:
            return Connected(self._context, *self._service.connect(self._context, self._reader))
        except (CardHeld, PcscFailed, ReaderUnavailable) as failure:
            self._service.release(self._context)
            return failure

    def _return(self, result: Connected | Exception) -> None:
        if isinstance(result, Connected):
            self._service.disconnect(result.card)
            self._service.release(result.context)
