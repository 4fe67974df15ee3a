"""The books: orders, certificates, registers and matters, as far as a batch concerns them, in memory.

They are loaded by a few statements for all entries of a batch; what the fold changes is written by a few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from django.db.models import Q

from kiosk.domain.entries import AnyBody, MatterDecided
from kiosk.domain.ledger import Certificate, Order, OrderStatus
from kiosk.domain.register import Register
from kiosk.domain.subjects import subjects
from sync.central.ledger.matters import Matters, subject_key
from sync.central.ledger.models import Checked, LedgerAccount, LedgerCertificate, LedgerOrder, Matter
from sync.central.ledger.rows import (
    account_row,
    certificate_record,
    certificate_row,
    order_record,
    order_row,
    register_record,
)
from sync.central.tables import Upsert

_OPEN = tuple(status.value for status in OrderStatus if status.is_open)


class Registered(msgspec.Struct, frozen=True):
    """A certificate, the machine that issued it, at which position, and whether it was checked."""

    certificate: Certificate
    machine: int
    position: int
    checked: Checked = Checked.NOT_YET


class Books:
    """The rows in memory, and which of them changed (`kiosk.domain.ledger_fold.Records`, over all kiosks)."""

    complete = True

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self._orders_of: dict[str, dict[str, Order]] = defaultdict(dict)
        self.certificates: dict[str, Registered] = {}
        self.registers: dict[str, Register] = {}
        self.matters = Matters()
        self.accounts: set[str] = set()
        self._changed_orders: set[str] = set()
        self._changed_certificates: set[str] = set()
        self._changed_registers: set[str] = set()

    def certificates_of(self, order: Order | None) -> dict[str, Certificate]:
        """The certificates that the order's attempts name."""
        numbers = () if order is None else order.certificates
        found = {number: self.certificates.get(number) for number in numbers}
        return {number: each.certificate for number, each in found.items() if each is not None}

    def open_orders(self, account: str) -> list[Order]:
        """The account's orders that are not paid, or paid and not bound."""
        return [each for each in self._orders_of[account].values() if each.status.is_open]

    def order(self, number: str) -> Order | None:
        """The order of that reference."""
        return self.orders.get(number)

    def certificate(self, number: str) -> Certificate | None:
        """The certificate of that number."""
        row = self.certificates.get(number)
        return None if row is None else row.certificate

    def register(self, account: str) -> Register | None:
        """The register of that account."""
        return self.registers.get(account)

    def register_of(self, account: str) -> Register:
        """The account's register; an empty one before anything was bound."""
        return self.registers.get(account) or Register(account)

    def know_order(self, order: Order) -> None:
        """Take in an order as it is on record."""
        before = self.orders.get(order.reference)
        if before is not None and before.account != order.account:
            del self._orders_of[before.account][order.reference]
        self.orders[order.reference] = self._orders_of[order.account][order.reference] = order

    def put_order(self, order: Order) -> None:
        """Take in a changed order."""
        self.know_order(order)
        self._changed_orders.add(order.reference)

    def put_certificate(self, row: Registered) -> None:
        """Take in a changed certificate."""
        self.certificates[row.certificate.number] = row
        self._changed_certificates.add(row.certificate.number)

    def put_register(self, register: Register) -> None:
        """Take in a changed register."""
        self.registers[register.account] = register
        self._changed_registers.add(register.account)

    def changes(self) -> tuple[Upsert, ...]:
        """What is to be written of it."""
        certificates = [self.certificates[number] for number in sorted(self._changed_certificates)]
        return (
            Upsert(LedgerOrder, [order_row(self.orders[each]) for each in sorted(self._changed_orders)]),
            Upsert(LedgerCertificate, [_certificate_row(each) for each in certificates]),
            Upsert(
                LedgerAccount, [account_row(self.registers[each]) for each in sorted(self._changed_registers)]
            ),
            Upsert(Matter, [self.matters.changed[each] for each in sorted(self.matters.changed)]),
        )

    def rows(self) -> tuple[list[LedgerOrder], list[LedgerCertificate], list[LedgerAccount], list[Matter]]:
        """All of it as the tables have it."""
        return (
            [order_row(each) for each in self.orders.values()],
            [_certificate_row(each) for each in self.certificates.values()],
            [account_row(each) for each in self.registers.values()],
            list(self.matters.changed.values()),
        )


def _certificate_row(row: Registered) -> LedgerCertificate:
    return certificate_row(row.certificate, row.machine, row.position, row.checked)


def load(bodies: Iterable[AnyBody], matters: Iterable[str]) -> Books:
    """The books as far as entries with these bodies concern them, and the matters of these keys."""
    books = Books()
    bodies = tuple(bodies)
    decided = {subject_key(body.rule, body.subject) for body in bodies if isinstance(body, MatterDecided)}
    known = list(Matter.objects.filter(key__in=decided.union(matters)).order_by())
    books.matters.know(known)
    named = [subjects(body) for body in bodies]
    accounts = {each.account for each in named}
    references = {each.order for each in named} | {each.order for each in known}
    numbers = {each.certificate for each in named}
    references.update(row.order for row in _certificates(books, Q(number__in=numbers)))
    accounts.update(each.certificate.account for each in books.certificates.values())
    accounts.update(order.account for order in _orders(books, Q(reference__in=references)))
    accounts.discard("")
    books.accounts = accounts
    _orders(books, Q(account__in=accounts, status__in=_OPEN))
    _certificates(books, Q(account__in=accounts) | Q(order__in=references))
    for row in LedgerAccount.objects.filter(account__in=accounts):
        books.registers[row.account] = register_record(row)
    about = Q(account__in=accounts) | Q(order__in=references)
    books.matters.know(Matter.objects.filter(about).order_by())
    return books


def _orders(books: Books, which: Q) -> list[Order]:
    found = [order_record(row) for row in LedgerOrder.objects.filter(which).order_by()]
    for order in found:
        books.know_order(order)
    return found


def _certificates(books: Books, which: Q) -> list[Certificate]:
    found = [
        Registered(certificate_record(row), row.machine, row.position, Checked(row.checked))
        for row in LedgerCertificate.objects.filter(which).order_by()
    ]
    books.certificates.update((each.certificate.number, each) for each in found)
    return [each.certificate for each in found]
