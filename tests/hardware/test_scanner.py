from __future__ import annotations

import os
import pty
import queue
import subprocess
import sys
import time
import tty
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.ports import Scanner, ScannerUnavailable
from hardware.scanner import LineAssembler, ScannerSettings, SerialScanner
from tests.support.waiting import take, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRINTABLE = st.text([chr(code) for code in range(0x20, 0x7F)], min_size=1, max_size=40)


class Gun:
    """A scanner gun at the end of a pty, reachable under one name however often it is plugged in."""

    def __init__(self, device: Path) -> None:
        self.device = device
        self._ours: int | None = None
        self._theirs = -1

    def plug(self) -> None:
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        self.device.symlink_to(os.ttyname(self._theirs))

    def pull(self) -> None:
        if self._ours is not None:
            self.device.unlink()
            os.close(self._ours)
            os.close(self._theirs)
            self._ours = None

    def send(self, data: bytes) -> None:
        assert self._ours is not None
        os.write(self._ours, data)


@pytest.fixture
def gun(tmp_path: Path) -> Iterator[Gun]:
    gun = Gun(tmp_path / "scanner")
    yield gun
    gun.pull()


@pytest.fixture
def scans(gun: Gun) -> Iterator[queue.Queue[str]]:
    """What a watched scanner reports."""
    scanner: Scanner = SerialScanner(ScannerSettings(str(gun.device), max_length=64), retry_seconds=0.05)
    reported: queue.Queue[str] = queue.Queue()
    stop = scanner.watch(reported.put)
    yield reported
    stop()


def until_read(gun: Gun, scans: queue.Queue[str]) -> None:
    """Scan until the reading thread has opened the port: what came before, it rightly forgets."""

    def heard() -> bool:
        gun.send(b"READY\r")
        try:
            return bool(scans.get(timeout=0.1))
        except queue.Empty:
            return False

    wait_until(heard, "the scanner is opened")
    while True:
        try:
            scans.get(timeout=0.2)
        except queue.Empty:
            return


def test_every_line_is_a_scan_whatever_its_end(gun: Gun, scans: queue.Queue[str]) -> None:
    gun.plug()
    until_read(gun, scans)
    gun.send(b"KD1:ABC\r")
    gun.send(b"KD1:DEF\r\n\r\nKD1:")
    gun.send(b"GHI\n")
    assert [take(scans) for _ in range(3)] == ["KD1:ABC", "KD1:DEF", "KD1:GHI"]
    assert scans.empty()


def test_it_comes_back_after_it_was_unplugged(gun: Gun, scans: queue.Queue[str]) -> None:
    gun.plug()
    until_read(gun, scans)
    gun.send(b"HALF A SC")
    gun.pull()
    gun.plug()
    until_read(gun, scans)
    gun.send(b"AGAIN\r")
    assert take(scans) == "AGAIN"


def test_a_line_whose_end_does_not_come_is_forgotten(gun: Gun, scans: queue.Queue[str]) -> None:
    gun.plug()
    until_read(gun, scans)
    gun.send(b"NOISE")
    time.sleep(1.6)
    gun.send(b"KD1:ABC\r")
    assert take(scans) == "KD1:ABC"


def test_after_the_stop_nothing_is_reported_and_the_port_is_free(gun: Gun) -> None:
    gun.plug()
    scanner = SerialScanner(ScannerSettings(str(gun.device)), retry_seconds=0.05)
    reported: queue.Queue[str] = queue.Queue()
    stop = scanner.watch(reported.put)
    until_read(gun, reported)
    with pytest.raises(ScannerUnavailable):
        scanner.check()
    stop()
    gun.send(b"LATE\r")
    scanner.check()
    assert reported.empty()


def test_the_stop_may_be_called_by_whoever_is_told(gun: Gun) -> None:
    gun.plug()
    stops: queue.Queue[str] = queue.Queue()

    def once(scan: str) -> None:
        stops.put(scan)
        stop()

    stop = SerialScanner(ScannerSettings(str(gun.device)), retry_seconds=0.05).watch(once)
    until_read(gun, stops)
    assert stops.empty()


def test_a_scanner_that_is_not_there_is_told_when_asked() -> None:
    with pytest.raises(ScannerUnavailable):
        SerialScanner(ScannerSettings("/dev/no-such-scanner")).check()


def test_pyserial_is_not_loaded_before_it_is_needed() -> None:
    program = "import sys, hardware.scanner; sys.exit('serial' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@given(st.lists(PRINTABLE), st.sampled_from([b"\r", b"\n", b"\r\n"]), st.integers(min_value=1, max_value=7))
def test_scans_are_put_together_from_any_pieces(scans: list[str], end: bytes, size: int) -> None:
    data = b"".join(scan.encode() + end for scan in scans)
    assembler = LineAssembler(max_length=64)
    found = [scan for at in range(0, len(data), size) for scan in assembler.feed(data[at : at + size])]
    assert found == scans


@pytest.mark.parametrize("noise", [b"\xff", b"\x00AB", "密钥".encode(), b"A\tB", b"\x1dAB", b"A" * 65])
def test_a_line_with_noise_in_it_is_dropped_whole_and_the_next_one_is_not(noise: bytes) -> None:
    assembler = LineAssembler(max_length=64)
    assert assembler.feed(b"AB" + noise + b"CD\rKD1:ABC\r") == ["KD1:ABC"]


def test_the_longest_line_is_still_a_scan() -> None:
    assert LineAssembler(max_length=64).feed(b"A" * 64 + b"\r") == ["A" * 64]


@given(st.binary(max_size=300))
def test_whatever_comes_in_scans_are_short_and_printable(data: bytes) -> None:
    for scan in LineAssembler(max_length=16).feed(data):
        assert scan.isascii()
        assert scan.isprintable()
        assert 0 < len(scan) <= 16


def test_without_pyserial_there_is_no_scanner(monkeypatch: pytest.MonkeyPatch, gun: Gun) -> None:
    gun.plug()
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(ScannerUnavailable):
        SerialScanner(ScannerSettings(str(gun.device))).check()
