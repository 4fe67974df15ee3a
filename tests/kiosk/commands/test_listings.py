"""`keydesk orders`, `keys` and `status`, for people and for programs."""

from __future__ import annotations

import argparse
import csv
import io
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kiosk.commands.output import listing, spreadsheet
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderAssigned, OrderPaid, SurplusReturned
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.identifiers import OrderReference, parse_order_reference
from kiosk.domain.ledger import PaidHow
from kiosk.store.agent_state import AgentState, ContactFault
from kiosk.store.database import Database
from kiosk.store.keyfile import load, load_or_create
from kiosk.store.ledger import COLUMNS
from kiosk.text.cells import width

Keydesk = Callable[..., Any]


def test_orders_are_listed_newest_first_in_columns(keydesk: Keydesk, directory: Path) -> None:
    lines = keydesk("orders", "--data", directory).printed.splitlines()
    assert [line.split()[0] for line in lines] == ["订单号", "3-0007-5", "3-0002-6"]
    assert "340.00" in lines[1]
    assert lines[1].endswith("待付款")
    assert lines[2].endswith("已付款，待绑定")
    starts = {
        width(line[: line.index(mark)])
        for line, mark in zip(lines, ("账号", "11000007", "11000001"), strict=True)
    }
    assert len(starts) == 1


def test_orders_for_programs_carry_fen_and_can_be_the_open_ones_alone(
    keydesk: Keydesk, directory: Path
) -> None:
    told = keydesk("orders", "--json", "--data", directory)
    assert told.status == 0
    assert [(order["reference"], order["status"]) for order in told.document] == [
        ("3-0007-5.000000000000", "placed"),
        ("3-0002-6.000000000000", "paid"),
    ]
    assert sum(line["amount"] for line in told.document[0]["lines"]) == 34_000
    assert keydesk("orders", "--open", "--json", "--data", directory).document == told.document


def _twin(directory: Path, reference: str, account: str) -> str:
    """Another order of that number, as a copy of the kiosk placed it, which was assigned here."""
    number = parse_order_reference(reference).number
    twin = str(OrderReference(number, bytes([1] * 6)))
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    lines = (PriceLine(FeeItem.CERTIFICATE, 8_000),)
    order = OrderAssigned(
        twin, account, "A", "B", OrderKind.NEW, lines, 1, 1_794_000_000, "W1", 1_794_000_100, 1, feed="x"
    )
    with database.write() as tx:
        tx.append(order, FixedClock(1_795_000_000))
    database.close()
    return twin


def test_a_number_lists_its_orders_none_one_or_several(keydesk: Keydesk, directory: Path) -> None:
    one = keydesk("orders", "3－0007－5", "--data", directory)
    assert [line.split()[0] for line in one.printed.splitlines()] == ["订单号", "3-0007-5"]
    twin = _twin(directory, "3-0007-5.000000000000", "11000003")
    two = keydesk("orders", "3-0007-5", "--data", directory)
    assert two.status == 0
    lines = two.printed.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["3-0007-5", "3-0007-5"]
    assert {"11000003", "11000007"} == {line.split()[4] for line in lines[1:3]}
    assert lines[3] == "这个号有 2 笔订单，请按账号和时间分辨"
    document = keydesk("orders", "3-0007-5", "--json", "--data", directory).document
    assert [each["reference"] for each in document] == [twin, "3-0007-5.000000000000"]
    assert keydesk("orders", twin, "--json", "--data", directory).document == document[:1]
    none = keydesk("orders", "9-0147-1", "--data", directory)
    assert (none.status, none.printed) == (0, "本机没有这个号的订单\n")
    assert keydesk("orders", "9-0147-1", "--json", "--data", directory).document == []


@pytest.mark.parametrize(("typed", "said"), [("3-0007-6", "校验位不对"), ("11000001", "不是订单号")])
def test_what_is_no_order_number_is_said_in_one_sentence(
    keydesk: Keydesk, directory: Path, typed: str, said: str
) -> None:
    told = keydesk("orders", typed, "--data", directory)
    assert (told.status, told.printed, told.said.count("\n")) == (1, "", 1)
    assert said in told.said


