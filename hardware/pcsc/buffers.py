"""Readers that carry no more than 261 bytes at once, as many do that know only short commands (ISO/IEC 7816-4, 5.1).

GM/T 0017 writes every length in the long form, and its certificates and device information are longer. For such a
reader a command is cut into a chain (ISO/IEC 7816-4, 5.3.3), and an answer is asked for in pieces that fit: the card
says that more follows (6A9E or 61xx), which `hardware.apdu` follows anyhow.

No reader is asked what it carries: not all tell, and some tell more than they carry. One is taken for such a reader
when a longer message failed in it than ever passed that way, and the card was not pulled: it is the same insertion that
is tried again, or it happened to two in a row. How long an answer was that did not come, nobody knows: where long ones
came, it is the same insertion alone.
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


_SHORT: Final = {_Way.COMMAND: LONGEST_COMMAND, _Way.ANSWER: LONGEST_ANSWER}


class _Failed(msgspec.Struct, frozen=True):
    """The last insertion in which a long message failed, in how many in a row, and how long the command was."""

    presence: TokenPresence
    insertions: int
    length: int


class ReaderBuffers:
    """What is known of each reader's buffer; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._carried: dict[tuple[str, _Way], int] = {}
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
        lengths = {_Way.COMMAND: len(command), _Way.ANSWER: len(answer)}
        long = [way for way in _Way if lengths[way] > _SHORT[way]]
        if not long:
            return
        with self._lock:
            for way in long:
                key = presence.reader, way
                self._carried[key] = max(self._carried.get(key, 0), lengths[way])
                failed = self._failed.get(key)
                if failed is not None and (way is _Way.ANSWER or failed.length <= lengths[way]):
                    del self._failed[key]

    def failed(self, presence: TokenPresence, command: bytes) -> bool:
        """Note that a command failed; whether it may be the reader's fault, told once for an insertion."""
        way = _way(command)
        if way is None:
            return False
        with self._lock:
            key = presence.reader, way
            before = self._failed.get(key)
            if before is not None and before.presence == presence:
                return False
            carried = self._carried.get(key, 0)
            if way is _Way.COMMAND and len(command) <= carried:
                return False
            # This answer may be longer than any that came: it is tried again, and says nothing of the next insertion.
            suspect = way is _Way.COMMAND or not carried
            insertions = 1 + (before.insertions if before is not None else 0) if suspect else 0
            self._failed[key] = _Failed(presence, insertions, len(command))
            return True
