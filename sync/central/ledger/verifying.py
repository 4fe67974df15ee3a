"""The verifier: every certificate that is on record is checked against its machine's issuing CA, the newest first.

What it finds is an entry of the centre's own journal; only a genuine certificate is ever listed. It runs beside the
applier, because a signature costs more than everything else about its order.
"""

from __future__ import annotations

from collections.abc import Iterable

from kiosk.domain.entries import CertificateChecked
from kiosk.domain.ledger import Certificate, Order
from kiosk.pki.certificates import ParsedCertificate, parse_certificate, parse_member_certificate
from kiosk.pki.errors import PkiError
from kiosk.pki.verification import verify_certificate
from sync.central.fleet.models import Machine
from sync.central.journal.centre_journal import enter
from sync.central.ledger import waking
from sync.central.ledger.models import Checked, LedgerCertificate, LedgerOrder
from sync.central.ledger.rows import certificate_record, order_record
from sync.central.tables import row_key

AT_ONCE = 100
"""Certificates that are checked before what was found is entered."""


class Verifier:
    """Checks certificates; reads each machine's issuing CA once."""

    def __init__(self) -> None:
        self._issuers: dict[int, ParsedCertificate | None] = {}

    def step(self, now: int) -> bool:
        """Check the newest that are not checked yet; False when there are none. `now` is UTC seconds."""
        rows = list(LedgerCertificate.objects.filter(checked=Checked.NOT_YET).order_by("-position")[:AT_ONCE])
        return self.check(rows, now)

    def check(self, rows: Iterable[LedgerCertificate], now: int) -> bool:
        """Check these, with what else of their accounts is not checked, and enter what was found; False for none."""
        # An account's are judged in the order in which they came.
        accounts = {row.account for row in rows}
        waiting = LedgerCertificate.objects.filter(account__in=accounts, checked=Checked.NOT_YET)
        rows = list(waiting.order_by("position"))
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
        verify_certificate(parse_certificate(certificate.certificate), issuer)
    except PkiError:
        return False
    says = (parsed.number, parsed.account, parsed.not_before, parsed.not_after)
    expected = (certificate.number, certificate.account, certificate.not_before, certificate.not_after)
    within = issuer.not_before <= parsed.not_before and parsed.not_after <= issuer.not_after
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