def test_a_cell_that_a_spreadsheet_would_calculate_is_text(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    spreadsheet(["序列号"], [["=HYPERLINK(A1)"], ["-1"], ["@x"], ["E8AD652202221F03"], ['a"b,c']])
    heads, *rows = capsysbinary.readouterr().out.decode("utf-8-sig").splitlines()
    assert heads == "序列号"
    assert rows == ["'=HYPERLINK(A1)", "'-1", "'@x", "E8AD652202221F03", '"a""b,c"']


def test_csv_is_utf_8_whatever_the_terminal_speaks(directory: Path) -> None:
    command = [sys.executable, "-m", "kiosk.commands.cli", "orders", "--csv", "--data", str(directory)]
    environment = {**os.environ, "PYTHONIOENCODING": "gbk"}
    printed = subprocess.run(command, check=True, capture_output=True, env=environment).stdout
    assert printed.decode("utf-8-sig").splitlines()[0].startswith(("订单号", "Order"))


def test_orders_and_keys_for_a_spreadsheet_are_csv(keydesk: Keydesk, directory: Path) -> None:
    printed = keydesk("orders", "--csv", "--data", directory).printed
    assert printed.startswith("\N{BYTE ORDER MARK}订单号,")
    heads, first, second = csv.reader(io.StringIO(printed.removeprefix("\N{BYTE ORDER MARK}"), newline=""))
    assert heads == ["订单号", "时间", "业务", "账号", "金额（元）", "状态"]
    assert (first[0], first[3:]) == ("3-0007-5", ["11000007", "340.00", "待付款"])
    assert second[5] == "已付款，待绑定"
    keys = keydesk("keys", "--csv", "--data", directory).printed.splitlines()
    assert len(keys) == 2
    assert keys[1].startswith("'0003000001000006,")  # else a number that a spreadsheet rounds
    assert keydesk("orders", "--csv", "--json", "--data", directory).status == 2


def test_money_that_came_in_twice_stands_beside_the_order(keydesk: Keydesk, directory: Path) -> None:
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    clock = FixedClock(1_795_000_000)
    with database.write() as tx:
        for number, transaction in enumerate(("T1", "T2"), start=1):
            tx.append(
                OrderPaid(
                    "3-0002-6.000000000000", PaidHow.FEED, 34_000, clock.wall(), transaction, f"row/{number}"
                ),
                clock,
            )
    assert keydesk("orders", "--data", directory).printed.splitlines()[2].endswith("待绑定，多收 340.00 元")
    with database.write() as tx:
        tx.append(SurplusReturned("3-0002-6.000000000000", "T2", 34_000, "row/3"), clock)
    database.close()
    shown = keydesk("orders", "--data", directory).printed
    assert shown.splitlines()[2].endswith("待绑定，多收的 340.00 元已退回")


def test_keys_name_the_token_and_the_validity_in_china_time(keydesk: Keydesk, directory: Path) -> None:
    (key,) = keydesk("keys", "--json", "--data", directory).document
    assert (key["number"], key["token_serial"], key["status"]) == (
        "0003000001000006",
        "E8AD652202221F03",
        "issued",
    )
    shown = keydesk("keys", "--data", directory).printed
    assert "2026-11-18 19:06:40 ~ 2027-11-18 19:06:40" in shown
    assert "已签发，未绑定" in shown


def test_status_tells_the_backlog_and_who_the_kiosk_is(keydesk: Keydesk, directory: Path) -> None:
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    state = AgentState(
        high_water=5,
        last_contact=1_795_000_000,
        error="the line is cut",
        failure=ContactFault.UNREACHABLE,
    )
    with database.write() as tx:
        tx.agent.put(state)
    database.close()
    told = keydesk("status", "--json", "--data", directory).document
    wanted = {
        "kiosk": 3,
        "epoch": 1,
        "sequence": 7,
        "backlog": 2,
        "network": "offline",
        "placed": 1,
        "paid": 1,
        "failure": "unreachable",
    }
    assert {name: told[name] for name in wanted} == wanted
    shown = keydesk("status", "--data", directory).printed
    assert "终端机 3，第 1 期，日志 7 条" in shown
    assert "网络 离线，上次联系 2026-11-18 19:06:40，待传 2" in shown
    assert "上次联系失败：没有连上中心（the line is cut）" in shown


def test_an_empty_store_is_told_in_words_and_as_empty_lists(keydesk: Keydesk, tmp_path: Path) -> None:
    database = Database.create(tmp_path / "keydesk.db", load_or_create(tmp_path / "keydesk.key"))
    with database.write() as tx:
        tx.enrol(3, 1, FixedClock(1_795_000_000))
    database.close()
    data = ("--data", tmp_path)
    assert keydesk("orders", *data).printed == "没有订单\n"
    assert keydesk("keys", *data).printed == "没有签发过证书\n"
    assert keydesk("orders", "--json", *data).document == keydesk("keys", "--json", *data).document == []
    heads = "\N{BYTE ORDER MARK}订单号,时间,业务,账号,金额（元）,状态"
    assert keydesk("orders", "--csv", *data).printed.splitlines() == [heads]


def test_the_environment_chooses_english(
    keydesk: Keydesk, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LC_ALL")
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    shown = keydesk("orders", "--data", directory).printed
    assert shown.isascii()
    assert "340.00" in shown


class Record(msgspec.Struct, frozen=True, weakref=True):
    number: str


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_listing_has_no_more_than_two_records_in_memory(form: str) -> None:
    alive: weakref.WeakSet[Record] = weakref.WeakSet()
    counts = []

    def records() -> Iterator[Record]:
        for number in range(50):
            record = Record(str(number))
            alive.add(record)
            counts.append(len(alive))
            yield record

    arguments = argparse.Namespace(json=form == "json", csv=form == "csv")
    listing(arguments, records, ["号"], lambda record: [record.number], "没有")
    assert len(counts) >= 50
    assert max(counts) <= 2


@pytest.mark.parametrize("options", [("orders", "--json"), ("orders", "--open", "--csv"), ("keys", "--json")])
def test_what_comes_before_a_damaged_row_is_listed(
    keydesk: Keydesk, directory: Path, options: tuple[str, ...]
) -> None:
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    with database.write() as tx:
        connection = tx.ledger._connection
        for table in ("orders", "certificates"):
            key, *others = COLUMNS[table]
            columns = ", ".join(others)
            late = columns.replace("sequence", "0").replace("row", "x'99'")
            connection.execute(
                f"INSERT INTO {table} ({key}, {columns}) SELECT {key} || 'x', {late} FROM {table}"  # noqa: S608 - tables of ours
            )
    database.close()
    told = keydesk(*options, "--data", directory)
    assert told.status == 1
    assert ("0003000001000006" if options[0] == "keys" else "3-0007-5") in told.printed
