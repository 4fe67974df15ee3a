"""`keydesk journal verify` and `export`."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kiosk.store.database import Database
from kiosk.store.keyfile import load

Keydesk = Callable[..., Any]
PAGE = 4096


def _spoil(directory: Path, statement: str) -> None:
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    with database.write() as tx:
        tx.journal._connection.execute(statement)
    database.close()


def _page_of(table: str, directory: Path) -> int:
    """Where in the file a table's first page begins."""
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    with closing(database), database.read() as tx:
        asked = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        (number,) = tx.journal._connection.execute(asked, (table,)).fetchone()
    return (int(number) - 1) * PAGE


def test_a_sound_store_is_proved_with_the_hash_that_receipts_carry(keydesk: Keydesk, directory: Path) -> None:
    told = keydesk("journal", "verify", "--rebuild", "--json", "--data", directory)
    assert told.status == 0
    assert told.document["sound"]
    digest = base64.b64decode(told.document["found"]["tip"]["hash"]).hex()
    shown = keydesk("journal", "verify", "--rebuild", "--data", directory)
    assert shown.status == 0
    assert f"末尾第 7 条，校验 {digest[:8].upper()}" in shown.printed
    assert "哈希链完整" in shown.printed


def test_every_exported_line_hashes_to_the_next_one_s_previous(keydesk: Keydesk, directory: Path) -> None:
    lines = [
        json.loads(line) for line in keydesk("journal", "export", "--data", directory).printed.splitlines()
    ]
    previous = "00" * 32
    for line in lines:
        data = base64.b64decode(line["data"])
        assert line["previous"] == previous
        previous = hashlib.sha256(b"keydesk journal entry\x00" + data).hexdigest()
        assert line["hash"] == previous
    assert [line["sequence"] for line in lines] == list(range(1, 8))
    proved = keydesk("journal", "verify", "--json", "--data", directory).document
    assert base64.b64decode(proved["found"]["tip"]["hash"]).hex() == previous


def test_an_export_never_writes_over_a_file(keydesk: Keydesk, directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    assert keydesk("journal", "export", "--output", file, "--data", directory).printed == "已写出 7 条\n"
    before = file.read_bytes()
    told = keydesk("journal", "export", "--output", file, "--data", directory)
    assert told.status == 1
    assert "已经存在" in told.said
    assert file.read_bytes() == before
    told = keydesk("journal", "export", "--output", tmp_path / "no" / "file", "--data", directory)
    assert (told.status, "不能写入" in told.said) == (1, True)


def test_a_table_that_is_not_the_fold_is_named_and_written_anew(keydesk: Keydesk, directory: Path) -> None:
    _spoil(directory, "DELETE FROM certificates")
    told = keydesk("journal", "verify", "--data", directory)
    assert told.status == 1
    assert "数据表与日志不一致" in told.printed
    assert keydesk("keys", "--json", "--data", directory).document == []
    assert "已按日志重建数据表" in keydesk("journal", "verify", "--rebuild", "--data", directory).printed
    assert keydesk("journal", "verify", "--rebuild", "--data", directory).status == 0
    assert len(keydesk("keys", "--json", "--data", directory).document) == 1


@pytest.mark.parametrize("rebuild", [(), ("--rebuild",)])
def test_a_missing_entry_is_named_and_is_not_sound(
    keydesk: Keydesk, directory: Path, rebuild: tuple[str, ...]
) -> None:
    _spoil(directory, "DELETE FROM journal WHERE sequence = 4")
    told = keydesk("journal", "verify", *rebuild, "--data", directory)
    assert told.status == 1
    assert "第 4 条起不连续" in told.printed
    assert not keydesk("journal", "verify", *rebuild, "--json", "--data", directory).document["sound"]


@pytest.mark.parametrize("rebuild", [(), ("--rebuild",)])
def test_on_a_damaged_page_it_stops_and_praises_nothing(
    keydesk: Keydesk, directory: Path, rebuild: tuple[str, ...]
) -> None:
    file = directory / "keydesk.db"
    content = bytearray(file.read_bytes())
    content[_page_of("mailbox", directory) + 100] ^= 1  # which opening does not read
    file.write_bytes(content)
    told = keydesk("journal", "verify", *rebuild, "--data", directory)
    assert told.status == 1
    first, *more, last = told.printed.splitlines()
    assert all(line.startswith("数据库页损坏") for line in (first, *more))
    assert last.startswith("其余的没有查")
    document = keydesk("journal", "verify", *rebuild, "--json", "--data", directory).document
    assert (document["sound"], document["found"]["entries"]) == (False, 0)
