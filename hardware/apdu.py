"""Commands and answers of smart cards, ISO/IEC 7816-4 in its two forms.

A command is CLA INS P1 P2, then Lc and the data where there is any, then Le. In the long form, which GM/T 0017
prescribes, Lc is 00 hi lo and Le two bytes after data, three (00 hi lo) without; in the short form, which every
card and reader takes, both are one byte. An answer is data and the status words SW1 SW2.

Nothing here puts a command's or an answer's data into a text or a log: they may hold a PIN's proof.
"""

from __future__ import annotations

import enum
from typing import Final, Protocol, assert_never

import msgspec

from hardware.ports import MalformedAnswer

SUCCESS: Final = 0x9000
MORE_FOLLOWS: Final = 0x6A9E
"""GM/T 0017: the answer goes on; send the same command again."""

LONGEST_LENGTH: Final = 0xFFFF
LONGEST_SHORT_LENGTH: Final = 0xFF
EVERYTHING: Final = 0x10000
"""Le 0000 (00 in the short form): as much as there is."""

_CHAINING: Final = 0x10
_GET_RESPONSE: Final = 0xC0
_HEADER: Final = 4
_STATUS: Final = 2
_MOST_ROUNDS: Final = 512
_MOST_STALLED: Final = 2
"""Answers in a row without data after which the next is not asked for: 61xx, then 6Cxx to its GET RESPONSE."""

_ABORTED: Final = range(0x64, 0x70)
"""SW1 of a command that was not executed; no data come with it (ISO/IEC 7816-4, 5.1.3)."""

_MOST_DATA: Final = 1 << 18
_MOST_SHORT_ANSWER: Final = 0x100


class Form(enum.Enum):
    """How lengths are written (ISO/IEC 7816-4, 5.2)."""

    LONG = "long"
    SHORT = "short"

    @property
    def longest_data(self) -> int:
        """The most data, in bytes, that one command can carry."""
        return LONGEST_LENGTH if self is Form.LONG else LONGEST_SHORT_LENGTH


class Transport(Protocol):
    """Carries one command to a card and brings its answer."""

    def transmit(self, command: bytes) -> bytes:
        """Send the command's bytes and return the answer's. Raises TokenRemoved."""
        ...


class Channel(Transport, Protocol):
    """An exclusive connection to one card in one reader."""

    @property
    def atr(self) -> bytes:
        """What the card said when it was switched on (ISO/IEC 7816-3, 8)."""
        ...

    def close(self) -> None:
        """Reset the card and give the connection up; never raises TokenError."""
        ...


class Command(msgspec.Struct, frozen=True):
    """One command; `expected` is Le in bytes, None where no data is awaited.

    EVERYTHING asks for all there is; so does, in the short form, whatever one byte cannot say. `once` marks what
    changes the card or proves a secret: it is never sent again, whatever the card answers.
    """

    instruction: int
    p1: int = 0
    p2: int = 0
    data: bytes = b""
    expected: int | None = None
    cla: int = 0x80
    form: Form = Form.LONG
    once: bool = False

    def __repr__(self) -> str:
        """Name the command without its data, which may prove a PIN."""
        return f"Command({self.cla:02X} {self.instruction:02X} {self.p1:02X} {self.p2:02X}, {len(self.data)} bytes)"

    def __rich_repr__(self) -> list[tuple[str, str | int]]:
        """Show no more in a formatted traceback."""
        return [("instruction", f"{self.instruction:02X}"), ("length", len(self.data))]

    def encode(self) -> bytes:
        """Return the command's bytes. Raises ValueError for data longer than a length of its form can say."""
        if len(self.data) > self.form.longest_data:
            raise ValueError(
                f"the data of a {self.form.value} command has at most {self.form.longest_data} bytes"
            )
        header = bytes((self.cla, self.instruction, self.p1, self.p2))
        match self.form:
            case Form.LONG:
                return header + self._long_body()
            case Form.SHORT:
                return header + self._short_body()
        assert_never(self.form)

    def _long_body(self) -> bytes:
        body = b"\x00" + len(self.data).to_bytes(2) + self.data if self.data else b""
        if self.expected is not None:
            body += (b"" if self.data else b"\x00") + (self.expected & LONGEST_LENGTH).to_bytes(2)
        return body

    def _short_body(self) -> bytes:
        body = bytes((len(self.data),)) + self.data if self.data else b""
        if self.expected is not None:
            body += bytes((min(self.expected, _MOST_SHORT_ANSWER) & LONGEST_SHORT_LENGTH,))
        return body


