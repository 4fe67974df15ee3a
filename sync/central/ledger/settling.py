"""What staff decide: disputes settled, certificates revoked, refunds asked, orders moved."""

from __future__ import annotations

from django.db import transaction
from msgspec.structs import replace

from kiosk.domain.binding_transitions import voided
from kiosk.domain.feed import DisputeSettled, OrderMoved, RefundRequested, RevocationPublished
from kiosk.domain.ledger import CertificateStatus, Order, OrderStatus
from sync.central.fleet.feeding import enrolled_kiosks, publish, publish_to
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.models import Entry, Verdict
from sync.central.ledger.applying import apply_pending, wake
from sync.central.ledger.effects import assignment
from sync.central.ledger.models import Dispute, DisputeState, LedgerAccount, LedgerCertificate, LedgerOrder
from sync.central.ledger.money import money_returned
from sync.central.ledger.publishing import publish_key
from sync.central.ledger.rows import DatabaseLedger, account_record, certificate_record, order_record, put

_NOT_BOUND = {
    OrderStatus.PLACED.value,
    OrderStatus.PAID.value,
    OrderStatus.CANCELLED.value,
    OrderStatus.EXPIRED.value,
}

_LET_GO = ("refund-granted", "order-cancelled", "order-expired")
_IN_USE = {CertificateStatus.VALID.value, CertificateStatus.ON_HOLD.value}


def settle(dispute: Dispute, outcome: DisputeState, by: str, now: int) -> None:
    """Decide a dispute: its entry is tried again, or never enters the books; then the account goes on."""
    verdict = Verdict.PENDING if outcome == DisputeState.RETRIED else Verdict.DISMISSED
    with transaction.atomic():
        # In turn with whoever applies the account's entries, so that none begins to wait for what is being decided.
        LedgerAccount.objects.select_for_update().filter(account=dispute.account).first()
        Entry.objects.filter(key=dispute.key, verdict=Verdict.DISPUTED).update(verdict=verdict)
        dispute.state, dispute.settled_at, dispute.settled_by = outcome, now, by
        dispute.save()
        wake([f"dispute {dispute.kiosk}/{dispute.sequence}"])
        publish(dispute.kiosk, [DisputeSettled(dispute.account, dispute.sequence, outcome.value)], now)
    apply_pending(now, [dispute.account] if dispute.account else [])


def revoke_certificate(row: LedgerCertificate, reason: str, now: int) -> None:
    """Revoke a certificate: the register says so at once, and the issuing kiosk enters it in its journal.

    One whose binding is under way is left to its kiosk, while that can: it may be bound before the kiosk hears of this.
    """
    with transaction.atomic():
        LedgerAccount.objects.select_for_update().filter(account=row.account).first()
        row = LedgerCertificate.objects.get(number=row.number)
        kiosks = enrolled_kiosks()
        publish_to(kiosks, [RevocationPublished(row.number, row.account, reason)], now)
        if row.kiosk in kiosks and row.status not in _IN_USE:
            return
        put(replace(certificate_record(row), status=CertificateStatus.REVOKED))
        holder = LedgerAccount.objects.filter(account=row.account, key_number=row.number).first()
        account = None if holder is None else account_record(holder)
        if account is not None and account.key is not None:
            put(replace(account, key=account.key.out_of_use()))
            publish_key(row.account, now)


def request_refund(row: LedgerOrder, by: str, reason: str, now: int) -> bool:
    """Ask the owning kiosk to grant a refund; False when the order is not in a state that allows one."""
    if row.status != OrderStatus.PAID.value or row.owner not in enrolled_kiosks():
        return False
    publish(row.owner, [RefundRequested(row.reference, by, reason)], now)
    return True


def may_pay_back(row: LedgerOrder) -> bool:
    """Whether the money may go back: the owning kiosk granted it, or can grant nothing any more."""
    if row.status == OrderStatus.REFUNDING.value:
        return True
    return row.status in _NOT_BOUND and is_dead(row.owner)


def may_return(order: str, kiosk: int) -> bool:
    """The same of an order that may have been kept out of the books, or never told of; `kiosk` is its own.

    There its kiosk's word counts as it was received, that it gives the money back or closed the order.
    """
    row = LedgerOrder.objects.filter(reference=order).first()
    if row is not None:
        return may_pay_back(row)
    told = Entry.objects.filter(kiosk=kiosk, subject=order, kind__in=_LET_GO, verdict=Verdict.DISMISSED)
    return told.exists() or is_dead(kiosk)


def is_dead(kiosk: int) -> bool:
    """Whether a kiosk was revoked: it grants nothing any more, and what it sends enters no book."""
    owner = Kiosk.objects.filter(number=kiosk).first()
    return owner is None or owner.state == KioskState.REVOKED


def move(row: LedgerOrder, kiosk: int, now: int) -> bool:
    """Move a paid order to another kiosk; False when it cannot be.

    A kiosk that still works must let go of the order first: what its journal says of that brings the order to the
    other one (effects.py), so that two kiosks never bind it both.
    """
    working = enrolled_kiosks()
    with transaction.atomic():
        LedgerAccount.objects.select_for_update().filter(account=row.account).first()
        row = LedgerOrder.objects.get(reference=row.reference)
        if row.status != OrderStatus.PAID.value or kiosk == row.owner or kiosk not in working:
            return False
        if money_returned(row.reference, lock=True):
            return False
        if row.owner in working:
            publish(row.owner, [OrderMoved(row.reference, kiosk, order_record(row).handover + 1)], now)
        else:
            _take_from_the_dead(order_record(row), kiosk, now)
    return True


def _take_from_the_dead(order: Order, kiosk: int, now: int) -> None:
    """Change the owner here, where no kiosk can let go: from now on only the new one grants a refund."""
    moved = replace(order, owner=kiosk, handover=order.handover + 1, bindings=())
    for each in (moved, *voided(DatabaseLedger(), order)):
        put(each)
    publish(kiosk, [assignment(moved)], now)
