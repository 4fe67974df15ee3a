"""`keydesk backup` and `keydesk restore`: what they say, and their exit status."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderCancelled
from kiosk.store.database import Database
from kiosk.store.keyfile import load
from kiosk.store.location import DATABASE, KEY_FILE, open_database
from tests.support.commands import Keydesk
from tests.support.values import present

NOW = 1_795_000_000


@pytest.fixture
def copy(keydesk: Keydesk, directory: Path, tmp_path: Path) -> Path:
    keydesk("backup", tmp_path / "copy", "--data", directory)
    return tmp_path / "copy"


def _cancel_the_unpaid(directory: Path) -> None:
    """One more entry, which the centre has not."""
    with closing(open_database(directory)) as database, database.write() as tx:
        unpaid = next(order for order in tx.ledger.orders() if not order.payments)
        tx.append(OrderCancelled(unpaid.reference, "member"), FixedClock(NOW))


def test_a_backup_says_how_far_it_goes_and_that_the_key_is_in_it(
    keydesk: Keydesk, directory: Path, tmp_path: Path
) -> None:
    proved = keydesk("journal", "verify", "--data", directory).printed
    told = keydesk("backup", tmp_path / "copy", "--data", directory)
    assert told.status == 0
    assert (
        f"已备份到 {tmp_path / 'copy'}：日志 7 条，校验 {proved.partition('校验 ')[2][:8]}；已核对"
        in told.printed
    )
    assert "备份里有密钥" in told.printed
    assert keydesk("journal", "verify", "--data", tmp_path / "copy").status == 0
    without = keydesk("backup", tmp_path / "without", "--without-key", "--data", directory)
    assert "备份里没有密钥" in without.printed
    assert {each.name for each in (tmp_path / "without").iterdir()} == {DATABASE}


def test_tables_that_are_not_the_fold_are_told_of(keydesk: Keydesk, directory: Path, tmp_path: Path) -> None:
    key = load(directory / KEY_FILE)
    with closing(Database.open(directory / DATABASE, key)) as database, database.write() as tx:
        tx.journal._connection.execute("DELETE FROM certificates")
    told = keydesk("backup", tmp_path / "copy", "--data", directory)
    assert (told.status, "journal verify --rebuild" in told.printed) == (0, True)
    assert "已按日志重建" in keydesk("restore", tmp_path / "copy", "--data", directory).printed


def test_a_restore_says_what_is_in_place_now_and_where_the_rest_lies(
    keydesk: Keydesk, directory: Path, copy: Path
) -> None:
    _cancel_the_unpaid(directory)
    told = keydesk("restore", copy, "--leave-unsent", "--data", directory)
    assert told.status == 0
    assert told.printed.splitlines() == [
        "已恢复 3 号终端机的备份：日志 7 条，最后一条记于 2026-11-18 19:06:40",
        f"原来的数据（日志 8 条）留在 {directory / 'keydesk.before-1'}",
        "下一笔订单起用新的纪元，不会重号；备份以后已上传的记录，联网后由中心补回",
    ]
    document = keydesk("restore", copy, "--json", "--data", directory).document
    assert (document["kiosk"], document["entries"], document["before"]) == (3, 7, 7)
    assert document["aside"] == str(directory / "keydesk.before-2")


def test_where_the_present_data_cannot_be_read_the_kiosk_is_to_be_made_sure_of(
    keydesk: Keydesk, directory: Path, copy: Path, tmp_path: Path
) -> None:
    (directory / KEY_FILE).unlink()
    told = keydesk("restore", copy, "--data", directory)
    assert (told.status, "原来的数据读不出来" in told.printed) == (0, True)
    assert "请确认本机就是 3 号终端机" in told.printed
    fresh = keydesk("restore", copy, "--data", tmp_path / "fresh")
    assert (fresh.status, "原来的数据" in fresh.printed) == (0, False)
    assert "请确认本机就是 3 号终端机" in fresh.printed
    assert "keydesk-sync enrol --token 令牌 --from 备份" in fresh.printed


def test_a_refusal_is_one_sentence_with_what_to_do_and_leaves_everything(
    keydesk: Keydesk, directory: Path, copy: Path, tmp_path: Path
) -> None:
    _cancel_the_unpaid(directory)
    before = keydesk("orders", "--json", "--data", directory).printed
    (tmp_path / "cut.db").write_bytes((copy / DATABASE).read_bytes()[:20_000])
    shutil.copy(copy / DATABASE, tmp_path / "whole.db")
    (tmp_path / "elsewhere").mkdir()
    given = {
        tmp_path / "nothing": ("没有备份", "核对路径"),
        tmp_path / "elsewhere": ("不是 Keydesk 数据的备份", "keydesk backup"),
        tmp_path / "cut.db": ("已损坏", "换一份备份；现用的数据没有动"),
        directory: ("就是现用的数据", "备份的位置"),
        copy: ("1 条记录中心还没有", "keydesk-sync once"),
    }
    for each, (found, advice) in given.items():
        told = keydesk("restore", each, "--data", directory)
        assert (told.status, told.printed) == (1, "")
        assert told.said.count("\n") == 1
        assert found in told.said
        assert advice in told.said.partition("。请")[2]
    assert keydesk("orders", "--json", "--data", directory).printed == before


def test_nothing_is_restored_while_a_program_works_there(
    keydesk: Keydesk, directory: Path, copy: Path
) -> None:
    with closing(open_database(directory)) as working:
        told = keydesk("restore", copy, "--data", directory)
        assert told.status == 1
        assert "有程序正在用数据目录" in told.said
        assert "keydesk-sync run" in told.said
        with working.read() as tx:
            assert present(tx.journal.tip()).sequence == 7
    assert keydesk("restore", copy, "--data", directory).status == 0


def test_a_directory_that_cannot_be_written_is_named(
    keydesk: Keydesk, directory: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(**_: object) -> str:
        raise PermissionError(13, "Permission denied", str(directory))

    monkeypatch.setattr("tempfile.mkdtemp", closed)
    told = keydesk("restore", copy, "--data", directory)
    assert (told.status, told.said.count("\n")) == (1, 1)
    assert f"{directory} 不能读写（Permission denied）" in told.said
