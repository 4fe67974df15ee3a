"""The calls of PC/SC that the readers need; the only importer of pyscard, which it imports when first needed.

Failures are not told apart by their codes: a card pulled in the middle of a command has been seen to fail
with a code that says success.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hardware.pcsc.t0 import units
from hardware.ports import ReaderUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOTIFICATION: Final = "\\\\?PnP?\\Notification"
"""The name under which PC/SC reports that readers come and go."""

_WAIT: Final = 2000
"""Milliseconds after which a wait for changes is begun anew, should its cancellation have been missed."""

_TAKEN: Final = b"\x90\x00"

EVENT_BITS: Final = 16
"""The bits of a reader's state below pcscd's count of insertions and removals."""


class PcscFailed(Exception):
    """A PC/SC call failed, with whatever code."""


class ReaderState(msgspec.Struct, frozen=True):
    """One reader at one moment; `state` is PC/SC's word, with the count of events in its upper half."""

    reader: str
    present: bool
    state: int
    atr: bytes

    @property
    def events(self) -> int:
        """How often a card was put into this reader or taken out, since the service began."""
        return self.state >> EVENT_BITS & 0xFFFF


class PcscCalls:
    """The calls of PC/SC that are needed; each raises PcscFailed. Raises ReaderUnavailable without pyscard."""

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
        except PcscFailed as failure:
            raise ReaderUnavailable(f"no smart card service answers (is pcscd running?): {failure}") from None

    def release(self, context: Any) -> None:
        """Give a context back; where its service is gone there is nothing to give back."""
        with contextlib.suppress(PcscFailed):
            self._call("SCardReleaseContext", context)

    def cancel(self, context: Any) -> None:
        """End the wait that another thread is in, if any."""
        with contextlib.suppress(PcscFailed):
            self._call("SCardCancel", context)

    def states(self, context: Any) -> tuple[ReaderState, ...]:
        """Return every reader's state now."""
        (readers,) = self._call(
            "SCardListReaders", context, [], allowed=(self._scard.SCARD_E_NO_READERS_AVAILABLE,)
        )
        if not readers:
            return ()
        (found,) = self._call("SCardGetStatusChange", context, 0, [(name, 0) for name in readers])
        return tuple(
            ReaderState(name, bool(state & self._scard.SCARD_STATE_PRESENT), state, bytes(atr))
            for name, state, atr in found
        )

    def wait(self, context: Any, known: Sequence[ReaderState]) -> None:
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
        """Send a command and return its answer; no answer at all counts as failed.

        What T=0 sends in pieces ends at the first that is not answered with 9000.
        """
        pieces = units(command) if protocol == self._scard.SCARD_PCI_T0 else (command,)
        for piece in pieces:
            (answer,) = self._call("SCardTransmit", card, protocol, list(piece))
            if not answer:
                raise PcscFailed("SCardTransmit brought nothing")
            if bytes(answer) != _TAKEN:
                break
        return bytes(answer)

    def disconnect(self, card: Any) -> None:
        """Reset the card and give the connection up; a card that is gone needs neither."""
        with contextlib.suppress(PcscFailed):
            self._call("SCardDisconnect", card, self._scard.SCARD_RESET_CARD)

    def _call(self, name: str, *arguments: Any, allowed: tuple[int, ...] = ()) -> tuple[Any, ...]:
        """Call PC/SC and return what came besides the code, which must be success or one of `allowed`."""
        try:
            hresult, *result = getattr(self._scard, name)(*arguments)
        except Exception as failure:
            # pyscard's extension raises its own error, or SystemError where it forgot to set one.
            raise PcscFailed(f"{name}: {type(failure).__name__}") from failure
        codes = {code & 0xFFFFFFFF for code in (self._scard.SCARD_S_SUCCESS, *allowed)}
        if hresult & 0xFFFFFFFF not in codes:
            raise PcscFailed(f"{name}: {hresult & 0xFFFFFFFF:08X}")
        return tuple(result)
