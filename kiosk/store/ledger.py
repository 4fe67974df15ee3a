"""The folded state in tables: what the fold and the guard read, and the fold writes, and the desk's questions to it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar, assert_never

from kiosk.domain.ledger import Certificate, CertificateStatus, Order, OrderStatus
from kiosk.domain.ledger_fold import RecordRow
from kiosk.domain.register import Register
from kiosk.domain.requests import Proposal, Requests
from kiosk.domain.scanned_confirmations import order_code_identity
from kiosk.store.errors import StoreCorrupt
from kiosk.store.rows import Codec, Table

T = TypeVar("T")

ORDER = Codec(Order)
CERTIFICATE = Codec(Certificate)
REGISTER = Codec(Register)
REQUESTS = Codec(Requests)
PROPOSAL = Codec(Proposal)

COLUMNS = {
    "orders": (
        "reference",
        "order_number",
        "account",
        "status",
        "sequence",
        "deadline",
        "token_serial",
        "code_identity",
        "row",
    ),
    "payments": ("order_reference", "sequence", "how", "amount"),
    "certificates": ("number", "account", "status", "sequence", "row"),
    "accounts": ("account", "token_serial", "row"),
    "requests": ("order_reference", "account", "row"),
    "proposals": ("proposal", "account", "row"),
}

KEYS = {"orders": 1, "payments": 2, "certificates": 1, "accounts": 1, "requests": 1, "proposals": 1}
"""How many of a table's first columns are its key."""

NO_TOKEN = ""  # in the column of serials
NO_CODE = b""  # in the column of order codes

Values = tuple[Any, ...]  # str, int and bytes, as in COLUMNS


def table_rows(record: RecordRow) -> Iterable[tuple[str, Values]]:
    """The rows of one record, each with its table."""
    match record:
        case Order():
            order = record
            yield (
                "orders",
                (
                    order.reference,
                    order.order_number,
                    order.account,
                    order.status.value,
                    order.sequence,
                    order.deadline,
                    order.binding.token_serial if order.binding else NO_TOKEN,
                    order_code_identity(order.order_code) if order.order_code else NO_CODE,
                    ORDER.encode(order),
                ),
            )
            for payment in order.payments:
                yield "payments", (order.reference, payment.sequence, payment.how.value, payment.amount)
        case Certificate():
            certificate = record
            yield (
                "certificates",
                (
                    certificate.number,
                    certificate.account,
                    certificate.status.value,
                    certificate.sequence,
                    CERTIFICATE.encode(certificate),
                ),
            )
        case Register():
            serial = record.key.token_serial if record.key else NO_TOKEN
            yield "accounts", (record.account, serial, REGISTER.encode(record))
        case Requests():
            yield "requests", (record.order, record.account, REQUESTS.encode(record))
        case Proposal():
            yield "proposals", (record.proposal, record.account, PROPOSAL.encode(record))
        case _:
            assert_never(record)


_CODECS: dict[
    str, Codec[Order] | Codec[Certificate] | Codec[Register] | Codec[Requests] | Codec[Proposal]
] = {
    "orders": ORDER,
    "certificates": CERTIFICATE,
    "accounts": REGISTER,
    "requests": REQUESTS,
    "proposals": PROPOSAL,
}
_INSERT = {
    table: f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - the names stand in COLUMNS
    for table, columns in COLUMNS.items()
}


_TAKEN = (
    "FROM payments AS first WHERE sequence > ? AND how <> 'feed' AND NOT EXISTS"
    " (SELECT 1 FROM payments AS other WHERE other.order_reference = first.order_reference"
    " AND (other.how = 'feed' OR other.sequence < first.sequence))"
)
"""The first notice that the desk took of each order's money after an entry, unless the centre confirmed it."""


