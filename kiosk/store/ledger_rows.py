"""How orders, certificates and accounts lie in the folded tables: the columns, and the record itself in the last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from kiosk.domain.ledger import Account, Certificate, Order, Row
from kiosk.store.rows import Codec

ORDER = Codec(Order)
CERTIFICATE = Codec(Certificate)
ACCOUNT = Codec(Account)

COLUMNS = {
    "orders": ("number", "account", "status", "sequence", "deadline", "row"),
    "payments": ("order_number", "sequence", "how", "amount"),
    "certificates": ("number", "account", "status", "sequence", "row"),
    "accounts": ("account", "row"),
}

Values = tuple[Any, ...]  # str, int and bytes, as in COLUMNS


def table_rows(record: Row) -> Iterable[tuple[str, Values]]:
    """The rows of one record, each with its table."""
    match record:
        case Order():
            order = record
            yield (
                "orders",
                (
                    order.number,
                    order.account,
                    order.status.value,
                    order.sequence,
                    order.deadline,
                    ORDER.encode(order),
                ),
            )
            for payment in order.payments:
                yield "payments", (order.number, payment.sequence, payment.how.value, payment.amount)
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
        case Account():
            yield "accounts", (record.account, ACCOUNT.encode(record))
        case _:
            assert_never(record)
