"""Matters (待办事项): what a person should look at, beside what it is about. Nothing waits for one.

A matter is named by its rule and its subject; raised again it stays the one that it is, decided or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.ledger import Order
from kiosk.domain.order_steps import placing_kiosk
from kiosk.domain.remarks import RemarkReason
from sync.central.ledger.models import Matter, MatterState
from sync.central.ledger.rules import RULES
from sync.central.tables import column_text


def subject_key(rule: str, subject: str) -> str:
    """The key of a matter: its rule and what it is about."""
    return column_text(f"{rule}:{subject}", 100)


def own_kiosks(reference: str, order: Order | None) -> set[int]:
    """The kiosks whose word an order's matters are: who placed it, who owns it, and the exchange."""
    owner = set() if order is None else {order.owner}
    return {placing_kiosk(reference), EXCHANGE_KIOSK, *owner}


class Matters:
    """The matters that a batch may touch, and those that it changed."""

    def __init__(self) -> None:
        self._rows: dict[str, Matter] = {}
        self._of_account: dict[str, dict[str, Matter]] = defaultdict(dict)
        self._of_order: dict[str, dict[str, Matter]] = defaultdict(dict)
        self.changed: dict[str, Matter] = {}

    def know(self, rows: Iterable[Matter]) -> None:
        """Take in what is on record."""
        for row in rows:
            self._rows[row.key] = row
            self._of_account[row.account][row.key] = self._of_order[row.order][row.key] = row

    def find(self, rule: str, subject: str) -> Matter | None:
        """The matter of that name."""
        return self._rows.get(subject_key(rule, subject))

    def raise_new(self, matter: Matter) -> bool:
        """Raise a matter; False when it is on record, or is none that a person needs to see."""
        if RemarkReason(matter.rule) not in RULES or matter.key in self._rows:
            return False
        self.know((matter,))
        self.changed[matter.key] = matter
        return True

    def close(self, matter: Matter, state: MatterState, action: str, by: str, remark: str, at: int) -> None:
        """Close a matter: somebody decided, or its cause is gone."""
        matter.state, matter.action, matter.closed_at = state, column_text(action, 10), at
        matter.closed_by, matter.remark = column_text(by, 150), column_text(remark, 200)
        self.changed[matter.key] = matter

    def reopen(self, matter: Matter, by: str, remark: str) -> None:
        """Open a matter again that was decided wrongly; who did stays beside it."""
        self.close(matter, MatterState.OPEN, "", by, remark, 0)
        matter.closed_at = None

    def open_of(self, account: str) -> list[Matter]:
        """The open matters of an account."""
        return [row for row in self._of_account[account].values() if row.state == MatterState.OPEN]

    def that_hold(self, order: Order | None) -> list[Matter]:
        """The open matters that hold the key of an order: its own kiosks' alone, whatever another says of it."""
        if order is None:
            return []
        own = own_kiosks(order.reference, order)
        return [
            row
            for row in self._of_order[order.reference].values()
            if row.kiosk in own and row.state == MatterState.OPEN and RULES[RemarkReason(row.rule)].holds
        ]
