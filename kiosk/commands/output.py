"""What commands print: lines, tables and JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import msgspec

from kiosk.text.cells import pad, width


def line(text: str = "") -> None:
    """Print one line."""
    sys.stdout.write(text + "\n")


def document(value: object) -> None:
    """Print one JSON document; bytes are base64, times UTC seconds, amounts fen."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table whose columns line up in cells."""
    lines = [heads, *rows]
    widths = [max(width(row[column]) for row in lines) for column in range(len(heads))]
    for row in lines:
        line("  ".join(pad(cell, cells) for cell, cells in zip(row, widths, strict=True)).rstrip())
