"""The calls of PC/SC that the readers need, over libpcsclite, which is loaded when first needed.

What happens to a command is not told apart by its code: a card pulled in the middle of one has been seen to fail
with a code that says success. Whether a card was connected to is told by the code alone: one that another program
shares is refused with a protocol all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from hardware.pcsc.library import Code, Disposition, Protocols, Share, StateBits, SystemLibrary
from hardware.pcsc.names import labelled
from hardware.pcsc.t0 import units
from hardware.ports import ReaderTrouble, ReaderUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hardware.pcsc.library import Found, PcscLibrary

_NOTIFICATION: Final = b"\\\\?PnP?\\Notification"
"""The name under which PC/SC reports that readers come and go."""

WAIT: Final = 2000
"""Milliseconds after which a wait for changes is begun anew, should its cancellation have been missed."""

_TAKEN: Final = b"\x90\x00"

EVENT_BITS: Final = 16
"""The bits of a reader's state below pcscd's count of insertions and removals."""


class PcscFailed(Exception):
    """A PC/SC call failed, with whatever code."""


class CardHeld(Exception):
    """Another program is connected to the card, in whatever way."""


class ReaderState(msgspec.Struct, frozen=True):
    """One reader at one moment: how it is called here, its own name, and its card's answer to reset.

    `state` is PC/SC's word, with the count of events in its upper half; None where PC/SC lists the reader and tells
    nothing of it.
    """

    reader: str
    name: bytes
    state: int | None
    atr: bytes

    @property
    def word(self) -> int:
        """The state, 0 where there is none."""
        return self.state or 0

    @property
    def present(self) -> bool:
        """Whether a card is in."""
        return bool(self.word & StateBits.PRESENT)

    @property
    def connected(self) -> bool:
        """Whether any program is connected to the card."""
        return bool(self.word & (StateBits.EXCLUSIVE | StateBits.IN_USE))

    @property
    def events(self) -> int:
        """How often a card was put into this reader or taken out, since the service began."""
        return self.word >> EVENT_BITS & 0xFFFF


class PcscCalls:
    """The calls of PC/SC that are needed; each raises PcscFailed. Raises ReaderUnavailable without libpcsclite."""

    def __init__(self, library: PcscLibrary | None = None) -> None:
        self._library = library or SystemLibrary()

    def establish(self) -> int:
        """Return a new context. Raises ReaderUnavailable where no service runs."""
        code, context = self._library.establish()
        if code != Code.SUCCESS:
            failure = f"SCardEstablishContext: {code:08X}"
            raise ReaderUnavailable(
                f"no smart card service answers (is pcscd running?): {failure}",
                ReaderTrouble.SERVICE,
                failure,
            )
        return context

    def release(self, context: int) -> None:
        """Give a context back; where its service is gone there is nothing to give back."""
        self._library.release(context)

    def cancel(self, context: int) -> None:
        """End the wait that another thread is in, if any."""
        self._library.cancel(context)

    def states(self, context: int) -> tuple[ReaderState, ...]:
        """Return every reader's state now; one of which PC/SC tells nothing takes no other along."""
        code, listed = self._library.list_readers(context)
        _require("SCardListReaders", code, Code.NO_READERS_AVAILABLE)
        names = tuple(dict.fromkeys(listed))
        if not names:
            return ()
        code, found = self._told(context, *names)
        if code != Code.SUCCESS:
            alone = [self._told(context, name) for name in names]
            if all(each != Code.SUCCESS for each, _ in alone):
                _require("SCardGetStatusChange", code)
            found = tuple(each for _, told in alone for each in told)
        states = {each.reader: each for each in found}
        return tuple(
            ReaderState(label, name, states[name].state, states[name].atr)
            if name in states
            else ReaderState(label, name, None, b"")
            for label, name in labelled(names).items()
        )

    def _told(self, context: int, *readers: bytes) -> tuple[int, tuple[Found, ...]]:
        """Ask for readers' states now: the code, and the states where it says success."""
        code, found = self._library.status_change(context, 0, [(name, StateBits.UNAWARE) for name in readers])
        return code, found if code == Code.SUCCESS else ()

    def wait(self, context: int, known: Sequence[ReaderState], timeout: int = WAIT) -> None:
        """Return when a reader or a card comes or goes, or after `timeout` milliseconds."""
        awaited = [(each.name, each.state & ~StateBits.CHANGED) for each in known if each.state is not None]
        code, _ = self._library.status_change(context, timeout, [*awaited, (_NOTIFICATION, 0)])
        _require("SCardGetStatusChange", code, Code.TIMEOUT, Code.CANCELLED)

    def connect(self, context: int, reader: bytes) -> tuple[int, Protocols]:
        """Return an exclusive connection and its protocol. Raises CardHeld; ReaderUnavailable where polkit forbids it."""
        code, card, protocol = self._library.connect(
            context, reader, Share.EXCLUSIVE, Protocols.T0 | Protocols.T1
        )
        if code == Code.SHARING_VIOLATION:
            raise CardHeld
        if code == Code.SECURITY_VIOLATION:
            raise ReaderUnavailable(
                "pcscd does not let this user reach the card (polkit: access_card)", ReaderTrouble.FORBIDDEN
            )
        _require("SCardConnect", code)
        return card, protocol

    def transmit(self, card: int, protocol: Protocols, command: bytes) -> bytes:
        """Send a command and return its answer; no answer at all counts as failed.

        What T=0 sends in pieces ends at the first that is not answered with 9000.
        """
        pieces = units(command) if protocol == Protocols.T0 else (command,)
        answer = b""
        for piece in pieces:
            code, answer = self._library.transmit(card, protocol, piece)
            _require("SCardTransmit", code)
            if not answer:
                raise PcscFailed("SCardTransmit brought nothing")
            if answer != _TAKEN:
                break
        return answer

    def reset(self, context: int, reader: bytes) -> None:
        """Reset whatever card is in that reader, though the service take it for empty; none may be, or it may be held."""
        code, card, _ = self._library.connect(context, reader, Share.DIRECT, Protocols.NONE)
        if code == Code.SUCCESS:
            self.disconnect(card)

    def disconnect(self, card: int) -> None:
        """Reset the card and give the connection up; a card that is gone needs neither."""
        self._library.disconnect(card, Disposition.RESET)


def _require(function: str, code: int, *allowed: Code) -> None:
    """Let pass a code that says success or is one of `allowed`. Raises PcscFailed."""
    if code not in (Code.SUCCESS, *allowed):
        raise PcscFailed(f"{function}: {code:08X}")
