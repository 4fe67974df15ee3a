"""Fills the centre's big tables with made-up rows in the database itself, a million in seconds.

The values are spread so that lists are hard: keys and times are in different orders, nearly all rows have the first of a
column's choices, one in a thousand each other one, and rare values of two columns never meet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import msgspec
from django.contrib import admin
from django.db import connection, transaction
from django.db.models import (
    AutoField,
    BinaryField,
    BooleanField,
    CharField,
    Field,
    ForeignKey,
    IntegerField,
    Model,
)

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.register import Register, Registered, Standing
from kiosk.domain.requests import (
    DeliveryRequest,
    DeliveryState,
    InvoiceRequest,
    InvoiceState,
    Proposal,
    Requests,
)
from sync.central.console.base import Admin
from sync.central.journal.models import Entry, Fact
from sync.central.ledger.models import Checked, LedgerAccount, LedgerCertificate, LedgerOrder
from sync.central.members.models import Enterprise
from sync.central.payments.models import Payment, PaymentAttempt
from sync.central.tables import holds_time

KIOSKS = 40
ENTRIES_AN_ORDER = 8
FIRST_ACCOUNT_LEFT = "11000000"
"""Made-up rows of a million orders have accounts below it."""
BEGINNING = 1_700_000_000
_CITIES = ("北京", "河南", "山东", "江苏", "湖北")
_RARE = 1000
_KEY = KeyOnRecord("0003000000000001", "E8AD652202221F03", BEGINNING, BEGINNING)
_DELIVERY = DeliveryRequest(
    DeliveryState.MAILED, bytes(32), BEGINNING, carrier="EMS", tracking="1", mailed_at=BEGINNING
)
_INVOICE = InvoiceRequest(InvoiceState.ASKED, InvoiceKind.ORDINARY, bytes(32), BEGINNING, "")
_RECORDS = {
    "ledgeraccount": msgspec.msgpack.encode(Register("10000000", (Registered(_KEY, Standing.LISTED),))),
    "ledgerproposal": msgspec.msgpack.encode(
        Proposal("0" * 16, "10000000", "", bytes(32), authorised=True, proposed_at=0, told_by=1)
    ),
    "ledgerrequests": msgspec.msgpack.encode(Requests("1-0001-1", "10000000", _DELIVERY, _INVOICE)),
}
_PLAIN = bytes(300)


def big_models() -> list[type[Model]]:
    """The models of the console's lists that may grow, and what hangs on them."""
    listed = [model for model, page in admin.site._registry.items() if isinstance(page, Admin)]  # noqa: SLF001 - there is no public list
    return [*sorted(listed, key=lambda model: model is not Enterprise), PaymentAttempt]


def fill(models: Iterable[type[Model]], rows: int) -> None:
    """Put so many rows into each of these tables, which are empty."""
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(_insertion(model, rows))


def fill_orders(orders: int) -> None:
    """What the rows of a centre with so many orders take up, of which no applier reads the content.

    Accounts lie below 11000000, and no journal is listed for the entries.
    """
    of_an_order = (Enterprise, LedgerOrder, LedgerCertificate, LedgerAccount, Payment, PaymentAttempt, Fact)
    fill_fast(of_an_order, orders)
    fill_fast([Entry], orders * ENTRIES_AN_ORDER)
    LedgerCertificate.objects.filter(checked=Checked.NOT_YET, account__lt=FIRST_ACCOUNT_LEFT).update(
        checked=Checked.GENUINE
    )
    os.sync()  # else the first commits that are measured wait until gigabytes lie on the disk


