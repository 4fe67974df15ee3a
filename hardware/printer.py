"""Receipts over ESC/POS, always as a bitmap, through python-escpos.

Text is never sent: cheap printers disagree about the code pages of Chinese. A picture goes out as raster bit
images (`GS v 0`, Epson ESC/POS) in slices small enough for a 4 KB buffer, so that it also prints on printers that
stop listening when the buffer is full. Paper and offline state are asked for in real time (`DLE EOT n`) where the
connection can answer; a printer that can be opened but answers nothing counts as ready.

Printed is what the device took whole, down to the cut: a printer that answers questions has to answer one behind
the last byte, one on the network that answers none has to close its end of the connection once it has read all.
Where neither can be told (a serial line or a device file without a way back) the system must have sent every byte.
What failed once the picture was on its way may be out (PrintUnconfirmed): a network takes bytes that the printer has not.
Paper that ends while the printer works off its buffer shows with the next question.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import fcntl
import io
import logging
import os
import select
import shutil
import socket
import sys
import termios
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never

import msgspec

from hardware.ports import PaperOut, PrinterState, PrinterUnavailable, PrintUnconfirmed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL.Image import Image
    from serial import Serial


# python-escpos has no type information; its printers are Any here and nowhere else.
EscposLibrary = Any

_SLICE_BYTES = 4000
_CONNECT_SECONDS = 3
_ANSWER_SECONDS = 0.5
_WRITE_SECONDS = 10
_SETTLE_SECONDS = 0.02
_READ_BYTES = 64
_USB_MILLISECONDS = 5000

# DLE EOT n: every answer has these bits at these values, which tells it from noise.
_STATUS_FIXED_MASK = 0b1001_0011
_STATUS_FIXED = 0b0001_0010
_STATUS_OFFLINE = 0b0000_1000
_STATUS_PAPER_END = 0b0110_0000
_ASK_PRINTER = b"\x10\x04\x01"
_ASK_PAPER = b"\x10\x04\x04"


class Cut(enum.StrEnum):
    """How a receipt is cut off; NONE only feeds it to where it can be torn."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


class SerialConnection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="serial"):
    """A serial port, e.g. /dev/ttyUSB0."""

    device: str
    baud_rate: int = 9600


class UsbConnection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="usb"):
    """A USB printer by its vendor and product number; endpoints as `lsusb -v` shows them."""

    vendor: int
    product: int
    in_endpoint: int = 0x82
    out_endpoint: int = 0x01


class NetworkConnection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="network"):
    """A printer that takes raw data over TCP.

    Without `confirms` it is believed to have what the network delivered to it: one that neither answers questions nor ever
    closes its end of a connection would otherwise count as one that takes nothing.
    """

    host: str
    port: int = 9100
    confirms: bool = True


class FileConnection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="file"):
    """A device file that is only written to, e.g. /dev/usb/lp0."""

    path: str


Connection = SerialConnection | UsbConnection | NetworkConnection | FileConnection


class PrinterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the printer is, its printable width in dots, and how it cuts."""

    connection: Connection
    dots: Literal[384, 576] = 576
    cut: Cut = Cut.FULL


def load_picture(png: bytes, dots: int) -> Image:
    """The picture to be printed. Raises ValueError when it is not so many dots wide."""
    from PIL import Image  # noqa: PLC0415 - only a desk that prints needs it

    with Image.open(io.BytesIO(png)) as picture:
        if picture.width != dots:
            raise ValueError(f"the picture is {picture.width} dots wide, the paper {dots}")
        return picture.convert("1")


def send_picture(printer: EscposLibrary, picture: Image, cut: Cut) -> None:
    """Send a picture to a python-escpos printer: initialise, raster images in slices, feed and cut."""
    printer.hw("INIT")
    rows = _SLICE_BYTES // ((picture.width + 7) // 8)
    printer.image(picture, impl="bitImageRaster", fragment_height=rows)
    match cut:
        case Cut.FULL:
            printer.cut("FULL")
        case Cut.PARTIAL:
            printer.cut("PART")
        case Cut.NONE:
            printer.print_and_feed(6)
        case _:
            assert_never(cut)


def printer_classes() -> EscposLibrary:
    """The module escpos.printer, loaded without its side effects on logging and the temporary folder."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    from escpos import capabilities, printer  # type: ignore[import-untyped]  # noqa: PLC0415 - see below

    # It is loaded late: that takes a fifth of a second, adds a handler that writes across the screen, and
    # leaves a folder with a cache in /tmp.
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
    if "ESCPOS_CAPABILITIES_PICKLE_DIR" not in os.environ:
        shutil.rmtree(capabilities.pickle_dir, ignore_errors=True)
    return printer


