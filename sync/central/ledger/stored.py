"""What the tables have, asked by key; a key that no column can have is not asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Q
from django.db.models.lookups import In

from kiosk.domain.ledger import CertificateStatus, Order, OrderStatus
from kiosk.domain.register import Register
from kiosk.domain.requests import Proposal, Requests
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
    order_record,
    proposal_record,
    register_record,
    registered,
    requests_record,
)
from sync.central.tables import beside_keys, column_text

REFERENCE, ACCOUNT, CERTIFICATE, MATTER, PROPOSAL = 40, 12, 16, 100, 16
"""The lengths of the columns."""
UNLISTED = (CertificateStatus.ISSUED, CertificateStatus.BOUND, CertificateStatus.HELD)
"""The states of a certificate that is neither listed nor out of use."""
_OPEN = tuple(status.value for status in OrderStatus if status.is_open)


class Stored:
    """The tables as they are."""

    def orders(self, references: Iterable[str]) -> Iterator[Order]:
        """The orders of these references."""
        yield from _orders(Q(reference__in=_fitting(references, REFERENCE)))

    def open_orders(self, accounts: Iterable[str]) -> Iterator[Order]:
        """The open orders of these accounts."""
        yield from _orders(open_of(accounts))

    def certificates(self, numbers: Iterable[str]) -> Iterator[Registered]:
        """The certificates of these numbers."""
        yield from _certificates(Q(number__in=_fitting(numbers, CERTIFICATE)))

    def certificates_about(self, accounts: Iterable[str], references: Iterable[str]) -> Iterator[Registered]:
        """The certificates of these accounts and orders."""
        of_accounts = Q(account__in=_fitting(accounts, ACCOUNT))
        yield from _certificates(of_accounts | Q(order__in=_fitting(references, REFERENCE)))

    def registers(self, accounts: Iterable[str]) -> Iterator[Register]:
        """The registers of these accounts."""
        for row in LedgerAccount.objects.filter(account__in=_fitting(accounts, ACCOUNT)).order_by():
            yield register_record(row)

    def requests(self, references: Iterable[str]) -> Iterator[Requests]:
        """What was asked for the orders of these references."""
        for row in LedgerRequests.objects.filter(order__in=_fitting(references, REFERENCE)).order_by():
            yield requests_record(row)

    def proposals(self, names: Iterable[str]) -> Iterator[Proposal]:
        """The proposed operators of these names."""
        for row in LedgerProposal.objects.filter(proposal__in=_fitting(names, PROPOSAL)).order_by():
            yield proposal_record(row)

    def matters(self, keys: Iterable[str]) -> Iterator[Matter]:
        """The matters of these keys."""
        yield from Matter.objects.filter(key__in=_fitting(keys, MATTER)).order_by()

    def matters_about(self, accounts: Iterable[str], references: Iterable[str]) -> Iterator[Matter]:
        """The matters of these accounts and orders."""
        of_accounts = Q(account__in=_fitting(accounts, ACCOUNT))
        about = of_accounts | Q(order__in=_fitting(references, REFERENCE))
        yield from Matter.objects.filter(about).order_by()

    def unlisted_on(self, kiosk: int, strand: int) -> Iterator[Registered]:
        """The certificates of a strand that are neither listed nor out of use."""
        statuses = [each.value for each in UNLISTED]
        yield from _certificates(Q(kiosk=kiosk, strand=strand, status__in=statuses))

    def decided_strands(self) -> Iterator[DecidedStrand]:
        """What was decided about strands, of which there are few."""
        yield from DecidedStrand.objects.order_by()


def open_of(accounts: Iterable[str]) -> Q:
    """The condition of being an open order of one of these accounts."""
    return Q(account__in=_fitting(accounts, ACCOUNT)) & Q(In(beside_keys("status"), _OPEN))


def _fitting(texts: Iterable[str], length: int) -> set[str]:
    return {each for each in texts if fits(each, length)}


def fits(text: str, length: int) -> bool:
    """Whether a column of that length can have a text."""
    return text == column_text(text, length)


def _orders(which: Q) -> Iterator[Order]:
    for row in LedgerOrder.objects.filter(which).order_by():
        yield order_record(row)


def _certificates(which: Q) -> Iterator[Registered]:
    for row in LedgerCertificate.objects.filter(which).order_by():
        yield registered(row)
