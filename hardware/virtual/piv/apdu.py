"""How the virtual PIV card reads commands (ISO/IEC 7816-4, 5.3).

The card shares no code with the driver, so that each can be held against the other.
"""

from __future__ import annotations

import enum
from typing import Final, NoReturn

import msgspec

_HEADER: Final = 4
_SECURE_MESSAGING: Final = 0x0C
_CHANNEL: Final = 0x03
_CHAINED: Final = 0x10
_ALL_SHORT: Final = 0x100
_ALL_EXTENDED: Final = 0x10000


class Instruction(enum.IntEnum):
    """The instruction bytes of SP 800-73-4 part 2, table 2."""

    VERIFY = 0x20
    CHANGE_REFERENCE_DATA = 0x24
    RESET_RETRY_COUNTER = 0x2C
    GENERATE_ASYMMETRIC_KEY_PAIR = 0x47
    GENERAL_AUTHENTICATE = 0x87
    SELECT = 0xA4
    GET_RESPONSE = 0xC0
    GET_DATA = 0xCB
    PUT_DATA = 0xDB


class StatusWord(enum.IntEnum):
    """What the card answers (SP 800-73-4 part 2, 2.3 and 3; ISO/IEC 7816-4, 5.6)."""

    SUCCESS = 0x9000
    MORE_FOLLOWS = 0x6100  # SW2 says how many bytes, 00 for 256 and more
    PIN_TRIES = 0x63C0  # the last digit counts the tries left
    MEMORY = 0x6581
    WRONG_LENGTH = 0x6700
    NO_SUCH_CHANNEL = 0x6881
    NO_SECURE_MESSAGING = 0x6882
    LAST_OF_CHAIN_EXPECTED = 0x6883
    NO_CHAINING = 0x6884
    SECURITY_NOT_SATISFIED = 0x6982
    PIN_BLOCKED = 0x6983
    NOT_ALLOWED_NOW = 0x6985
    WRONG_DATA = 0x6A80
    NOT_FOUND = 0x6A82
    NO_ROOM = 0x6A84
    WRONG_PARAMETERS = 0x6A86
    NO_REFERENCE = 0x6A88
    WRONG_EXPECTED = 0x6C00  # SW2 says the length that fits
    UNKNOWN_INSTRUCTION = 0x6D00
    UNKNOWN_CLASS = 0x6E00


class Refusal(Exception):
    """The card answers this status word in place of executing the command."""

    def __init__(self, status_word: int) -> None:
        super().__init__(f"{status_word:04X}")
        self.status_word = status_word


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


def refuse(status_word: StatusWord) -> NoReturn:
    """Give up the command with a status word."""
    raise Refusal(status_word)


def read_request(command: bytes) -> Request:
    """Read a command's bytes in the short or the extended form. Raises Refusal with 6700, 6881, 6882 or 6E00."""
    if len(command) < _HEADER:
        refuse(StatusWord.WRONG_LENGTH)
    cla, instruction, p1, p2 = command[:_HEADER]
    if cla & ~(_CHAINED | _SECURE_MESSAGING | _CHANNEL):
        refuse(StatusWord.UNKNOWN_CLASS)
    if cla & _SECURE_MESSAGING:
        refuse(StatusWord.NO_SECURE_MESSAGING)
    if cla & _CHANNEL:
        refuse(StatusWord.NO_SUCH_CHANNEL)
    data, expected, extended = _lengths(command[_HEADER:])
    return Request(bool(cla & _CHAINED), instruction, p1, p2, data, expected, extended)


def _lengths(rest: bytes) -> tuple[bytes, int | None, bool]:
    """Return the data, Le and whether the form is the extended one (ISO/IEC 7816-4, 5.3.2)."""
    if not rest:
        return b"", None, False
    if len(rest) == 1:
        return b"", rest[0] or _ALL_SHORT, False
    if rest[0]:
        data, le = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        if len(data) != rest[0] or len(le) > 1:
            refuse(StatusWord.WRONG_LENGTH)
        return data, (le[0] or _ALL_SHORT) if le else None, False
    return _extended_lengths(rest[1:])


def _extended_lengths(rest: bytes) -> tuple[bytes, int | None, bool]:
    if len(rest) < 2:  # noqa: PLR2004 - the two bytes of Lc or Le
        refuse(StatusWord.WRONG_LENGTH)
    length, rest = int.from_bytes(rest[:2]), rest[2:]
    if not rest:
        return b"", length or _ALL_EXTENDED, True
    data, le = rest[:length], rest[length:]
    if not length or len(data) != length or len(le) not in (0, 2):
        refuse(StatusWord.WRONG_LENGTH)
    return data, (int.from_bytes(le) or _ALL_EXTENDED) if le else None, True
