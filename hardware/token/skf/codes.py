"""The answers of GM/T 0016's functions: one table, with what is known of each.

The public headers agree up to 0A000032 (GM/T 0016-2012, annex A). From 0A000031 up vendors have used the same
numbers for other things, and the 2023 edition gave names to some: a profile's table `codes` says where a library
differs.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class SarCode(enum.IntEnum):
    """What a function of GM/T 0016 answers, by the standard's names without their SAR_."""

    OK = 0x00000000
    FAIL = 0x0A000001
    UNKNOWN = 0x0A000002
    NOT_SUPPORTED_YET = 0x0A000003
    FILE_ERROR = 0x0A000004
    INVALID_HANDLE = 0x0A000005
    INVALID_PARAMETER = 0x0A000006
    READ_FILE = 0x0A000007
    WRITE_FILE = 0x0A000008
    NAME_LENGTH = 0x0A000009
    KEY_USAGE = 0x0A00000A
    MODULUS_LENGTH = 0x0A00000B
    NOT_INITIALISED = 0x0A00000C
    OBJECT = 0x0A00000D
    MEMORY = 0x0A00000E
    TIMEOUT = 0x0A00000F
    INPUT_DATA_LENGTH = 0x0A000010
    INPUT_DATA = 0x0A000011
    GENERATE_RANDOM = 0x0A000012
    HASH_OBJECT = 0x0A000013
    HASH = 0x0A000014
    GENERATE_RSA_KEY = 0x0A000015
    RSA_MODULUS_LENGTH = 0x0A000016
    IMPORT_PUBLIC_KEY = 0x0A000017
    RSA_ENCRYPTION = 0x0A000018
    RSA_DECRYPTION = 0x0A000019
    HASH_NOT_EQUAL = 0x0A00001A
    KEY_NOT_FOUND = 0x0A00001B
    CERTIFICATE_NOT_FOUND = 0x0A00001C
    NOT_EXPORTED = 0x0A00001D
    DECRYPTION_PADDING = 0x0A00001E
    MAC_LENGTH = 0x0A00001F
    BUFFER_TOO_SMALL = 0x0A000020
    KEY_INFORMATION_TYPE = 0x0A000021
    NOT_EVENT = 0x0A000022
    DEVICE_REMOVED = 0x0A000023
    PIN_INCORRECT = 0x0A000024
    PIN_LOCKED = 0x0A000025
    PIN_INVALID = 0x0A000026
    PIN_LENGTH_RANGE = 0x0A000027
    USER_ALREADY_LOGGED_IN = 0x0A000028
    USER_PIN_NOT_INITIALISED = 0x0A000029
    USER_TYPE_INVALID = 0x0A00002A
    APPLICATION_NAME_INVALID = 0x0A00002B
    APPLICATION_EXISTS = 0x0A00002C
    USER_NOT_LOGGED_IN = 0x0A00002D
    APPLICATION_NOT_EXISTS = 0x0A00002E
    FILE_ALREADY_EXISTS = 0x0A00002F
    NO_ROOM = 0x0A000030
    FILE_NOT_EXISTS = 0x0A000031
    REACH_MAX_CONTAINER_COUNT = 0x0A000032
    AUTHENTICATION_BLOCKED = 0x0A000033
    INVALID_CONTAINER = 0x0A000035
    CONTAINER_NOT_EXISTS = 0x0A000036
    CONTAINER_EXISTS = 0x0A000037
    DEVICE_NOT_AUTHENTICATED = 0x0A00003B


class Certainty(enum.Enum):
    """How well a row is known."""

    VERIFIED = "verified"
    """Several independent public headers agree."""
    ASSUMED = "assumed"
    """Public headers contradict each other, or few have it; the 2023 edition's meaning is taken."""


FIRST_DIVERGING: Final = 0x0A000031
"""From here up, vendors have been seen to use numbers for other things."""


class CodeRow(msgspec.Struct, frozen=True):
    """One row of the table."""

    code: SarCode
    certainty: Certainty


CODES: Final[Mapping[int, CodeRow]] = {
    code.value: CodeRow(code, Certainty.VERIFIED if code < FIRST_DIVERGING else Certainty.ASSUMED)
    for code in SarCode
}
"""The table, by number."""


def standard_code(answer: int, vendor: Mapping[int, SarCode]) -> SarCode | None:
    """Name a library's answer, by the profile's table first; None for a number that neither table has."""
    named = vendor.get(answer)
    if named is not None:
        return named
    row = CODES.get(answer)
    return None if row is None else row.code
