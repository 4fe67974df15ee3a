"""What commands print: lines, tables, CSV and JSON."""

from __future__ import annotations

import argparse
import csv
import io
import re
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


def listing(
    arguments: argparse.Namespace,
    records: Sequence[object],
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    nothing: str,
) -> None:
    """Print records as JSON (`--json`), their rows as CSV (`--csv`), or as a table; `nothing` where there are none."""
    if arguments.json:
        document(records)
    elif arguments.csv:
        spreadsheet(heads, rows)
    elif records:
        table(heads, rows)
    else:
        line(nothing)


# A cell that begins like this is a formula to a spreadsheet, and long digits are a number that it rounds.
_NOT_PLAIN = re.compile(r"[=+\-@\t\r]|[0-9]{12,}$")


def spreadsheet(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print CSV (RFC 4180) in UTF-8 with a byte order mark, without which Excel does not read it as UTF-8.

    A cell that a spreadsheet would take for a formula or a large number begins with an apostrophe.
    """
    output = io.StringIO(newline="")
    plain = ([f"'{cell}" if _NOT_PLAIN.match(cell) else cell for cell in row] for row in rows)
    csv.writer(output).writerows([heads, *plain])
    sys.stdout.flush()
    sys.stdout.buffer.write(output.getvalue().encode("utf-8-sig"))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table whose columns line up in cells."""
    lines = [heads, *rows]
    widths = [max(width(row[column]) for row in lines) for column in range(len(heads))]
    for row in lines:
        line("  ".join(pad(cell, cells) for cell, cells in zip(row, widths, strict=True)).rstrip())
