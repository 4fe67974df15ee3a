"""The commands of GM/T 0017-2012 in one table: what is sent, what comes back, and how sure that is.

VERIFIED rows rest on two independent public sources; ASSUMED rows are this project's reading of one source
or, where none was found, of the matching function of GM/T 0016. Nothing here was tried on a vendor's key.
All numbers are big-endian.
"""

from __future__ import annotations

import enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class Certainty(enum.StrEnum):
    """How well a row of the table is known."""

    VERIFIED = "verified"
    ASSUMED = "assumed"


class Instruction(enum.IntEnum):
    """The instruction bytes in use here (GM/T 0017, CLA 80)."""

    GET_DEVICE_INFORMATION = 0x04
    DEVICE_AUTHENTICATION = 0x10
    GET_PIN_INFORMATION = 0x14
    CHANGE_PIN = 0x16
    VERIFY_PIN = 0x18
    UNBLOCK_PIN = 0x1A
    CLEAR_SECURE_STATE = 0x1C
    CREATE_APPLICATION = 0x20
    ENUMERATE_APPLICATIONS = 0x22
    DELETE_APPLICATION = 0x24
    OPEN_APPLICATION = 0x26
    CLOSE_APPLICATION = 0x28
    CREATE_CONTAINER = 0x40
    OPEN_CONTAINER = 0x42
    CLOSE_CONTAINER = 0x44
    ENUMERATE_CONTAINERS = 0x46
    IMPORT_CERTIFICATE = 0x4C
    EXPORT_CERTIFICATE = 0x4E
    GENERATE_RANDOM = 0x50
    GENERATE_ECC_KEY_PAIR = 0x70
    ECC_SIGN_DATA = 0x74
    EXPORT_PUBLIC_KEY = 0x88


class Field(msgspec.Struct, frozen=True):
    """One field of a body.

    `length` is its bytes, or the name of the field that holds its length, or None for all that is left.
    """

    name: str
    length: int | str | None


class Layout(msgspec.Struct, frozen=True):
    """One command: its body, its answer, where that is read, and how sure instruction and bodies are."""

    instruction: Instruction
    body: tuple[Field, ...]
    answer: tuple[Field, ...]
    source: str
    code: Certainty
    form: Certainty


class StatusWord(enum.IntEnum):
    """The status words that mean something to the driver."""

    SUCCESS = 0x9000
    PIN_TRIES = 0x63C0  # the last digit counts the tries left
    EXECUTION = 0x6400
    MEMORY = 0x6581
    WRONG_LENGTH = 0x6700
    SECURITY_NOT_SATISFIED = 0x6982
    PIN_BLOCKED = 0x6983
    NOT_ALLOWED_NOW = 0x6985
    WRONG_DATA = 0x6A80
    NO_CERTIFICATE = 0x6A82  # assumed: ISO/IEC 7816-4, file not found
    NO_ROOM = 0x6A84
    WRONG_PARAMETERS = 0x6A86
    NO_APPLICATION = 0x6A88
    ALREADY_THERE = 0x6A89  # assumed: ISO/IEC 7816-4, file already exists
    NO_CONTAINER = 0x6A94
    NO_KEY_PAIR = 0x6A95
    MORE_FOLLOWS = 0x6A9E
    UNKNOWN_INSTRUCTION = 0x6D00
    UNKNOWN_CLASS = 0x6E00
    INTERNAL = 0x6F00


class PinKind(enum.IntEnum):
    """P2 of the PIN commands."""

    ADMINISTRATOR = 0
    USER = 1


class KeyPurpose(enum.IntEnum):
    """P1 of the commands on keys and certificates."""

    ENCRYPTION = 0
    SIGNATURE = 1


class SignatureInput(enum.IntEnum):
    """P1 of ECCSignData."""

    MESSAGE = 1
    DIGEST = 2


COORDINATE: Final = 32
"""Bytes of an SM2 coordinate, and of r and s."""

KEY_BITS: Final = 256
PIN_KEY: Final = 16
"""Bytes of the key made of a PIN: the head of its SHA-1."""

CHALLENGE: Final = 8
"""Random bytes in the block that proves a PIN; GenRandom gives them."""

CHALLENGE_PADDING: Final = bytes((0x80, 0, 0, 0, 0, 0, 0, 0))
"""What fills that block: ISO/IEC 9797-1 padding method 2 (assumed)."""

DEVICE_CHALLENGE: Final = 16
SHORTEST_PIN: Final = 6
LONGEST_PIN: Final = 16
MOST_PIN_TRIES: Final = 15
"""The most tries that 63Cx can tell."""

LONGEST_NAME: Final = 32
"""Bytes of an application's or container's name."""

_APPLICATION: Final = Field("application", 2)
_CONTAINER: Final = Field("container", 2)
_NAME: Final = Field("name", None)
_BITS: Final = Field("bits", 4)
_STANDARD: Final = "GM/T 0017-2012"
_LIKE_LIBRARY: Final = "no public body; after the arguments of GM/T 0016"

_DEVICE_INFORMATION: Final = (
    Field("version", 2),
    Field("manufacturer", 64),
    Field("issuer", 64),
    Field("label", 32),
    Field("serial", 32),
    Field("hardware_version", 2),
    Field("firmware_version", 2),
    Field("symmetric_algorithms", 4),
    Field("asymmetric_algorithms", 4),
    Field("hash_algorithms", 4),
    Field("device_authentication_algorithm", 4),
    Field("total_space", 4),
    Field("free_space", 4),
    Field("longest_ecc_input", 4),
    Field("longest_input", 4),
    Field("reserved", 64),
)

