from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.token.gmt.token import GmtToken
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.source import VirtualTokenSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.apdu import Transport
    from hardware.virtual.gmt.card import GmtCard


class DirectChannel:
    """A channel straight to a transport, which notes what was sent."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.sent: list[bytes] = []
        self.closed = False

    @property
    def atr(self) -> bytes:
        return b"\x3b\x00"

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


@pytest.fixture
def scripted() -> type[ScriptedTransport]:
    return ScriptedTransport


@pytest.fixture
def direct() -> type[DirectChannel]:
    return DirectChannel


@pytest.fixture
def card(tmp_path: Path) -> GmtCard:
    return blank_key(tmp_path / "card.json", "E8AD652202221F03")


@pytest.fixture
def source() -> VirtualTokenSource:
    return VirtualTokenSource(("Left", "Right"))


@pytest.fixture
def opened() -> Callable[[Transport], GmtToken]:
    return lambda transport: GmtToken(DirectChannel(transport))