def profile(dots: int) -> EscposLibrary:
    """A python-escpos profile of a printer so wide; without a known width it would print a warning to stdout."""
    printer_classes()
    from escpos.capabilities import Profile  # type: ignore[import-untyped]  # noqa: PLC0415 - late

    made = Profile(features={"paperFullCut": True, "paperPartCut": True, "bitImageRaster": True})
    made.profile_data = {**made.profile_data, "media": {"width": {"pixels": dots}}}
    return made


def connect(settings: PrinterSettings) -> EscposLibrary:
    """Open the python-escpos printer that the settings name; raises what the library raises."""
    classes = printer_classes()
    wide = profile(settings.dots)
    connection = settings.connection
    printer: EscposLibrary
    match connection:
        case SerialConnection():
            printer = classes.Serial(
                connection.device, baudrate=connection.baud_rate, timeout=_ANSWER_SECONDS, profile=wide
            )
            printer.open()
            # a printer without paper holds the line; without a limit the write would never return
            printer.device.write_timeout = _WRITE_SECONDS
            # the library reads 16 bytes, and so would wait out the time although an answer is one byte
            printer._read = lambda: printer.device.read(1)  # noqa: SLF001 - its own hook for reading
        case UsbConnection():
            if not classes.Usb.is_usable():
                # the library itself would complain on stderr as well
                raise OSError("pyusb is not installed")
            printer = classes.Usb(
                connection.vendor,
                connection.product,
                timeout=_USB_MILLISECONDS,
                in_ep=connection.in_endpoint,
                out_ep=connection.out_endpoint,
                profile=wide,
            )
            printer.open()
            # pyusb may write less than it was given, and the library does not look
            endpoint = connection.out_endpoint
            printer._raw = lambda data: write_usb(printer.device, endpoint, data)  # noqa: SLF001 - its own hook
        case NetworkConnection():
            printer = classes.Network(
                connection.host, connection.port, timeout=_CONNECT_SECONDS, profile=wide
            )
            printer.open()
        case FileConnection():
            if not Path(connection.path).exists():
                raise FileNotFoundError(errno.ENOENT, "no such device", connection.path)
            printer = classes.File(connection.path, profile=wide)
            printer.device = DeviceFile(connection.path)  # the library's own waits for ever
        case _:
            assert_never(connection)
    return printer


def write_usb(device: EscposLibrary, endpoint: int, data: bytes) -> None:
    """Write all of it to a pyusb device. Raises OSError, also where it takes no more."""
    while data:
        taken = device.write(endpoint, data, _USB_MILLISECONDS)
        if not taken:
            raise TimeoutError(errno.ETIMEDOUT, "the printer takes no more")
        data = data[taken:]


