"""Receipts that wait for the printer."""

from __future__ import annotations

import msgspec

from kiosk.store.rows import Table


class WaitingReceipt(msgspec.Struct, frozen=True):
    """A receipt as it goes to the printer, and the order that it is for."""

    id: int
    order: str
    receipt: bytes


class PrintQueue(Table):
    """The receipts that are still to be printed, in order."""

    def put(self, receipt: bytes, order: str) -> int:
        """Queue a receipt; the result names it."""
        cursor = self._connection.execute(
            "INSERT INTO print_queue (order_number, receipt) VALUES (?, ?)", (order, receipt)
        )
        return int(cursor.lastrowid or 0)

    def waiting(self) -> tuple[WaitingReceipt, ...]:
        """The receipts that are still to be printed, oldest first."""
        rows = self._connection.execute("SELECT id, order_number, receipt FROM print_queue ORDER BY id")
        return tuple(WaitingReceipt(*row) for row in rows)

    def change(self, receipt: int, to: bytes) -> None:
        """Replace a receipt, keeping its place in the queue."""
        self._connection.execute("UPDATE print_queue SET receipt = ? WHERE id = ?", (to, receipt))

    def done(self, receipt: int) -> None:
        """Remove a printed receipt."""
        self._connection.execute("DELETE FROM print_queue WHERE id = ?", (receipt,))
