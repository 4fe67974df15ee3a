"""The check digit of ISO 7064, MOD 11,10 (hybrid system): it catches every single wrong digit."""

from __future__ import annotations


def check_digit(digits: str) -> str:
    """Return the check digit for a string of decimal digits (ISO 7064:2003, 9.2).

    Raises ValueError where the string is empty or holds anything but 0 to 9.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not decimal digits: {digits!r}")
    product = 10
    for digit in digits:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def check_digit_matches(digits: str) -> bool:
    """Tell whether the last digit is the check digit of those before it; raises ValueError as `check_digit`."""
    return check_digit(digits[:-1]) == digits[-1]
