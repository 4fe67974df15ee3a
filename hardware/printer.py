"""Receipts over ESC/POS, always as a bitmap, through python-escpos.

Text is never sent: cheap printers disagree about the code pages of Chinese. A picture goes out as raster bit
images (`GS v 0`, Epson ESC/POS) in slices small enough for a 4 KB buffer, so that it also prints on printers that
stop listening when the buffer is full. Paper and offline state are asked for in real time (`DLE EOT n`) where the
connection can answer; a printer that can be opened but answers nothing counts as ready.

The paper is looked at before and after a picture is sent. Paper that ends while the printer works off its
buffer shows with the next question.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import io
import logging
import os
import shutil
import termios
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never

import msgspec

from hardware.ports import PaperOut, PrinterState, PrinterUnavailable

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
    """A printer that takes raw data over TCP."""

    host: str
    port: int = 9100


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
        case NetworkConnection():
            printer = classes.Network(
                connection.host, connection.port, timeout=_CONNECT_SECONDS, profile=wide
            )
            printer.open()
        case FileConnection():
            if not Path(connection.path).exists():
                raise FileNotFoundError(errno.ENOENT, "no such device", connection.path)
            printer = classes.File(connection.path, profile=wide)
            printer.open()
        case _:
            assert_never(connection)
    return printer


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
                return self._ask_state(printer)
        except PrinterUnavailable:
            return PrinterState.UNAVAILABLE

    def print_image(self, png: bytes) -> None:
        """Print one picture and cut. Raises PaperOut, PrinterUnavailable; ValueError for another width."""
        picture = load_picture(png, self.dots)
        with self._lock, self._opened() as printer:
            self._require_ready(printer)
            send_picture(printer, picture, self._settings.cut)
            self._require_ready(printer)

    def close(self) -> None:
        """Give the device up; it is opened again when needed."""
        with self._lock:
            self._drop()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[EscposLibrary]:
        """The open printer; whatever the library or the system raises becomes PrinterUnavailable."""
        printer_classes()
        from escpos.exceptions import Error  # type: ignore[import-untyped]  # noqa: PLC0415

        # RuntimeError and ValueError: pyusb or libusb is not installed; AssertionError: the library's own checks
        failures = (Error, OSError, termios.error, RuntimeError, ValueError, AssertionError)
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

    def _ask_state(self, printer: EscposLibrary) -> PrinterState:
        self._settle(printer)
        paper = _ask(printer, _ASK_PAPER)
        if paper is None:
            return PrinterState.READY
        if paper & _STATUS_PAPER_END:
            return PrinterState.PAPER_OUT
        online = _ask(printer, _ASK_PRINTER)
        if online is not None and online & _STATUS_OFFLINE:
            return PrinterState.UNAVAILABLE
        return PrinterState.READY

    def _require_ready(self, printer: EscposLibrary) -> None:
        state = self._ask_state(printer)
        if state is PrinterState.PAPER_OUT:
            raise PaperOut
        if state is PrinterState.UNAVAILABLE:
            raise PrinterUnavailable("the printer says that it is offline")

    def _settle(self, printer: EscposLibrary) -> None:
        """Wait until a serial line has carried what was written, and forget answers that came late."""
        if not isinstance(self._settings.connection, SerialConnection):
            return
        for _ in range(int(_WRITE_SECONDS / _SETTLE_SECONDS)):
            if not printer.device.out_waiting:
                printer.device.reset_input_buffer()
                return
            time.sleep(_SETTLE_SECONDS)
        raise TimeoutError("the serial line does not move")

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


def _hang_up(port: Serial) -> None:
    """Close a serial port without waiting for the line, which a printer without paper may hold for ever."""
    with contextlib.suppress(OSError, termios.error):
        port.reset_output_buffer()
    port.close()


def _ask(printer: EscposLibrary, question: bytes) -> int | None:
    """The status byte that answers a real-time question; None where none comes or it is not one."""
    try:
        answer = printer.query_status(question)
    except NotImplementedError:
        return None
    except OSError as error:
        if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
            return None
        raise
    statuses = [byte for byte in answer if byte & _STATUS_FIXED_MASK == _STATUS_FIXED]
    return statuses[-1] if statuses else None


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
