"""`fold_entry`: the rows that one journal entry changes, by the order's fold and then by the account's register.

It reads rows by key alone, those of `subjects` and the ones that they lead to, and never raises; the same at both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import BindingStarted
from kiosk.domain.entries.decisions import CertificateRevoked, Decision, RegisterDecided
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.entries.orders import OrderAssigned, OrderPlaced
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.journal import Entry, SealedEntry
from kiosk.domain.ledger import Certificate, CertificateStatus, Order
from kiosk.domain.order_fold import Folded, fold_order
from kiosk.domain.register import (
    CertificateBound,
    CertificateVoided,
    KeyNamed,
    Register,
    RegisterEvent,
    fold_register,
)
from kiosk.domain.remarks import Remark, RemarkReason
from kiosk.domain.requests import (
    FoldedProposal,
    FoldedRequests,
    Proposal,
    ProposalStep,
    Requests,
    RequestStep,
    fold_proposal,
    fold_requests,
)
from kiosk.domain.subjects import subjects


class Records(Protocol):
    """The rows by their keys. At the centre they cover all kiosks (`complete`), at a kiosk its own entries."""

    @property
    def complete(self) -> bool:
        """Whether the journals of all kiosks are folded here."""
        ...

    def order(self, number: str) -> Order | None:
        """The order of that reference."""
        ...

    def certificate(self, number: str) -> Certificate | None:
        """The certificate of that number."""
        ...

    def register(self, account: str) -> Register | None:
        """The register of that account."""
        ...

    def requests(self, order: str) -> Requests | None:
        """What was asked for the order of that reference."""
        ...

    def proposal(self, name: str) -> Proposal | None:
        """The proposed operator of that name."""
        ...


RecordRow = Order | Certificate | Register | Requests | Proposal

Judge = Callable[[Certificate], CertificateBound | None]
"""What the register is told of a certificate whose order is bound; None when its judgement comes later."""


class Folding(msgspec.Struct, frozen=True):
    """The rows that an entry changed, each once, and the remarks that it left."""

    rows: tuple[RecordRow, ...] = ()
    remarks: tuple[Remark, ...] = ()


def judged_by_the_issuer(certificate: Certificate) -> CertificateBound:
    """At the kiosk that issued it: listed at once, since the guard judged before."""
    return bound_event(certificate, unconditional=True)


def bound_event(
    certificate: Certificate, *, has_matter: bool = False, unconditional: bool = False
) -> CertificateBound:
    """The register's event for a bound certificate."""
    key = KeyOnRecord(
        certificate.number, certificate.token_serial, certificate.not_before, certificate.not_after
    )
    return CertificateBound(
        key, certificate.order, certificate.predecessor, has_matter=has_matter, unconditional=unconditional
    )


def fold_entry(records: Records, entry: Entry, judge: Judge) -> Folding:
    """The rows after this entry."""
    if isinstance(entry.body, RequestStep | ProposalStep):
        return _fold_asked(records, entry, entry.body)
    named = subjects(entry.body)
    before = records.order(named.order) if named.order else None
    held = {} if before is None else {number: records.certificate(number) for number in before.certificates}
    issued = records.certificate(named.certificate) if named.certificate else None
    if issued is not None:
        held[issued.number] = issued
    certificates = {number: each for number, each in held.items() if each is not None}
    folded = fold_order(before, certificates, entry, complete=records.complete)
    account = folded.order.account if folded.order is not None else named.account
    if isinstance(entry.body, CertificateRevoked) and issued is not None:
        account = issued.account
    events, remarks = _events(records, entry, folded, issued, judge)
    changed = {each.number: each for each in folded.certificates}
    register = before_register = records.register(account) or Register(account)
    for event in events:
        result = fold_register(register, event)
        register = result.register
        remarks += result.remarks
        for number, status in result.statuses:
            certificate = changed.get(number) or records.certificate(number)
            if certificate is not None:
                changed[number] = replace(certificate, status=status)
    rows: list[RecordRow] = [] if folded.order is None or folded.order == before else [folded.order]
    rows += changed.values()
    if register != before_register:
        rows.append(register)
    return Folding(tuple(rows), (*folded.remarks, *remarks))


def _fold_asked(records: Records, entry: Entry, body: RequestStep | ProposalStep) -> Folding:
    """What was asked for after paying touches neither order nor register."""
    known: Requests | Proposal | None
    folded: FoldedRequests | FoldedProposal
    if isinstance(body, RequestStep):
        known = records.requests(body.order)
        folded = fold_requests(known, records.order(body.order), entry, body)
    else:
        known = records.proposal(body.proposal)
        folded = fold_proposal(known, entry, body)
    rows = () if folded.row is None or folded.row == known else (folded.row,)
    return Folding(rows, folded.remarks)


