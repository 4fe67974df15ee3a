"""Telephone numbers and e-mail addresses as people type them: which can be right."""

from __future__ import annotations

import enum
import re
import unicodedata

LONGEST_EMAIL = 72
"""What the tax authority's form of invoices takes."""
_LONGEST_LOCAL_PART = 64  # RFC 5321, section 4.5.3.1.1
_SEPARATORS = re.compile(r"[\s‐-―−()_.-]+")
_COUNTRY = re.compile(r"(?:\+|00)?86(?=1[3-9][0-9]{9}\Z|0[1-9])")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"0(?:10|2[0-9]|[3-9][0-9]{2})[2-9][0-9]{6,7}|[48]00[0-9]{7}")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@(?:{_LABEL}\.)+(?:[A-Za-z]{{2,63}}|xn--[A-Za-z0-9-]{{1,59}})")


class ContactFault(enum.StrEnum):
    """Why a text is no telephone number or no e-mail address."""

    MALFORMED = "malformed"
    TOO_LONG = "too-long"


def tidy_phone(text: str) -> str:
    """Return a number as it is kept: digits alone, without China's own +86."""
    return _COUNTRY.sub("", _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)), count=1)


def mobile_fault(number: str) -> ContactFault | None:
    """Return what is wrong with a tidy number to which messages go: a mobile phone of the mainland."""
    return None if _MOBILE.fullmatch(number) else ContactFault.MALFORMED


def phone_fault(number: str) -> ContactFault | None:
    """Return what is wrong with a tidy number to call: a mobile phone, a telephone with its area's code, 400 or 800."""
    return None if _MOBILE.fullmatch(number) or _LANDLINE.fullmatch(number) else ContactFault.MALFORMED


def tidy_email(text: str) -> str:
    """Return an address as it is kept: half width, without blanks around it."""
    return unicodedata.normalize("NFKC", text).strip()


def email_fault(address: str) -> ContactFault | None:
    """Return what is wrong with a tidy address: `local@domain` of RFC 5321 without quotes and address literals."""
    match = _EMAIL.fullmatch(address)
    if match is None:
        return ContactFault.MALFORMED
    long = len(address) > LONGEST_EMAIL or len(match[1]) > _LONGEST_LOCAL_PART
    return ContactFault.TOO_LONG if long else None
