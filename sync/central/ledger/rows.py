"""Domain structs to rows and back: the struct travels whole in `record`, the columns are its index."""

from __future__ import annotations

import msgspec

from kiosk.domain.ledger import Account, Certificate, Order, Row
from sync.central.ledger.models import LedgerAccount, LedgerCertificate, LedgerOrder

_ENCODER = msgspec.msgpack.Encoder()
_ORDER = msgspec.msgpack.Decoder(Order)
_CERTIFICATE = msgspec.msgpack.Decoder(Certificate)
_ACCOUNT = msgspec.msgpack.Decoder(Account)


def order_record(row: LedgerOrder) -> Order:
    """The order of a row."""
    return _ORDER.decode(bytes(row.record))


def certificate_record(row: LedgerCertificate) -> Certificate:
    """The certificate of a row."""
    return _CERTIFICATE.decode(bytes(row.record))


def account_record(row: LedgerAccount) -> Account:
    """The account of a row."""
    return _ACCOUNT.decode(bytes(row.record))


def put(row: Row) -> None:
    """Write one row of the folded state."""
    record = _ENCODER.encode(row)
    match row:
        case Order():
            LedgerOrder.objects.update_or_create(
                reference=row.reference,
                defaults={
                    "order_number": row.order_number,
                    "owner": row.owner,
                    "kind": row.kind.value,
                    "account": row.account,
                    "status": row.status.value,
                    "total": row.total,
                    "received": row.received,
                    "placed_at": row.placed_at,
                    "record": record,
                },
            )
        case Certificate():
            LedgerCertificate.objects.update_or_create(
                number=row.number,
                defaults={
                    "kiosk": row.kiosk,
                    "account": row.account,
                    "order": row.order,
                    "token_serial": row.token_serial,
                    "status": row.status.value,
                    "not_before": row.not_before,
                    "not_after": row.not_after,
                    "record": record,
                },
            )
        case Account():
            LedgerAccount.objects.update_or_create(
                account=row.account,
                defaults={"key_number": "" if row.key is None else row.key.number, "record": record},
            )


class DatabaseLedger:
    """The ledger over all kiosks, read from the database (`kiosk.domain.ledger.Ledger`)."""

    complete = True

    def order(self, reference: str) -> Order | None:
        """The order of that reference."""
        row = LedgerOrder.objects.filter(reference=reference).first()
        return None if row is None else order_record(row)

    def certificate(self, number: str) -> Certificate | None:
        """The certificate of that number."""
        row = LedgerCertificate.objects.filter(number=number).first()
        return None if row is None else certificate_record(row)

    def account(self, account: str) -> Account | None:
        """The account of that name."""
        row = LedgerAccount.objects.filter(account=account).first()
        return None if row is None else account_record(row)