def _events(
    records: Records, entry: Entry, folded: Folded, issued: Certificate | None, judge: Judge
) -> tuple[list[RegisterEvent], tuple[Remark, ...]]:
    """What the register is told by an entry, and the remarks where it is told nothing."""
    events: list[RegisterEvent] = []
    if not records.complete and not folded.remarks:
        events += (KeyNamed(key) for key in _named_keys(entry))
    for certificate in folded.certificates:
        if certificate.status is CertificateStatus.VOID:
            events.append(CertificateVoided(certificate.number))
        elif certificate.status is CertificateStatus.BOUND and (told := judge(certificate)) is not None:
            events.append(told)
    own, remark = _own_event(entry, issued, complete=records.complete)
    if own is not None:
        events.append(own)
    return events, () if remark is None else (remark,)


def _own_event(  # noqa: PLR0911 - one case a kind
    entry: Entry, certificate: Certificate | None, *, complete: bool
) -> tuple[RegisterEvent | None, Remark | None]:
    """What an entry itself tells the register; or why its kiosk has no word on that certificate."""
    match entry.body:
        case LossReported() | KeyFound() | HoldLifted():
            return entry.body, None
        case CertificateRevoked(number=number):
            reason = _no_word_on(certificate, entry.kiosk)
            if reason is not None:
                return None, Remark(reason, number)
            return None if _is_void(certificate) else entry.body, None
        case RegisterDecided(certificate=number):
            if entry.kiosk == EXCHANGE_KIOSK:
                return entry.body, None
            reason = _no_word_on(certificate, entry.kiosk)
            if reason is not None:
                return None, Remark(RemarkReason.NOT_THE_EXCHANGE if complete else reason, number)
            # The issuer repeats what the centre decided: it had listed the certificate in its own register, and a centre that was
            # put back may have forgotten that it is out of use.
            revokes = entry.body.decision is Decision.REVOKE and not _is_void(certificate)
            return entry.body if revokes else None, None
        case _:
            return None, None


def _is_void(certificate: Certificate | None) -> bool:
    return certificate is None or certificate.status is CertificateStatus.VOID


def _no_word_on(certificate: Certificate | None, kiosk: int) -> RemarkReason | None:
    """Why a kiosk has no word on a certificate: its issuer has, and the exchange."""
    if certificate is None:
        return RemarkReason.CERTIFICATE_UNKNOWN
    if kiosk in {certificate.kiosk, EXCHANGE_KIOSK}:
        return None
    return RemarkReason.CERTIFICATE_OF_ANOTHER_KIOSK


def _named_keys(entry: Entry) -> Iterator[KeyOnRecord]:
    match entry.body:
        case OrderPlaced(previous=key) | OrderAssigned(previous=key):
            named = key
        case BindingStarted(key=key) | LossReported(key=key) | KeyFound(key=key) | HoldLifted(key=key):
            named = key
        case _:
            named = None
    if named is not None:
        yield named


class MemoryRecords:
    """Rows in memory: rebuilding, batches, tests."""

    def __init__(self, *, complete: bool = False) -> None:
        self.complete = complete
        self.orders: dict[str, Order] = {}
        self.certificates: dict[str, Certificate] = {}
        self.registers: dict[str, Register] = {}
        self.asked: dict[str, Requests] = {}
        self.proposals: dict[str, Proposal] = {}

    def order(self, number: str) -> Order | None:
        """The order of that reference."""
        return self.orders.get(number)

    def certificate(self, number: str) -> Certificate | None:
        """The certificate of that number."""
        return self.certificates.get(number)

    def register(self, account: str) -> Register | None:
        """The register of that account."""
        return self.registers.get(account)

    def requests(self, order: str) -> Requests | None:
        """What was asked for the order of that reference."""
        return self.asked.get(order)

    def proposal(self, name: str) -> Proposal | None:
        """The proposed operator of that name."""
        return self.proposals.get(name)

    def open_orders_of(self, account: str) -> tuple[Order, ...]:
        """The account's orders that their kiosk owns: unpaid, or paid and not bound."""
        return tuple(each for each in self.orders.values() if each.account == account and each.is_open_here)

    def certificates_of(self, account: str) -> tuple[Certificate, ...]:
        """The certificates issued for the account."""
        return tuple(each for each in self.certificates.values() if each.account == account)

    def rows(self) -> Iterator[RecordRow]:
        """All rows."""
        yield from self.orders.values()
        yield from self.certificates.values()
        yield from self.registers.values()
        yield from self.asked.values()
        yield from self.proposals.values()

    def put(self, rows: tuple[RecordRow, ...]) -> None:
        """Store the rows of a folding."""
        for row in rows:
            match row:
                case Order():
                    self.orders[row.reference] = row
                case Certificate():
                    self.certificates[row.number] = row
                case Register():
                    self.registers[row.account] = row
                case Requests():
                    self.asked[row.order] = row
                case Proposal():
                    self.proposals[row.proposal] = row


def fold_journal(entries: Iterable[SealedEntry]) -> MemoryRecords:
    """The rows that these entries of one kiosk make, from nothing."""
    records = MemoryRecords()
    for sealed in entries:
        records.put(fold_entry(records, sealed.entry, judged_by_the_issuer).rows)
    return records