class Response(msgspec.Struct, frozen=True):
    """One answer: its data and its status word, e.g. 0x9000."""

    data: bytes
    status_word: int

    def __repr__(self) -> str:
        """Tell the status word and how much data came."""
        return f"Response({self.status_word:04X}, {len(self.data)} bytes)"

    def __rich_repr__(self) -> list[tuple[str, str | int]]:
        """Show no more in a formatted traceback."""
        return [("status_word", f"{self.status_word:04X}"), ("length", len(self.data))]

    @classmethod
    def parse(cls, answer: bytes) -> Response:
        """Read an answer's bytes. Raises MalformedAnswer where the status word is cut off."""
        if len(answer) < _STATUS:
            raise MalformedAnswer(f"an answer of {len(answer)} bytes has no status word")
        return cls(bytes(answer[:-_STATUS]), int.from_bytes(answer[-_STATUS:]))


def links(command: Command, longest: int) -> tuple[Command, ...]:
    """Cut a command into a chain whose links carry at most `longest` bytes (ISO/IEC 7816-4, 5.3.3).

    All links but the last have the chaining bit in CLA and await no data.
    """
    pieces = [command.data[at : at + longest] for at in range(0, len(command.data), longest)] or [b""]
    chained = msgspec.structs.replace(command, cla=command.cla | _CHAINING, expected=None)
    return (
        *(msgspec.structs.replace(chained, data=piece) for piece in pieces[:-1]),
        msgspec.structs.replace(command, data=pieces[-1]),
    )


def exchange(transport: Transport, command: Command, *, longest: int = LONGEST_LENGTH) -> Response:
    """Send a command, in a chain where its data is longer than `longest`, and gather the whole answer.

    A chain's links never carry more than the command's form can say. 61xx is followed by GET RESPONSE, 6Cxx by
    the same command with that Le, 6A9E (GM/T 0017, long form only) by the same command again. The last two only
    where the command awaits data and is not marked `once`, so that nothing that changes the card or counts a PIN
    try is ever sent twice. An answer that goes on without bringing anything, or names a second right Le, does not
    end. One that brings data and says that nothing was done is malformed: cut off, its last bytes can say anything.
    Raises TokenRemoved and MalformedAnswer.
    """
    *before, last = links(command, min(longest, command.form.longest_data))
    for link in before:
        answer = Response.parse(transport.transmit(link.encode()))
        if answer.status_word != SUCCESS:
            return answer
    gathered = bytearray()
    stalled = 0
    for _ in range(_MOST_ROUNDS):
        answer = Response.parse(transport.transmit(last.encode()))
        gathered += answer.data
        stalled = 0 if answer.data else stalled + 1
        following = _following(last, command, answer.status_word)
        if following is None:
            if answer.data and _nothing_was_done(answer.status_word):
                raise MalformedAnswer(f"{len(answer.data)} bytes of data come with {answer.status_word:04X}")
            return Response(bytes(gathered), answer.status_word)
        if len(gathered) > _MOST_DATA or stalled > _MOST_STALLED:
            break
        last = following
    raise MalformedAnswer("the card's answer does not end")


def _nothing_was_done(status_word: int) -> bool:
    return status_word >> 8 in _ABORTED and status_word != MORE_FOLLOWS


def _following(sent: Command, asked: Command, status_word: int) -> Command | None:
    """Return the command that brings the rest of an answer, or None at its end."""
    high, low = divmod(status_word, 0x100)
    length = low or 0x100
    if high == 0x61:  # noqa: PLR2004 - ISO/IEC 7816-4, 5.1.3: SW2 bytes are still there
        return Command(_GET_RESPONSE, expected=length, cla=0, form=asked.form)
    if asked.expected is None or (asked.once and sent.instruction != _GET_RESPONSE):
        return None
    if high == 0x6C:  # noqa: PLR2004 - ISO/IEC 7816-4, 5.1.3: wrong Le, SW2 is the right one
        return msgspec.structs.replace(sent, expected=length)
    if status_word == MORE_FOLLOWS and asked.form is Form.LONG:
        return asked
    return None
