"""The desk in a real terminal that sends what no keyboard should, and what its end says."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.terminal import Demo, Desk
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("terminal")]


def test_odd_bytes_cost_neither_the_desk_nor_a_key_and_its_end_is_told(
    programs: Path, new_desk: Callable[[Path], Desk], tmp_path: Path
) -> None:
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text('[centre]\nurl = "http://127.0.0.1:9"\n')
    desk = new_desk(tmp_path / "desk")
    start = (programs / "keydesk", "run", "--config", configuration, "--data", desk.directory)
    log = desk.directory / "log" / "desk.log"

    desk.terminal.start(*start)
    desk.terminal.wait("请选择要办理的业务")
    desk.terminal.type_bytes(b"\xff\xfe\xc3\x28")
    desk.terminal.press("7")
    desk.terminal.wait("登录账号")
    desk.terminal.type_bytes("程".encode("gbk") + b"\xff1")
    desk.terminal.wait("\N{REPLACEMENT CHARACTER}1")
    desk.terminal.type_bytes(b"\x1b[200~23")
    desk.terminal.wait("123")
    desk.terminal.press("4")
    desk.terminal.wait("1234")
    desk.terminal.press("Escape")
    desk.terminal.wait("请选择要办理的业务")
    (process,) = desk.processes("run")
    os.kill(process, signal.SIGTERM)
    desk.terminal.wait("LEFT WITH 143")
    assert '"by": "SIGTERM"' in log.read_text().splitlines()[-1]

    desk.new_terminal().start(*start)
    desk.terminal.wait("请选择要办理的业务")
    desk.new_terminal()
    desk.all_gone()
    wait_until(lambda: '"the app ended"' in log.read_text().splitlines()[-1], "the end is logged")
    assert log.read_text().count('"the app ended"') == 2


def test_a_key_that_is_held_down_makes_one_step(demo: Demo) -> None:
    demo.home()
    demo.terminal.press("1")
    demo.terminal.wait("您要办理")
    demo.terminal.type_bytes(b"\r" * 60)
    demo.terminal.wait("带 . 的都要填")
    demo.terminal.type("王")
    assert "请填写" not in demo.terminal.wait("王")
    demo.terminal.type_bytes(b"\t" * 3)
    # Escapes one by one: in one piece they would be another key.
    for _ in range(10):
        demo.terminal.type_bytes(b"\x1b")
    demo.terminal.wait("您要办理")
    demo.back_out()