class LedgerTables(Table):
    """The `kiosk.domain.guard.AccountRecords` of this kiosk's own entries."""

    @property
    def complete(self) -> bool:
        """False: other kiosks' entries are not in it."""
        return False

    def order(self, reference: str) -> Order | None:
        """The order of that reference."""
        return self._one(ORDER, "SELECT row FROM orders WHERE reference = ?", reference)

    def numbered(self, number: str) -> tuple[Order, ...]:
        """The orders of that number, newest first: none, one or several."""
        return self._all(
            ORDER, "SELECT row FROM orders WHERE order_number = ? ORDER BY sequence DESC", number
        )

    def certificate(self, number: str) -> Certificate | None:
        """The certificate of that number."""
        return self._one(CERTIFICATE, "SELECT row FROM certificates WHERE number = ?", number)

    def register(self, account: str) -> Register | None:
        """The account's certificates as far as this kiosk's journal tells of them."""
        return self._one(REGISTER, "SELECT row FROM accounts WHERE account = ?", account)

    def requests(self, order: str) -> Requests | None:
        """What was asked for the order of that reference, by this kiosk's journal."""
        return self._one(REQUESTS, "SELECT row FROM requests WHERE order_reference = ?", order)

    def requests_of(self, account: str) -> tuple[Requests, ...]:
        """What was asked for the account's orders, by this kiosk's journal."""
        query = "SELECT row FROM requests WHERE account = ? ORDER BY order_reference"
        return self._all(REQUESTS, query, account)

    def proposal(self, name: str) -> Proposal | None:
        """The proposed operator of that name."""
        return self._one(PROPOSAL, "SELECT row FROM proposals WHERE proposal = ?", name)

    def proposals_of(self, account: str) -> tuple[Proposal, ...]:
        """The operators that the account proposed at this kiosk."""
        query = "SELECT row FROM proposals WHERE account = ? ORDER BY proposal"
        return self._all(PROPOSAL, query, account)

    def orders(
        self, status: OrderStatus | None = None, account: str | None = None, limit: int | None = None
    ) -> tuple[Order, ...]:
        """The orders, newest first; of that status, of that account, no more than `limit`."""
        return tuple(islice(self.each_order(status, account), limit))

    def each_order(self, status: OrderStatus | None = None, account: str | None = None) -> Iterator[Order]:
        """The same, one at a time."""
        match status, account:
            case None, None:
                return self._each(ORDER, "SELECT row FROM orders ORDER BY sequence DESC")
            case None, str(account):
                query = "SELECT row FROM orders WHERE account = ? ORDER BY sequence DESC"
                return self._each(ORDER, query, account)
            case OrderStatus() as status, None:
                query = "SELECT row FROM orders WHERE status = ? ORDER BY sequence DESC"
                return self._each(ORDER, query, status)
            case _:
                query = "SELECT row FROM orders WHERE account = ? AND +status = ? ORDER BY sequence DESC"
                return self._each(ORDER, query, account, status)

    def each_open_order(self) -> Iterator[Order]:
        """The orders, unpaid or paid and not bound, newest first, one at a time."""
        ordered = (self.each_order(status) for status in OrderStatus if status.is_open)
        return heapq.merge(*ordered, key=lambda order: order.sequence, reverse=True)

    def oldest_open(self) -> Order | None:
        """The first order of this kiosk's own that is unpaid, paid and not bound, or being paid back."""
        query = "SELECT row FROM orders WHERE status = ? ORDER BY sequence"
        waiting = (OrderStatus.PLACED, OrderStatus.PAID, OrderStatus.REFUNDING)
        ordered = (self._each(ORDER, query, status) for status in waiting)
        found = heapq.merge(*ordered, key=lambda order: order.sequence)
        return next((order for order in found if order.owner == order.told_by), None)

    def count(self, status: OrderStatus) -> int:
        """How many orders have that status."""
        return self._number("SELECT count(*) FROM orders WHERE status = ?", status)

    def has_code(self, identity: bytes) -> bool:
        """Whether the order code of that identity belongs to an order here; see `order_code_identity`."""
        return bool(
            self._number(
                "SELECT EXISTS (SELECT 1 FROM orders WHERE code_identity = ? AND code_identity <> x'')",
                identity,
            )
        )

    def binding_on(self, token_serial: str) -> Order | None:
        """The paid order whose binding on the token of that serial was begun and neither finished nor abandoned."""
        return self._one(
            ORDER,
            "SELECT row FROM orders WHERE token_serial = ? AND status = ? ORDER BY sequence DESC LIMIT 1",
            token_serial,
            OrderStatus.PAID,
        )

    def bound_on(self, token_serial: str) -> Order | None:
        """The newest order for which the token of that serial was bound."""
        return self._one(
            ORDER,
            "SELECT row FROM orders WHERE token_serial = ? AND status = ? ORDER BY sequence DESC LIMIT 1",
            token_serial,
            OrderStatus.BOUND,
        )

    def opened_after(self, sequence: int) -> tuple[Order, ...]:
        """The orders, unpaid or paid, that were placed or came here after that entry, oldest first."""
        return self._all(
            ORDER,
            "SELECT row FROM orders WHERE sequence > ? AND status IN (?, ?) ORDER BY sequence",
            sequence,
            OrderStatus.PLACED,
            OrderStatus.PAID,
        )

    def overdue(self, now: int) -> tuple[Order, ...]:
        """The orders that wait for payment past their deadline (UTC seconds), oldest first."""
        return self._all(
            ORDER,
            "SELECT row FROM orders WHERE status = ? AND deadline < ? ORDER BY sequence",
            OrderStatus.PLACED,
            now,
        )

    def certificates(
        self, status: CertificateStatus | None = None, account: str | None = None, limit: int | None = None
    ) -> tuple[Certificate, ...]:
        """The certificates issued here, newest first; of that status, of that account, no more than `limit`."""
        found = self.each_certificate(account)
        return tuple(islice((each for each in found if status in (None, each.status)), limit))

    def each_certificate(self, account: str | None = None) -> Iterator[Certificate]:
        """The certificates issued here, of that account, newest first, one at a time."""
        if account is None:
            return self._each(CERTIFICATE, "SELECT row FROM certificates ORDER BY sequence DESC")
        query = "SELECT row FROM certificates WHERE account = ? ORDER BY sequence DESC"
        return self._each(CERTIFICATE, query, account)

    def open_orders_of(self, account: str) -> tuple[Order, ...]:
        """The account's orders that this kiosk owns, unpaid or paid and not bound, newest first."""
        return tuple(order for order in self.each_order(account=account) if order.is_open_here)

    def certificates_of(self, account: str) -> tuple[Certificate, ...]:
        """The certificates issued here for the account, newest first."""
        return tuple(self.each_certificate(account))

    def registers(self) -> tuple[Register, ...]:
        """All accounts that a key was bound for or told of here."""
        return tuple(self.registers_by_key())

    def registers_by_key(self) -> Iterator[Register]:
        """The same by account, one at a time."""
        return self._each(REGISTER, "SELECT row FROM accounts ORDER BY account")

    def certificates_by_key(self) -> Iterator[Certificate]:
        """All certificates by number, one at a time."""
        return self._each(CERTIFICATE, "SELECT row FROM certificates ORDER BY number")

    def orders_by_key(self) -> Iterator[Order]:
        """All orders by reference, one at a time."""
        return self._each(ORDER, "SELECT row FROM orders ORDER BY reference")

    def proposals_by_key(self) -> Iterator[Proposal]:
        """All proposed operators by name, one at a time."""
        return self._each(PROPOSAL, "SELECT row FROM proposals ORDER BY proposal")

    def requests_by_key(self) -> Iterator[Requests]:
        """All that was asked for orders by reference, one at a time."""
        return self._each(REQUESTS, "SELECT row FROM requests ORDER BY order_reference")

    def each_account(self) -> Iterator[str]:
        """The accounts that a key was bound for or told of here, one at a time."""
        for (account,) in self._connection.execute("SELECT account FROM accounts ORDER BY account"):
            yield account

    def accounts_of_token(self, token_serial: str) -> tuple[str, ...]:
        """The accounts whose key, by the journal, is the token of that serial."""
        rows = self._connection.execute(
            "SELECT account FROM accounts WHERE token_serial = ? ORDER BY account", (token_serial,)
        )
        return tuple(account for (account,) in rows)

    def unsynced_certificates(self, after_sequence: int) -> int:
        """How many certificates were issued after that sequence, whatever became of them."""
        return self._number("SELECT count(*) FROM certificates WHERE sequence > ?", after_sequence)

    def unsynced_amount(self, after_sequence: int) -> int:
        """The money (fen) that the desk took for paid after that sequence by code, scan or its own word.

        An order counts once, and not at all when the centre confirmed it or the first such notice went up already.
        """
        return self._number(f"SELECT sum(amount) {_TAKEN}", after_sequence)

    def taken_after(self, sequence: int) -> list[tuple[int, str, int]]:
        """The same one by one: the entry's sequence, the order, the money."""
        query = f"SELECT sequence, order_reference, amount {_TAKEN}"
        return self._connection.execute(query, (sequence,)).fetchall()

    def issued_after(self, sequence: int) -> list[tuple[int, str]]:
        """The certificates that were issued after that entry, each with its entry's sequence."""
        query = "SELECT sequence, number FROM certificates WHERE sequence > ?"
        return self._connection.execute(query, (sequence,)).fetchall()

    def put(self, records: Iterable[RecordRow]) -> None:
        """Store the rows of a folding."""
        for record in records:
            for table, values in table_rows(record):
                self._connection.execute(_INSERT[table], values)

    def definitions(self) -> tuple[str, ...]:
        """The statements that make the folded tables, without their indexes."""
        query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
        return tuple(self._connection.execute(query, (table,)).fetchone()[0] for table in COLUMNS)

    def replace(self, by: LedgerTables) -> None:
        """Make the folded tables those of another database."""
        for table in COLUMNS:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand in COLUMNS
            for values in by.rows(table):
                self._connection.execute(_INSERT[table], values)

    def differences(self, made: LedgerTables) -> Iterator[str]:
        """The rows that differ from those made just now or exist on one side only, as `orders 3-0147-6.9f86d081884c`."""
        for table in sorted(COLUMNS):
            for here, there in side_by_side(
                self.rows(table), made.rows(table), itemgetter(slice(KEYS[table]))
            ):
                if here is None or there is None or self._as_written_now(table, here) != there:
                    yield " ".join([table, *map(str, (here or there or ())[: KEYS[table]])])

    def rows(self, table: str) -> Iterator[Values]:
        """The rows of a folded table by key, one at a time."""
        columns = COLUMNS[table]
        names, key = ", ".join(columns), ", ".join(columns[: KEYS[table]])
        yield from self._connection.execute(f"SELECT {names} FROM {table} ORDER BY {key}")  # noqa: S608 - the names stand in COLUMNS

    def _as_written_now(self, table: str, values: Values) -> Values:
        """The values as this version writes them; none where the record in them cannot be read."""
        # A record that an older version wrote may lack a field that has its default since.
        codec = _CODECS.get(table)
        if codec is None:
            return values
        *columns, record = values
        try:
            return (*columns, codec.again(self._path, record))
        except StoreCorrupt:
            return ()


def side_by_side(
    ones: Iterator[T], others: Iterator[T], key: Callable[[T], Any]
) -> Iterator[tuple[T | None, T | None]]:
    """Rows of the same key from two tables, each by key; None where one has no such row."""
    one, other = next(ones, None), next(others, None)
    while one is not None or other is not None:
        first = other is None or (one is not None and key(one) <= key(other))
        second = one is None or (other is not None and key(other) <= key(one))
        yield (one if first else None), (other if second else None)
        if first:
            one = next(ones, None)
        if second:
            other = next(others, None)
