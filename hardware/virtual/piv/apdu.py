"""How the virtual PIV card reads commands, and the codes that it knows."""

from __future__ import annotations

import enum
from typing import Final

from hardware.virtual.iso7816 import HEADER, Request, read_command_body, refuse

_SECURE_MESSAGING: Final = 0x0C
_CHANNEL: Final = 0x03
_CHAINED: Final = 0x10


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


def read_request(command: bytes) -> Request:
    """Read a command's bytes in the short or the extended form. Raises Refusal with 6700, 6881, 6882 or 6E00."""
    if len(command) < HEADER:
        refuse(StatusWord.WRONG_LENGTH)
    cla, instruction, p1, p2 = command[:HEADER]
    if cla & ~(_CHAINED | _SECURE_MESSAGING | _CHANNEL):
        refuse(StatusWord.UNKNOWN_CLASS)
    if cla & _SECURE_MESSAGING:
        refuse(StatusWord.NO_SECURE_MESSAGING)
    if cla & _CHANNEL:
        refuse(StatusWord.NO_SUCH_CHANNEL)
    return Request(bool(cla & _CHAINED), instruction, p1, p2, *read_command_body(command[HEADER:]))
