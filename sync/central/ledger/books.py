"""The books: orders, certificates, registers and matters, as far as entries concern them, in memory.

What a batch names is loaded by a few statements for all of its entries; whatever else its fold asks for is looked up
when it asks, so that it reads the same as if all of the books were in memory. What it changes is written by a few.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping

from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.decisions import MatterDecided, StrandDecision
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Certificate, Order
from kiosk.domain.register import Register
from kiosk.domain.requests import Proposal, Requests, RequestStep
from kiosk.domain.subjects import subjects
from sync.central.ledger.matters import Matters, subject_key
from sync.central.ledger.models import (
    DecidedStrand,
    LedgerAccount,
    LedgerCertificate,
    LedgerOrder,
    LedgerProposal,
    LedgerRequests,
    Matter,
)
from sync.central.ledger.rows import (
    Registered,
    account_row,
    certificate_row,
    order_row,
    proposal_row,
    requests_row,
)
from sync.central.ledger.stored import UNLISTED, Stored
from sync.central.tables import Upsert


def decided_key(kiosk: int, strand: int, machine: int) -> str:
    """The key of what was decided about a strand, or (strand 0) about what a machine sent into quarantine."""
    return f"{kiosk}/{strand}/{machine}"


class _Asked(enum.Enum):
    """What the tables were asked for."""

    ORDER = enum.auto()
    OPEN_ORDERS = enum.auto()
    CERTIFICATE = enum.auto()
    REGISTER = enum.auto()
    REQUESTS = enum.auto()
    PROPOSAL = enum.auto()


class Books:
    """The rows in memory, and which of them changed (`kiosk.domain.ledger_fold.Records`, over all kiosks).

    Without `stored` they begin empty, and all that they have came from entries.
    """

    complete = True

    def __init__(self, stored: Stored | None = None) -> None:
        self.orders: dict[str, Order] = {}
        self.certificates: dict[str, Registered] = {}
        self.registers: dict[str, Register] = {}
        self.asked: dict[str, Requests] = {}
        self.proposals: dict[str, Proposal] = {}
        self.matters = Matters(stored)
        self.accounts: set[str] = set()
        self.strands: dict[str, DecidedStrand] = {}
        self._stored = stored
        self._looked_up: set[tuple[_Asked, str]] = set()
        self._open: dict[tuple[str, OrderKind], dict[str, Order]] = defaultdict(dict)
        self._changed_orders: set[str] = set()
        self._changed_certificates: set[str] = set()
        self._changed_registers: set[str] = set()
        self._changed_strands: set[str] = set()
        self._changed_requests: set[str] = set()
        self._changed_proposals: set[str] = set()

    def certificates_of(self, order: Order | None) -> dict[str, Certificate]:
        """The certificates that the order's attempts name."""
        numbers = () if order is None else order.certificates
        found = {number: self.certificate(number) for number in numbers}
        return {number: each for number, each in found.items() if each is not None}

    def open_orders(self, account: str, kind: OrderKind) -> Mapping[str, Order]:
        """The account's orders of that kind that are not paid, or paid and not bound, by reference."""
        if (stored := self._to_ask(_Asked.OPEN_ORDERS, account)) is not None:
            self._know_orders(stored.open_orders((account,)))
        return self._open[account, kind]

    def order(self, number: str) -> Order | None:
        """The order of that reference."""
        if number not in self.orders and (stored := self._to_ask(_Asked.ORDER, number)) is not None:
            self._know_orders(stored.orders((number,)))
        return self.orders.get(number)

    def registered(self, number: str) -> Registered | None:
        """The certificate of that number, with what stands beside it."""
        unknown = number not in self.certificates
        if unknown and (stored := self._to_ask(_Asked.CERTIFICATE, number)) is not None:
            self._know_certificates(stored.certificates((number,)))
        return self.certificates.get(number)

    def certificate(self, number: str) -> Certificate | None:
        """The certificate of that number."""
        row = self.registered(number)
        return None if row is None else row.certificate

    def register(self, account: str) -> Register | None:
        """The register of that account."""
        if account not in self.registers and (stored := self._to_ask(_Asked.REGISTER, account)) is not None:
            self._know_registers(stored.registers((account,)))
        return self.registers.get(account)

    def register_of(self, account: str) -> Register:
        """The account's register; an empty one before anything was bound."""
        return self.register(account) or Register(account)

    def requests(self, order: str) -> Requests | None:
        """What was asked for the order of that reference."""
        if order not in self.asked and (stored := self._to_ask(_Asked.REQUESTS, order)) is not None:
            self._know_requests(stored.requests((order,)))
        return self.asked.get(order)

    def proposal(self, name: str) -> Proposal | None:
        """The proposed operator of that name."""
        if name not in self.proposals and (stored := self._to_ask(_Asked.PROPOSAL, name)) is not None:
            self._know_proposals(stored.proposals((name,)))
        return self.proposals.get(name)

    def put_requests(self, requests: Requests) -> None:
        """Take in what was asked for an order."""
        self.asked[requests.order] = requests
        self._changed_requests.add(requests.order)

    def put_proposal(self, proposal: Proposal) -> None:
        """Take in a proposed operator."""
        self.proposals[proposal.proposal] = proposal
        self._changed_proposals.add(proposal.proposal)

    def put_order(self, order: Order) -> None:
        """Take in a changed order."""
        self._keep_order(order)
        self._changed_orders.add(order.reference)

    def put_certificate(self, row: Registered) -> None:
        """Take in a changed certificate."""
        self.certificates[row.certificate.number] = row
        self._changed_certificates.add(row.certificate.number)

    def put_register(self, register: Register) -> None:
        """Take in a changed register."""
        self.registers[register.account] = register
        self._changed_registers.add(register.account)

    def is_set_aside(self, kiosk: int, strand: int) -> bool:
        """Whether staff decided that nothing of a strand comes into use."""
        decided = self.strands.get(decided_key(kiosk, strand, 0))
        return decided is not None and StrandDecision(decided.decision).is_set_aside

    def unlisted_on(self, kiosk: int, strand: int) -> list[Registered]:
        """The certificates of a strand that are neither listed nor out of use."""
        if self._stored is not None:
            self._know_certificates(self._stored.unlisted_on(kiosk, strand))
        return [
            each
            for number, each in sorted(self.certificates.items())
            if (each.certificate.kiosk, each.strand) == (kiosk, strand)
            and each.certificate.status in UNLISTED
        ]

    def put_strand(self, row: DecidedStrand) -> None:
        """Take in what was decided about a strand."""
        self.strands[row.key] = row
        self._changed_strands.add(row.key)

    def load(self, stored: Stored, bodies: Iterable[AnyBody]) -> None:
        """Load what entries with these bodies are going to ask for, by a few statements."""
        bodies = tuple(bodies)
        self.strands.update((each.key, each) for each in stored.decided_strands())
        decided = {subject_key(body.rule, body.subject) for body in bodies if isinstance(body, MatterDecided)}
        references = self.matters.load(stored, decided)
        named = [subjects(body) for body in bodies]
        asked = {
            each.order for each, body in zip(named, bodies, strict=True) if isinstance(body, RequestStep)
        }
        proposed = {each.proposal for each in named} - {""}
        self._know_requests(stored.requests(asked))
        self._know_proposals(stored.proposals(proposed))
        accounts = {each.account for each in named}
        references |= {each.order for each in named}
        numbers = {each.certificate for each in named}
        numbers |= {body.predecessor or "" for body in bodies if isinstance(body, CertificateIssued)}
        self._know_certificates(stored.certificates(numbers))
        references |= {each.certificate.order for each in self.certificates.values()}
        self._know_orders(stored.orders(references))
        accounts |= {each.certificate.account for each in self.certificates.values()}
        accounts |= {each.account for each in self.orders.values()}
        for names in (accounts, references):
            names.discard("")  # what is about none is not loaded for that
        self.accounts = accounts
        self._know_orders(stored.open_orders(accounts))
        self._know_certificates(stored.certificates_about(accounts, references))
        self._know_registers(stored.registers(accounts))
        self.matters.load_about(stored, accounts, references)
        self._looked_up.update((_Asked.REQUESTS, each) for each in asked)
        self._looked_up.update((_Asked.PROPOSAL, each) for each in proposed)
        self._looked_up.update((_Asked.ORDER, each) for each in references)
        self._looked_up.update((_Asked.CERTIFICATE, each) for each in numbers)
        self._looked_up.update(
            (what, each) for what in (_Asked.OPEN_ORDERS, _Asked.REGISTER) for each in accounts
        )

    def changes(self) -> tuple[Upsert, ...]:
        """What is to be written of it."""
        certificates = [self.certificates[number] for number in sorted(self._changed_certificates)]
        return (
            Upsert(LedgerOrder, [order_row(self.orders[each]) for each in sorted(self._changed_orders)]),
            Upsert(LedgerCertificate, [certificate_row(each) for each in certificates]),
            Upsert(
                LedgerAccount, [account_row(self.registers[each]) for each in sorted(self._changed_registers)]
            ),
            Upsert(
                LedgerRequests, [requests_row(self.asked[each]) for each in sorted(self._changed_requests)]
            ),
            Upsert(
                LedgerProposal,
                [proposal_row(self.proposals[each]) for each in sorted(self._changed_proposals)],
            ),
            Upsert(Matter, [self.matters.changed[each] for each in sorted(self.matters.changed)]),
            Upsert(DecidedStrand, [self.strands[each] for each in sorted(self._changed_strands)]),
        )

    def rows(
        self,
    ) -> tuple[
        list[LedgerOrder],
        list[LedgerCertificate],
        list[LedgerAccount],
        list[LedgerRequests],
        list[LedgerProposal],
        list[Matter],
        list[DecidedStrand],
    ]:
        """All of it as the tables have it."""
        return (
            [order_row(each) for each in self.orders.values()],
            [certificate_row(each) for each in self.certificates.values()],
            [account_row(each) for each in self.registers.values()],
            [requests_row(each) for each in self.asked.values()],
            [proposal_row(each) for each in self.proposals.values()],
            list(self.matters.changed.values()),
            list(self.strands.values()),
        )

    def _to_ask(self, what: _Asked, key: str) -> Stored | None:
        """The tables, the first time that they are to be asked for this."""
        if self._stored is None or (what, key) in self._looked_up:
            return None
        self._looked_up.add((what, key))
        return self._stored

    def _keep_order(self, order: Order) -> None:
        before = self.orders.get(order.reference)
        if before is not None:
            self._open[before.account, before.kind].pop(before.reference, None)
        self.orders[order.reference] = order
        if order.status.is_open:
            self._open[order.account, order.kind][order.reference] = order

    def _know_orders(self, orders: Iterable[Order]) -> None:
        """Take in orders as they are stored; what is in memory may be newer."""
        for each in orders:
            if each.reference not in self.orders:
                self._keep_order(each)

    def _know_certificates(self, rows: Iterable[Registered]) -> None:
        for each in rows:
            self.certificates.setdefault(each.certificate.number, each)

    def _know_requests(self, rows: Iterable[Requests]) -> None:
        for each in rows:
            self.asked.setdefault(each.order, each)

    def _know_proposals(self, rows: Iterable[Proposal]) -> None:
        for each in rows:
            self.proposals.setdefault(each.proposal, each)

    def _know_registers(self, registers: Iterable[Register]) -> None:
        for each in registers:
            self.registers.setdefault(each.account, each)


def load(bodies: Iterable[AnyBody]) -> Books:
    """The books as far as entries with these bodies concern them."""
    stored = Stored()
    books = Books(stored)
    books.load(stored, bodies)
    return books
