"""What staff decide: matters, which key stays, certificates revoked, refunds asked, orders moved, requests fulfilled.

A decision that changes the books is an entry of the centre's own journal, applied at once; what only the owner of an
order can do is asked of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from kiosk.domain.entries.decisions import Decision, MatterDecided, RegisterDecided
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import HoldLifted
from kiosk.domain.entries.orders import OrderTakenOver
from kiosk.domain.entries.requests import InvoiceIssued, KeyMailed, KeyReceivedBack
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import OrderMoved, RefundRequested
from kiosk.domain.feed_keys import RowName, row_key_of
from kiosk.domain.feed_rows import write_body
from kiosk.domain.identifiers import FIRST_EPOCH
from kiosk.domain.journal import FORM, GENESIS, Entry
from kiosk.domain.ledger import CertificateStatus, Order, OrderStatus
from kiosk.domain.register import Standing
from kiosk.domain.remarks import RemarkReason
from kiosk.domain.requests import DeliveryState, fold_requests
from kiosk.domain.versions import audience_of_kiosk
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.machines import enrolled_kiosks
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.centre_journal import STRAND, enter
from sync.central.journal.models import Fact, FactKind, Source
from sync.central.ledger import waking
from sync.central.ledger.applier import apply_strand, is_applied
from sync.central.ledger.matters import own_kiosks
from sync.central.ledger.models import (
    LedgerAccount,
    LedgerCertificate,
    LedgerOrder,
    LedgerRequests,
    Matter,
    MatterState,
)
from sync.central.ledger.money import money_returned
from sync.central.ledger.news import assignment
from sync.central.ledger.rows import order_record, register_record, requests_record
from sync.central.ledger.rules import RULES, Action
from sync.central.ledger.set_aside import is_lost, is_nobodys, is_of_a_strand_set_aside

_NOT_BOUND = {
    OrderStatus.PLACED.value,
    OrderStatus.PAID.value,
    OrderStatus.CANCELLED.value,
    OrderStatus.EXPIRED.value,
}
_DECISION_BYTES = 8
_ENDED = {CertificateStatus.REVOKED.value, CertificateStatus.VOID.value}


def decide(matters: Iterable[Matter], action: Action, by: str, remark: str, now: int) -> list[Matter]:
    """Decide matters; the result are those for which the action is none, and which stay as they are."""
    left, bodies, revoked = [], list[AnyBody](), list[str]()
    for matter in matters:
        matter.refresh_from_db(fields=("state", "action"))  # somebody else may have decided meanwhile
        decided = _bodies(matter, action, by, remark, now)
        if decided is None:
            left.append(matter)
        else:
            bodies += decided
            if action is Action.REFUND and any(isinstance(each, RegisterDecided) for each in decided):
                revoked.append(matter.order)
    enter_and_apply(bodies, now)
    # Once a bound order's key is out of use, its kiosk grants the refund, which ends the order there too.
    rows = LedgerOrder.objects.filter(reference__in=revoked, status=OrderStatus.BOUND.value)
    for row in rows.filter(owner__in=enrolled_kiosks()):
        _ask_refund(row, by, remark, now)
    return left


def alike(matters: Iterable[Matter]) -> list[Matter]:
    """All open matters of the same kiosks and rules as these."""
    pairs = {(each.kiosk, each.rule) for each in matters}
    found = list[Matter]()
    for kiosk, rule in sorted(pairs):
        found += Matter.objects.filter(kiosk=kiosk, rule=rule, state=MatterState.OPEN)
    return found


def _bodies(  # noqa: PLR0911 - one case an action
    matter: Matter, action: Action, by: str, remark: str, now: int
) -> Sequence[AnyBody] | None:
    """The entries of a decision; None when it cannot be taken about this matter."""
    closed = MatterDecided(matter.rule, matter.subject, action.value, by, remark, matter.account)
    if action is Action.REOPEN:
        final = matter.action == Action.REVOKE.value
        return (closed,) if matter.state == MatterState.DECIDED and not final else None
    if matter.state != MatterState.OPEN or action not in RULES[RemarkReason(matter.rule)].actions:
        return None
    if gives_away(matter, action):
        return None
    match action:
        case Action.LIST | Action.REVOKE:
            certificate = _certificate(matter)
            if certificate is None:
                return None
            decision = Decision.LIST if action is Action.LIST else Decision.REVOKE
            return (_register_decided(certificate, decision, by, remark), closed)
        case Action.REFUND:
            return _refund(matter, closed, by, remark, now)
        case Action.LIFT:
            lifted = _lifted(matter.account, matter.subject.partition(" ")[0], by)
            return None if lifted is None else (lifted, closed)
        case Action.ACCEPT | Action.NOTED:
            return (closed,)


def gives_away(matter: Matter, action: Action) -> bool:
    """Whether a decision would let a key come into use for which the money went back."""
    certificate = _certificate(matter)
    if certificate is None or certificate.status in _ENDED or not money_returned([certificate.order]):
        return False
    if action is Action.ACCEPT:
        row = LedgerOrder.objects.filter(reference=certificate.order).first()
        order = None if row is None else order_record(row)
        return matter.kiosk in own_kiosks(certificate.order, order)  # another kiosk's word holds no key
    return action is Action.LIST


def _lifted(account: str, number: str, by: str) -> HoldLifted | None:
    """The entry that lifts a key's hold, as the register has it; None where it is not on hold."""
    row = LedgerAccount.objects.filter(account=account).first()
    found = None if row is None else register_record(row).find(number)
    if found is None or found.key.revoked or not found.key.lost:
        return None
    return HoldLifted(account, found.key, by)


