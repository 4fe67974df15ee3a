"""Folds kept as bytes and rows, for whoever folds a journal in another program: `tests/vectors/folds.json`.

Entries stand in the order in which they are folded, as hex of their bytes; rows as the domain's structs in JSON, bytes in
base64. `write` makes the file anew when the rules or the forms change on purpose.
"""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from kiosk.domain.journal import Entry, seal, unseal
from kiosk.domain.ledger_fold import MemoryRecords, RecordRow, bound_event, fold_entry
from kiosk.domain.remarks import Remark
from tests.support.order_journals import HISTORIES

FILE = Path(__file__).parents[2] / "vectors" / "folds.json"


class Vector(msgspec.Struct, frozen=True):
    """One history: what is folded, and what it makes."""

    name: str
    complete: bool
    entries: tuple[str, ...]
    remarks: tuple[tuple[Remark, ...], ...]
    rows: msgspec.Raw


def folded(name: str, entries: list[Entry], *, complete: bool) -> Vector:
    records, remarks = MemoryRecords(complete=complete), []
    for entry in entries:
        folding = fold_entry(records, entry, bound_event)
        records.put(folding.rows)
        remarks.append(folding.remarks)
    rows: list[RecordRow] = list(records.rows())
    data = tuple(seal(entry).data.hex() for entry in entries)
    return Vector(name, complete, data, tuple(remarks), msgspec.Raw(msgspec.json.encode(rows)))


def made() -> list[Vector]:
    """Each history at the centre, its journals mixed, and at the kiosk that owns the order in the end."""
    vectors = []
    for name, (history, owner, *_) in HISTORIES.items():
        kiosks = history()
        mixed = list(kiosks.interleaved(random.Random(8)))  # noqa: S311 - to repeat it by
        vectors.append(folded(f"{name}, at the centre", mixed, complete=True))
        vectors.append(folded(f"{name}, at its owner", kiosks.written[owner], complete=False))
    return vectors


def write() -> None:
    """Write the file anew."""
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(made()), indent=1) + b"\n")


VECTORS = msgspec.json.decode(FILE.read_bytes(), type=list[Vector]) if FILE.exists() else []


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_fold_gives_what_it_gave(vector: Vector) -> None:
    entries = [unseal(bytes.fromhex(data)).entry for data in vector.entries]
    now = folded(vector.name, entries, complete=vector.complete)
    assert now.remarks == vector.remarks
    assert msgspec.json.decode(now.rows) == msgspec.json.decode(vector.rows)


def test_every_history_is_kept() -> None:
    assert [vector.name for vector in VECTORS] == [vector.name for vector in made()]
