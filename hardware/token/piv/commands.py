"""What PIV cards understand, in one table: instructions, tags, objects, keys, algorithms, and how sure each is.

VERIFIED rows rest on two independent public sources: NIST SP 800-73-4 or SP 800-78-4 and an implementation
that follows them (CanoKey's card, Yubico's published command reference). ASSUMED rows have one source or are
this project's own. Nothing here was tried on a vendor's card. All numbers are big-endian; objects are BER-TLV
with definite lengths (ISO/IEC 7816-4, 5.2.2.2), commands have CLA 00 and short lengths.
"""

from __future__ import annotations

import enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.token.gmt.commands import Certainty

if TYPE_CHECKING:
    from collections.abc import Mapping


class Instruction(enum.IntEnum):
    """The instruction bytes in use here (CLA 00)."""

    VERIFY = 0x20
    CHANGE_REFERENCE_DATA = 0x24
    RESET_RETRY_COUNTER = 0x2C
    GENERATE_ASYMMETRIC_KEY_PAIR = 0x47
    GENERAL_AUTHENTICATE = 0x87
    SELECT = 0xA4
    GET_DATA = 0xCB
    PUT_DATA = 0xDB
    GET_METADATA = 0xF7
    GET_SERIAL = 0xF8
    ATTEST = 0xF9


class KeyReference(enum.IntEnum):
    """P2 of the commands on PINs and keys."""

    PIN = 0x80
    UNBLOCKING_PIN = 0x81
    AUTHENTICATION = 0x9A
    MANAGEMENT = 0x9B
    SIGNATURE = 0x9C
    KEY_MANAGEMENT = 0x9D
    CARD_AUTHENTICATION = 0x9E


class ObjectIdentifier(enum.IntEnum):
    """The data objects in use here, named by the value of tag 5C."""

    CARD_HOLDER_UNIQUE_IDENTIFIER = 0x5FC102
    AUTHENTICATION_CERTIFICATE = 0x5FC105
    SIGNATURE_CERTIFICATE = 0x5FC10A
    KEY_MANAGEMENT_CERTIFICATE = 0x5FC10B
    CARD_AUTHENTICATION_CERTIFICATE = 0x5FC101
    ATTESTATION_CERTIFICATE = 0x5FFF01


class Algorithm(enum.IntEnum):
    """P1 of GENERAL AUTHENTICATE, and the value of tag 80 when a key pair is made."""

    TRIPLE_DES = 0x03
    AES_128 = 0x08
    AES_192 = 0x0A
    AES_256 = 0x0C
    P256 = 0x11


class OtherAlgorithm(enum.IntEnum):
    """P1 of GENERAL AUTHENTICATE for key pairs that the desk never makes: by these it finds whether a slot has one."""

    RSA_3072 = 0x05
    RSA_1024 = 0x06
    RSA_2048 = 0x07
    P384 = 0x14
    RSA_4096 = 0x16
    SECP256K1 = 0x53
    SM2 = 0x54
    ED25519 = 0xE0
    X25519 = 0xE1


class Tag(enum.IntEnum):
    """The tags of application, objects and keys."""

    APPLICATION_IDENTIFIER = 0x4F
    DATA = 0x53
    OBJECT_IDENTIFIER = 0x5C
    APPLICATION_TEMPLATE = 0x61
    CERTIFICATE = 0x70
    CERTIFICATE_INFORMATION = 0x71
    AUTHENTICATION_TEMPLATE = 0x7C
    ALGORITHM = 0x80
    POINT = 0x86
    KEY_PARAMETERS = 0xAC
    ERROR_DETECTION = 0xFE
    PUBLIC_KEY = 0x7F49


class AuthenticationTag(enum.IntEnum):
    """The tags within 7C."""

    WITNESS = 0x80
    CHALLENGE = 0x81
    RESPONSE = 0x82


class IdentifierTag(enum.IntEnum):
    """The tags within the card holder unique identifier that can name a card."""

    FASC_N = 0x30
    GUID = 0x34


class MetadataTag(enum.IntEnum):
    """The tags of what GET METADATA answers."""

    ALGORITHM = 0x01
    ORIGIN = 0x03
    FACTORY = 0x05
    TRIES = 0x06


class StatusWord(enum.IntEnum):
    """The status words that mean something to the driver."""

    SUCCESS = 0x9000
    WARNING = 0x6300
    PIN_TRIES = 0x63C0  # the last digit counts the tries left
    EXECUTION = 0x6400
    MEMORY = 0x6581
    WRONG_LENGTH = 0x6700
    SECURITY_NOT_SATISFIED = 0x6982
    PIN_BLOCKED = 0x6983
    NOT_ALLOWED_NOW = 0x6985
    WRONG_DATA = 0x6A80
    FUNCTION_NOT_SUPPORTED = 0x6A81
    NOT_FOUND = 0x6A82
    NO_ROOM = 0x6A84
    WRONG_PARAMETERS = 0x6A86
    NO_REFERENCE = 0x6A88
    UNKNOWN_INSTRUCTION = 0x6D00
    UNKNOWN_CLASS = 0x6E00
    INTERNAL = 0x6F00


