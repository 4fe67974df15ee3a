"""A virtual card in a real PC/SC reader: the client side of Debian's vsmartcard-vpcd.

vpcd listens on TCP (35963 for its first slot, 35964 for the second). Each message is a length of two bytes,
big-endian, then the payload. One byte from vpcd is a control: 0 off, 1 on, 2 reset, 4 send the ATR; anything
else is a command, whose answer is sent back. A card that hangs up was pulled out.
"""

from __future__ import annotations

import enum
import select
import socket
from typing import TYPE_CHECKING, Final

from hardware.virtual.card import CardPulled, VirtualCard
from hardware.virtual.files import KeyProfile, open_or_make

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

HOST: Final = "127.0.0.1"
PORT: Final = 35963

_LENGTH: Final = 2
_POLL: Final = 0.2
"""Seconds between looks at the stop."""
_RETRY: Final = 0.5
"""Seconds between attempts to reach vpcd."""


class _Control(enum.IntEnum):
    OFF = 0
    ON = 1
    RESET = 2
    ATR = 4


class _HungUp(Exception):
    """vpcd closed the connection: the service stopped or restarts."""


def serve(
    card: VirtualCard,
    host: str,
    port: int,
    stop: threading.Event,
    reached: Callable[[bool], None] | None = None,
) -> None:
    """Keep a card in a reader until `stop` is set, or until the card is pulled (CardPulled by a fault).

    Where vpcd is not there, or goes away, it is tried again every half second. `reached` is told whether it
    is there, whenever that changes.
    """
    tell = _Changes(reached)
    while not stop.is_set():
        try:
            with socket.create_connection((host, port), timeout=_RETRY) as connection:
                connection.settimeout(None)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                tell.now(there=True)
                _serve_connection(card, connection, stop)
        except (OSError, _HungUp):
            tell.now(there=False)
            stop.wait(_RETRY)
        except CardPulled:
            return


def serve_key_file(
    path: Path,
    serial: str,
    host: str,
    port: int,
    stop: threading.Event,
    reached: Callable[[bool], None] | None = None,
    *,
    profile: KeyProfile | None = None,
) -> None:
    """Serve the key of a card file, made blank with that serial number where there is no file yet.

    Without a profile it is the kind that the file holds, and a new one is a GM/T key. Raises OtherProfile where
    the file holds another kind, CardFileUnreadable where it is not a card's, OSError where it cannot be made.
    """
    serve(open_or_make(path, serial, profile), host, port, stop, reached)


class _Changes:
    """Tells a callback a truth when it differs from what it told last."""

    def __init__(self, callback: Callable[[bool], None] | None) -> None:
        self._callback = callback
        self._told: bool | None = None

    def now(self, *, there: bool) -> None:
        if self._callback is not None and there is not self._told:
            self._told = there
            self._callback(there)


def _serve_connection(card: VirtualCard, connection: socket.socket, stop: threading.Event) -> None:
    while (payload := _receive(connection, stop)) is not None:
        answer = _answer(card, payload)
        if answer is not None:
            connection.sendall(len(answer).to_bytes(_LENGTH) + answer)


def _answer(card: VirtualCard, payload: bytes) -> bytes | None:
    """Do what vpcd asks; None where it awaits no answer. Raises CardPulled."""
    if len(payload) != 1:
        return card.transmit(payload)
    if payload[0] == _Control.ATR:
        return card.atr
    if payload[0] in (_Control.ON, _Control.RESET):
        card.power_on()
    return None


def _receive(connection: socket.socket, stop: threading.Event) -> bytes | None:
    """Return the next message, or None once `stop` is set. Raises _HungUp, OSError."""
    head = _receive_exactly(connection, _LENGTH, stop)
    return None if head is None else _receive_exactly(connection, int.from_bytes(head), stop)


def _receive_exactly(connection: socket.socket, count: int, stop: threading.Event) -> bytes | None:
    received = b""
    while len(received) < count:
        while not select.select((connection,), (), (), _POLL)[0]:
            if stop.is_set():
                return None
        # Linux forgets this option; without it vpcd's two small writes wait 40 ms for an acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        piece = connection.recv(count - len(received))
        if not piece:
            raise _HungUp
        received += piece
    return received
