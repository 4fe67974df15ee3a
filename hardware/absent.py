"""A printer that the configuration does not name: receipts wait in the queue until there is one."""

from __future__ import annotations

from hardware.ports import PrinterState, PrinterUnavailable


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
