"""What a kill at any moment leaves: no process, no broken terminal, no lost order, no second charge."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import BindingStep
from kiosk.store.connections import connect
from kiosk.store.keyfile import load
from tests.support.terminal import Demo
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("terminal")]


# The store's transactions have no place to stop at; a count that never ends, behind the entry that follows an issue,
# keeps the binding between two of its steps for as long as it takes to kill the app.
_HOLD = """
CREATE VIEW endless AS WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number) SELECT n FROM number;
CREATE TRIGGER held AFTER INSERT ON journal
WHEN EXISTS (SELECT 1 FROM certificates WHERE status = 'issued' AND sequence < NEW.sequence)
BEGIN SELECT count(*) FROM endless; END;
"""
_RELEASE = "DROP TRIGGER held; DROP VIEW endless;"


@contextmanager
def _held_behind_the_issue(demo: Demo) -> Iterator[None]:
    """The entry that follows an issue is never committed meanwhile."""
    key = load(demo.directory / "keydesk.key")
    with closing(connect(demo.directory / "keydesk.db", key)) as connection:
        connection.executescript(_HOLD)
        try:
            yield
        finally:
            connection.executescript(_RELEASE)


def _certificate_issued(demo: Demo, number: str) -> bool:
    with closing(demo.database()) as database, database.read() as tx:
        (order,) = tx.ledger.numbered(number)
        return order.binding is not None and order.binding.step is BindingStep.ISSUED


def test_an_app_that_is_killed_while_paying_and_while_binding_goes_on_where_it_was(demo: Demo) -> None:
    demo.home()
    found = re.search(r"订单号 (3-\d{4}-\d)", demo.order("3", "11000003", "Keydesk-3", "sdqltyjtyxgs"))
    assert found is not None
    number = found[1]
    demo.kill("kiosk.demo.app")
    demo.terminal.wait("LEFT WITH [1-9]")
    demo.terminal.wait("ECHOES")
    demo.all_gone()

    demo.continue_order("11000003")
    demo.terminal.wait(f"订单号 {number}")
    demo.drawer("扫码并付款")
    demo.terminal.wait("绑定或更新key盘")
    demo.close_drawer()
    demo.insert("11000003 的key盘")
    demo.terminal.press("Enter")
    demo.terminal.wait("请输入这把key盘的PIN")
    demo.terminal.type("111111")
    with _held_behind_the_issue(demo):
        demo.terminal.press("Enter")
        wait_until(lambda: _certificate_issued(demo, number), "a certificate is issued")
        demo.kill("kiosk.demo.app")
        demo.terminal.wait("LEFT WITH [1-9]")

    demo.continue_order("11000003")
    demo.terminal.wait(f"(?s)绑定或更新key盘.*订单号 {number}")
    demo.insert("11000003 的key盘")
    demo.terminal.press("Enter")
    demo.terminal.wait("请输入这把key盘的PIN")
    demo.terminal.type("111111")
    demo.terminal.press("Enter")
    demo.terminal.wait("绑定完成：key盘续期")
    (order,) = demo.orders_of("11000003")
    (key,) = demo.keys_of("11000003")
    assert len(order["payments"]) == 1
    assert (number_in(order["reference"]), order["status"], key["status"]) == (number, "bound", "valid")
    assert demo.told("journal", "verify", "--rebuild")["sound"]


def test_a_killed_launcher_takes_all_processes_along(demo: Demo) -> None:
    demo.home()
    assert len(demo.processes()) == 4
    demo.kill("bin/keydesk")
    demo.all_gone()


def test_a_closed_terminal_ends_all_processes(demo: Demo) -> None:
    demo.home()
    assert len(demo.processes()) == 4
    demo.terminal.close()
    demo.all_gone()


def test_a_busy_port_is_replaced(demo: Demo) -> None:
    demo.home()
    demo.terminal.close()
    demo.all_gone()
    kept = demo.directory / "port"
    before = int(kept.read_text())
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # another program was quicker, and it is as busy
            busy.bind(("127.0.0.1", before))
            busy.listen()
        demo.start()
        assert int(kept.read_text()) != before
        demo.terminal.wait("网络 在线  待传 0")
