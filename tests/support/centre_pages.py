"""What a thief reads in the pages of a centre's database with the centre's own keys: personal records, decrypted.

In both databases a row's texts and bytes stand one after the other; PostgreSQL has a length of 1 or 4 bytes and up to 3 of
padding before the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kiosk.pki.device_keys import unseal
from kiosk.pki.errors import SealBroken

KEY = 12 + 32 + 16
"""Bytes of a sealed key."""
_GAPS = range(8)


def sqlite_pages(path: Path) -> bytes:
    """The file and what stands beside it: the write-ahead log, or a rollback journal."""
    beside = (path, *(path.with_name(path.name + end) for end in ("-wal", "-journal")))
    return b"".join(each.read_bytes() for each in beside if each.exists())


def postgresql_pages(directory: Path) -> bytes:
    """Every page of every table and index of a cluster; the server has written all of them to its files."""
    return b"".join(each.read_bytes() for each in sorted(directory.glob("base/*/*")) if each.is_file())


def readable(pages: bytes, commitment: str, seal_key: bytes) -> list[bytes]:
    """The record of that commitment, as often as it can be decrypted with what is in the pages."""
    places = [match.end() for match in re.finditer(commitment.encode(), pages)]
    keys = {key for at in places for key in _keys(pages, at, commitment, seal_key)}
    return [record for at in places for key in keys for record in _records(pages, at, commitment, key)]


def _keys(pages: bytes, at: int, commitment: str, seal_key: bytes) -> Iterator[bytes]:
    context = f"key of the personal record {commitment}".encode()
    for gap in _GAPS:
        try:
            yield unseal(seal_key, pages[at + gap : at + gap + KEY], context)
        except (SealBroken, ValueError):
            continue


def _records(pages: bytes, at: int, commitment: str, key: bytes) -> Iterator[bytes]:
    context = b"keydesk personal record\x00" + bytes.fromhex(commitment)
    for gap in _GAPS:
        for length in range(12 + 16 + 16, 400):
            try:
                yield unseal(key, pages[at + gap : at + gap + length], context)
            except (SealBroken, ValueError):
                continue
