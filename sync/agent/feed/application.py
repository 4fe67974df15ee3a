"""What a row of the feed does at this kiosk.

What the feed says of an order or a certificate is written to the journal under the row's key. A row that was repeated
there before (before the kiosk's tables were restored and its journal pulled back) changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import msgspec
from msgspec.structs import replace

from kiosk.domain.dismissals import dismissed_row
from kiosk.domain.echoes import EchoedBody, echo_of, said_by
from kiosk.domain.entries.orders import OrderAssigned
from kiosk.domain.feed import (
    FORK_CLOSED,
    FORK_RULE,
    AnyFeedBody,
    AudiencesPublished,
    CertificateRegistered,
    DeliveryTold,
    EnterprisePublished,
    ErasureTold,
    FeeSchedulePublished,
    InvoiceTold,
    KeyBoundElsewhere,
    MatterPublished,
    OpenOrdersPublished,
    OperatorPublished,
    OrderAssignedHere,
    OrderMoved,
    PaymentConfirmed,
    PaymentReturned,
    PolicyPublished,
    ProposalTold,
    RefundPaid,
    RefundRequested,
    RegisterDecision,
    Removed,
    RevocationPublished,
    StaffPublished,
)
from kiosk.domain.feed_keys import RowName, name_in_key, row_key_of
from kiosk.domain.inapplicable import InapplicableReason
from kiosk.domain.ledger import CertificateStatus, HandOver, Order, OrderStatus, PaidHow
from kiosk.domain.register import later_key
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.vault import VaultItem
from sync.protocol.times import policy_holds

if TYPE_CHECKING:
    from kiosk.domain.clock import Clock
    from kiosk.store.transaction import Transaction


class Inapplicable(Exception):
    """A row cannot be applied at this kiosk in its present state; `detail` is for staff and support."""

    def __init__(self, reason: InapplicableReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


def enter(tx: Transaction, body: EchoedBody, clock: Clock) -> None:
    """Repeat a row in the journal, once. Raises Inapplicable, EntryRefused, StoreError."""
    key = row_key_of(body)
    known = tx.echo(key)
    if known is not None:
        if known.said != said_by(echo_of(body)):
            raise Inapplicable(InapplicableReason.TOLD_OTHERWISE, str(known.sequence))
        return
    if _is_known_otherwise(tx, body):
        return
    echo = echo_of(body)
    if isinstance(body, OrderAssignedHere) and isinstance(echo, OrderAssigned):
        echo = replace(echo, previous=later_key(key_on_record(tx, body.account), body.previous))
    tx.append(echo, clock)


def _is_known_otherwise(tx: Transaction, body: EchoedBody) -> bool:  # noqa: PLR0911 - one case a kind
    """Whether the kiosk knows already what a row says, so that there is nothing to enter. Raises Inapplicable."""
    match body:
        case OrderAssignedHere():
            return _is_taken(tx, body)
        case OrderMoved():
            return _is_released(tx, body)
        case PaymentConfirmed():
            payments = _order(tx, body.order).payments
            return any(each.how is PaidHow.FEED and each.transaction == body.transaction for each in payments)
        case RefundRequested():
            return _is_refunding(tx, body)
        case RefundPaid():
            return _order(tx, body.order).status is OrderStatus.REFUNDED
        case PaymentReturned():
            payments = _order(tx, body.order).payments
            return any(each.returned and each.transaction == body.transaction for each in payments)
        case RevocationPublished():
            return _certificate_status(tx, body.number) is CertificateStatus.REVOKED
        case RegisterDecision():
            _certificate_status(tx, body.certificate)
            return False
        case _:
            assert_never(body)


def show(tx: Transaction, key: str, body: AnyFeedBody | None) -> None:  # noqa: C901, PLR0912 - one case a kind
    """Let hold what the latest row of a replaceable key says, or a schedule or policy. Raises Inapplicable, StoreError."""
    match body:
        case EnterprisePublished():
            tx.members.put_enterprise(body.enterprise)
        case OperatorPublished():
            tx.members.put_operator(body.operator)
        case StaffPublished():
            tx.members.put_staff(body.staff)
        case FeeSchedulePublished():
            tx.feed.put_schedule(body.schedule)
        case PolicyPublished():
            _policy(tx, body)
        case KeyBoundElsewhere():
            tx.feed.put_key_elsewhere(body)
        case MatterPublished():
            _matter(tx, body)
        case None:
            _remove(tx, key)
        case ErasureTold():
            tx.personal.erase_account(body.account, body.until)
            tx.personal.ask_again(body.account)  # the clock may have been ahead when they were made
        case CertificateRegistered() | OpenOrdersPublished() | AudiencesPublished() | Removed():
            pass  # read where it lies
        case DeliveryTold() | InvoiceTold() | ProposalTold():
            pass  # read where it lies
        case (
            OrderAssignedHere()
            | OrderMoved()
            | PaymentConfirmed()
            | RefundRequested()
            | RefundPaid()
            | PaymentReturned()
            | RevocationPublished()
            | RegisterDecision()
        ):
            pass  # in the journal
        case _:
            assert_never(body)


def _remove(tx: Transaction, key: str) -> None:
    """Delete what the rows of that key told; what is in the journal stays."""
    _, _, rest = key.partition("/")
    match name_in_key(key):
        case RowName.ENTERPRISE:
            tx.members.drop_enterprise(rest)
        case RowName.OPERATOR:
            tx.members.drop_operator(rest)
        case RowName.STAFF:
            tx.members.drop_staff(rest)
        case RowName.KEY:
            tx.feed.drop_key_elsewhere(rest)
        case RowName.MATTER:
            rule, _, subject = rest.partition("/")
            tx.feed.drop_matter(rule, subject)
        case RowName.SCHEDULE:
            number, _, digest = rest.partition("/")
            tx.feed.drop_schedule(int(number), bytes.fromhex(digest))
        case _:
            pass


def _matter(tx: Transaction, body: MatterPublished) -> None:
    """Record a matter, or what closes one that the kiosk raised itself; a fork that persists is raised again at the next comparison with the centre."""
    dismissed = dismissed_row(body)
    if dismissed is not None:
        tx.feed.rows.drop_dismissed(*dismissed)
    elif body.rule == FORK_RULE and body.outcome == FORK_CLOSED:
        tx.feed.close_forks()
    else:
        tx.feed.put_matter(body)


def _policy(tx: Transaction, body: PolicyPublished) -> None:
    """Store a policy that the centre signed for this kiosk, unless a later one is stored."""
    centre_key, identity = tx.vault.get(VaultItem.CENTRE_KEY), tx.identity
    if centre_key is None or not policy_holds(body.policy, centre_key):
        raise Inapplicable(InapplicableReason.SIGNATURE_WRONG, "")
    try:
        policy = body.policy.read()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Inapplicable(InapplicableReason.MALFORMED, str(error)) from error
    if identity is None or policy.kiosk != identity.kiosk:
        raise Inapplicable(InapplicableReason.FOR_ANOTHER_KIOSK, str(policy.kiosk))
    current = tx.feed.signed_policy()
    if current is not None and current.read().number > policy.number:
        raise Inapplicable(InapplicableReason.SUPERSEDED, str(policy.number))
    tx.feed.put_policy(body.policy)


def _order(tx: Transaction, reference: str) -> Order:
    order = tx.ledger.order(reference)
    if order is None:
        raise Inapplicable(InapplicableReason.ORDER_UNKNOWN, reference)
    return order


def _certificate_status(tx: Transaction, number: str) -> CertificateStatus:
    certificate = tx.ledger.certificate(number)
    if certificate is None:
        raise Inapplicable(InapplicableReason.CERTIFICATE_UNKNOWN, number)
    return certificate.status


def _is_taken(tx: Transaction, body: OrderAssignedHere) -> bool:
    """Whether the order is this kiosk's already, or was and has moved on since."""
    identity, known = tx.identity, tx.ledger.order(body.order)
    if known is None:
        return False
    return (identity is not None and known.owner == identity.kiosk) or known.handover > body.handover


def _is_released(tx: Transaction, body: OrderMoved) -> bool:
    """Whether the order was let go of in that hand-over; then it is no longer this kiosk's to give away."""
    order, identity = _order(tx, body.order), tx.identity
    if HandOver(body.handover, body.new_owner) in order.released or order.handover > body.handover:
        return True
    if identity is None or order.owner != identity.kiosk:
        raise Inapplicable(InapplicableReason.ORDER_OF_ANOTHER_KIOSK, f"{order.reference} {order.owner}")
    return False


def _is_refunding(tx: Transaction, body: RefundRequested) -> bool:
    """Whether the money goes back already; else the order must be paid and not bound, or its key out of use."""
    order = _order(tx, body.order)
    if order.status in {OrderStatus.REFUNDING, OrderStatus.REFUNDED}:
        return True
    revoked = order.status is OrderStatus.BOUND and bool(order.bindings) and order.bindings[-1].revoked
    if order.status is not OrderStatus.PAID and not revoked:
        raise Inapplicable(
            InapplicableReason.ORDER_IN_ANOTHER_STATE, f"{order.reference} {order.status.value}"
        )
    return False
