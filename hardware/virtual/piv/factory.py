"""Blank virtual PIV cards: personalised with the card's own objects, without key pairs or certificates."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.virtual.card_file import write_card_file
from hardware.virtual.piv.attestation import ATTESTATION_CERTIFICATE
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.data import CARD_CAPABILITY_CONTAINER, CARD_HOLDER_UNIQUE_IDENTIFIER, KEY_HISTORY
from hardware.virtual.piv.objects import pack
from hardware.virtual.piv.state import (
    ManagementAlgorithm,
    ManagementRecord,
    ObjectRecord,
    PinRecord,
    PivCardRecord,
)

if TYPE_CHECKING:
    from pathlib import Path

ROOM: Final = 64 * 1024
"""The bytes that a virtual card has for key pairs and data objects."""
MANAGEMENT_KEY: Final = bytes.fromhex("0102030405060708") * 4
"""What cards have as management key from the factory, cut to the length of their algorithm's keys."""

_NAMESPACE: Final = uuid.UUID("7e7f1c1b-53a5-4b5c-9a5e-0d2e6f3f6b11")
_EXPIRES: Final = b"20401231"
_LENGTH: Final = 8
_SHORTEST: Final = 6
_MOST_TRIES: Final = 15
_LONGEST_SERIAL: Final = 32
_MOST_SERIALS: Final = 1 << 32


def blank_piv_key(
    path: Path,
    serial: str,
    *,
    management_algorithm: int = ManagementAlgorithm.TRIPLE_DES,
    management_key: bytes | None = None,
    yubikey: bool = False,
    pin: str = "123456",
    puk: str = "12345678",
    pin_tries: int = 3,
    puk_tries: int = 3,
    room: int = ROOM,
    attestation: tuple[bytes, bytes] | None = None,
) -> PivCard:
    """Make a card file, in place of one that is there.

    The card's GUID is made of the serial number: a YubiKey's is 1 to 10 decimal digits below 2^32, another card's 1
    to 32 printable ASCII characters. `management_algorithm` is 03, 08, 0A or 0C (SP 800-78-4, table 6-2). PIN and
    PUK are the card's factory values. `attestation` is a YubiKey's in slot F9, the scalar of its P-256 key and its
    certificate (DER). Raises OSError; ValueError for what no card can have.
    """
    guid = _guid(serial)
    record = PivCardRecord(
        guid=guid,
        pin=_pin(pin, pin_tries),
        unblocking_pin=_pin(puk, puk_tries),
        management=_management(ManagementAlgorithm(management_algorithm), management_key),
        room=room,
        yubikey_serial=_yubikey_serial(serial) if yubikey else None,
        objects=(
            ObjectRecord(CARD_HOLDER_UNIQUE_IDENTIFIER, _card_holder_unique_identifier(guid)),
            ObjectRecord(CARD_CAPABILITY_CONTAINER, _card_capability_container(guid)),
            ObjectRecord(KEY_HISTORY, pack(0xC1, b"\0") + pack(0xC2, b"\0") + pack(0xFE, b"")),
        ),
    )
    if attestation is not None:
        scalar, certificate = attestation
        value = pack(0x70, certificate) + pack(0x71, b"\0") + pack(0xFE, b"")
        record = msgspec.structs.replace(record, attestation_key=scalar).with_value(
            ATTESTATION_CERTIFICATE, value
        )
    write_card_file(path, record)
    return PivCard(path)


def open_or_make_piv_key(path: Path, serial: str) -> PivCard:
    """Return the card of a file, made blank with that serial number where there is no file yet.

    Raises CardFileUnreadable for a file that is not a PIV card's: it is left as it is.
    """
    return PivCard(path) if path.exists() else blank_piv_key(path, serial)


def _guid(serial: str) -> bytes:
    if not (1 <= len(serial) <= _LONGEST_SERIAL and serial.isascii() and serial.isprintable()):
        raise ValueError("a serial number has 1 to 32 printable ASCII characters")
    return uuid.uuid5(_NAMESPACE, serial).bytes


def _yubikey_serial(serial: str) -> int:
    if not serial.isdecimal() or int(serial) >= _MOST_SERIALS:
        raise ValueError("a YubiKey's serial number has decimal digits and is below 2^32")
    return int(serial)


def _pin(text: str, tries: int) -> PinRecord:
    value = text.encode()
    if not _SHORTEST <= len(value) <= _LENGTH or not text.isascii():
        raise ValueError("a PIN or PUK has 6 to 8 ASCII characters")
    if not 1 <= tries <= _MOST_TRIES:
        raise ValueError("a PIN or PUK has 1 to 15 tries")
    padded = value.ljust(_LENGTH, b"\xff")
    return PinRecord(padded, tries, tries, factory=padded)


def _management(algorithm: ManagementAlgorithm, key: bytes | None) -> ManagementRecord:
    chosen = MANAGEMENT_KEY[: algorithm.key_length] if key is None else key
    return ManagementRecord(algorithm, chosen, factory=chosen)


def _card_holder_unique_identifier(guid: bytes) -> bytes:
    """Compose the CHUID: FASC-N, GUID, expiration, no issuer's signature (SP 800-73-4 part 1, table 9)."""
    return b"".join(
        pack(tag, value)
        for tag, value in ((0x30, _fasc_n()), (0x34, guid), (0x35, _EXPIRES), (0x3E, b""), (0xFE, b""))
    )


def _fasc_n() -> bytes:
    """Encode the FASC-N of cards that no federal agency issued: agency 9999, so that the GUID names the card.

    40 characters of five bits, the least significant first, then odd parity (TIG SCEPACS 2.3, 6): start sentinel
    B, agency, system, credential, series, issue, person and organisation with separators D between them, end
    sentinel F, and the exclusive or of all of them.
    """
    text = "B9999D9999D999999D0D1D0000000000300001F"
    digits = [int(each, 16) for each in text]
    check = 0
    for digit in digits:
        check ^= digit
    bits = "".join(_five_bits(digit) for digit in (*digits, check))
    return int(bits, 2).to_bytes(len(bits) // 8)


def _five_bits(digit: int) -> str:
    bits = f"{digit:04b}"[::-1]
    return bits + str(1 - bits.count("1") % 2)


def _card_capability_container(guid: bytes) -> bytes:
    """Compose the CCC: a card identifier of NIST's, versions 2.1, no capabilities of older systems (table 8)."""
    identifier = bytes.fromhex("A000000116FF02") + guid[:14]
    filled = (
        (0xF0, identifier),
        (0xF1, b"\x21"),
        (0xF2, b"\x21"),
        (0xF3, b""),
        (0xF4, b"\0"),
        (0xF5, b"\x10"),
    )
    empty = ((tag, b"") for tag in (0xF6, 0xF7, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE))
    return b"".join(pack(tag, value) for tag, value in (*filled, *empty))
