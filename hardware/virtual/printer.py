"""A receipt printer made of a folder: every receipt is a file of ESC/POS bytes and a picture beside it.

0001.escpos     what a real printer would have been sent, made by the same code
0001.png        the receipt to look at
out-of-paper    while this file exists the printer has no paper; any process may make or remove it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hardware.disk import write_durably
from hardware.ports import PaperOut, PrinterState, PrinterUnavailable
from hardware.printer import Cut, load_picture, printer_classes, profile, send_picture

if TYPE_CHECKING:
    from pathlib import Path

_FLAG = "out-of-paper"


class VirtualPrinter:
    """A ReceiptPrinter that prints into a folder."""

    def __init__(self, folder: Path, dots: Literal[384, 576] = 576) -> None:
        self.folder = folder
        self._dots = dots

    @property
    def dots(self) -> int:
        """The printable width in dots."""
        return self._dots

    def state(self) -> PrinterState:
        """Out of paper while the flag is there; unavailable when the folder cannot be made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return PrinterState.UNAVAILABLE
        return PrinterState.PAPER_OUT if (self.folder / _FLAG).exists() else PrinterState.READY

    def set_paper(self, *, present: bool) -> None:
        """Take the paper out, or put a roll in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        flag = self.folder / _FLAG
        if present:
            flag.unlink(missing_ok=True)
        else:
            flag.touch()

    def receipts(self) -> list[Path]:
        """The pictures printed so far, oldest first."""
        return sorted(self.folder.glob("[0-9]*.png"), key=lambda path: int(path.stem))

    def print_image(self, png: bytes) -> None:
        """Print one picture. Raises PaperOut, PrinterUnavailable; ValueError for another width."""
        picture = load_picture(png, self._dots)
        if self.state() is PrinterState.PAPER_OUT:
            raise PaperOut
        printer = printer_classes().Dummy(profile=profile(self._dots))
        send_picture(printer, picture, Cut.FULL)
        try:
            self._write(printer.output, png)
        except OSError as error:
            raise PrinterUnavailable(str(error)) from error

    def _write(self, escpos: bytes, png: bytes) -> None:
        number = max((int(path.stem) for path in self.folder.glob("[0-9]*.escpos")), default=0) + 1
        while True:
            try:
                # claims the number: another process may be printing into the same folder
                with (self.folder / f"{number:04d}.escpos").open("xb") as file:
                    file.write(escpos)
                break
            except FileExistsError:
                number += 1
        # whole or not at all, for whoever shows the newest picture
        write_durably(self.folder / f"{number:04d}.png", png)
