"""`keydesk virtual-key`: which key is served, and from which file, to a socket that plays vpcd."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Keydesk = Callable[..., Any]
SELECT_PIV = bytes.fromhex("00A4040005A000000308")
GMT_INFORMATION = bytes.fromhex("8004000000" + "0000")


class Reader:
    """The vpcd side of one card."""

    def __init__(self, card: socket.socket, line: str) -> None:
        self._card = card
        self.line = line

    def ask(self, command: bytes) -> bytes:
        self._card.sendall(len(command).to_bytes(2) + command)
        return self._card.recv(int.from_bytes(self._card.recv(2, socket.MSG_WAITALL)), socket.MSG_WAITALL)


@contextlib.contextmanager
def served(*options: str | Path) -> Iterator[Reader]:
    with socket.create_server(("127.0.0.1", 0)) as vpcd:
        command = [
            sys.executable,
            "-m",
            "kiosk.commands.cli",
            "virtual-key",
            "--port",
            str(vpcd.getsockname()[1]),
        ]
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
        try:
            card, _ = vpcd.accept()
            assert process.stdout is not None
            with card:
                yield Reader(card, process.stdout.readline())
                process.send_signal(signal.SIGTERM)
                assert process.wait() == 0
        finally:
            process.kill()
            process.communicate()


def test_a_gm_t_key_is_served_unless_told_otherwise() -> None:
    with served() as reader:
        assert serial_of(reader)
        assert reader.ask(GMT_INFORMATION)[-2:] == b"\x90\x00"
        assert reader.ask(SELECT_PIV) == b"\x6e\x00"


def serial_of(reader: Reader) -> str:
    """The serial number that the command tells."""
    (serial,) = re.findall(r"\b[0-9A-F]{16}\b", reader.line)
    assert isinstance(serial, str)
    return serial


def test_each_new_key_has_a_serial_number_of_its_own_and_a_file_keeps_its(tmp_path: Path) -> None:
    with served("--state", tmp_path / "key.card") as one, served() as other:
        assert serial_of(one) != serial_of(other)
    with served("--state", tmp_path / "key.card") as again:
        assert again.line.split()[:2] == one.line.split()[:2]


def test_a_piv_card_is_served_kept_in_its_file_and_known_from_it(tmp_path: Path) -> None:
    state = tmp_path / "key.card"
    with served("--profile", "piv", "--state", state) as reader:
        assert reader.ask(SELECT_PIV)[-2:] == b"\x90\x00"
        assert reader.ask(bytes.fromhex("0020008008393939393939FFFF")) == b"\x63\xc2"
        identifier = reader.ask(bytes.fromhex("00CB3FFF055C035FC10200"))
        assert identifier[31:47].hex().upper() in reader.line
    with served("--state", state) as reader:
        reader.ask(SELECT_PIV)
        assert reader.ask(bytes.fromhex("00200080")) == b"\x63\xc2"
        assert reader.ask(bytes.fromhex("00CB3FFF055C035FC10200")) == identifier


@pytest.mark.parametrize(("made", "asked"), [("gmt", "piv"), ("piv", "gmt")])
def test_a_file_of_the_other_kind_is_named_as_such_and_left_alone(
    keydesk: Keydesk, tmp_path: Path, made: str, asked: str
) -> None:
    state = tmp_path / "key.card"
    with served("--profile", made, "--state", state):
        pass
    before = state.read_bytes()
    told = keydesk("virtual-key", "--profile", asked, "--state", state)
    assert (told.status, told.printed) == (1, "")
    assert told.said.count("\n") == 1
    assert "key.card" in told.said
    assert f"--profile {made}" in told.said
    assert state.read_bytes() == before


@pytest.mark.parametrize("content", [b"\x89PNG", b"{}", b'{"profile": "piv"}', b'{"profile": "skf"}'])
@pytest.mark.parametrize("profile", ["gmt", "piv"])
def test_a_file_that_is_no_key_s_is_refused(
    keydesk: Keydesk, tmp_path: Path, content: bytes, profile: str
) -> None:
    state = tmp_path / "key.card"
    state.write_bytes(content)
    told = keydesk("virtual-key", "--profile", profile, "--state", state)
    assert (told.status, told.printed) == (1, "")
    assert "key.card" in told.said
    assert "--state" in told.said
    assert state.read_bytes() == content
