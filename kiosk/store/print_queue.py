"""Receipts, labels and slips that wait for the printer."""

from __future__ import annotations

import msgspec

from kiosk.store.rows import Table


class WaitingReceipt(msgspec.Struct, frozen=True):
    """A receipt as it goes to the printer, and the reference of the order that it is for; of a label or a slip its name.

    `unconfirmed`: a printer took it and did not tell that it printed it, so that it may be out.
    """

    id: int
    order: str
    receipt: bytes
    unconfirmed: bool = False


class PrintQueue(Table):
    """The receipts that are still to be printed, in order."""

    def put(self, receipt: bytes, order: str) -> int:
        """Queue a receipt; the result names it."""
        cursor = self._connection.execute(
            "INSERT INTO print_queue (order_reference, receipt) VALUES (?, ?)", (order, receipt)
        )
        return int(cursor.lastrowid or 0)

    def waiting(self) -> tuple[WaitingReceipt, ...]:
        """The receipts that are still to be printed, oldest first."""
        found, after = [], 0
        while (waiting := self.next_after(after)) is not None:
            found.append(waiting)
            after = waiting.id
        return tuple(found)

    def next_after(self, receipt: int, order: str | None = None) -> WaitingReceipt | None:
        """The first receipt past that one, of that order if one is given."""
        if order is None:
            row = self._connection.execute(
                "SELECT id, order_reference, receipt, unconfirmed FROM print_queue WHERE id > ? ORDER BY id LIMIT 1",
                (receipt,),
            ).fetchone()
        else:
            row = self._connection.execute(
                "SELECT id, order_reference, receipt, unconfirmed FROM print_queue"
                " WHERE order_reference = ? AND id > ? ORDER BY id LIMIT 1",
                (order, receipt),
            ).fetchone()
        if row is None:
            return None
        identity, reference, data, unconfirmed = row
        return WaitingReceipt(identity, reference, data, bool(unconfirmed))

    def count(self) -> int:
        """How many receipts are still to be printed; triggers count them."""
        return self._number("SELECT count FROM _counts WHERE \"table\" = 'print_queue'")

    def change(self, receipt: int, to: bytes) -> None:
        """Replace a receipt, keeping its place in the queue."""
        self._connection.execute("UPDATE print_queue SET receipt = ? WHERE id = ?", (to, receipt))

    def leave_unconfirmed(self, receipt: int) -> None:
        """Mark a receipt that may be out; it stays."""
        self._connection.execute("UPDATE print_queue SET unconfirmed = 1 WHERE id = ?", (receipt,))

    def done(self, receipt: int) -> None:
        """Remove a printed receipt."""
        self._connection.execute("DELETE FROM print_queue WHERE id = ?", (receipt,))
