"""What an applied entry means for the other kiosks."""

from __future__ import annotations

from kiosk.domain.feed import RevocationPublished
from kiosk.domain.journal import Bound, CertificateRevoked, Entry, LossReported
from kiosk.domain.ledger import Certificate, CertificateStatus, Row
from sync.central.fleet.feeding import publish_to
from sync.central.members.publishing import kiosks_of_account, publish_key

_GONE = {CertificateStatus.REVOKED, CertificateStatus.ON_HOLD}


def spread(entry: Entry, account: str, rows: tuple[Row, ...], now: int) -> None:
    """Tell the other kiosks that serve the account of its new key, its loss, or its revocation."""
    if not isinstance(entry.body, Bound | LossReported | CertificateRevoked):
        return
    publish_key(account, now, but=entry.kiosk)
    others = [kiosk for kiosk in kiosks_of_account(account) if kiosk != entry.kiosk]
    for row in rows:
        if isinstance(row, Certificate) and row.status in _GONE:
            reason = "lost" if row.status is CertificateStatus.ON_HOLD else "superseded"
            publish_to(others, [RevocationPublished(row.number, row.account, reason)], now)