_ROWS: Final = (
    Layout(
        Instruction.GET_DEVICE_INFORMATION,
        (),
        _DEVICE_INFORMATION,
        "DEVINFO of GM/T 0016",
        Certainty.VERIFIED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.DEVICE_AUTHENTICATION,
        (Field("proof", 16),),
        (),
        f"{_STANDARD}: SM4 of 16 random bytes under the device key",
        Certainty.VERIFIED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.GET_PIN_INFORMATION,
        (_APPLICATION,),
        (Field("tries_allowed", 1), Field("tries_left", 1), Field("factory", 1)),
        f"{_LIKE_LIBRARY}; P2 PIN kind; the last byte may be missing",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.CHANGE_PIN,
        (_APPLICATION, Field("proof", 16), Field("sealed_key", 16)),
        (),
        f"{_LIKE_LIBRARY}; P2 PIN kind; SM4 of the new PIN's key under the old one's",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.VERIFY_PIN,
        (_APPLICATION, Field("proof", 16)),
        (),
        f"{_STANDARD}: P2 PIN kind; SM4 under SHA-1(PIN)[:16] of a block with 8 random bytes",
        Certainty.VERIFIED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.UNBLOCK_PIN,
        (_APPLICATION, Field("proof", 16), Field("sealed_key", 16)),
        (),
        f"{_LIKE_LIBRARY}; P2 the PIN unblocked; proof and SM4 of its new key under the administrator PIN's key",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.CLEAR_SECURE_STATE, (_APPLICATION,), (), _STANDARD, Certainty.VERIFIED, Certainty.ASSUMED
    ),
    Layout(
        Instruction.CREATE_APPLICATION,
        (
            Field("administrator_key", 16),
            Field("administrator_tries", 1),
            Field("user_key", 16),
            Field("user_tries", 1),
            Field("rights", 4),
            _NAME,
        ),
        (),
        f"{_LIKE_LIBRARY}; the PINs' keys under SM4 with the device key",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.ENUMERATE_APPLICATIONS,
        (),
        (Field("names", None),),
        f"{_LIKE_LIBRARY}: each name ends in 00, and the list in another",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.DELETE_APPLICATION,
        (_NAME,),
        (),
        f"{_LIKE_LIBRARY}; wants DevAuth as CreateApplication does",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.OPEN_APPLICATION,
        (_NAME,),
        (
            Field("rights", 4),
            Field("most_containers", 1),
            Field("most_certificates", 1),
            Field("most_files", 2),
            _APPLICATION,
        ),
        f"{_STANDARD}; Le 000A",
        Certainty.VERIFIED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.CLOSE_APPLICATION, (_APPLICATION,), (), _STANDARD, Certainty.VERIFIED, Certainty.ASSUMED
    ),
    Layout(
        Instruction.CREATE_CONTAINER,
        (_APPLICATION, _NAME),
        (_CONTAINER,),
        f"{_LIKE_LIBRARY}; as OpenContainer",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.OPEN_CONTAINER,
        (_APPLICATION, _NAME),
        (_CONTAINER,),
        _STANDARD,
        Certainty.VERIFIED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.CLOSE_CONTAINER,
        (_APPLICATION, _CONTAINER),
        (),
        _STANDARD,
        Certainty.VERIFIED,
        Certainty.VERIFIED,
    ),
    Layout(
        Instruction.ENUMERATE_CONTAINERS,
        (_APPLICATION,),
        (Field("names", None),),
        f"{_LIKE_LIBRARY}; names as in EnumApplication",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.IMPORT_CERTIFICATE,
        (_APPLICATION, _CONTAINER, Field("certificate", None)),
        (),
        f"{_LIKE_LIBRARY}; P1 purpose as in ExportCertificate; the whole body is chained",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.EXPORT_CERTIFICATE,
        (_APPLICATION, _CONTAINER),
        (Field("certificate", None),),
        f"{_STANDARD}: P1 purpose; Le 0000; 6A9E while more follows",
        Certainty.VERIFIED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.GENERATE_RANDOM,
        (),
        (Field("random", None),),
        f"{_STANDARD}; Le the number of bytes",
        Certainty.VERIFIED,
        Certainty.VERIFIED,
    ),
    Layout(
        Instruction.GENERATE_ECC_KEY_PAIR,
        (_APPLICATION, _CONTAINER, _BITS),
        (_BITS, Field("x", COORDINATE), Field("y", COORDINATE)),
        f"{_LIKE_LIBRARY}; P1 purpose",
        Certainty.ASSUMED,
        Certainty.ASSUMED,
    ),
    Layout(
        Instruction.ECC_SIGN_DATA,
        (
            _APPLICATION,
            _CONTAINER,
            Field("user_id_length", 4),
            Field("user_id", "user_id_length"),
            Field("message", None),
        ),
        (_BITS, Field("r", COORDINATE), Field("s", COORDINATE)),
        f"{_STANDARD}: P1 1, a message that the card hashes with SM3",
        Certainty.VERIFIED,
        Certainty.VERIFIED,
    ),
    Layout(
        Instruction.EXPORT_PUBLIC_KEY,
        (_APPLICATION, _CONTAINER),
        (_BITS, Field("x", COORDINATE), Field("y", COORDINATE)),
        f"{_STANDARD}: P1 purpose; the answer as ECCSignData's",
        Certainty.VERIFIED,
        Certainty.ASSUMED,
    ),
)

LAYOUTS: Final[Mapping[Instruction, Layout]] = MappingProxyType({row.instruction: row for row in _ROWS})
"""Every command that the driver sends."""
