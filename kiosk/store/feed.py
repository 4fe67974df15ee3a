"""What the feed brought besides members: the cursor, prices, policy, keys bound elsewhere, disputes, unapplied items."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.feed import DisputeRaised, DisputeSettled, FeedItem, KeyBoundElsewhere
from kiosk.domain.fees import FeeSchedule
from kiosk.domain.policy import SignedPolicy
from kiosk.store.rows import Codec, Singleton, Table

if TYPE_CHECKING:
    from sqlite3 import Connection


class UnappliedItem(msgspec.Struct, frozen=True):
    """A feed item that could not be applied, its bytes, and why (for staff and support)."""

    number: int
    body: bytes
    problem: str


class Dispute(msgspec.Struct, frozen=True):
    """A dispute over what this kiosk did; `outcome` once a person decided."""

    raised: DisputeRaised
    outcome: str | None = None


_SCHEDULE = Codec(FeeSchedule)
_POLICY = Codec(SignedPolicy)
_KEY = Codec(KeyBoundElsewhere)
_DISPUTE = Codec(Dispute)
_CURSOR = Codec(int)


class FeedTables(Table):
    """The feed's own tables; outside the fold."""

    def __init__(self, connection: Connection, path: Path) -> None:
        super().__init__(connection, path)
        self._policy = Singleton(connection, path, "policy", _POLICY)
        self._cursor = Singleton(connection, path, "feed-cursor", _CURSOR)

    def cursor(self) -> int:
        """The number of the last item that was applied or set aside; 0 before the first."""
        return self._cursor.get() or 0

    def put_cursor(self, number: int) -> None:
        """Move the cursor, in the transaction that applied the item. Raises ValueError when it would go back."""
        if number < self.cursor():
            raise ValueError(f"the feed's cursor is at {self.cursor()}, past {number}")
        self._cursor.put(number)

    def set_aside(self, item: FeedItem, problem: str) -> None:
        """Set aside an item that could not be applied."""
        self._connection.execute(
            "INSERT OR REPLACE INTO kept_items (number, problem, body) VALUES (?, ?, ?)",
            (item.number, problem, bytes(item.body)),
        )

    def unapplied(self) -> tuple[UnappliedItem, ...]:
        """The items that could not be applied, by number."""
        rows = self._connection.execute("SELECT number, body, problem FROM kept_items ORDER BY number")
        return tuple(UnappliedItem(*row) for row in rows)

    def count_unapplied(self) -> int:
        """How many items could not be applied."""
        return self._number("SELECT count(*) FROM kept_items")

    def drop_unapplied(self, number: int) -> None:
        """Delete an unapplied item, after it was applied or dealt with."""
        self._connection.execute("DELETE FROM kept_items WHERE number = ?", (number,))

    def put_schedule(self, schedule: FeeSchedule) -> None:
        """Store a fee schedule."""
        self._connection.execute(
            "INSERT OR REPLACE INTO schedules (number, row) VALUES (?, ?)",
            (schedule.number, _SCHEDULE.encode(schedule)),
        )

    def schedules(self) -> tuple[FeeSchedule, ...]:
        """All fee schedules, by number."""
        return self._all(_SCHEDULE, "SELECT row FROM schedules ORDER BY number")

    def put_policy(self, policy: SignedPolicy) -> None:
        """Store the kiosk's policy; whoever acts on it checks the signature."""
        self._policy.put(policy)

    def signed_policy(self) -> SignedPolicy | None:
        """The kiosk's policy as it was signed."""
        return self._policy.get()

    def put_key_elsewhere(self, key: KeyBoundElsewhere) -> None:
        """Store an account's key that was bound elsewhere."""
        self._connection.execute(
            "INSERT OR REPLACE INTO keys_elsewhere (account, token_serial, row) VALUES (?, ?, ?)",
            (key.account, key.token_serial, _KEY.encode(key)),
        )

    def key_elsewhere(self, account: str) -> KeyBoundElsewhere | None:
        """The account's key as bound elsewhere."""
        return self._one(_KEY, "SELECT row FROM keys_elsewhere WHERE account = ?", account)

    def accounts_of_token(self, token_serial: str) -> tuple[str, ...]:
        """The accounts whose key, by the feed, is the token of that serial."""
        rows = self._connection.execute(
            "SELECT account FROM keys_elsewhere WHERE token_serial = ? ORDER BY account", (token_serial,)
        )
        return tuple(account for (account,) in rows)

    def put_dispute(self, raised: DisputeRaised) -> None:
        """Record a dispute of the centre's."""
        self._put_dispute(Dispute(raised))

    def settle_dispute(self, settled: DisputeSettled) -> None:
        """Record how a dispute was decided; one that never arrived is recorded as settled."""
        dispute = self._one(
            _DISPUTE,
            "SELECT row FROM disputes WHERE account = ? AND sequence = ?",
            settled.account,
            settled.sequence,
        )
        raised = dispute.raised if dispute else DisputeRaised(settled.account, settled.sequence, "", "")
        self._put_dispute(Dispute(raised, settled.outcome))

    def disputes(self, *, settled: bool = False) -> tuple[Dispute, ...]:
        """The disputes that are open, by journal sequence; with `settled` also the decided ones."""
        query = "SELECT row FROM disputes WHERE settled = ? ORDER BY sequence, account"
        found = [self._all(_DISPUTE, query, each) for each in ((False, True) if settled else (False,))]
        return tuple(sorted(chain(*found), key=lambda each: (each.raised.sequence, each.raised.account)))

    def count_disputes(self) -> int:
        """How many disputes are open."""
        return self._number("SELECT count(*) FROM disputes WHERE settled = 0")

    def _put_dispute(self, dispute: Dispute) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO disputes (account, sequence, settled, row) VALUES (?, ?, ?, ?)",
            (
                dispute.raised.account,
                dispute.raised.sequence,
                dispute.outcome is not None,
                _DISPUTE.encode(dispute),
            ),
        )
