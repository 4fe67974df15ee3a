"""The verifier: every certificate that is on record is checked against its machine's issuing CA, the newest first.

What it finds is an entry of the centre's own journal; only a genuine certificate is ever listed. It runs beside the
applier, because a signature costs more than everything else about its order.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

from kiosk.domain.entries.decisions import CertificateChecked
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.ledger import Certificate, CertificateStatus, Order
from kiosk.domain.policy import LONGEST_DEVIATION
from kiosk.pki.certificates import ParsedCertificate, parse_certificate, parse_member_certificate
from kiosk.pki.errors import PkiError
from kiosk.pki.verification import verify_certificate
from sync.central.fleet.models import Machine
from sync.central.journal.centre_journal import STRAND, enter
from sync.central.journal.models import Fact, FactKind, Source
from sync.central.ledger import waking
from sync.central.ledger.applier import apply_strand, is_applied
from sync.central.ledger.models import Checked, LedgerCertificate, LedgerOrder
from sync.central.ledger.rows import certificate_record, order_record
from sync.central.tables import row_key

AT_ONCE = 100
"""Certificates that are checked before what was found is entered."""


MANY = 1000
"""The most that are checked at once, whatever a hostile kiosk issued for one account."""

_ALIKE = 10
_NOT_JUDGED = {CertificateStatus.ISSUED.value, CertificateStatus.BOUND.value}


class Verifier:
    """Checks certificates; reads each machine's issuing CA once."""

    def __init__(self) -> None:
        self._issuers: dict[int, ParsedCertificate | None] = {}

    def step(self, now: int) -> bool:
        """Check the newest that are not checked yet; False when there are none. `now` is UTC seconds."""
        rows = list(LedgerCertificate.objects.filter(checked=Checked.NOT_YET).order_by("-position")[:AT_ONCE])
        return self.check(rows, now)

    def check(self, rows: Iterable[LedgerCertificate], now: int) -> bool:
        """Check these, with what else of their accounts is not checked, and enter what was found; False for none.

        Of accounts that have very many of them the oldest go first.
        """
        # An account's are judged in the order in which they came.
        accounts = {row.account for row in rows}
        waiting = LedgerCertificate.objects.filter(account__in=accounts, checked=Checked.NOT_YET)
        rows = list(waiting.order_by("position")[:MANY])
        if not rows:
            return False
        orders = _orders(row.order for row in rows)
        self._read_issuers(rows)
        found = [self._checked(row, orders.get(row.order)) for row in rows]
        enter(found, now)
        waking.knock()
        return True

    def _checked(self, row: LedgerCertificate, order: Order | None) -> CertificateChecked:
        issuer = self._issuers.get(row_key(row.kiosk, row.machine))
        genuine = issuer is not None and is_genuine(certificate_record(row), order, issuer)
        return CertificateChecked(row.account, row.order, row.number, genuine=genuine)

    def _read_issuers(self, rows: Iterable[LedgerCertificate]) -> None:
        wanted = {row_key(row.kiosk, row.machine) for row in rows} - set(self._issuers)
        if not wanted:
            return
        for machine in Machine.objects.filter(key__in=wanted).order_by():
            self._issuers[machine.key] = parse_certificate(bytes(machine.issuing_certificate))


def is_genuine(certificate: Certificate, order: Order | None, issuer: ParsedCertificate) -> bool:
    """Whether the DER is by that issuing CA, within its time, and says what its entry and its order say."""
    try:
        parsed = parse_member_certificate(certificate.certificate)
        form = parse_certificate(certificate.certificate)
        verify_certificate(form, issuer)
    except PkiError:
        return False
    says = (parsed.number, parsed.account, parsed.not_before, parsed.not_after)
    expected = (certificate.number, certificate.account, certificate.not_before, certificate.not_after)
    begin = max(issuer.not_before, parsed.not_before - LONGEST_DEVIATION)
    within = begin <= form.not_before and parsed.not_after <= issuer.not_after
    return (
        says == expected
        and within
        and parsed.public_key in _public_keys(certificate, order, parsed.public_key)
    )


def _public_keys(certificate: Certificate, order: Order | None, default: bytes) -> set[bytes]:
    """The key that the token made for this certificate, as its attempt tells."""
    views = () if order is None else (order, *order.others)
    attempts = (each for view in views for each in view.bindings if each.certificate == certificate.number)
    made = {each.public_key for each in attempts if each.public_key is not None}
    return made or {default}


def _orders(references: Iterable[str]) -> dict[str, Order]:
    rows = LedgerOrder.objects.filter(reference__in=set(references)).order_by()
    return {row.reference: order_record(row) for row in rows}


class Stage(enum.Enum):
    """How far a certificate has come from appended over applied and verified to listed."""

    UNKNOWN = enum.auto()
    """No strand has it."""
    WAITING = enum.auto()
    """It was received, and entries that may be about it, or what the verifier found, wait to be applied."""
    JUDGED = enum.auto()
    """All that was received about it is in the books."""


def hasten(number: str, der: bytes, now: int) -> Stage:
    """Apply the strand that has this certificate and verify it, if that is still to be done; where it stands then.

    At most one portion of its own strand and one of the centre's, and of others' certificates those of its account.
    """
    issued = _issued(number, der)
    row = LedgerCertificate.objects.filter(number=number).first()
    if row is None and issued is None:
        return Stage.UNKNOWN
    if issued is not None and (row is None or row.status == CertificateStatus.ISSUED.value):
        apply_strand(issued.kiosk, issued.strand, now)
    waiting = LedgerCertificate.objects.filter(number=number, checked=Checked.NOT_YET)
    if Verifier().check(waiting, now) or not is_applied(EXCHANGE_KIOSK, (STRAND,)):
        apply_strand(EXCHANGE_KIOSK, STRAND, now)
    row = LedgerCertificate.objects.filter(number=number).first()
    if row is not None and row.status not in _NOT_JUDGED:
        return Stage.JUDGED
    kiosk = issued.kiosk if issued is not None else EXCHANGE_KIOSK
    return Stage.JUDGED if is_applied(kiosk) and is_applied(EXCHANGE_KIOSK, (STRAND,)) else Stage.WAITING


def _issued(number: str, der: bytes) -> Fact | None:
    """Where the certificate was issued, by what was appended."""
    facts = Fact.objects.filter(kind=FactKind.CERTIFICATE, certificate_number=number, source=Source.CHAIN)
    return next((each for each in facts.order_by()[:_ALIKE] if bytes(each.certificate) == der), None)
