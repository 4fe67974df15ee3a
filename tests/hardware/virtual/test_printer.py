from __future__ import annotations

import io
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from hardware.ports import PaperOut, PrinterState, PrinterUnavailable, ReceiptPrinter
from hardware.virtual.printer import VirtualPrinter

if TYPE_CHECKING:
    from pathlib import Path


def picture(dots: int = 384) -> bytes:
    file = io.BytesIO()
    Image.new("1", (dots, 24), 1).save(file, "PNG")
    return file.getvalue()


def test_a_receipt_is_its_bytes_and_its_picture(tmp_path: Path) -> None:
    printer: ReceiptPrinter = VirtualPrinter(tmp_path / "receipts", dots=384)
    printer.print_image(picture())
    assert sorted(path.name for path in (tmp_path / "receipts").iterdir()) == ["0001.escpos", "0001.png"]
    assert (tmp_path / "receipts" / "0001.png").read_bytes() == picture()
    sent = (tmp_path / "receipts" / "0001.escpos").read_bytes()
    # initialise; a raster image of 48 bytes by 24 rows; feed; cut
    assert sent == b"\x1b@\x1dv0\x00\x30\x00\x18\x00" + bytes(48 * 24) + b"\x1bd\x06\x1dV\x00"


def test_receipts_are_numbered_across_restarts(tmp_path: Path) -> None:
    for _ in range(3):
        VirtualPrinter(tmp_path, dots=384).print_image(picture())
    assert [path.name for path in VirtualPrinter(tmp_path).receipts()] == ["0001.png", "0002.png", "0003.png"]


def test_two_at_once_do_not_print_over_each_other(tmp_path: Path) -> None:
    VirtualPrinter(tmp_path, dots=384).print_image(picture())
    threads = [
        threading.Thread(target=VirtualPrinter(tmp_path, dots=384).print_image, args=(picture(),))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(VirtualPrinter(tmp_path).receipts()) == 9


def test_the_paper_can_be_taken_out(tmp_path: Path) -> None:
    printer = VirtualPrinter(tmp_path, dots=384)
    assert printer.state() is PrinterState.READY
    printer.set_paper(present=False)
    assert printer.state() is PrinterState.PAPER_OUT
    with pytest.raises(PaperOut):
        printer.print_image(picture())
    assert printer.receipts() == []
    printer.set_paper(present=True)
    printer.print_image(picture())
    assert printer.state() is PrinterState.READY
    assert len(printer.receipts()) == 1


def test_another_process_can_take_the_paper_out(tmp_path: Path) -> None:
    printer = VirtualPrinter(tmp_path, dots=384)
    program = (
        "import pathlib, sys; from hardware.virtual.printer import VirtualPrinter;"
        "VirtualPrinter(pathlib.Path(sys.argv[1])).set_paper(present=False)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert printer.state() is PrinterState.PAPER_OUT


def test_a_folder_that_cannot_be_is_a_printer_that_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    printer = VirtualPrinter(tmp_path / "file" / "receipts", dots=384)
    assert printer.state() is PrinterState.UNAVAILABLE
    with pytest.raises(PrinterUnavailable):
        printer.print_image(picture())


def test_a_picture_of_another_width_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="384 dots wide, the paper 576"):
        VirtualPrinter(tmp_path).print_image(picture())
