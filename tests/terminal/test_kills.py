"""What a kill at any moment leaves: no process, no broken terminal, no lost order, no second charge."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("terminal")]


def _kill_while_binding(demo: Any, number: str) -> None:
    """Kill the app once a step of the binding is durable; the next cannot be, since the database is held."""
    (app,) = demo.processes("kiosk.demo.app")
    database = demo.database()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with database.write() as tx:
            order = tx.ledger.order(number)
            assert order is not None
            if order.binding is not None:
                assert order.status.value == "paid", "the binding was over before it could be killed"
                os.kill(app, signal.SIGKILL)
                break
        time.sleep(0.002)
    else:
        pytest.fail("the binding did not begin")
    database.close()


def test_an_app_that_is_killed_while_paying_and_while_binding_goes_on_where_it_was(demo: Any) -> None:
    demo.home()
    found = re.search(r"订单号 (3-\d{4}-\d)", demo.order("3", "11000003", "Keydesk-3", "sdqltyjtyxgs"))
    assert found is not None
    number = found[1]
    demo.kill("kiosk.demo.app")
    demo.terminal.wait("LEFT WITH [1-9]")
    demo.terminal.wait("ECHOES")
    demo.all_gone(5)

    demo.continue_order("11000003")
    demo.terminal.wait(f"订单号 {number}")
    demo.drawer("扫码并付款")
    demo.terminal.wait("绑定或更新key盘")
    demo.close_drawer()
    demo.insert("11000003 的key盘")
    demo.terminal.press("Enter")
    demo.terminal.wait("请输入这把key盘的 PIN")
    demo.terminal.type("111111")
    demo.terminal.press("Enter")
    _kill_while_binding(demo, number)
    demo.terminal.wait("LEFT WITH [1-9]")

    demo.continue_order("11000003")
    demo.terminal.wait(f"绑定或更新key盘 +订单号 {number}")
    demo.insert("11000003 的key盘")
    demo.terminal.press("Enter")
    demo.terminal.wait("请输入这把key盘的 PIN")
    demo.terminal.type("111111")
    demo.terminal.press("Enter")
    demo.terminal.wait("绑定完成：key盘续期")
    (order,) = demo.orders_of("11000003")
    (key,) = demo.keys_of("11000003")
    assert len(order["payments"]) == 1
    assert (order["number"], order["status"], key["status"]) == (number, "bound", "valid")
    assert demo.told("journal", "verify", "--rebuild")["sound"]


def test_a_killed_launcher_takes_all_processes_along(demo: Any) -> None:
    demo.home()
    assert len(demo.processes()) == 4
    demo.kill("bin/keydesk")
    demo.all_gone(5)


def test_a_closed_terminal_ends_all_processes(demo: Any) -> None:
    demo.home()
    assert len(demo.processes()) == 4
    demo.terminal.close()
    demo.all_gone(5)


def test_a_busy_port_is_replaced(demo: Any, eventually: Callable[..., None]) -> None:
    demo.home()
    demo.terminal.close()
    demo.all_gone(5)
    kept = demo.directory / "port"
    before = int(kept.read_text())
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        busy.bind(("127.0.0.1", before))
        busy.listen()
        demo.start()
        assert int(kept.read_text()) != before
        demo.terminal.wait("网络 在线  待传 0")
