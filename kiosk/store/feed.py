"""What the feed's rows say besides members: prices, policy, keys, matters; the rows themselves are in `rows`."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.domain.feed import (
    FORK_RULE,
    MISSING_RULE,
    CertificateRegistered,
    DeliveryTold,
    InvoiceTold,
    KeyBoundElsewhere,
    MatterPublished,
    OpenOrder,
    OpenOrdersPublished,
    ProposalTold,
)
from kiosk.domain.feed_keys import RowName, schedule_digest
from kiosk.domain.fees import FeeSchedule
from kiosk.domain.policy import SignedPolicy
from kiosk.store.feed_rows import FeedRowTable, in_force
from kiosk.store.rows import Codec, Singleton, Table

if TYPE_CHECKING:
    from sqlite3 import Connection

_SCHEDULE = Codec(FeeSchedule)
_POLICY = Codec(SignedPolicy)
_KEY = Codec(KeyBoundElsewhere)
_MATTER = Codec(MatterPublished)


class FeedTables(Table):
    """The feed's own tables; outside the fold."""

    def __init__(self, connection: Connection, path: Path) -> None:
        super().__init__(connection, path)
        self.rows = FeedRowTable(connection, path)
        self._policy = Singleton(connection, path, "policy", _POLICY)

    def put_schedule(self, schedule: FeeSchedule) -> None:
        """Store a fee schedule."""
        self._connection.execute(
            "INSERT OR REPLACE INTO schedules (number, digest, row) VALUES (?, ?, ?)",
            (schedule.number, schedule_digest(schedule), _SCHEDULE.encode(schedule)),
        )

    def drop_schedule(self, number: int, digest: bytes) -> None:
        """Delete a fee schedule."""
        self._connection.execute("DELETE FROM schedules WHERE number = ? AND digest = ?", (number, digest))

    def schedules(self) -> tuple[FeeSchedule, ...]:
        """All fee schedules, by number."""
        return self._all(_SCHEDULE, "SELECT row FROM schedules ORDER BY number, digest")

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

    def drop_key_elsewhere(self, account: str) -> None:
        """Delete an account's key."""
        self._connection.execute("DELETE FROM keys_elsewhere WHERE account = ?", (account,))

    def key_elsewhere(self, account: str) -> KeyBoundElsewhere | None:
        """The account's key as bound elsewhere."""
        found = self._one(_KEY, "SELECT row FROM keys_elsewhere WHERE account = ?", account)
        return found if in_force(self._connection, f"{RowName.KEY.value}/{account}") else None

    def accounts_of_token(self, token_serial: str) -> tuple[str, ...]:
        """The accounts whose key, by the feed, is the token of that serial."""
        rows = self._connection.execute(
            "SELECT account FROM keys_elsewhere WHERE token_serial = ? ORDER BY account", (token_serial,)
        )
        return tuple(account for (account,) in rows)

    def registered(self, certificate: str) -> CertificateRegistered | None:
        """Where a certificate of this kiosk stands at the centre, as far as it told."""
        told = self.rows.shown(f"{RowName.REGISTERED.value}/{certificate}")
        return told if isinstance(told, CertificateRegistered) else None

    def open_orders(self, account: str) -> tuple[OpenOrder, ...]:
        """The account's open orders at any kiosk, as far as the centre told."""
        told = self.rows.shown(f"{RowName.OPEN_ORDERS.value}/{account}")
        return told.orders if isinstance(told, OpenOrdersPublished) else ()

    def delivery(self, account: str, order: str) -> DeliveryTold | None:
        """Where the delivery of an order of that account stands, as far as the centre told."""
        told = self.rows.shown(f"{RowName.DELIVERY.value}/{account}/{order}")
        return told if isinstance(told, DeliveryTold) else None

    def invoice(self, account: str, order: str) -> InvoiceTold | None:
        """Where the invoice of an order of that account stands, as far as the centre told."""
        told = self.rows.shown(f"{RowName.INVOICE.value}/{account}/{order}")
        return told if isinstance(told, InvoiceTold) else None

    def proposals(self, account: str) -> tuple[ProposalTold, ...]:
        """The operators that the account proposed, wherever, as far as the centre told."""
        keys = self.rows.keys_under(f"{RowName.PROPOSAL.value}/{account}/")
        told = (self.rows.shown(key) for key in keys)
        return tuple(each for each in told if isinstance(each, ProposalTold))

    def put_matter(self, matter: MatterPublished) -> None:
        """Store a matter, open or decided."""
        self._connection.execute(
            "INSERT OR REPLACE INTO matters (rule, subject, sequence, settled, row) VALUES (?, ?, ?, ?, ?)",
            (matter.rule, matter.subject, matter.sequence, bool(matter.outcome), _MATTER.encode(matter)),
        )

    def drop_matter(self, rule: str, subject: str) -> None:
        """Delete a matter."""
        self._connection.execute("DELETE FROM matters WHERE rule = ? AND subject = ?", (rule, subject))

    def close_forks(self) -> None:
        """Delete the alarms that this kiosk raised itself over another journal of it at the centre."""
        self._connection.execute("DELETE FROM matters WHERE rule = ? AND settled = 0", (FORK_RULE,))

    def close_missing(self) -> None:
        """Delete the alarms over entries that the centre lacked."""
        self._connection.execute("DELETE FROM matters WHERE rule = ? AND settled = 0", (MISSING_RULE,))

    def matters(self, *, settled: bool = False) -> tuple[MatterPublished, ...]:
        """The matters that are open, by journal sequence; with `settled` also the decided ones."""
        query = "SELECT row FROM matters WHERE settled = ? ORDER BY sequence, rule, subject"
        found = [self._all(_MATTER, query, each) for each in ((False, True) if settled else (False,))]
        return tuple(sorted(chain(*found), key=lambda each: (each.sequence, each.rule, each.subject)))

    def count_matters(self) -> int:
        """How many matters are open."""
        return self._number("SELECT count(*) FROM matters WHERE settled = 0")
