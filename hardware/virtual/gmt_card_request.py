"""How the virtual GM/T card reads commands: by itself, sharing only the layout table with the driver."""

from __future__ import annotations

from typing import NoReturn

import msgspec

from hardware.token.gmt_layout import LAYOUTS, Instruction, StatusWord

_HEADER = 4
_GET_RESPONSE = bytes((0x00, 0xC0, 0x00, 0x00))


class Refusal(Exception):
    """The card answers this status word in place of executing the command."""

    def __init__(self, status_word: int) -> None:
        super().__init__(f"{status_word:04X}")
        self.status_word = status_word


class Request(msgspec.Struct, frozen=True):
    """A command as the card read it; `chained` says that it goes on in the next one."""

    chained: bool
    instruction: Instruction
    p1: int
    p2: int
    data: bytes
    expected: int | None


def refuse(status_word: StatusWord) -> NoReturn:
    """Give up the command with a status word."""
    raise Refusal(status_word)


def read_get_response(command: bytes) -> int | None:
    """Return Le of a GET RESPONSE in the long form (ISO/IEC 7816-4, 11.7.1), None for another command."""
    if command[:_HEADER] != _GET_RESPONSE or len(command) != _HEADER + 3:
        return None
    return int.from_bytes(command[_HEADER:]) or 0x10000


def read_request(command: bytes) -> Request:
    """Read a command's bytes (GM/T 0017: Lc three bytes, Le two after data and three without).

    Raises Refusal with 6700, 6E00 or 6D00.
    """
    if len(command) < _HEADER:
        refuse(StatusWord.WRONG_LENGTH)
    cla, code, p1, p2 = command[:_HEADER]
    if cla not in (0x80, 0x90):
        refuse(StatusWord.UNKNOWN_CLASS)
    if code not in LAYOUTS:
        refuse(StatusWord.UNKNOWN_INSTRUCTION)
    data, expected = _data_and_expected(command[_HEADER:])
    return Request(cla == 0x90, Instruction(code), p1, p2, data, expected)  # noqa: PLR2004 - chaining CLA


def _data_and_expected(rest: bytes) -> tuple[bytes, int | None]:
    if not rest:
        return b"", None
    if rest[0] != 0 or len(rest) < 3:  # noqa: PLR2004 - the three bytes of Lc or of Le
        refuse(StatusWord.WRONG_LENGTH)
    length = rest[1] << 8 | rest[2]
    if len(rest) == 3:  # noqa: PLR2004 - Le alone
        return b"", length or 0x10000
    data, le = rest[3 : 3 + length], rest[3 + length :]
    if len(data) != length or len(le) not in (0, 2) or not data:
        refuse(StatusWord.WRONG_LENGTH)
    return data, ((le[0] << 8 | le[1]) or 0x10000) if le else None


def read_body(request: Request) -> dict[str, bytes]:
    """Cut a request's data into the fields of its row. Raises Refusal with 6700."""
    rest = request.data
    values: dict[str, bytes] = {}
    for field in LAYOUTS[request.instruction].body:
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