def fill_fast(models: Iterable[type[Model]], rows: int) -> None:
    """The same outside a transaction: indexes are made afterwards, and nothing need survive a power cut."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        if sqlite:
            cursor.execute("PRAGMA synchronous = OFF")
        for model in models:
            indexes = model._meta.indexes  # noqa: SLF001 - Django's documented Model._meta API
            with connection.schema_editor() as editor:
                for index in indexes:
                    editor.remove_index(model, index)
            with transaction.atomic():
                fill([model], rows)
            with connection.schema_editor() as editor:
                for index in indexes:
                    editor.add_index(model, index)
        cursor.execute("PRAGMA synchronous = FULL" if sqlite else "VACUUM ANALYZE")


def _insertion(model: type[Model], rows: int) -> str:
    options = model._meta  # noqa: SLF001 - Django's documented Model._meta API
    fields = [field for field in options.concrete_fields if not isinstance(field, AutoField)]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column or "") for field in fields)
    values = ", ".join(_value(field, rows) for field in fields)
    counted = (
        f"SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {rows}"  # noqa: S608 - of our own names, as below
        if connection.vendor == "sqlite"
        else f"SELECT generate_series(0::bigint, {rows - 1})"
    )
    return (
        f"INSERT INTO {quote(options.db_table)} ({columns}) "  # noqa: S608 - as above
        f"WITH RECURSIVE numbers(n) AS ({counted}) SELECT {values} FROM numbers WHERE TRUE ON CONFLICT DO NOTHING"
    )


def _value(field: Field[Any, Any], rows: int) -> str:  # noqa: PLR0911 - a table
    """The SQL expression of a column in row `n`."""
    kiosk = f"(n / {-(-rows // KIOSKS)} + 1)"
    time = f"({BEGINNING} + n * 7919 % {rows} * 60)"
    match field:
        case ForeignKey():
            return _value(field.target_field, rows)
        case BinaryField():
            return _blob(_RECORDS.get(field.model._meta.model_name or "", _PLAIN))  # noqa: SLF001 - as above
        case BooleanField():
            return "TRUE"
        case IntegerField() if field.primary_key:
            bits = 48 if field.model is Entry else 32  # `entry_key`, `row_key`
            return f"({kiosk} * {2**bits} + n)"
        case IntegerField() if field.name in {"kiosk", "owner"}:
            return kiosk
        case IntegerField() if field.null:
            return f"CASE WHEN n % {_RARE} = 7 THEN NULL ELSE {time} END"
        case IntegerField():
            return time if holds_time(field.name) else "n"
        case CharField():
            return _text(field, kiosk, rows)
        case _:
            raise TypeError(field)


def _text(field: CharField[str, str], kiosk: str, rows: int) -> str:  # noqa: PLR0911 - a table
    length = field.max_length or 40
    if field.choices:
        names = [str(value) for value, _ in field.flatchoices]
        cases = " ".join(f"WHEN {place} THEN '{name}'" for place, name in enumerate(names) if place)
        return f"CASE n % {_RARE} {cases} ELSE '{names[0]}' END"
    some = (
        "n" if field.primary_key or field.name in {"transaction", "order"} else f"(n % {max(1, rows // 2)})"
    )
    match field.name:
        case "account":
            return f"CAST(10000000 + {some} AS TEXT)"
        case "name" | "legal_person":
            cities = " ".join(f"WHEN {place} THEN '{city}'" for place, city in enumerate(_CITIES))
            return f"CASE {some} % {len(_CITIES)} {cities} END || {_digits(some, 8)}"
        case "supervisor":
            return "'主管' || (n % 20)"
        case "remark" | "detail" | "cleared_by" | "settled_by" | "closed_by":
            return "''"
        case _ if field.name == "order" or (field.primary_key and length >= 32):  # noqa: PLR2004 - as `fact_key`
            return f"{_digits(kiosk, 5)} || '-' || {_digits('n', 10)} || '-' || {_digits('n', 15)}"
        case _:
            return _digits(some, min(length, 16))


def _digits(number: str, width: int) -> str:
    if connection.vendor == "sqlite":
        return f"printf('%0{width}d', {number})"
    return f"lpad(({number})::text, {width}, '0')"


def _blob(content: bytes) -> str:
    return f"X'{content.hex()}'" if connection.vendor == "sqlite" else f"'\\x{content.hex()}'::bytea"
