"""A barcode scanner on a (USB) serial port: every line that it sends is one scan.

Lines are printable ASCII and end with CR, LF or both. A line with any other byte, a line that is too long, and a
line whose end does not come within a second are noise and dropped whole.
"""

from __future__ import annotations

import termios
import threading
from typing import TYPE_CHECKING

import msgspec

from hardware.ports import ScannerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from serial import Serial

_READ_SECONDS = 0.1
_SILENCES_ALLOWED = 10
_RETRY_SECONDS = 1.0
_PRINTABLE = range(0x20, 0x7F)
_LINE_ENDS = b"\r\n"


class ScannerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The scanner's serial port, e.g. /dev/ttyACM0, and how long a scan may be."""

    device: str
    baud_rate: int = 9600
    max_length: int = 512


class LineAssembler:
    """Makes scans out of bytes as they come in."""

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length
        self._line = bytearray()
        self._spoilt = False

    @property
    def unfinished(self) -> bool:
        """Whether a line has begun that has not ended."""
        return bool(self._line) or self._spoilt

    def feed(self, data: bytes) -> list[str]:
        """Take bytes in; the scans that they complete, without empty ones."""
        scans = []
        for byte in data:
            if byte in _LINE_ENDS:
                if self._line and not self._spoilt:
                    scans.append(self._line.decode("ascii"))
                self.clear()
            elif byte not in _PRINTABLE or len(self._line) >= self._max_length:
                self._spoilt = True
            else:
                self._line.append(byte)
        return scans

    def clear(self) -> None:
        """Forget a line that has begun."""
        self._line.clear()
        self._spoilt = False


class SerialScanner:
    """A Scanner on a serial port that comes back by itself after it was unplugged."""

    def __init__(self, settings: ScannerSettings, retry_seconds: float = _RETRY_SECONDS) -> None:
        self._settings = settings
        self._retry_seconds = retry_seconds

    def check(self) -> None:
        """Open the port once, while nothing watches it. Raises ScannerUnavailable."""
        self._open().close()

    def watch(self, scanned: Callable[[str], None]) -> Callable[[], None]:
        """Call `scanned` from a thread with every scan; the stop waits until the thread has ended.

        A scanner that is not there is waited for. The stop may be called from within `scanned`.
        """
        stopping = threading.Event()
        thread = threading.Thread(target=self._run, args=(scanned, stopping), name="scanner", daemon=True)
        thread.start()

        def stop() -> None:
            stopping.set()
            if thread is not threading.current_thread():
                thread.join()

        return stop

    def _open(self) -> Serial:
        """Open the port for ourselves alone. Raises ScannerUnavailable."""
        try:
            import serial  # noqa: PLC0415 - only a desk with a scanner needs it installed

            port = serial.Serial(
                self._settings.device, self._settings.baud_rate, timeout=_READ_SECONDS, exclusive=True
            )
        except (ImportError, OSError, termios.error, ValueError) as error:
            raise ScannerUnavailable(str(error)) from error
        try:
            # what was scanned while nobody watched is not an answer to what is on the screen now
            port.reset_input_buffer()
        except (OSError, termios.error) as error:
            port.close()
            raise ScannerUnavailable(str(error)) from error
        return port

    def _run(self, scanned: Callable[[str], None], stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                port = self._open()
            except ScannerUnavailable:
                # not plugged in, or in somebody else's hands: trying again is the remedy
                stopping.wait(self._retry_seconds)
                continue
            with port:
                for scan in self._scans(port, stopping):
                    scanned(scan)

    def _scans(self, port: Serial, stopping: threading.Event) -> Iterator[str]:
        """The scans that come in, until told to stop or the port goes away."""
        assembler = LineAssembler(self._settings.max_length)
        silences = 0
        while not stopping.is_set():
            try:
                data = port.read(max(1, port.in_waiting))
            except (OSError, termios.error):
                # pyserial's SerialException is an OSError: it was unplugged
                return
            silences = 0 if data else silences + 1
            if assembler.unfinished and silences > _SILENCES_ALLOWED:
                assembler.clear()
            yield from assembler.feed(data)
