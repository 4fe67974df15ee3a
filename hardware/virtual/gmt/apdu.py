"""How the virtual GM/T card reads commands: by itself, sharing only the layout table with the driver."""

from __future__ import annotations

import enum
from typing import Final, assert_never

import msgspec

from hardware.token.gmt.commands import LAYOUTS, Instruction, StatusWord
from hardware.virtual.iso7816 import HEADER, Request, read_command_body, refuse

_CLASS: Final = 0x80
_CHAINING_CLASS: Final = 0x90
_EXTENDED: Final = 3
"""The bytes of an extended Lc or of an extended Le without data."""
_GET_RESPONSE = bytes((0x00, 0xC0, 0x00, 0x00))


def read_get_response(command: bytes) -> int | None:
    """Return Le of a GET RESPONSE in the long form (ISO/IEC 7816-4, 11.7.1), None for another command."""
    if command[:HEADER] != _GET_RESPONSE or len(command) != HEADER + 3:
        return None
    return int.from_bytes(command[HEADER:]) or 0x10000


def read_request(command: bytes) -> Request:
    """Read a command's bytes (GM/T 0017: Lc three bytes, Le two after data and three without).

    Raises Refusal with 6700, 6E00 or 6D00.
    """
    if len(command) < HEADER:
        refuse(StatusWord.WRONG_LENGTH)
    cla, code, p1, p2 = command[:HEADER]
    if cla not in (_CLASS, _CHAINING_CLASS):
        refuse(StatusWord.UNKNOWN_CLASS)
    if code not in LAYOUTS:
        refuse(StatusWord.UNKNOWN_INSTRUCTION)
    rest = command[HEADER:]
    if rest and (rest[0] or len(rest) < _EXTENDED):
        refuse(StatusWord.WRONG_LENGTH)
    return Request(cla == _CHAINING_CLASS, code, p1, p2, *read_command_body(rest))


def read_body(request: Request) -> dict[str, bytes]:
    """Cut a request's data into the fields of its row. Raises Refusal with 6700."""
    rest = request.data
    values: dict[str, bytes] = {}
    for field in LAYOUTS[Instruction(request.instruction)].body:
        if isinstance(field.length, str):
            length = int.from_bytes(values[field.length])
        else:
            length = len(rest) if field.length is None else field.length
        if length > len(rest):
            refuse(StatusWord.WRONG_LENGTH)
        values[field.name], rest = rest[:length], rest[length:]
    if rest:
        refuse(StatusWord.WRONG_LENGTH)
    return values


_STILL_THERE: Final = 0x6100
_RIGHT_LENGTH: Final = 0x6C00
_LOW: Final = 0xFF
_MOST_TOLD: Final = 0x100
"""The most bytes that 61xx and 6Cxx can tell, by 00."""

PAGE: Final = 768


class Chaining(enum.StrEnum):
    """What the card answers where more is to come than it may send."""

    SAME_AGAIN = "same-again"
    """6A9E: the same command brings the next piece (GM/T 0017)."""
    GET_RESPONSE = "get-response"
    """61xx: GET RESPONSE brings it (ISO/IEC 7816-4, 5.3.4)."""
    EXACT_LENGTH = "exact-length"
    """6Cxx where Le is more than there is: the command is wanted again with that Le; the rest follows by 61xx."""


class _Pending(msgspec.Struct, frozen=True):
    """An answer of which `rest` is still to come, with the command as joined and its last link as received."""

    whole: Request
    link: Request
    rest: bytes


class Answers:
    """Cuts answers into pieces of at most `page` bytes, and never more than Le."""

    def __init__(self, chaining: Chaining, page: int) -> None:
        self._chaining = chaining
        self._page = min(page, _MOST_TOLD) if chaining is Chaining.EXACT_LENGTH else page
        self._pending: _Pending | None = None

    def forget(self) -> None:
        """Drop what is still to come."""
        self._pending = None

    def repeats(self, request: Request) -> bool:
        """Whether a command asks for the rest of the answer to itself; Le may differ."""
        pending = self._pending
        if pending is None or self._chaining is Chaining.GET_RESPONSE:
            return False
        return _without_length(request) in map(_without_length, (pending.whole, pending.link))

    def begin(self, whole: Request, link: Request, data: bytes) -> bytes:
        """Answer a command with the first piece of its data, or all of it."""
        self._pending = _Pending(whole, link, data)
        return self.repeat(link.expected)

    def repeat(self, expected: int | None) -> bytes:
        """Answer the command that was sent again, by 6Cxx where that style finds Le too long."""
        length = self._length(expected)
        if self._chaining is Chaining.EXACT_LENGTH and expected is not None and expected != length:
            return (_RIGHT_LENGTH | length & _LOW).to_bytes(2)
        return self._piece(length)

    def get_response(self, expected: int) -> bytes:
        """Answer GET RESPONSE. Raises Refusal with 6985 where nothing is still to come."""
        if self._pending is None or self._chaining is Chaining.SAME_AGAIN:
            refuse(StatusWord.NOT_ALLOWED_NOW)
        return self._piece(self._length(expected))

    def _length(self, expected: int | None) -> int:
        rest = b"" if self._pending is None else self._pending.rest
        return min(len(rest), self._page, self._page if expected is None else expected)

    def _piece(self, length: int) -> bytes:
        pending, self._pending = self._pending, None
        if pending is None:
            return StatusWord.SUCCESS.to_bytes(2)
        piece, rest = pending.rest[:length], pending.rest[length:]
        if not rest:
            return piece + StatusWord.SUCCESS.to_bytes(2)
        self._pending = msgspec.structs.replace(pending, rest=rest)
        return piece + self._more(len(rest)).to_bytes(2)

    def _more(self, left: int) -> int:
        match self._chaining:
            case Chaining.SAME_AGAIN:
                return StatusWord.MORE_FOLLOWS
            case Chaining.GET_RESPONSE | Chaining.EXACT_LENGTH:
                return _STILL_THERE | min(left, _MOST_TOLD, self._page) & _LOW
        assert_never(self._chaining)


def _without_length(request: Request) -> Request:
    return msgspec.structs.replace(request, expected=None)
