"""Crockford's base 32: bytes as upper-case characters that a QR code takes in alphanumeric mode.

The bytes are one big-endian number written in ceil(8n / 5) characters, so that the spare bits are the leading ones
and must be zero: one text form for one byte string.
"""

from __future__ import annotations

from kiosk.domain.errors import DomainError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}


class Base32Malformed(DomainError, ValueError):
    """The text is not base 32 of that many bytes."""


def encoded_length(byte_count: int) -> int:
    """How many characters hold that many bytes."""
    return (byte_count * 8 + 4) // 5


def encode_base32(data: bytes) -> str:
    """Write bytes in Crockford's base 32, upper case."""
    number = int.from_bytes(data, "big")
    length = encoded_length(len(data))
    return "".join(ALPHABET[number >> 5 * position & 31] for position in reversed(range(length)))


def decode_base32(text: str, byte_count: int) -> bytes:
    """Read `byte_count` bytes; lower case is taken, O reads as 0, I and L as 1. Raises Base32Malformed."""
    if len(text) != encoded_length(byte_count) or not text.isascii():
        raise Base32Malformed(f"{len(text)} characters for {byte_count} bytes")
    number = 0
    for character in text.upper():
        value = _VALUES.get(character)
        if value is None:
            raise Base32Malformed(f"no character of base 32: {character!r}")
        number = number << 5 | value
    if number >> 8 * byte_count:
        raise Base32Malformed("the leading spare bits are not zero")
    return number.to_bytes(byte_count, "big")


def check_digit(digits: str) -> str:
    """Return the check digit for a string of decimal digits (ISO 7064:2003, 9.2).

    Raises ValueError unless the string consists of digits 0 to 9.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not decimal digits: {digits!r}")
    product = 10
    for digit in digits:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def check_digit_matches(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it. Raises ValueError like `check_digit`."""
    return check_digit(digits[:-1]) == digits[-1]
