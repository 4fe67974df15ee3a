"""The configuration as a stranger may read it, and sentences about the machine without what they quote.

A setting's text is told where it stands in a list here, so that a new setting is hidden until somebody thought about it. Numbers,
yes and no, and choices are told: they are no secrets.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kiosk.configuration import Configuration, ProxyInvalid, read_proxy

_TOLD = frozenset(
    {
        *(
            "data.directory",
            "data.marker",
            "key.device",
            "key.pcrs",
            "centre.certificate_authority",
            "nightly.at",
        ),
        *("backup.destinations", "gmt.name", "gmt.application", "gmt.container", "piv.name", "piv.slot"),
        *(
            "piv.attestation_authorities",
            "skf.name",
            "skf.library",
            "skf.application",
            "skf.container",
            "skf.digest",
        ),
        *(
            "printer.connection.device",
            "printer.connection.path",
            "printer.connection.host",
            "scanner.device",
        ),
    }
)
_ADDRESSES = frozenset({"centre.url", "centre.payment_page", "exchange.site"})

_QUOTED = re.compile(
    r"'[^'\n]*'|\"[^\"\n]*\"|`(?!\$)[^`\n]*`|\u300c[^\u300d\n]*\u300d|\u201c[^\u201d\n]*\u201d"
)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[!-~]+")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LONG_NUMBER = re.compile(r"(?<![\d.])\d(?:[ -]?\d){10,}[Xx]?")
_LONG_HEXADECIMAL = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{24,}(?![0-9A-Fa-f])")
_HIDDEN = "…"
_SHORTEST = 4
"""A shorter text stands in too many words."""


def told_of_sentence(text: str, hidden: frozenset[str] = frozenset()) -> str:
    """A sentence without what it quotes, long numbers and addresses of people; of a server's address its place alone.

    `hidden` are texts that may not stand in it.
    """
    for each in sorted(hidden, key=len, reverse=True):
        text = text.replace(each, _HIDDEN)
    text = _ADDRESS.sub(lambda found: _place_of(found[0]), text)
    for secret in (_MAIL, _LONG_NUMBER, _LONG_HEXADECIMAL):
        text = secret.sub(_HIDDEN, text)
    return _QUOTED.sub(lambda found: f"{found[0][0]}{_HIDDEN}{found[0][-1]}", text)


def hidden_in(configuration: Configuration) -> frozenset[str]:
    """The texts of settings that are not told: no sentence about the machine may repeat them."""
    return frozenset(
        each
        for place, value in _settings(configuration)
        if _told(place, value) != value
        for each in (value if isinstance(value, tuple) else (value,))
        if isinstance(each, str) and len(each) >= _SHORTEST
    )


def told_of_configuration(configuration: Configuration) -> dict[str, Any]:
    """Every setting by its place, as `centre.url`; of what is not told, whether it is set."""
    return {place: _told(place, value) for place, value in _settings(configuration)}


def _settings(value: object, place: str = "") -> Iterator[tuple[str, Any]]:
    """The settings in a section, each with its place; those of several libraries have their number."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _settings(getattr(value, name), f"{place}.{name}" if place else name)
    elif isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
        for number, each in enumerate(value, start=1):
            yield from _settings(each, f"{place}.{number}")
    else:
        yield place, value


def _told(place: str, value: object) -> object:
    general = re.sub(r"\.\d+(?=\.)", "", place)
    if value is None or isinstance(value, bool | int | float | enum.Enum):
        return value
    if general in _TOLD:
        return value
    if general in _ADDRESSES:
        return _place_of(str(value))
    if general == "centre.proxy":
        return _proxy(str(value))
    return "set" if value else ""


def _place_of(address: str) -> str:
    """Scheme, host and port alone: an address may have a password before them and a token behind."""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "not an address"
    return (
        f"{parts.scheme}://{parts.hostname}{port}"
        if parts.hostname
        else ("" if not address else "not an address")
    )


def _proxy(text: str) -> str:
    try:
        proxy = read_proxy(text)
    except ProxyInvalid:
        return "not a proxy"
    if proxy is None:
        return ""
    return f"{proxy.address} (with a password)" if proxy.password else proxy.address