class DeviceFile:
    """A device file that is written to; one that takes nothing for long raises TimeoutError."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_TRUNC | os.O_NOCTTY)

    def write(self, data: bytes) -> None:
        """Write all of it."""
        while data:
            self.flush()
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._descriptor, data) :]

    def flush(self) -> None:
        """Wait until it has taken what was written."""
        if not select.select([], [self._descriptor], [], _WRITE_SECONDS)[1]:
            raise TimeoutError(errno.ETIMEDOUT, "the device takes no more")

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)


class EscposPrinter:
    """A ReceiptPrinter; may be used from several threads, one at a time gets the printer.

    A serial or USB printer stays open between uses, since opening resets it; it is opened anew after a failure.
    """

    def __init__(
        self, settings: PrinterSettings, connect: Callable[[PrinterSettings], EscposLibrary] = connect
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._keeps_open = isinstance(settings.connection, SerialConnection | UsbConnection)
        self._printer: EscposLibrary = None
        self._lock = threading.Lock()

    @property
    def dots(self) -> int:
        """The printable width in dots."""
        return self._settings.dots

    def state(self) -> PrinterState:
        """Whether it could print now; takes up to a few seconds when it does not answer."""
        connection = self._settings.connection
        if isinstance(connection, FileConnection):
            # opening would empty a plain file, and a device file cannot be asked anything
            writable = os.access(connection.path, os.W_OK)
            return PrinterState.READY if writable else PrinterState.UNAVAILABLE
        try:
            with self._lock, self._opened() as printer:
                return self._ask_state(printer) or PrinterState.READY
        except PrinterUnavailable:
            return PrinterState.UNAVAILABLE

    def print_image(self, png: bytes) -> None:
        """Print one picture and cut. Raises PaperOut, PrinterUnavailable, PrintUnconfirmed; ValueError for another width."""
        picture = load_picture(png, self.dots)
        with self._lock, self._opened() as printer:
            answers = _require_ready(self._ask_state(printer))
            with _may_be_out():
                send_picture(printer, picture, self._settings.cut)
                if answers:
                    if not _require_ready(self._ask_state(printer, _WRITE_SECONDS)):
                        raise PrinterUnavailable("the printer answers no more")
                else:
                    self._settle(printer)
                    self._let_go(printer)

    def close(self) -> None:
        """Give the device up; it is opened again when needed."""
        with self._lock:
            self._drop()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[EscposLibrary]:
        """The open printer; whatever the library or the system raises becomes PrinterUnavailable."""
        failures = _failures()
        failed = True
        try:
            if self._printer is not None and not self._answers():
                self._drop()
            if self._printer is None:
                self._printer = self._connect(self._settings)
            yield self._printer
            failed = False
        except failures as error:
            raise PrinterUnavailable(str(error)) from error
        finally:
            if failed or not self._keeps_open:
                self._drop()

    def _ask_state(self, printer: EscposLibrary, patience: float = 0.0) -> PrinterState | None:
        """What it says of itself behind all that was sent, within so many seconds; None where it says nothing."""
        self._settle(printer)
        paper = _ask(printer, _ASK_PAPER, patience)
        if paper is None:
            return None
        if paper & _STATUS_PAPER_END:
            return PrinterState.PAPER_OUT
        online = _ask(printer, _ASK_PRINTER)
        if online is not None and online & _STATUS_OFFLINE:
            return PrinterState.UNAVAILABLE
        return PrinterState.READY

    def _settle(self, printer: EscposLibrary) -> None:
        """Wait until what was written was sent, and forget answers that came late over a serial line."""
        device = printer.device
        for _ in range(int(_WRITE_SECONDS / _SETTLE_SECONDS)):
            match self._settings.connection:
                case SerialConnection():
                    waiting = device.out_waiting
                case NetworkConnection():
                    waiting = _unacknowledged(device)
                case UsbConnection() | FileConnection():
                    return  # their writes wait by themselves
            if not waiting:
                if isinstance(self._settings.connection, SerialConnection):
                    device.reset_input_buffer()
                return
            time.sleep(_SETTLE_SECONDS)
        raise TimeoutError(errno.ETIMEDOUT, "the printer takes no more")

    def _let_go(self, printer: EscposLibrary) -> None:
        """Tell a printer on the network that answers nothing that this was all, and wait until it closes its end, too."""
        connection = self._settings.connection
        if not isinstance(connection, NetworkConnection) or not connection.confirms:
            return
        line: socket.socket = printer.device
        line.shutdown(socket.SHUT_WR)
        line.settimeout(_WRITE_SECONDS)
        while line.recv(_READ_BYTES):
            pass

    def _answers(self) -> bool:
        """Whether the connection that was kept still carries a question: the cable may have been out since."""
        try:
            _ask(self._printer, _ASK_PAPER)
        except (OSError, termios.error, AssertionError):
            return False
        return True

    def _drop(self) -> None:
        printer, self._printer = self._printer, None
        if printer is None:
            return
        # it is given up because it failed, or no longer needed: there is nobody to tell
        with contextlib.suppress(OSError, termios.error):
            if isinstance(self._settings.connection, SerialConnection):
                _hang_up(printer.device)
            printer.close()


def _failures() -> tuple[type[Exception], ...]:
    """What the library and the system raise. Raises PrinterUnavailable where the library cannot be loaded."""
    try:
        printer_classes()
        from escpos.exceptions import Error  # type: ignore[import-untyped]  # noqa: PLC0415 - late
    except OSError as error:  # it makes a folder in /tmp
        raise PrinterUnavailable(str(error)) from error
    # RuntimeError and ValueError: pyusb or libusb is not installed; AssertionError: the library's own checks
    return (Error, OSError, termios.error, RuntimeError, ValueError, AssertionError)


@contextlib.contextmanager
def _may_be_out() -> Iterator[None]:
    """Whatever fails here but paper that ended becomes PrintUnconfirmed."""
    failures: tuple[type[Exception], ...] = (PrinterUnavailable, *_failures())
    try:
        yield
    except failures as error:
        raise PrintUnconfirmed(str(error)) from error


def _hang_up(port: Serial) -> None:
    """Close a serial port without waiting for the line, which a printer without paper may hold for ever."""
    with contextlib.suppress(OSError, termios.error):
        port.reset_output_buffer()
    port.close()


def _unacknowledged(line: socket.socket) -> int:
    """How many bytes the other end has not acknowledged (tcp(7), SIOCOUTQ)."""
    answer = fcntl.ioctl(line, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def _require_ready(state: PrinterState | None) -> bool:
    """Raise PaperOut or PrinterUnavailable where it says so; whether it says anything."""
    if state is PrinterState.PAPER_OUT:
        raise PaperOut
    if state is PrinterState.UNAVAILABLE:
        raise PrinterUnavailable("the printer says that it is offline")
    return state is not None


def _ask(printer: EscposLibrary, question: bytes, patience: float = 0.0) -> int | None:
    """The status byte that answers a real-time question, within the line's own time or so many seconds; None where none comes."""
    until = time.monotonic() + patience
    read = partial(printer.query_status, question)
    while True:
        try:
            answer = read()
        except NotImplementedError:
            return None
        except OSError as error:
            if not isinstance(error, TimeoutError) and error.errno != errno.ETIMEDOUT:
                raise
            answer = b""
        else:
            if not answer and isinstance(printer.device, socket.socket):
                raise ConnectionResetError(errno.ECONNRESET, "the printer closed the connection")
        statuses: list[int] = [byte for byte in answer if byte & _STATUS_FIXED_MASK == _STATUS_FIXED]
        if statuses:
            return statuses[-1]
        if time.monotonic() >= until:
            return None
        read = printer._read  # noqa: SLF001 - its own hook for reading


class AbsentPrinter:
    """No printer (`ports.ReceiptPrinter`)."""

    @property
    def dots(self) -> int:
        """The width that receipts are drawn in."""
        return 576

    def state(self) -> PrinterState:
        """Never ready."""
        return PrinterState.UNAVAILABLE

    def print_image(self, png: bytes) -> None:
        """Raise PrinterUnavailable, always."""
        del png
        raise PrinterUnavailable("no printer is configured")

    def close(self) -> None:
        """Nothing is open."""
