from __future__ import annotations

import contextlib
import io
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import tty
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from PIL import Image, ImageChops

from hardware.ports import PaperOut, PrinterState, PrinterUnavailable, ReceiptPrinter
from hardware.printer import (
    Connection,
    Cut,
    EscposPrinter,
    FileConnection,
    NetworkConnection,
    PrinterSettings,
    SerialConnection,
    UsbConnection,
    load_picture,
    printer_classes,
    profile,
    send_picture,
)
from tests.support.waiting import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAPER_QUESTION = b"\x10\x04\x04"
PRINTER_QUESTION = b"\x10\x04\x01"


def make_picture(dots: int = 384, height: int = 700) -> bytes:
    """A picture with something in every corner and no two slices alike."""
    picture = Image.frombytes(
        "1", (dots, height), bytes((3 * n + n // 41) % 256 for n in range(dots // 8 * height))
    )
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def read_rasters(data: bytes) -> tuple[list[Image.Image], bytes]:
    """The raster images (GS v 0) in ESC/POS data, black dots as 0, and the other bytes."""
    slices, rest = [], b""
    while data:
        if data[:4] == b"\x1dv0\x00":
            width, height = int.from_bytes(data[4:6], "little"), int.from_bytes(data[6:8], "little")
            raster, data = data[8 : 8 + width * height], data[8 + width * height :]
            slices.append(ImageChops.invert(Image.frombytes("1", (width * 8, height), raster)))
        else:
            rest, data = rest + data[:1], data[1:]
    return slices, rest


def join(slices: list[Image.Image]) -> Image.Image:
    whole = Image.new("1", (slices[0].width, sum(piece.height for piece in slices)))
    top = 0
    for piece in slices:
        whole.paste(piece, (0, top))
        top += piece.height
    return whole


class Peer:
    """The printer's end of a line: keeps what it is sent and answers status questions as an Epson does."""

    def __init__(self) -> None:
        self.received = b""
        self.paper = True
        self.online = True
        self.mute = False
        self.paper_after: int | None = None

    def take(self, data: bytes) -> bytes:
        """Take data in and give the answers to the questions in it."""
        answers = b""
        for byte in data:
            self.received += bytes([byte])
            if self.received.endswith(PAPER_QUESTION):
                self.received = self.received[:-3]
                gone = self.paper_after is not None and len(self.received) >= self.paper_after
                answers += b"\x12" if self.paper and not gone else b"\x72"
            elif self.received.endswith(PRINTER_QUESTION):
                self.received = self.received[:-3]
                answers += b"\x12" if self.online else b"\x1a"
        return b"" if self.mute else answers


Line = tuple[Peer, Any]


@contextlib.contextmanager
def serial_line() -> Iterator[Line]:
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    peer = Peer()

    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            if select.select([ours], [], [], 0.05)[0]:
                os.write(ours, peer.take(os.read(ours, 4096)))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield peer, SerialConnection(os.ttyname(theirs), 115200)
    stopping.set()
    thread.join()
    os.close(theirs)
    os.close(ours)


@contextlib.contextmanager
def network_line() -> Iterator[Line]:
    server = socket.create_server(("127.0.0.1", 0))
    peer = Peer()

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    while data := connection.recv(4096):
                        connection.sendall(peer.take(data))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield peer, NetworkConnection("127.0.0.1", server.getsockname()[1])
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    ended(thread)


@pytest.fixture(params=[serial_line, network_line])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    with request.param() as both:
        yield both


@pytest.fixture
def make(line: Line) -> Iterator[Callable[[], EscposPrinter]]:
    """Makes printers at the line, closed before it is."""
    made: list[EscposPrinter] = []

    def make() -> EscposPrinter:
        made.append(EscposPrinter(PrinterSettings(line[1], dots=384)))
        return made[-1]

    yield make
    for printer in made:
        printer.close()


def test_the_picture_arrives_whole_and_is_cut_off(line: Line, make: Callable[[], EscposPrinter]) -> None:
    png = make_picture()
    printer: ReceiptPrinter = make()
    printer.print_image(png)
    slices, rest = read_rasters(line[0].received)
    assert join(slices).tobytes() == load_picture(png, 384).tobytes()
    assert rest == b"\x1b@" + b"\x1bd\x06" + b"\x1dV\x00"


def test_no_slice_is_larger_than_a_small_buffer() -> None:
    for dots in (384, 576):
        dummy = printer_classes().Dummy(profile=profile(dots))
        send_picture(dummy, load_picture(make_picture(dots), dots), Cut.FULL)
        slices, _ = read_rasters(dummy.output)
        assert max(len(piece.tobytes()) for piece in slices) + 8 <= 4096
        assert {piece.width for piece in slices} == {dots}


@pytest.mark.parametrize(
    ("cut", "end"),
    [(Cut.FULL, b"\x1bd\x06\x1dV\x00"), (Cut.PARTIAL, b"\x1bd\x06\x1dV\x01"), (Cut.NONE, b"\x1bd\x06")],
)
def test_ways_to_cut(cut: Cut, end: bytes) -> None:
    dummy = printer_classes().Dummy(profile=profile(384))
    send_picture(dummy, load_picture(make_picture(height=8), 384), cut)
    assert read_rasters(dummy.output)[1] == b"\x1b@" + end


def test_what_it_says_of_itself(line: Line, make: Callable[[], EscposPrinter]) -> None:
    printer = make()
    assert printer.state() is PrinterState.READY
    line[0].online = False
    assert printer.state() is PrinterState.UNAVAILABLE
    line[0].paper = False
    assert printer.state() is PrinterState.PAPER_OUT
    line[0].paper = line[0].online = True
    assert printer.state() is PrinterState.READY


def test_without_paper_nothing_is_sent(line: Line, make: Callable[[], EscposPrinter]) -> None:
    line[0].paper = False
    with pytest.raises(PaperOut):
        make().print_image(make_picture())
    assert line[0].received == b""


def test_paper_that_ends_on_the_way_is_told(line: Line, make: Callable[[], EscposPrinter]) -> None:
    line[0].paper_after = 5000
    with pytest.raises(PaperOut):
        make().print_image(make_picture())


def test_a_printer_that_is_offline_is_told(line: Line, make: Callable[[], EscposPrinter]) -> None:
    line[0].online = False
    with pytest.raises(PrinterUnavailable):
        make().print_image(make_picture())


def test_a_printer_that_answers_nothing_prints_all_the_same() -> None:
    with serial_line() as (peer, connection):
        peer.mute = True
        printer = EscposPrinter(PrinterSettings(connection, dots=384))
        printer.print_image(make_picture(height=16))
        assert printer.state() is PrinterState.READY
        assert read_rasters(peer.received)[0]
        printer.close()


def test_a_serial_printer_that_was_unplugged_is_found_again(tmp_path: Path) -> None:
    device = tmp_path / "printer"
    with serial_line() as (_, connection):
        device.symlink_to(connection.device)
        printer = EscposPrinter(PrinterSettings(SerialConnection(str(device)), dots=384))
        assert printer.state() is PrinterState.READY
    assert printer.state() is PrinterState.UNAVAILABLE
    with serial_line() as (peer, connection):
        device.unlink()
        device.symlink_to(connection.device)
        printer.print_image(make_picture(height=16))
        assert read_rasters(peer.received)[0]
        printer.close()


def test_a_device_file_is_written_to_and_not_emptied_by_a_question(tmp_path: Path) -> None:
    device = tmp_path / "lp0"
    device.touch()
    printer = EscposPrinter(PrinterSettings(FileConnection(str(device)), dots=384))
    printer.print_image(make_picture(height=16))
    assert printer.state() is PrinterState.READY
    assert read_rasters(device.read_bytes())[0]


@pytest.mark.parametrize(
    "connection",
    [
        SerialConnection("/dev/no-such-port"),
        UsbConnection(0xFFFF, 0xFFFE),
        NetworkConnection("127.0.0.1", 1),
        FileConnection("/dev/no-such-printer"),
    ],
)
def test_a_printer_that_is_not_there_is_unavailable(connection: Connection) -> None:
    printer = EscposPrinter(PrinterSettings(connection, dots=384))
    assert printer.state() is PrinterState.UNAVAILABLE
    with pytest.raises(PrinterUnavailable):
        printer.print_image(make_picture())


def test_a_picture_of_another_width_is_refused(tmp_path: Path) -> None:
    printer = EscposPrinter(PrinterSettings(FileConnection(str(tmp_path / "lp0")), dots=576))
    with pytest.raises(ValueError, match="384 dots wide, the paper 576"):
        printer.print_image(make_picture(384))


def test_settings_are_read_from_a_configuration() -> None:
    settings = msgspec.convert(
        {"connection": {"type": "usb", "vendor": 1, "product": 2}, "dots": 384}, PrinterSettings
    )
    assert settings == PrinterSettings(UsbConnection(1, 2), dots=384)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(
            {"connection": {"type": "usb", "vendor": 1, "product": 2, "colour": 3}}, PrinterSettings
        )
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"connection": {"type": "file", "path": "x"}, "dots": 500}, PrinterSettings)


def test_loading_the_library_writes_nowhere_and_leaves_nothing_behind(tmp_path: Path) -> None:
    program = (
        "import logging, hardware.printer as p, sys;"
        "assert not any(name.partition('.')[0] in ('escpos', 'PIL', 'serial') for name in sys.modules);"
        "p.profile(384); assert logging.getLogger().handlers == []"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_printing_prints_nothing_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    dummy = printer_classes().Dummy(profile=profile(384))
    send_picture(dummy, load_picture(make_picture(height=8), 384), Cut.FULL)
    assert capsys.readouterr() == ("", "")