class Slot(enum.StrEnum):
    """The key slots that the desk can be told to use."""

    AUTHENTICATION = "9A"
    SIGNATURE = "9C"


class SlotLayout(msgspec.Struct, frozen=True):
    """Where a slot's key and certificate are, and whether each signature wants the PIN just before it."""

    key: KeyReference
    certificate: ObjectIdentifier
    pin_always: bool


SLOTS: Final[Mapping[Slot, SlotLayout]] = MappingProxyType(
    {
        Slot.AUTHENTICATION: SlotLayout(
            KeyReference.AUTHENTICATION, ObjectIdentifier.AUTHENTICATION_CERTIFICATE, pin_always=False
        ),
        Slot.SIGNATURE: SlotLayout(
            KeyReference.SIGNATURE, ObjectIdentifier.SIGNATURE_CERTIFICATE, pin_always=True
        ),
    }
)
"""The slots (SP 800-73-4 part 1, 3.3 and table 3)."""

CERTIFICATES: Final = (
    ObjectIdentifier.AUTHENTICATION_CERTIFICATE,
    ObjectIdentifier.SIGNATURE_CERTIFICATE,
    ObjectIdentifier.KEY_MANAGEMENT_CERTIFICATE,
    ObjectIdentifier.CARD_AUTHENTICATION_CERTIFICATE,
)
"""The certificate objects of all slots that a card has (9A, 9C, 9D, 9E); one PIN serves them."""

APPLICATION: Final = bytes.fromhex("A00000030800001000")
"""The PIV application identifier A000000308 00001000 0100 without its version, as SELECT may give it."""

BY_NAME: Final = 0x04
"""P1 of SELECT: by application identifier."""

CURRENT_APPLICATION: Final = (0x3F, 0xFF)
"""P1 and P2 of GET DATA and PUT DATA."""

CHALLENGES: Final[Mapping[Algorithm | OtherAlgorithm, int]] = MappingProxyType(
    {
        Algorithm.P256: 32,
        OtherAlgorithm.RSA_2048: 256,
        OtherAlgorithm.P384: 48,
        OtherAlgorithm.RSA_1024: 128,
        OtherAlgorithm.RSA_3072: 384,
        OtherAlgorithm.RSA_4096: 512,
        OtherAlgorithm.ED25519: 32,
        OtherAlgorithm.X25519: 32,
        OtherAlgorithm.SECP256K1: 32,
        OtherAlgorithm.SM2: 32,
    }
)
"""The bytes that a key pair of each kind signs, in the order in which a slot is asked for one."""

RETIRED_KEYS: Final = range(0x82, 0x96)
"""The references of the retired key management keys 1 to 20 (SP 800-73-4 part 1, table 4)."""

RETIRED_CERTIFICATES: Final = range(0x5FC10D, 0x5FC121)
"""The certificate objects of those keys (SP 800-73-4 part 1, table 3)."""

BLOCKS: Final[Mapping[Algorithm, int]] = MappingProxyType(
    {Algorithm.TRIPLE_DES: 8, Algorithm.AES_128: 16, Algorithm.AES_192: 16, Algorithm.AES_256: 16}
)
"""The management key's algorithms and the bytes of their blocks, in the order in which they are tried."""

MANAGEMENT_KEYS: Final[Mapping[Algorithm, int]] = MappingProxyType(
    {Algorithm.TRIPLE_DES: 24, Algorithm.AES_128: 16, Algorithm.AES_192: 24, Algorithm.AES_256: 32}
)
"""The bytes of a management key of each algorithm (SP 800-78-4, table 6-2)."""

FACTORY_PIN: Final = "123456"
"""The PIN that cards call their default in GET METADATA."""

IMPORTED: Final = 0x02
"""Value of the origin in GET METADATA: the key was brought to the card (01: made on it)."""

SHORTEST_PIN: Final = 6
LONGEST_PIN: Final = 8
PIN_PADDING: Final = 0xFF
"""What fills a PIN or PUK to 8 bytes (SP 800-73-4 part 2, 2.4.3)."""

POINT_LENGTH: Final = 65
"""Bytes of an uncompressed P-256 point 04 ‖ x ‖ y."""

UNCOMPRESSED: Final = 0x00
COMPRESSED: Final = 0x01
"""Values of tag 71: the certificate as it is, or in gzip's form."""


class Row(msgspec.Struct, frozen=True):
    """One fact of the table: what it means, where that is read, and how sure it is."""

    meaning: enum.IntEnum
    source: str
    certainty: Certainty


_COMMANDS: Final = "SP 800-73-4 part 2, 3"
_DATA_MODEL: Final = "SP 800-73-4 part 1, appendix A"
_CARD: Final = "CanoKey's card"
_YUBICO: Final = "Yubico's command reference"


