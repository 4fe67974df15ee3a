"""Matters (待办事项): what a person should look at, beside what it is about. Nothing waits for one.

A matter is named by its rule and its subject; raised again it stays the one that it is, decided or not. One about a kiosk
itself (it took more money than it may) is open again with the next entry that goes too far after a decision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.ledger import Order
from kiosk.domain.order_steps import placing_kiosk
from kiosk.domain.remarks import RemarkReason
from sync.central.ledger.models import Matter, MatterState
from sync.central.ledger.rules import RULES, Action
from sync.central.ledger.stored import Stored
from sync.central.tables import column_text


def subject_key(rule: str, subject: str) -> str:
    """The key of a matter: its rule and what it is about."""
    return column_text(f"{rule}:{subject}", 100)


def own_kiosks(reference: str, order: Order | None) -> set[int]:
    """The kiosks whose word an order's matters are: who placed it, who owns it, and the exchange."""
    owner = set() if order is None else {order.owner}
    return {placing_kiosk(reference), EXCHANGE_KIOSK, *owner}


class Matters:
    """The matters in memory, and those that changed; the others are looked up in the tables, where there are any."""

    def __init__(self, stored: Stored | None = None) -> None:
        self._stored = stored
        self._rows: dict[str, Matter] = {}
        self._of_account: dict[tuple[str, str], dict[str, Matter]] = defaultdict(dict)
        self._of_order: dict[str, dict[str, Matter]] = defaultdict(dict)
        self._asked_keys: set[str] = set()
        self._asked_accounts: set[str] = set()
        self._asked_orders: set[str] = set()
        self.changed: dict[str, Matter] = {}

    def load(self, stored: Stored, keys: set[str]) -> set[str]:
        """Load the matters of these keys; the result are the orders that they are about."""
        found = list(stored.matters(keys))
        self._know(found)
        self._asked_keys |= keys
        return {each.order for each in found}

    def load_about(self, stored: Stored, accounts: set[str], references: set[str]) -> None:
        """Load the matters of these accounts and orders."""
        self._know(stored.matters_about(accounts, references))
        self._asked_accounts |= accounts
        self._asked_orders |= references

    def _know(self, rows: Iterable[Matter]) -> None:
        """Take in matters as they are stored; what is in memory may be newer."""
        for row in rows:
            if row.key not in self._rows:
                self._keep(row)

    def _keep(self, row: Matter) -> None:
        self._rows[row.key] = row
        self._of_account[row.account, row.rule][row.key] = self._of_order[row.order][row.key] = row

    def _again(self, matter: Matter, before: Matter | None) -> bool:
        """Whether a matter that is on record is to be raised anew."""
        decided = before is not None and before.state == MatterState.DECIDED
        return decided and RULES[RemarkReason(matter.rule)].is_about_kiosk

    def _get(self, key: str) -> Matter | None:
        if key not in self._rows and key not in self._asked_keys and self._stored is not None:
            self._asked_keys.add(key)
            self._know(self._stored.matters((key,)))
        return self._rows.get(key)

    def find(self, rule: str, subject: str) -> Matter | None:
        """The matter of that name."""
        return self._get(subject_key(rule, subject))

    def raise_new(self, matter: Matter) -> bool:
        """Raise a matter; False when it is on record, or is none that a person needs to see."""
        if RemarkReason(matter.rule) not in RULES:
            return False
        before = self._get(matter.key)
        if before is not None and not self._again(matter, before):
            return False
        if before is not None:
            del self._of_account[before.account, before.rule][before.key]
            del self._of_order[before.order][before.key]
        self._keep(matter)
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

    def open_of(self, account: str, rule: str) -> list[Matter]:
        """The open matters of an account, of one rule."""
        if account not in self._asked_accounts and self._stored is not None:
            self._asked_accounts.add(account)
            self._know(self._stored.matters_about((account,), ()))
        return [row for row in self._of_account[account, rule].values() if row.state == MatterState.OPEN]

    def that_hold(self, order: Order | None) -> list[Matter]:
        """The open matters that hold the key of an order: its own kiosks' alone, whatever another says of it."""
        return [row for row in self._own(order) if row.state == MatterState.OPEN]

    def is_refunded(self, order: Order | None) -> bool:
        """Whether a person decided of such a matter that the order's money goes back."""
        refunded = Action.REFUND.value
        return any(row.state == MatterState.DECIDED and row.action == refunded for row in self._own(order))

    def open_about(self, reference: str) -> list[Matter]:
        """The open matters about an order."""
        return [row for row in self._about(reference) if row.state == MatterState.OPEN]

    def _own(self, order: Order | None) -> list[Matter]:
        """The matters of an order that hold its key while they are open."""
        if order is None:
            return []
        own = own_kiosks(order.reference, order)
        rows = self._about(order.reference)
        return [row for row in rows if row.kiosk in own and RULES[RemarkReason(row.rule)].holds]

    def _about(self, reference: str) -> list[Matter]:
        """The matters about an order."""
        if reference not in self._asked_orders and self._stored is not None:
            self._asked_orders.add(reference)
            self._know(self._stored.matters_about((), (reference,)))
        return list(self._of_order[reference].values())
