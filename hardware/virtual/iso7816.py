"""What the cards in software have in common: commands and their chains as ISO/IEC 7816-4 lays them out.

The cards share no code with the drivers, so that each can be held against the other.
"""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

import msgspec

HEADER: Final = 4
"""CLA, INS, P1 and P2."""

_WRONG_LENGTH: Final = 0x6700
_ALL_SHORT: Final = 0x100
_ALL_EXTENDED: Final = 0x10000
_LONGEST_CHAIN: Final = 1 << 16


class Refusal(Exception):
    """The card answers this status word in place of executing the command."""

    def __init__(self, status_word: int) -> None:
        super().__init__(f"{status_word:04X}")
        self.status_word = status_word


def refuse(status_word: int) -> NoReturn:
    """Give up the command with a status word."""
    raise Refusal(status_word)


class Request(msgspec.Struct, frozen=True):
    """A command as the card read it; `chained` says that it goes on in the next one.

    `expected` is Le in bytes, None where the command has none; `extended` says how long an answer may be.
    """

    chained: bool
    instruction: int
    p1: int
    p2: int
    data: bytes = b""
    expected: int | None = None
    extended: bool = False

    @property
    def most(self) -> int:
        """The most data that one answer may carry: Le, or what the form of the command allows."""
        return self.expected or (_ALL_EXTENDED if self.extended else _ALL_SHORT)

    @property
    def wants_all(self) -> bool:
        """Whether Le leaves the length of the answer to the card."""
        return self.expected in (None, _ALL_SHORT, _ALL_EXTENDED)


class Body(NamedTuple):
    """What follows a command's header: the data, Le, and whether the lengths are extended ones."""

    data: bytes
    expected: int | None
    extended: bool


def read_command_body(rest: bytes) -> Body:
    """Read what follows the header, in the short or the extended form (ISO/IEC 7816-4, 5.3.2).

    Raises Refusal with 6700.
    """
    if not rest:
        return Body(b"", None, extended=False)
    if len(rest) == 1:
        return Body(b"", rest[0] or _ALL_SHORT, extended=False)
    if rest[0]:
        data, le = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        if len(data) != rest[0] or len(le) > 1:
            refuse(_WRONG_LENGTH)
        return Body(data, (le[0] or _ALL_SHORT) if le else None, extended=False)
    return _read_extended(rest[1:])


def _read_extended(rest: bytes) -> Body:
    if len(rest) < 2:  # noqa: PLR2004 - the two bytes of Lc or Le
        refuse(_WRONG_LENGTH)
    length, rest = int.from_bytes(rest[:2]), rest[2:]
    if not rest:
        return Body(b"", length or _ALL_EXTENDED, extended=True)
    data, le = rest[:length], rest[length:]
    if not length or len(data) != length or len(le) not in (0, 2):
        refuse(_WRONG_LENGTH)
    return Body(data, (int.from_bytes(le) or _ALL_EXTENDED) if le else None, extended=True)


class CommandChain:
    """The links of a command that comes in several (ISO/IEC 7816-4, 5.3.3).

    A link that belongs to another command is refused with `out_of_place`, a chain that grows too long with `too_long`.
    """

    def __init__(self, out_of_place: int, too_long: int) -> None:
        self._out_of_place = out_of_place
        self._too_long = too_long
        self._begun: Request | None = None

    def forget(self) -> None:
        """Drop the links that came."""
        self._begun = None

    def receive(self, link: Request) -> Request | None:
        """Return the whole command with its last link, None while more is to come. Raises Refusal."""
        begun, whole = self._begun, link
        if begun is not None:
            if (begun.instruction, begun.p1, begun.p2) != (link.instruction, link.p1, link.p2):
                refuse(self._out_of_place)
            if len(begun.data) + len(link.data) > _LONGEST_CHAIN:
                refuse(self._too_long)
            whole = msgspec.structs.replace(link, data=begun.data + link.data)
        self._begun = whole if whole.chained else None
        return None if whole.chained else whole


def answer_to_reset(historical: bytes) -> bytes:
    """Compose the ATR of a T=1 card with these historical bytes (ISO/IEC 7816-3, 8.2)."""
    interface = bytes((0x80 | len(historical), 0x01))
    check = 0
    for byte in interface + historical:
        check ^= byte
    return b"\x3b" + interface + historical + bytes((check,))