def lift_holds(accounts: Iterable[str], by: str, now: int) -> list[str]:
    """Lift the holds of accounts' keys, whoever set them; the result are those accounts whose key was on hold."""
    bodies = []
    for account in accounts:
        row = LedgerAccount.objects.filter(account=account).first()
        lifted = None if row is None else _lifted(account, row.key_number, by)
        if lifted is not None:
            bodies.append(lifted)
    enter_and_apply(bodies, now)
    return [each.account for each in bodies]


def held_by(kiosk: int) -> list[str]:
    """The accounts whose key is on hold because of this kiosk alone."""
    reported = Fact.objects.filter(kind=FactKind.REVOCATION, source=Source.CHAIN).exclude(
        certificate_number=""
    )
    own = reported.filter(kiosk=kiosk).values("certificate_number")
    on_hold = LedgerCertificate.objects.filter(number__in=own, status=CertificateStatus.ON_HOLD.value)
    held = dict(on_hold.values_list("number", "account"))
    by_others = reported.filter(certificate_number__in=held).exclude(kiosk=kiosk)
    others = set(by_others.values_list("certificate_number", flat=True))
    return sorted({account for number, account in held.items() if number not in others})


def _certificate(matter: Matter) -> LedgerCertificate | None:
    """The certificate that a matter is about, itself or by its order."""
    named = LedgerCertificate.objects.filter(number=matter.subject).first()
    if named is not None or not matter.order:
        return named
    of_order = LedgerCertificate.objects.filter(order=matter.order).exclude(status__in=_ENDED)
    return of_order.order_by("-position").first()


def _refund(
    matter: Matter, closed: MatterDecided, by: str, remark: str, now: int
) -> Sequence[AnyBody] | None:
    """A paid order's owner is asked to give the money back; a bound one's key goes out of use, and the centre pays.

    Where the money is back already nobody is asked.
    """
    row = LedgerOrder.objects.filter(reference=matter.order).first()
    if row is None:
        return None
    if matter.kiosk not in own_kiosks(row.reference, order_record(row)):
        return None  # another kiosk's word about it
    if row.status == OrderStatus.BOUND.value:
        certificate = _certificate(matter)
        revoked = (
            () if certificate is None else (_register_decided(certificate, Decision.REVOKE, by, remark),)
        )
        return (*revoked, closed)
    is_back = bool(money_returned([row.reference]))
    return (closed,) if is_back or request_refund(row, by, remark, now) or may_pay_back(row) else None


