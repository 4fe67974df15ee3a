"""What commands print: lines, tables, CSV and JSON."""

from __future__ import annotations

import argparse
import codecs
import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

import msgspec

from kiosk.text.cells import pad, width

T = TypeVar("T")


def line(text: str = "") -> None:
    """Print one line."""
    sys.stdout.write(text + "\n")


def document(value: object) -> None:
    """Print one JSON document; bytes are base64, times UTC seconds, amounts fen."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def documents(values: Iterable[object]) -> None:
    """Print one JSON array, a value at a time."""
    before, after = "[", "[]\n"
    for value in values:
        lines = msgspec.json.format(msgspec.json.encode(value)).decode().replace("\n", "\n  ")
        sys.stdout.write(f"{before}\n  {lines}")
        before, after = ",", "\n]\n"
    sys.stdout.write(after)


def listing(
    arguments: argparse.Namespace,
    records: Callable[[], Iterator[T]],
    heads: Sequence[str],
    row: Callable[[T], Sequence[str]],
    nothing: str,
) -> None:
    """Print records as JSON (`--json`), their rows as CSV (`--csv`), or as a table; `nothing` where there are none.

    No more than one is in memory; `records` gives them anew at each call.
    """
    if arguments.json:
        documents(records())
    elif arguments.csv:
        spreadsheet(heads, map(row, records()))
    elif next(records(), None) is None:
        line(nothing)
    else:
        table(lambda: chain([heads], map(row, records())))


# A cell that begins like this is a formula to a spreadsheet, and long digits are a number that it rounds.
_NOT_PLAIN = re.compile(r"[=+\-@\t\r]|[0-9]{12,}$")


def spreadsheet(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print CSV (RFC 4180) in UTF-8 with a byte order mark, without which Excel does not read it as UTF-8.

    A cell that a spreadsheet would take for a formula or a large number begins with an apostrophe.
    """
    plain = ([f"'{cell}" if _NOT_PLAIN.match(cell) else cell for cell in row] for row in rows)
    sys.stdout.flush()
    sys.stdout.buffer.write(codecs.BOM_UTF8)
    csv.writer(_Utf8Output()).writerows(chain([heads], plain))


class _Utf8Output:
    """The standard output in UTF-8, whatever the terminal speaks."""

    def write(self, text: str) -> int:
        """Write it."""
        return sys.stdout.buffer.write(text.encode())


def table(rows: Callable[[], Iterator[Sequence[str]]]) -> None:
    """Print a table whose columns line up in cells; `rows` gives its rows, all of one length, anew at each call."""
    widths: list[int] = []
    for row in rows():
        cells = map(width, row)
        widths = [max(pair) for pair in zip(widths, cells, strict=True)] if widths else list(cells)
    for row in rows():
        line("  ".join(pad(cell, cells) for cell, cells in zip(row, widths, strict=True)).rstrip())
