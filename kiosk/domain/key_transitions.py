"""The transitions of a lost or found key.

    in use ─ loss reported, or found by somebody else ─> on hold ─ lifted ─> in use
    on hold ─ replacement bound ─> revoked, for good

A hold counts how often it was set and lifted before, so that a late lift from another kiosk never undoes a newer report.
A report always takes effect, even a late one.
"""

from __future__ import annotations

from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries import HoldLifted, KeyFound, LossReported
from kiosk.domain.errors import DisputeReason, EntryDisputed, EntryWaits
from kiosk.domain.ledger import Account, CertificateStatus, Ledger, Row
from kiosk.domain.lookups import account_of
from kiosk.domain.succession import certificate_rows, taken_over


def loss_reported(ledger: Ledger, body: LossReported) -> tuple[Row, ...]:
    """The certificate goes on hold, or the one that its token was renewed to; one that is revoked stays so.

    Raises EntryDisputed when the account never had that key, EntryWaits.
    """
    return _held(ledger, body.account, body.key)


def found(ledger: Ledger, body: KeyFound) -> tuple[Row, ...]:
    """A key in use goes on hold until its owner comes; nothing changes for any other. Raises EntryDisputed, EntryWaits."""
    return () if body.key is None else _held(ledger, body.account, body.key)


def hold_lifted(ledger: Ledger, body: HoldLifted) -> tuple[Row, ...]:
    """The certificate is valid again, unless a later loss was reported. Raises EntryDisputed, EntryWaits."""
    account, rows, key = _known(ledger, body.account, body.key)
    if key.number != body.key.number:
        raise EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, account.account)
    certificate = ledger.certificate(key.number)
    revoked = certificate is not None and certificate.status is CertificateStatus.REVOKED
    if key.revoked or revoked:
        raise EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, account.account)
    if key.holds > body.key.holds:
        return account, *rows
    return replace(account, key=key.lifted()), *rows, *certificate_rows(ledger, key.lifted())


def _held(ledger: Ledger, name: str, named: KeyOnRecord) -> tuple[Row, ...]:
    """The account's key on hold; unchanged where the key that was told of is out of use for good."""
    account, rows, key = _known(ledger, name, named)
    if key.number == named.number:
        held = key.reported(named)
    elif key.token_serial == named.token_serial:
        held = key.on_hold()  # renewed in the meantime: the token itself is lost
    elif _revoked(ledger, name, named):
        return account, *rows
    else:
        raise EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, account.account)
    return replace(account, key=held), *rows, *certificate_rows(ledger, held)


def _revoked(ledger: Ledger, name: str, named: KeyOnRecord) -> bool:
    certificate = ledger.certificate(named.number)
    return (
        certificate is not None
        and certificate.account == name
        and certificate.status is CertificateStatus.REVOKED
    )


def _known(ledger: Ledger, name: str, named: KeyOnRecord) -> tuple[Account, tuple[Row, ...], KeyOnRecord]:
    """The account, the rows of a key that it had before, and its key, which may have come after the one named.

    The complete ledger learns of a key from its binding, never from its loss.
    """
    account, rows = taken_over(ledger, account_of(ledger, name), named)
    if ledger.complete and account.key is None:
        raise EntryWaits(f"certificate {named.number}")
    return account, rows, account.key or named
