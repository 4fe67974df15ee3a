"""An exclusive connection to a card in one of PC/SC's readers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from hardware.pcsc.buffers import ReaderBuffers, pieces
from hardware.pcsc.calls import PcscFailed
from hardware.pcsc.library import Protocols
from hardware.ports import TokenRemoved

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.apdu import Channel
    from hardware.pcsc.calls import PcscCalls
    from hardware.ports import TokenPresence

_TAKEN: Final = b"\x90\x00"


class PcscChannel:
    """An exclusive connection to one card (`apdu.Channel`); after a first failure it is closed for good.

    `outgrown` is told when the failure may be a buffer that is too short (`hardware.pcsc.buffers`).
    """

    def __init__(
        self,
        service: PcscCalls,
        context: int,
        card: int,
        protocol: Protocols,
        presence: TokenPresence,
        buffers: ReaderBuffers,
        outgrown: Callable[[], None],
    ) -> None:
        self._service = service
        self._context = context
        self._card = card
        self._protocol = protocol
        self._buffers = buffers
        # With T=0 no message is long: see `hardware.pcsc.t0`.
        self._cut = protocol != Protocols.T0
        self._short = self._cut and buffers.short(presence)
        self._outgrown = outgrown
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
                return self._exchange(command)
            except PcscFailed as failure:
                self._give_up()
                reason = str(failure)
        if self._cut and not self._short and self._buffers.failed(self.presence, command):
            self._outgrown()
        raise TokenRemoved(f"the card gave no answer: {reason}")

    def close(self) -> None:
        """Reset the card and give the connection up."""
        with self._lock:
            self._give_up()

    def _exchange(self, command: bytes) -> bytes:
        """Send a command, in pieces where the reader's buffer is short. Raises PcscFailed."""
        answer = b""
        for piece in pieces(command) if self._short else (command,):
            answer = self._service.transmit(self._card, self._protocol, piece)
            self._buffers.passed(self.presence, piece, answer)
            if answer != _TAKEN:
                break
        return answer

    def _give_up(self) -> None:
        if self._open:
            self._open = False
            self._service.disconnect(self._card)
            self._service.release(self._context)


if TYPE_CHECKING:

    def _is_a_channel(channel: PcscChannel) -> Channel:
        return channel
