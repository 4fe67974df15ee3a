"""Channels and transports that tests look into."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardware.apdu import Transport


class DirectChannel:
    """A channel straight to a transport, which notes what was sent."""

    atr = b"\x3b\x00"

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.sent: list[bytes] = []
        self.closed = False

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command)
        return self.transport.transmit(command)

    def close(self) -> None:
        self.closed = True


class ScriptedTransport:
    """Answers from a list, in order."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.sent: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command)
        return self.answers.pop(0)
