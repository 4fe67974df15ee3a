from __future__ import annotations

import contextlib
import io
import os
import pty
import select
import socket
import struct
import subprocess
import sys
import threading
import tty
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from PIL import Image, ImageChops

from hardware import printer as printer_module
from hardware.ports import PaperOut, PrinterState, PrinterUnavailable, PrintUnconfirmed, ReceiptPrinter
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
    write_usb,
)
from tests.support.waiting import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAPER_QUESTION = b"\x10\x04\x04"
PRINTER_QUESTION = b"\x10\x04\x01"
WAITS = 600  # seconds; whoever waits so long is told before


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
        self.deaf_after: int | None = None
        self.resets = False
        self.offline_after: int | None = None

    @property
    def deaf(self) -> bool:
        """Whether it reads no more, and keeps the line open."""
        return self.deaf_after is not None and len(self.received) >= self.deaf_after

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
                failed = self.offline_after is not None and len(self.received) >= self.offline_after
                answers += b"\x12" if self.online and not failed else b"\x1a"
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
            if not peer.deaf and select.select([ours], [], [], 0.05)[0]:
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
    gone = threading.Event()

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    while not peer.deaf and (data := connection.recv(4096)):
                        connection.sendall(peer.take(data))
                    if peer.resets:  # what was not read yet is gone, too (socket(7), SO_LINGER)
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    else:
                        gone.wait(WAITS if peer.deaf else 0)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield peer, NetworkConnection("127.0.0.1", server.getsockname()[1])
    gone.set()
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


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for printers that take nothing."""
    monkeypatch.setattr(printer_module, "_WRITE_SECONDS", 0.2)
    monkeypatch.setattr(printer_module, "_CONNECT_SECONDS", 0.5)


def test_a_printer_that_takes_nothing_does_not_count_as_one_that_printed(hasty: None) -> None:
    with socket.create_server(
        ("127.0.0.1", 0)
    ) as server:  # the system takes the bytes, and nobody reads them
        connection = NetworkConnection("127.0.0.1", server.getsockname()[1])
        with pytest.raises(PrintUnconfirmed):
            EscposPrinter(PrinterSettings(connection, dots=384)).print_image(make_picture())


@pytest.fixture
def hasty_with_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be so once the picture is on its way; before, a busy machine would be taken for a printer that is not there."""

    def sent(printer: Any, picture: Image.Image, cut: Cut) -> None:
        monkeypatch.setattr(printer_module, "_WRITE_SECONDS", 0.2)
        if not isinstance(printer.device, socket.socket):
            printer.device.write_timeout = 0.2
        send_picture(printer, picture, cut)

    monkeypatch.setattr(printer_module, "send_picture", sent)


def test_a_printer_that_stops_taking_half_way_does_not_count_as_one_that_printed(
    line: Line, make: Callable[[], EscposPrinter], hasty_with_pictures: None
) -> None:
    line[0].deaf_after = 5000
    with pytest.raises(PrintUnconfirmed):
        make().print_image(make_picture())


def _whole() -> int:
    """How many bytes a receipt has."""
    dummy = printer_classes().Dummy(profile=profile(384))
    send_picture(dummy, load_picture(make_picture(), 384), Cut.FULL)
    return len(dummy.output)


@pytest.mark.parametrize("mute", [False, True], ids=["answers", "mute"])
@pytest.mark.parametrize("part", [0.5, 1.0], ids=["half way", "behind the last byte"])
def test_a_receipt_may_be_out_of_a_network_printer_that_resets(part: float, *, mute: bool) -> None:
    with network_line() as (peer, connection):
        peer.mute, peer.resets, peer.deaf_after = mute, True, int(_whole() * part)
        with pytest.raises(PrintUnconfirmed):
            EscposPrinter(PrinterSettings(connection, dots=384)).print_image(make_picture())
        assert peer.deaf, "it took so much"


def test_a_receipt_may_be_out_of_a_printer_that_is_offline_behind_it(
    line: Line, make: Callable[[], EscposPrinter]
) -> None:
    line[0].offline_after = 5000
    with pytest.raises(PrintUnconfirmed):
        make().print_image(make_picture())


def test_a_mute_printer_on_the_network_has_printed_once_it_read_all_and_closed() -> None:
    with network_line() as (peer, connection):
        peer.mute = True
        EscposPrinter(PrinterSettings(connection, dots=384)).print_image(make_picture())
        slices, rest = read_rasters(peer.received)
        assert join(slices).tobytes() == load_picture(make_picture(), 384).tobytes()
        assert rest.endswith(b"\x1dV\x00")


def test_one_that_never_confirms_is_believed_where_the_configuration_says_so(hasty: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = NetworkConnection("127.0.0.1", server.getsockname()[1], confirms=False)
        EscposPrinter(PrinterSettings(connection, dots=384)).print_image(make_picture(height=16))


def test_a_printer_that_closes_at_once_is_unavailable(hasty: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def close_at_once() -> None:
            server.accept()[0].close()

        thread = threading.Thread(target=close_at_once)
        thread.start()
        connection = NetworkConnection("127.0.0.1", server.getsockname()[1])
        with pytest.raises(PrinterUnavailable):
            EscposPrinter(PrinterSettings(connection, dots=384)).print_image(make_picture(height=16))
        ended(thread)


def test_a_device_file_that_takes_no_more_does_not_count_as_one_that_printed(
    tmp_path: Path, hasty: None
) -> None:
    device = tmp_path / "lp0"
    os.mkfifo(device)
    reader = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(PrintUnconfirmed):
        EscposPrinter(PrinterSettings(FileConnection(str(device)), dots=384)).print_image(
            make_picture(height=4000)
        )
    os.close(reader)


class UsbDevice:
    """Takes at most so many bytes of each write, and nothing once it has so many in all."""

    def __init__(self, at_once: int, at_most: int) -> None:
        self.at_once, self.at_most, self.taken = at_once, at_most, b""

    def write(self, endpoint: int, data: bytes, milliseconds: int) -> int:
        """Take some of it, as pyusb does where the time runs out."""
        del endpoint, milliseconds
        piece = data[: min(self.at_once, self.at_most - len(self.taken))]
        self.taken += piece
        return len(piece)


def test_a_usb_write_that_took_a_part_goes_on_with_the_rest_and_fails_where_nothing_is_taken() -> None:
    device = UsbDevice(at_once=7, at_most=1000)
    write_usb(device, 1, bytes(range(100)))
    assert device.taken == bytes(range(100))
    with pytest.raises(TimeoutError):
        write_usb(UsbDevice(at_once=7, at_most=50), 1, bytes(100))


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


def test_without_room_for_the_library_s_own_files_it_is_unavailable_until_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "lp0"
    device.touch()
    printer = EscposPrinter(PrinterSettings(FileConnection(str(device)), dots=384))

    def no_folder() -> object:
        raise FileNotFoundError(2, "No usable temporary directory found")

    with monkeypatch.context() as patch:
        patch.setattr(printer_module, "printer_classes", no_folder)
        with pytest.raises(PrinterUnavailable, match="temporary"):
            printer.print_image(make_picture(height=16))
    printer.print_image(make_picture(height=16))


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
