"""Readers that carry no more than 261 bytes at once, as many do that know only short commands (ISO/IEC 7816-4, 5.1).

GM/T 0017 writes every length in the long form, and its certificates and device information are longer. For such a
reader a command is cut into a chain (ISO/IEC 7816-4, 5.3.3), and an answer is asked for in pieces that fit: the card
says that more follows (6A9E or 61xx), which `hardware.apdu` follows anyhow.

No reader is asked what it carries: not all tell, and some tell more than they carry. One is taken for such a reader
when a long message failed in it, nothing as long ever passed that way, and the card was not pulled: it is the same
insertion that is tried again, or it happened to two in a row.
"""

from __future__ import annotations

import enum
import threading
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from hardware.ports import TokenPresence

LONGEST_COMMAND: Final = 261
LONGEST_ANSWER: Final = 258
"""Short commands and answers at their longest: CLA INS P1 P2 Lc, 255 bytes, Le; 256 bytes, SW1 SW2."""

_CHAINING: Final = 0x10
_HEADER: Final = 4
_LONG_LE: Final = 2
_LONG_LC: Final = 3
_MOST_ANSWERED: Final = 0x100
_ROOM: Final = LONGEST_COMMAND - _HEADER - _LONG_LC - _LONG_LE


class _LongForm(msgspec.Struct, frozen=True):
    """A command whose lengths are in the long form; `expected` is Le, None where it has none."""

    header: bytes
    data: bytes
    expected: int | None

    @classmethod
    def read(cls, command: bytes) -> _LongForm | None:
        """Return what a command says; None where it is none in the long form."""
        header, body = command[:_HEADER], command[_HEADER:]
        if len(body) < _LONG_LC or body[0]:
            return None
        number, rest = int.from_bytes(body[1:_LONG_LC]), body[_LONG_LC:]
        if not rest:
            return cls(header, b"", number)
        data, le = rest[:number], rest[number:]
        if len(data) != number or len(le) not in (0, _LONG_LE):
            return None
        return cls(header, data, int.from_bytes(le) if le else None)

    @property
    def awaits_long(self) -> bool:
        """Whether an answer is awaited that may be longer than a short one."""
        return self.expected is not None and not 0 < self.expected <= _MOST_ANSWERED


def pieces(command: bytes) -> tuple[bytes, ...]:
    """Return what is sent for a command through a short buffer; all but the last must be answered with 9000."""
    whole = _LongForm.read(command)
    if whole is None or not is_long(command):
        return (command,)
    le = b""
    if whole.expected is not None:
        asked = _MOST_ANSWERED if whole.awaits_long else whole.expected
        le = (b"" if whole.data else b"\x00") + asked.to_bytes(_LONG_LE)
    if not whole.data:
        return (whole.header + le,)
    *before, last = (whole.data[at : at + _ROOM] for at in range(0, len(whole.data), _ROOM))
    chained = bytes((whole.header[0] | _CHAINING,)) + whole.header[1:]
    return (*(chained + _counted(piece) for piece in before), whole.header + _counted(last) + le)


def is_long(command: bytes) -> bool:
    """Whether a command, or an answer that it awaits, may be too long for a short buffer."""
    return _way(command) is not None


def _counted(data: bytes) -> bytes:
    return b"\x00" + len(data).to_bytes(2) + data


class _Way(enum.Enum):
    COMMAND = enum.auto()
    ANSWER = enum.auto()


def _way(command: bytes) -> _Way | None:
    """Which of the two is long: the command, or else the answer that it awaits."""
    if len(command) > LONGEST_COMMAND:
        return _Way.COMMAND
    whole = _LongForm.read(command)
    return _Way.ANSWER if whole is not None and whole.awaits_long else None


class _Failed(msgspec.Struct, frozen=True):
    """The last insertion in which a long message failed, and in how many in a row."""

    presence: TokenPresence
    insertions: int


class ReaderBuffers:
    """What is known of each reader's buffer; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._carried: set[tuple[str, _Way]] = set()
        self._failed: dict[tuple[str, _Way], _Failed] = {}

    def short(self, presence: TokenPresence) -> bool:
        """Whether to speak to that insertion in short pieces."""
        with self._lock:
            found = (self._failed.get((presence.reader, way)) for way in _Way)
            return any(
                each is not None and (each.presence == presence or each.insertions > 1) for each in found
            )

    def passed(self, presence: TokenPresence, command: bytes, answer: bytes) -> None:
        """Note that the reader carried a command and its answer."""
        ways = {
            way
            for way, long in (
                (_Way.COMMAND, len(command) > LONGEST_COMMAND),
                (_Way.ANSWER, len(answer) > LONGEST_ANSWER),
            )
            if long
        }
        if ways:
            with self._lock:
                for way in ways:
                    self._carried.add((presence.reader, way))
                    self._failed.pop((presence.reader, way), None)

    def failed(self, presence: TokenPresence, command: bytes) -> bool:
        """Note that a command failed; whether it may be the reader's fault, told once for an insertion."""
        way = _way(command)
        if way is None:
            return False
        with self._lock:
            key = presence.reader, way
            before = self._failed.get(key)
            if key in self._carried or (before is not None and before.presence == presence):
                return False
            self._failed[key] = _Failed(presence, 1 + (before.insertions if before is not None else 0))
            return True
