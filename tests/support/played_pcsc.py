"""PC/SC that is played: what libpcsclite would say of readers and cards."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hardware.pcsc.calls import EVENT_BITS
from hardware.pcsc.library import Code, Found, Protocols, Share, StateBits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hardware.pcsc.library import PcscLibrary

UNKNOWN_READER = 0x80100009


class Service:
    """libpcsclite's functions (`PcscLibrary`), over readers that can be unplugged; their cards stay in them.

    `codes` are what connecting answers, each once; `mute` are readers of which the service tells nothing. Connecting
    waits until `over` is set, the end of another program's transaction; `begins` happens just before.
    """

    ATR = b"\x3b\x00"
    UNKNOWN = b"\x6d\x00"

    def __init__(self) -> None:
        self.readers = [b"Reader"]
        self.mute: set[bytes] = set()
        self.moved = threading.Condition()
        self.contexts = 0
        self.sent: list[tuple[Protocols, bytes]] = []
        self.answers: list[bytes] = []
        self.cards = 0
        self.protocol = Protocols.T1
        self.unplugged_by_connecting = False
        self.codes: list[int] = []
        self.connected_by: StateBits = StateBits.UNAWARE
        self.waits: list[int] = []
        self.reached: list[bytes] = []
        self.over = threading.Event()
        self.over.set()
        self.begins: Callable[[], None] = lambda: None

    def plug(self, *readers: bytes) -> None:
        with self.moved:
            self.readers = list(readers)
            self.moved.notify_all()

    def establish(self) -> tuple[int, int]:
        self.contexts += 1
        return Code.SUCCESS, 1

    def release(self, _: int) -> int:
        self.contexts -= 1
        return Code.SUCCESS

    def connect(self, _: int, reader: bytes, share: Share, __: Protocols) -> tuple[int, int, Protocols]:
        assert share is Share.EXCLUSIVE
        self.reached.append(reader)
        self.begins()
        self.over.wait()
        if self.codes:
            return self.codes.pop(0), 0, self.protocol
        self.cards += 1
        if self.unplugged_by_connecting:
            self.plug()
        return Code.SUCCESS, 7, self.protocol

    def disconnect(self, _: int, __: int) -> int:
        self.cards -= 1
        return Code.SUCCESS

    def transmit(self, _: int, protocol: Protocols, command: bytes) -> tuple[int, bytes]:
        self.sent.append((protocol, command))
        return Code.SUCCESS, self.answers.pop(0) if self.answers else self.UNKNOWN

    def cancel(self, _: int) -> int:
        self.plug(*self.readers)
        return Code.SUCCESS

    def list_readers(self, _: int) -> tuple[int, tuple[bytes, ...]]:
        return Code.SUCCESS if self.readers else Code.NO_READERS_AVAILABLE, tuple(self.readers)

    def status_change(
        self, _: int, timeout: int, known: Sequence[tuple[bytes, int]]
    ) -> tuple[int, tuple[Found, ...]]:
        if timeout:
            with self.moved:
                self.waits.append(timeout)
                self.moved.wait(timeout / 1000)
            return Code.TIMEOUT, ()
        if any(reader in self.mute for reader, _ in known):
            return UNKNOWN_READER, ()
        state = 1 << EVENT_BITS | StateBits.PRESENT | self.connected_by
        return Code.SUCCESS, tuple(Found(reader, state, self.ATR) for reader, _ in known)


if TYPE_CHECKING:

    def _is_a_library(service: Service) -> PcscLibrary:
        return service
