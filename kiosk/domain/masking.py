"""What a screen, a receipt or a kiosk is shown of a personal fact: enough to know one's own, too little to use it."""

from __future__ import annotations

from kiosk.domain.documents import RESIDENT_NUMBER_LENGTH

_HIDDEN = "*"
_PHONE = 11
_FEW = 4


def masked_phone(phone: str) -> str:
    """`138****5678`; of another length only the last four digits, of a very short one nothing."""
    if len(phone) == _PHONE:
        return f"{phone[:3]}{_HIDDEN * 4}{phone[-4:]}"
    return _tail(phone)


def masked_document(number: str) -> str:
    """`4101**********1234` for a 居民身份证; of a passport the first character and the last two."""
    if len(number) == RESIDENT_NUMBER_LENGTH:
        return f"{number[:4]}{_HIDDEN * (len(number) - 8)}{number[-4:]}"
    if len(number) > _FEW:
        return f"{number[:1]}{_HIDDEN * (len(number) - 3)}{number[-2:]}"
    return _HIDDEN * len(number)


def masked_name(name: str) -> str:
    """The first character alone."""
    return name[:1] + _HIDDEN * (len(name) - 1)


def masked_email(address: str) -> str:
    """`f***@example.cn`, always three stars."""
    local, at, host = address.partition("@")
    return f"{local[:1]}{_HIDDEN * 3}{at}{host}"


def masked_address(text: str) -> str:
    """`花园路***`: the first three characters and always three stars; of a very short one nothing but them."""
    return f"{text[:3] if len(text) > _FEW else ''}{_HIDDEN * 3}" if text else ""


def masked_bank_account(number: str) -> str:
    """The last four digits alone."""
    return _tail(number)


def _tail(text: str) -> str:
    shown = text[-_FEW:] if len(text) > 2 * _FEW - 2 else ""
    return _HIDDEN * (len(text) - len(shown)) + shown