def _register_decided(row: LedgerCertificate, decision: Decision, by: str, remark: str) -> RegisterDecided:
    return RegisterDecided(row.account, row.order, row.number, decision, by, remark)


def revoke_certificate(row: LedgerCertificate, by: str, reason: str, now: int) -> None:
    """Revoke a certificate: the register says so at once, and its kiosk enters it in its journal."""
    enter_and_apply([_register_decided(row, Decision.REVOKE, by, reason)], now)


def enter_and_apply(bodies: Sequence[AnyBody], now: int) -> None:
    """Put decisions into the centre's journal and apply them, so that whoever decided sees what came of it.

    Of the journals only the centre's own is applied here; where that does not succeed the applier does it in a moment.
    """
    if not bodies:
        return
    enter(bodies, now)
    apply_entered(now)


def apply_entered(now: int) -> None:
    """Apply what was entered in the centre's own journal, outside of the transaction that entered it. `now` is UTC seconds."""
    if not apply_strand(EXCHANGE_KIOSK, STRAND, now):
        waking.wake()


def decisions_wait() -> bool:
    """Whether something that was decided is not applied yet."""
    return not is_applied(EXCHANGE_KIOSK, (STRAND,))


def request_refund(row: LedgerOrder, by: str, reason: str, now: int) -> bool:
    """Ask the owning kiosk to grant a refund; False when the order is not in a state that allows one.

    A bound order's kiosk grants it once it was decided that the key is out of use, whatever took it out of use.
    """
    is_bound = row.status == OrderStatus.BOUND.value
    is_due = row.status == OrderStatus.PAID.value or (
        is_bound and (_refund_was_decided(row) or _key_never_served(row))
    )
    if not is_due or row.owner not in enrolled_kiosks():
        return False
    last = order_record(row).bindings[-1] if is_bound else None
    certificate = None if last is None else LedgerCertificate.objects.filter(number=last.certificate).first()
    if last is not None and certificate is not None and not last.revoked:
        enter_and_apply([_register_decided(certificate, Decision.REVOKE, by, reason)], now)
    _ask_refund(row, by, reason, now)
    return True


def _ask_refund(row: LedgerOrder, by: str, reason: str, now: int) -> None:
    """Ask, unless the kiosk was asked and did not answer yet."""
    own, asked = audience_of_kiosk(row.owner), f"{RowName.REFUND_ASKED.value}/{row.reference}/"
    waiting = FeedRow.objects.filter(audience=own, live=True, key__gte=asked, key__lt=asked[:-1] + "0")
    if waiting.exclude(kind="removed").exists():
        return
    with telling(now) as told:
        told.tell(own, RefundRequested(row.reference, secrets.token_hex(_DECISION_BYTES), by, reason))


def may_pay_back(row: LedgerOrder) -> bool:
    """Whether the money may go back.

    The owning kiosk granted it, or can grant nothing any more: it was revoked, or the order's strand was set aside and is
    nobody's. Of a bound order, whose kiosk grants nothing, when a person decided so, of it or of its strand, and its key is
    out of use.
    """
    if row.status == OrderStatus.REFUNDING.value:
        return True
    if row.status == OrderStatus.BOUND.value:
        return _refund_was_decided(row) or (is_dead(row.owner) and _key_never_served(row))
    return row.status in _NOT_BOUND and (is_dead(row.owner) or is_nobodys(row.reference, row.owner))


def _refund_was_decided(row: LedgerOrder) -> bool:
    decided = Matter.objects.filter(
        order=row.reference, state=MatterState.DECIDED, action=Action.REFUND.value
    )
    is_decided = decided.exists() or is_of_a_strand_set_aside(row.reference)
    return is_decided and _has_no_key(row)


def _key_never_served(row: LedgerOrder) -> bool:
    """Whether the key of a bound order was never the account's and never becomes it: it was held and refused, or set aside."""
    account = LedgerAccount.objects.filter(account=row.account).first()
    numbers = set(LedgerCertificate.objects.filter(order=row.reference).values_list("number", flat=True))
    if account is None or not numbers or not _has_no_key(row):
        return False
    known = [each for each in register_record(account).certificates if each.key.number in numbers]
    return all(each.standing is not Standing.LISTED for each in known)


