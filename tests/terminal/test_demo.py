"""`keydesk demo` in a terminal of 80×24: members served from the notice to the receipt, online and offline."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.support.terminal import Demo
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("terminal")]


def test_a_new_key_from_the_notice_to_the_receipt(demo: Demo, openssl: Callable[..., Any]) -> None:
    demo.home()
    terminal = demo.terminal
    terminal.wait("网络 在线  待传 0")
    shown = demo.order("1", "wjg", "bjsllymyyxgs", "11000001", "lxm", "Keydesk-1")
    assert re.search(r"订单号 3-\d{4}-\d", shown)
    assert "应付 340.00 元" in shown
    assert "叁佰肆拾元整" in shown
    assert "等待付款…" in shown
    demo.drawer("扫码并付款")
    terminal.wait("key盘在手里吗")
    demo.close_drawer()
    terminal.press("1")
    terminal.wait("驱动已加载，请插入KEY")
    demo.insert("空白key盘 1")
    terminal.wait("E8AD652202221F03")
    terminal.press("Enter")
    shown = terminal.wait("凭条已打印")
    assert "绑定完成：新办key盘" in shown
    (key,) = demo.keys_of("11000001")
    assert key["number"] in shown
    assert (key["status"], key["token_serial"]) == ("valid", "E8AD652202221F03")
    (order,) = demo.orders_of("11000001")
    assert (order["status"], [payment["how"] for payment in order["payments"]]) == ("bound", ["feed"])
    receipt = max((demo.directory / "receipts").glob("*.png"))
    with Image.open(receipt) as picture:
        assert picture.width >= 384
        assert picture.convert("L").getextrema() == (0, 255)
    judge = openssl(demo)
    assert judge.accepts_issuing()
    assert judge.accepts(key["number"])
    assert not judge.accepts(key["number"], by=judge.root)
    wait_until(lambda: demo.backlog() == 0, "the journal is sent up")
    assert demo.command("journal", "verify", "--rebuild").returncode == 0


def test_a_renewal_without_the_network_is_paid_by_the_phones_digits_and_sent_up_later(demo: Demo) -> None:
    demo.home()
    terminal = demo.terminal
    demo.drawer("断开网络")
    demo.close_drawer()
    terminal.wait("网络 离线")
    shown = demo.order("3", "11000002", "Keydesk-2", "hnzycblyxgszz")
    assert "[离线] 本机暂无网络，仍可办理" in shown
    assert "应付 230.00 元" in shown
    demo.drawer("扫码并付款")
    digits = re.search(r"确认码 ([\d-]+)", terminal.wait("确认码 [0-9]"))
    assert digits is not None
    demo.close_drawer()
    terminal.type(digits[1].replace("-", ""))
    terminal.press("Enter")
    terminal.wait("绑定或更新key盘")
    demo.insert("11000002 的key盘")
    terminal.press("Enter")
    terminal.wait("请输入这把key盘的PIN")
    terminal.type("111111")
    terminal.press("Enter")
    shown = terminal.wait("绑定完成：key盘续期")
    assert "联网登记后可登录" in shown
    (order,) = demo.orders_of("11000002")
    assert (order["status"], [payment["how"] for payment in order["payments"]]) == ("bound", ["code"])
    (key,) = demo.keys_of("11000002")
    assert key["not_after"] > order["placed_at"] + 366 * 24 * 3600
    assert demo.backlog() > 0
    terminal.wait("凭条已打印")
    terminal.press("Enter")
    demo.take_key()
    demo.drawer("接上网络")
    demo.close_drawer()
    wait_until(lambda: demo.backlog() == 0, "the backlog drains by itself")
    assert demo.told("status")["backlog"] == 0
    terminal.wait("网络 在线  待传 0")


def test_a_replacement_puts_the_lost_key_on_hold_and_adds_what_was_left_of_it(demo: Demo) -> None:
    demo.home()
    terminal = demo.terminal
    terminal.wait("网络 在线")
    shown = demo.order("2", "11000007", "Keydesk-7", "sctfrlspyxgs")
    assert "确认挂失并补办" in shown
    terminal.press("Tab", "Enter")
    shown = terminal.wait("订单号 3-")
    assert "应付 340.00 元" in shown
    demo.drawer("扫码并付款")
    terminal.wait("key盘在手里吗")
    demo.close_drawer()
    terminal.press("1")
    terminal.wait("绑定或更新key盘")
    demo.insert("空白key盘 2")
    terminal.press("Enter")
    shown = terminal.wait("绑定完成：补办key盘")
    assert "E8AD652202221F04" in shown
    (key,) = demo.keys_of("11000007")
    assert key["old_end"] is not None
    assert key["not_after"] > key["old_end"] + 364 * 24 * 3600
    assert "请改成自己的" in terminal.wait("凭条已打印")
    terminal.press("Escape")
    demo.take_key()
    assert demo.entries("pin-change-skipped", "11000007")


def test_the_journal_on_disk_is_the_one_that_the_commands_prove(demo: Demo) -> None:
    entries = demo.journal()
    proved = demo.told("journal", "verify", "--rebuild")
    assert proved["found"]["entries"] >= len(entries) > 2
    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))


def test_leaving_stops_every_process_and_gives_the_terminal_back(demo: Demo) -> None:
    demo.home()
    assert len(demo.processes()) == 4
    demo.terminal.press("C-q")
    demo.terminal.wait("要退出演示吗")
    demo.terminal.press("Tab", "Enter")
    shown = demo.terminal.wait("LEFT WITH")
    demo.terminal.wait("ECHOES")
    assert "LEFT WITH 0" in shown
    demo.all_gone()
