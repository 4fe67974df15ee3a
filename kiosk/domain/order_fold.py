"""`fold_order`: an order after one journal entry, read from that order alone; total, and the same at both ends.

Each kiosk's entries make that kiosk's own view of the order (`order_steps`, `binding_steps`). At a kiosk the order is its
view. At the centre it is the owner's view with the others' beside it, whatever order the journals arrive in: the
hand-overs lead from the kiosk that placed it to its owner. Views of others add nothing to the owner's; what they issued
is void.

An entry that does not follow from its kiosk's view changes nothing and leaves a remark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from kiosk.domain import binding_steps, order_steps
from kiosk.domain.entries.bindings import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.decisions import Decision, RegisterDecided
from kiosk.domain.entries.orders import (
    DeliveryChosen,
    OrderAssigned,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    OrderTakenOver,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import BindingStep, Certificate, CertificateStatus, HandOver, Order, OrderStatus
from kiosk.domain.remarks import DoesNotFollow, Remark, RemarkReason

OrderBody = (
    OrderPlaced
    | OrderAssigned
    | OrderTakenOver
    | order_steps.OrderStep
    | binding_steps.AttemptStep
    | RegisterDecided
)
_KEPT_BY_ITSELF = (
    OrderPlaced,
    OrderReleased,
)  # a former owner's own; they change nothing for the present one


class Folded(msgspec.Struct, frozen=True):
    """The order after an entry, the certificates of it that changed (ISSUED, BOUND or VOID), and the remarks."""

    order: Order | None
    certificates: tuple[Certificate, ...] = ()
    remarks: tuple[Remark, ...] = ()


def fold_order(
    order: Order | None,
    certificates: Mapping[str, Certificate],
    entry: Entry,
    *,
    complete: bool,
) -> Folded:
    """The order after this entry; never raises. Unchanged for an entry of another order or of none.

    `certificates` are those that `order.certificates` names, by number. `complete` at the centre, where the journals of
    all kiosks are folded, so that an assignment needs the release before it.
    """
    body = entry.body
    if not isinstance(body, OrderBody) or (order is not None and order.reference != body.order):
        return Folded(order)
    views = _views(order)
    try:
        view, issued = _step(views.get(entry.kiosk), certificates, entry, body)
    except DoesNotFollow as refused:
        view = views.get(entry.kiosk)
        void = _void(view, certificates, entry)
        remarks = (refused.remark, *_of_another(order, entry, body))
        return Folded(order, void, tuple(dict.fromkeys(remarks)))
    if view is None:
        return Folded(order)
    views[entry.kiosk] = view
    after = _combined(view, views, complete=complete)
    known = {**certificates, **{each.number: each for each in issued}}
    changed = _changed(order, after, known, {each.number for each in issued})
    return Folded(after, changed, _of_another(after, entry, body))


def certificate_status(order: Order, certificate: Certificate) -> CertificateStatus:
    """What the order says of a certificate issued for it: ISSUED, BOUND or VOID.

    Only the owner's certificate of an attempt that was not abandoned counts, and of an order whose money is not going back.
    """
    attempt = next((each for each in order.bindings if each.certificate == certificate.number), None)
    if attempt is None or attempt.step is BindingStep.ABANDONED:
        return CertificateStatus.VOID
    if attempt.step is BindingStep.BOUND:
        return CertificateStatus.BOUND if order.proven else CertificateStatus.ISSUED
    refunded = order.status in {OrderStatus.REFUNDING, OrderStatus.REFUNDED}
    return CertificateStatus.VOID if refunded else CertificateStatus.ISSUED


def _step(  # noqa: PLR0911 - one case a group of entries
    view: Order | None, certificates: Mapping[str, Certificate], entry: Entry, body: OrderBody
) -> tuple[Order | None, tuple[Certificate, ...]]:
    """The kiosk's view after its entry, and the certificate that the entry issues. Raises DoesNotFollow."""
    match body:
        case OrderPlaced():
            return order_steps.placed(view, entry, body), ()
        case OrderAssigned():
            return order_steps.assigned(view, entry, body), ()
        case OrderTakenOver():
            return order_steps.taken_over(view, entry, body), ()
        case RegisterDecided():
            return (None if view is None else _decided(view, body)), ()
        case _ if view is None:
            money = isinstance(body, OrderPaid)
            reason = RemarkReason.MONEY_TOLD_BY_ANOTHER if money else RemarkReason.ORDER_UNKNOWN
            raise DoesNotFollow(reason, body.order)
        case CertificateIssued():
            after = binding_steps.step(view, body)
            _require_new(certificates, entry, body)
            return after, (_certificate(after, entry, body),)
        case (
            BindingStarted()
            | KeyPairMade()
            | CertificateWritten()
            | CertificateProved()
            | Bound()
            | BindingAbandoned()
        ):
            return binding_steps.step(view, body), ()
        case (
            OrderReleased()
            | OrderPaid()
            | OrderCancelled()
            | OrderExpired()
            | DeliveryChosen()
            | RefundGranted()
            | RefundCompleted()
            | SurplusReturned()
        ):
            return order_steps.step(view, entry, body), ()


