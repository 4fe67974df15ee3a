"""Textual's driver for a desk that nobody watches: no byte and no terminal that goes away ends it unsaid."""

from __future__ import annotations

import os
import selectors
import time
from queue import Full

import structlog
from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from kiosk.ui.terminal.keyboard import Keyboard

_LARGEST = 1000  # the most columns or rows that a terminal is believed to have
_LOOK_AGAIN = 0.5  # seconds
_TICK = 0.05  # seconds
_AT_ONCE = 4096  # bytes


class KeyboardLost(Message):
    """Nothing can be read from the terminal any more: it is gone."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class KioskDriver(LinuxDriver):
    """Textual's driver, which by itself ends the program (with exit status 0) at a byte that is no UTF-8."""

    def write(self, data: str) -> None:
        """Write to the terminal; nothing to one that is gone, where nobody takes from the writer's queue any more."""
        writer = self._writer_thread  # there is no public way to it
        while writer is not None and writer.is_alive():
            try:
                writer._queue.put(data, timeout=_LOOK_AGAIN)  # noqa: SLF001 - its own method waits without an end
            except Full:
                continue
            return

    def run_input_thread(self) -> None:
        """Read the keyboard until the app ends, which it does when the terminal is gone."""
        keyboard = Keyboard(time.monotonic, _say_odd)
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(_TICK):
                    data, why = _read(self.fileno)
                    if not data:
                        self.send_message(KeyboardLost(why))
                        self.exit_event.wait()
                        return
                    for message in keyboard.read(data):
                        self.process_message(message)
                for message in keyboard.tick():
                    self.process_message(message)

    def close(self) -> None:
        """End the reading too, which goes on for ever where the terminal went away before it could be restored."""
        self.exit_event.set()
        super().close()

    def process_message(self, message: Message) -> None:
        """Pass a message on, unless it tells of a size that the terminal has not: such bytes may come out of anything."""
        if isinstance(message, events.Resize) and not self._has_size(*message.size):
            return
        super().process_message(message)

    def _has_size(self, columns: int, rows: int) -> bool:
        """Whether the terminal may be of that size; one on a serial line does not tell its own, and what it reports is believed."""
        try:
            known = os.get_terminal_size(self.fileno)
        except OSError:
            known = os.terminal_size((0, 0))
        if all(known):
            return (columns, rows) == known
        return 0 < columns <= _LARGEST and 0 < rows <= _LARGEST


def _read(terminal: int) -> tuple[bytes, str]:
    """What was typed; nothing, and why, from a terminal that is gone."""
    try:
        return os.read(terminal, _AT_ONCE), "end of file"
    except OSError as error:
        return b"", str(error)


def _say_odd(error: Exception) -> None:
    structlog.get_logger().warning("odd input", error=str(error))