def _has_no_key(row: LedgerOrder) -> bool:
    return not LedgerCertificate.objects.filter(order=row.reference).exclude(status__in=_ENDED).exists()


def may_return(order: str, kiosk: int) -> bool:
    """The same of an order that may never have been told of; `kiosk` is its own."""
    row = LedgerOrder.objects.filter(reference=order).first()
    if row is not None:
        return may_pay_back(row)
    return is_dead(kiosk) or is_nobodys(order, kiosk) or is_lost(order, kiosk)


def is_dead(kiosk: int) -> bool:
    """Whether a kiosk was revoked: it grants nothing any more, and what it sends enters no book."""
    owner = Kiosk.objects.filter(number=kiosk).first()
    return owner is None or owner.state == KioskState.REVOKED


def move(row: LedgerOrder, kiosk: int, by: str, now: int) -> bool:
    """Move a paid order to another kiosk; False when it cannot be.

    A kiosk that still works must let go of the order first: what its journal says of that brings the order to the
    other one (news.py), so that two kiosks never bind it both.
    """
    working = enrolled_kiosks()
    if row.status != OrderStatus.PAID.value or kiosk == row.owner or kiosk not in working:
        return False
    if money_returned([row.reference]):
        return False
    order = order_record(row)
    if row.owner in working:
        return _ask_to_let_go(row, OrderMoved(row.reference, kiosk, order.handover + 1), now)
    enter_and_apply([_taken_over(order, kiosk, by)], now)
    return True


def _ask_to_let_go(row: LedgerOrder, moved: OrderMoved, now: int) -> bool:
    """Ask the owner; False when it was asked to let go of the order to another kiosk."""
    own, body = audience_of_kiosk(row.owner), write_body(moved)
    with telling(now) as told:
        asked = FeedRow.objects.filter(audience=own, key=row_key_of(moved), live=True).exclude(kind="removed")
        if any(bytes(each.body) != body for each in asked):
            return False
        told.tell(own, moved)
    return True


def _taken_over(order: Order, kiosk: int, by: str) -> OrderTakenOver:
    """The entry that gives an order another owner where no kiosk can let go: now that one grants refunds."""
    given = assignment(order)
    facts = {name: getattr(given, name) for name in type(given.facts).__struct_fields__}
    return OrderTakenOver(
        **{**facts, "handover": order.handover + 1}, new_owner=kiosk, by=by, remark="原终端机已吊销"
    )


def note_mailed(row: LedgerRequests, carrier: str, tracking: str, by: str, now: int) -> bool:
    """Enter that a key was mailed now, or correct carrier and number; False where that does not follow. UTC seconds."""
    before = requests_record(row).delivery
    again = before is not None and before.state is DeliveryState.MAILED
    mailed_at = before.mailed_at if before is not None and again else now
    return _fulfilled(row, KeyMailed(row.order, row.account, carrier, tracking, mailed_at, by), now)


def note_received_back(row: LedgerRequests, reason: str, by: str, now: int) -> bool:
    """Enter that a mailed key came back; False where none was mailed. UTC seconds."""
    return _fulfilled(row, KeyReceivedBack(row.order, row.account, reason, by), now)


def note_issued(row: LedgerRequests, number: str, issued_at: int, by: str, now: int) -> bool:
    """Enter that an invoice was made out, or correct its number; False where none is asked for. UTC seconds."""
    return _fulfilled(row, InvoiceIssued(row.order, row.account, number, issued_at, by), now)


def _fulfilled(row: LedgerRequests, body: KeyMailed | KeyReceivedBack | InvoiceIssued, now: int) -> bool:
    """Enter it, unless the fold would make nothing of it as things stand."""
    entry = Entry(FORM, EXCHANGE_KIOSK, 1, FIRST_EPOCH, 0, now, 0, "", GENESIS, body)
    if fold_requests(requests_record(row), None, entry, body).remarks:
        return False
    enter_and_apply([body], now)
    return True