def _require_new(certificates: Mapping[str, Certificate], entry: Entry, body: CertificateIssued) -> None:
    if body.number in certificates:
        raise DoesNotFollow(RemarkReason.CERTIFICATE_EXISTS, body.number)
    if not body.number.startswith(f"{entry.kiosk:04X}"):
        raise DoesNotFollow(RemarkReason.CERTIFICATE_OF_ANOTHER_KIOSK, body.number)


def _certificate(view: Order, entry: Entry, body: CertificateIssued) -> Certificate:
    attempt = view.binding
    return Certificate(
        number=body.number,
        order=view.reference,
        account=view.account,
        token_serial="" if attempt is None else attempt.token_serial,
        certificate=body.certificate,
        not_before=body.not_before,
        not_after=body.not_after,
        kiosk=entry.kiosk,
        sequence=entry.sequence,
        status=CertificateStatus.ISSUED,
        predecessor=body.predecessor,
        old_end=body.old_end,
    )


def _void(
    view: Order | None, certificates: Mapping[str, Certificate], entry: Entry
) -> tuple[Certificate, ...]:
    """A certificate that was issued against the rules: it exists, so it is on record, as void."""
    body = entry.body
    if view is None or not isinstance(body, CertificateIssued):
        return ()
    try:
        _require_new(certificates, entry, body)
    except DoesNotFollow:
        return ()
    return (replace(_certificate(view, entry, body), status=CertificateStatus.VOID),)


def _decided(view: Order, body: RegisterDecided) -> Order:
    """The order with its certificate's attempt marked, once it was decided that the certificate is out of use."""
    revokes = body.decision is Decision.REVOKE
    bindings = tuple(
        replace(each, revoked=True) if revokes and each.certificate == body.certificate else each
        for each in view.bindings
    )
    return replace(view, bindings=bindings)


def _views(order: Order | None) -> dict[int, Order]:
    """The kiosks' own views of an order."""
    if order is None:
        return {}
    own = replace(order, others=(), proven=True)
    return {own.told_by: own, **{each.told_by: each for each in order.others}}


def _combined(latest: Order, views: Mapping[int, Order], *, complete: bool) -> Order:
    """The owner's view, the others' beside it; at a kiosk its own."""
    if not complete:
        shown, proven = latest, True
    else:
        shown, proven = _owners_view(latest.reference, views)
    others = tuple(views[kiosk] for kiosk in sorted(views) if kiosk != shown.told_by)
    return replace(shown, others=others, proven=proven)


def _owners_view(reference: str, views: Mapping[int, Order]) -> tuple[Order, bool]:
    """The view of the owner to whom the hand-overs lead, or of who gave it to one that told nothing yet.

    While the kiosk that placed the order told nothing, nobody's claim is proven, unless the exchange gave it.
    What the exchange gave last goes before whatever others gave until then.
    """
    first = order_steps.placing_kiosk(reference)
    exchange = views.get(EXCHANGE_KIOSK)
    if exchange is not None and exchange.released:
        giver, given = exchange, exchange.released[-1]
    elif first in views:
        giver, given = views[first], HandOver(0, first)
    else:
        return min(views.values(), key=lambda view: (view.handover, view.told_by)), False
    while (later := _next(views, given)) is not None:
        giver, given = views[given.owner], later
    owner = views.get(given.owner)
    if owner is not None and owner.owner == given.owner and owner.handover >= given.handover:
        return owner, True
    return giver, True


def _next(views: Mapping[int, Order], given: HandOver) -> HandOver | None:
    """The hand-over after this one, by its owner; a view counts them upwards."""
    owner = views.get(given.owner)
    released = owner.released if owner is not None else ()
    return next((each for each in released if each.handover > given.handover), None)


def _changed(
    before: Order | None, after: Order, known: Mapping[str, Certificate], issued: Iterable[str]
) -> tuple[Certificate, ...]:
    """The certificates whose state by the order changed, with their new state; an order begins with none."""
    if before is None:
        return ()
    rows = []
    for number in dict.fromkeys((*before.certificates, *after.certificates)):
        certificate = known.get(number)
        if certificate is None:
            continue
        now = certificate_status(after, certificate)
        is_new = number in issued
        if is_new or certificate_status(before, certificate) is not now:
            rows.append(replace(certificate, status=now))
    return tuple(rows)


def _of_another(order: Order | None, entry: Entry, body: OrderBody) -> tuple[Remark, ...]:
    """What is to be said of an entry whose kiosk does not own the order."""
    if order is None or isinstance(body, RegisterDecided | OrderTakenOver):
        return ()
    owns = order.owner == entry.kiosk and order.told_by == entry.kiosk and order.proven
    if owns or isinstance(body, _KEPT_BY_ITSELF):
        return ()
    if isinstance(body, OrderPaid):
        return (Remark(RemarkReason.MONEY_TOLD_BY_ANOTHER, order.reference),)
    view = next((each for each in (order, *order.others) if each.told_by == entry.kiosk), None)
    if view is None or view.owner != entry.kiosk:
        return ()  # it did not follow from its own view: that was remarked
    reason = (
        RemarkReason.ASSIGNMENT_UNPROVEN if isinstance(body, OrderAssigned) else RemarkReason.NOT_THE_OWNER
    )
    return (Remark(reason, order.reference),)
