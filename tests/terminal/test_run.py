"""`keydesk run` against a real centre, with a key in a real PC/SC reader."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.demo import phone
from kiosk.domain.payment_codes import link
from tests.support.terminal import Desk, Openssl, first_line, started
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.pcsc, pytest.mark.xdist_group("terminal")]


def _require_no_second(desk: Desk, command: tuple[str | Path, ...]) -> None:
    """A desk that is started beside one on the same data says so and ends."""
    desk.terminal.start(*command)
    desk.terminal.wait("已有密钥服务台在运行")
    desk.terminal.wait("LEFT WITH 1")


def test_a_key_in_a_real_reader_is_bound_for_an_order_paid_at_the_centre(
    stack: contextlib.ExitStack,
    programs: Path,
    pcscd: tuple[str, int],
    centre: tuple[str, str],
    new_desk: Callable[[Path], Desk],
    openssl: Callable[[Desk], Openssl],
    tmp_path: Path,
) -> None:
    address, enrolment = centre
    paper, configuration = tmp_path / "paper", tmp_path / "keydesk.toml"
    paper.touch()
    configuration.write_text(
        f'[data]\ndirectory = "{tmp_path / "desk"}"\n[centre]\nurl = "{address}"\n'
        f'[printer]\nconnection = {{ type = "file", path = "{paper}" }}\n'
    )
    configured = ("--config", configuration)
    sync = programs / "keydesk-sync"
    subprocess.run([sync, "enrol", *configured, "--token", enrolment], check=True, capture_output=True)
    started(stack, sync, "run", *configured)
    host, port = pcscd
    key = started(stack, programs / "keydesk", "virtual-key", "--host", host, "--port", str(port))
    (serial,) = re.findall(r"\b[0-9A-F]{16}\b", first_line(key))

    desk = new_desk(tmp_path / "desk")
    # Online is said after the first contact, and what is sold to whom comes only with the feed.
    wait_until(lambda: desk.serves("11000001"), "the feed brings prices and members")
    terminal = desk.terminal
    terminal.start(programs / "keydesk", "run", *configured)
    terminal.wait("请选择要办理的业务")
    terminal.wait("key盘 已插  打印机 正常  网络 在线")
    _require_no_second(new_desk(tmp_path / "desk"), (programs / "keydesk", "run", *configured))
    terminal.press("1")
    terminal.wait("您要办理")
    terminal.press("Enter")
    terminal.wait("带 . 的都要填")
    terminal.type("王建国", "北京示例粮油贸易有限公司", "11000001", "李晓梅", "Keydesk-1")
    terminal.press("Enter")
    terminal.wait("订单号 3-")
    with desk.database().read() as tx:
        (order,) = tx.ledger.orders(account="11000001")
    assert phone.open_page(link(address, order.order_code), "pay").amount == 34000
    terminal.wait("key盘在手里吗")
    terminal.press("1")
    terminal.wait(serial)
    terminal.press("Enter")
    assert "绑定完成：新办key盘" in terminal.wait("凭条已打印")
    assert paper.stat().st_size > 1000

    (bound,) = desk.keys_of("11000001")
    assert (bound["token_serial"], bound["status"]) == (serial, "valid")
    judge = openssl(desk)
    assert judge.accepts_issuing()
    assert judge.accepts(bound["number"])
    wait_until(lambda: desk.backlog() == 0, "the journal is sent up")
    checks = desk.told("doctor", "--config", str(configuration))
    assert any(serial in check["found"] and check["level"] == "works" for check in checks)
    assert all(check["level"] != "failed" for check in checks)
