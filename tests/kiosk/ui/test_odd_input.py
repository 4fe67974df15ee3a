"""What a terminal may send that no keyboard should: it costs the desk neither the program nor the screen."""

from __future__ import annotations

import asyncio
import io
import os
import termios
import threading
import tty

import pytest
from textual import events
from textual.app import App
from textual.drivers._writer_thread import WriterThread
from textual.geometry import Size
from textual.message import Message

from kiosk.ui.terminal.driver import KioskDriver
from tests.support.waiting import wait_until


class _Driver(KioskDriver):
    """The driver on a terminal of our own, which keeps what it passes on."""

    def __init__(self, terminal: int) -> None:
        super().__init__(App())
        self.fileno = terminal
        self.passed: list[Message] = []

    def send_message(self, message: Message) -> None:
        self.passed.append(message)

    @property
    def keys(self) -> list[str]:
        return [each.key for each in self.passed if isinstance(each, events.Key)]


ODD = (b"\xff", b"\xc3\x28", b"\x1b[48;0;0;0;0t", b"\x1b[48;20000;20000;0;0t", b"\x1b[48;1;1;1;1t")


@pytest.mark.parametrize("odd", ODD)
def test_after_odd_bytes_the_next_key_counts_and_the_screen_keeps_its_size(odd: bytes) -> None:
    keyboard, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    tty.setraw(terminal)

    async def made() -> _Driver:
        return _Driver(terminal)

    driver = asyncio.run(made())
    reading = threading.Thread(target=driver._run_input_thread)
    reading.start()
    try:
        os.write(keyboard, odd)

        def pressed() -> bool:
            os.write(keyboard, b"a")
            return "a" in driver.keys

        wait_until(pressed, "a key counts after odd bytes")
    finally:
        driver.exit_event.set()
        reading.join()
        os.close(keyboard)
        os.close(terminal)
    assert not [each for each in driver.passed if isinstance(each, events.Resize)]


@pytest.mark.parametrize(
    ("known", "report", "believed"),
    [
        ((24, 80), (24, 80), True),
        ((24, 80), (36, 120), False),
        ((0, 0), (36, 120), True),
        ((0, 0), (0, 0), False),
    ],
)
def test_a_size_is_believed_that_the_terminal_has_or_where_it_tells_none(
    known: tuple[int, int], report: tuple[int, int], *, believed: bool
) -> None:
    keyboard, terminal = os.openpty()
    termios.tcsetwinsize(terminal, known)

    async def passed() -> list[Message]:
        driver = _Driver(terminal)
        size = Size(report[1], report[0])
        driver.process_message(events.Resize(size, size))
        return driver.passed

    assert len(asyncio.run(passed())) == believed
    os.close(keyboard)
    os.close(terminal)


def test_a_terminal_that_is_gone_leaves_no_thread_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, other = os.pipe()
    os.close(other)  # now it is at its end, as a terminal that was hung up

    async def made() -> _Driver:
        return _Driver(terminal)

    def gone() -> None:
        raise OSError

    driver = asyncio.run(made())
    monkeypatch.setattr(driver, "_disable_mouse_support", gone)
    reading = threading.Thread(target=driver._run_input_thread, daemon=True)
    reading.start()
    driver.disable_input()
    assert reading.is_alive()
    driver.close()
    wait_until(lambda: not reading.is_alive(), "the reading ends")
    os.close(terminal)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_terminal_that_is_gone_holds_up_nobody_who_writes_to_it() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(text)

    async def made() -> _Driver:
        return _Driver(0)

    driver = asyncio.run(made())
    driver._writer_thread = WriterThread(Gone())
    driver._writer_thread.daemon = True
    driver._writer_thread.start()

    def write() -> None:
        for _ in range(100):
            driver.write("x")

    writing = threading.Thread(target=write, daemon=True)
    writing.start()
    wait_until(lambda: not writing.is_alive(), "all is written")
