"""`keydesk run` against a real centre, with a key in a real PC/SC reader."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kiosk.demo import phone
from kiosk.domain.payment_codes import link
from tests.support.terminal import Desk, Openssl
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.pcsc, pytest.mark.xdist_group("terminal")]

SERIAL = "E8AD652202221F03"


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """What was started is stopped in the opposite order."""
    with contextlib.ExitStack() as stack:
        yield stack


def _start(stack: contextlib.ExitStack, *command: str | Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )

    def stop() -> None:
        process.terminate()
        process.communicate()

    stack.callback(stop)
    return process


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def centre(stack: contextlib.ExitStack, programs: Path, tmp_path: Path) -> tuple[str, str]:
    """The address of a centre with the example members, and a token that enrols kiosk 3."""
    data = ("--data", tmp_path / "centre")
    told = subprocess.run(
        [programs / "keydesk-central", "examples", *data], check=True, capture_output=True, text=True
    )
    address = _first_line(_start(stack, programs / "keydesk-central", "serve", *data, "--port", "0"))
    return address, json.loads(told.stdout)["enrol_token"]


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
    _start(stack, sync, "run", *configured)
    host, port = pcscd
    key = _start(stack, programs / "keydesk", "virtual-key", "--host", host, "--port", str(port))
    assert SERIAL in _first_line(key)

    desk = new_desk(tmp_path / "desk")
    # Online is said after the first contact, and what is sold to whom comes only with the feed.
    wait_until(lambda: desk.serves("11000001"), "the feed brings prices and members")
    terminal = desk.terminal
    terminal.start(programs / "keydesk", "run", *configured)
    terminal.wait("请选择要办理的业务")
    terminal.wait("key盘 已插  打印机 正常  网络 在线")
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
    terminal.wait(SERIAL)
    terminal.press("Enter")
    assert "绑定完成：新办key盘" in terminal.wait("凭条已打印")
    assert paper.stat().st_size > 1000

    (bound,) = desk.keys_of("11000001")
    assert (bound["token_serial"], bound["status"]) == (SERIAL, "valid")
    judge = openssl(desk)
    assert judge.accepts_issuing()
    assert judge.accepts(bound["number"])
    wait_until(lambda: desk.backlog() == 0, "the journal is sent up")
    checks = desk.told("doctor", "--config", str(configuration))
    assert any(SERIAL in check["found"] and check["level"] == "works" for check in checks)
    assert all(check["level"] != "failed" for check in checks)
