"""Readers' names as people read them: PC/SC's are bytes of no certain encoding.

A name is UTF-8, or GB18030 (as keys made in China name themselves), or anything. What is not printable is shown
by its number, so that a name can never move the cursor of a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENCODINGS: Final = ("utf-8", "gb18030")


def readable(name: bytes) -> str:
    """Return a reader's name as text."""
    for encoding in _ENCODINGS:
        try:
            return _shown(name.decode(encoding))
        except UnicodeDecodeError:
            continue
    return _shown(name.decode("utf-8", errors="backslashreplace"))


def is_plain(name: bytes) -> bool:
    """Whether every program can be expected to read the name: printable ASCII."""
    return name.isascii() and name.decode("ascii").isprintable()


def labelled(names: Iterable[bytes]) -> dict[str, bytes]:
    """Name the readers so that no two have one name; the first of several keeps it."""
    labels: dict[str, bytes] = {}
    for name in names:
        text = label = readable(name)
        number = 1
        while label in labels:
            number += 1
            label = f"{text} ({number})"
        labels[label] = name
    return labels


def _shown(text: str) -> str:
    return "".join(
        character if character.isprintable() else character.encode("unicode-escape").decode()
        for character in text
    )