def _verified(source: str, *meanings: enum.IntEnum) -> tuple[Row, ...]:
    return tuple(Row(meaning, source, Certainty.VERIFIED) for meaning in meanings)


def _assumed(source: str, *meanings: enum.IntEnum) -> tuple[Row, ...]:
    return tuple(Row(meaning, source, Certainty.ASSUMED) for meaning in meanings)


ROWS: Final = (
    *_verified(
        f"{_COMMANDS}; {_CARD}",
        Instruction.VERIFY,
        Instruction.CHANGE_REFERENCE_DATA,
        Instruction.RESET_RETRY_COUNTER,
        Instruction.GENERATE_ASYMMETRIC_KEY_PAIR,
        Instruction.GENERAL_AUTHENTICATE,
        Instruction.SELECT,
        Instruction.GET_DATA,
        Instruction.PUT_DATA,
    ),
    *_verified(f"{_YUBICO}; {_CARD}: four bytes, no other card has it", Instruction.GET_SERIAL),
    *_verified(f"{_YUBICO}; yubikit: firmware 5.3 and later", Instruction.GET_METADATA),
    *_verified(f"{_YUBICO}; yubikit", *MetadataTag),
    *_verified(
        f"{_YUBICO}; yubikit: firmware 4.3 and later",
        Instruction.ATTEST,
        ObjectIdentifier.ATTESTATION_CERTIFICATE,
    ),
    *_verified(f"SP 800-73-4 part 1, table 4; {_CARD}", *KeyReference),
    *_verified(
        f"SP 800-73-4 part 1, table 3; {_CARD}",
        ObjectIdentifier.CARD_HOLDER_UNIQUE_IDENTIFIER,
        ObjectIdentifier.AUTHENTICATION_CERTIFICATE,
        ObjectIdentifier.SIGNATURE_CERTIFICATE,
        ObjectIdentifier.KEY_MANAGEMENT_CERTIFICATE,
        ObjectIdentifier.CARD_AUTHENTICATION_CERTIFICATE,
    ),
    *_verified(f"SP 800-78-4, table 6-2; {_YUBICO}", *Algorithm),
    *_verified(
        f"SP 800-78-4, table 6-2; {_CARD}",
        OtherAlgorithm.RSA_1024,
        OtherAlgorithm.RSA_2048,
        OtherAlgorithm.P384,
    ),
    *_verified(
        f"{_CARD}; {_YUBICO}",
        OtherAlgorithm.RSA_3072,
        OtherAlgorithm.RSA_4096,
        OtherAlgorithm.ED25519,
        OtherAlgorithm.X25519,
    ),
    *_assumed(_CARD, OtherAlgorithm.SECP256K1, OtherAlgorithm.SM2),
    *_verified(
        f"{_COMMANDS}; {_CARD}",
        Tag.APPLICATION_IDENTIFIER,
        Tag.DATA,
        Tag.OBJECT_IDENTIFIER,
        Tag.APPLICATION_TEMPLATE,
        Tag.AUTHENTICATION_TEMPLATE,
        Tag.ALGORITHM,
        Tag.POINT,
        Tag.KEY_PARAMETERS,
        Tag.PUBLIC_KEY,
    ),
    *_verified(f"{_DATA_MODEL}; yubikit", Tag.CERTIFICATE, Tag.CERTIFICATE_INFORMATION, Tag.ERROR_DETECTION),
    *_verified(f"SP 800-73-4 part 2, appendix A; {_CARD}", *AuthenticationTag),
    *_verified(f"{_DATA_MODEL}; yubikit", *IdentifierTag),
    *_verified(
        f"SP 800-73-4 part 2, 3 (answers of each command); {_CARD}",
        StatusWord.SUCCESS,
        StatusWord.PIN_TRIES,
        StatusWord.SECURITY_NOT_SATISFIED,
        StatusWord.PIN_BLOCKED,
        StatusWord.WRONG_DATA,
        StatusWord.FUNCTION_NOT_SUPPORTED,
        StatusWord.NOT_FOUND,
        StatusWord.NO_ROOM,
        StatusWord.WRONG_PARAMETERS,
        StatusWord.NO_REFERENCE,
    ),
    *_assumed(
        "ISO/IEC 7816-4, 5.1.3",
        StatusWord.WARNING,
        StatusWord.EXECUTION,
        StatusWord.MEMORY,
        StatusWord.WRONG_LENGTH,
        StatusWord.NOT_ALLOWED_NOW,
        StatusWord.UNKNOWN_INSTRUCTION,
        StatusWord.UNKNOWN_CLASS,
        StatusWord.INTERNAL,
    ),
)
"""Every number that the driver sends or reads.

One use is this project's own: a certificate object that holds no certificate (70) but a public key (7F49, as
GENERATE ASYMMETRIC KEY PAIR answers it) records the key pair that was made in the slot until its certificate
is written; one with an empty point says that whatever key pair the slot has is nobody's; see piv.py.
"""
