"""What a member asked for after paying, and what became of it: delivery, invoice, one more operator.

These rows stand apart from the order: a phone may ask at the centre before the order's own kiosk was heard of. They are
folded in recorded order, the latest request counts, whoever noted it; each step is total.
"""

from __future__ import annotations

import enum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from kiosk.domain.entries.requests import (
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    InvoiceIssued,
    InvoiceKind,
    InvoiceWithdrawn,
    KeyMailed,
    KeyReceivedBack,
    OperatorProposed,
    OperatorReviewed,
    OperatorWithdrawn,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import Order
from kiosk.domain.members import Review
from kiosk.domain.order_steps import placing_kiosk
from kiosk.domain.remarks import DoesNotFollow, Remark, RemarkReason


class DeliveryState(enum.StrEnum):
    """Where a delivery stands."""

    ASKED = "asked"
    MAILED = "mailed"
    RETURNED = "returned"


class DeliveryRequest(msgspec.Struct, frozen=True):
    """A delivery; `commitment` names the address, empty where staff mailed the key without one. Times are UTC seconds."""

    state: DeliveryState
    commitment: bytes = b""
    asked_at: int = 0
    by: str = ""
    carrier: str = ""
    tracking: str = ""
    mailed_at: int = 0
    reason: str = ""


class InvoiceState(enum.StrEnum):
    """Where an invoice stands."""

    ASKED = "asked"
    WITHDRAWN = "withdrawn"
    ISSUED = "issued"


class InvoiceRequest(msgspec.Struct, frozen=True):
    """An invoice; `commitment` names to whom it is made out. Times are UTC seconds."""

    state: InvoiceState
    invoice: InvoiceKind
    commitment: bytes
    asked_at: int
    by: str
    number: str = ""
    issued_at: int = 0


class Requests(msgspec.Struct, frozen=True):
    """What was asked for an order; the key is its reference."""

    order: str
    account: str
    delivery: DeliveryRequest | None = None
    invoice: InvoiceRequest | None = None


class ProposalState(enum.StrEnum):
    """Where the proposal of an operator stands; UNDER_REVIEW is 审核中."""

    UNDER_REVIEW = "under-review"
    WITHDRAWN = "withdrawn"
    APPROVED = "approved"
    REFUSED = "refused"


class Proposal(msgspec.Struct, frozen=True):
    """One more operator, proposed by `account`; `told_by` is the kiosk that noted it, `new_account` the one it got."""

    proposal: str
    account: str
    enterprise_code: str
    commitment: bytes
    authorised: bool
    proposed_at: int
    told_by: int
    state: ProposalState = ProposalState.UNDER_REVIEW
    new_account: str = ""
    reason: str = ""


DeliveryStep = DeliveryAsked | DeliveryChanged | KeyMailed | KeyReceivedBack
InvoiceStep = InvoiceAsked | InvoiceChanged | InvoiceWithdrawn | InvoiceIssued
RequestStep = DeliveryStep | InvoiceStep
ProposalStep = OperatorProposed | OperatorWithdrawn | OperatorReviewed


class FoldedRequests(msgspec.Struct, frozen=True):
    """The row after an entry, and the remark that it left."""

    row: Requests | None
    remarks: tuple[Remark, ...] = ()


class FoldedProposal(msgspec.Struct, frozen=True):
    """The row after an entry, and the remark that it left."""

    row: Proposal | None
    remarks: tuple[Remark, ...] = ()


def fold_requests(
    known: Requests | None, order: Order | None, entry: Entry, body: RequestStep
) -> FoldedRequests:
    """What was asked for an order after this entry; never raises. `order` is the order itself, where it is known."""
    before = known or Requests(body.order, body.account)
    try:
        _require_word(order, entry, body)
        if isinstance(body, DeliveryStep):
            after = replace(before, delivery=_delivery(before, entry, body))
        else:
            after = replace(before, invoice=_invoice(before, entry, body))
    except DoesNotFollow as refused:
        return FoldedRequests(known, (refused.remark,))
    return FoldedRequests(after)


def _require_word(order: Order | None, entry: Entry, body: RequestStep) -> None:
    """The exchange has a word on every order, a kiosk on those that it placed or was given. Raises DoesNotFollow."""
    if order is not None and body.account != order.account:
        raise DoesNotFollow(RemarkReason.REQUEST_OF_ANOTHER_KIOSK, body.order)
    if entry.kiosk == EXCHANGE_KIOSK:
        return
    if isinstance(body, InvoiceIssued):
        raise DoesNotFollow(RemarkReason.NOT_THE_EXCHANGE, body.order)
    if order is None:
        raise DoesNotFollow(RemarkReason.ORDER_UNKNOWN, body.order)
    if entry.kiosk not in _had_by(order):
        raise DoesNotFollow(RemarkReason.REQUEST_OF_ANOTHER_KIOSK, body.order)


def _had_by(order: Order) -> set[int]:
    """The kiosks that have or had an order by their own journals, without those that only claim to have been given it."""
    former = {each.told_by for each in (order, *order.others) if each.released}
    owner = {order.owner} if order.proven else set[int]()
    return {placing_kiosk(order.reference)} | former | owner


def _delivery(before: Requests, entry: Entry, body: DeliveryStep) -> DeliveryRequest:
    known = before.delivery
    match body:
        case DeliveryAsked() | DeliveryChanged():
            if known is not None and known.state is DeliveryState.MAILED:
                raise DoesNotFollow(RemarkReason.DELIVERY_SENT, body.order)
            return DeliveryRequest(DeliveryState.ASKED, body.commitment, entry.wall, body.by)
        case KeyMailed():
            return replace(
                known or DeliveryRequest(DeliveryState.MAILED),
                state=DeliveryState.MAILED,
                carrier=body.carrier,
                tracking=body.tracking,
                mailed_at=body.mailed_at,
                reason="",
            )
        case KeyReceivedBack():
            sent = _sent(known, body)
            if sent is None or sent.state is not DeliveryState.MAILED:
                raise DoesNotFollow(RemarkReason.DELIVERY_NOT_SENT, body.order)
            return replace(sent, state=DeliveryState.RETURNED, reason=body.reason)
        case _:
            assert_never(body)


def _sent(known: DeliveryRequest | None, body: KeyReceivedBack) -> DeliveryRequest | None:
    """The delivery that came back: where somebody else mailed the key, as the entry has it from the feed, unless more is known here."""
    told = body.mailing
    if told is None or (
        known is not None and (told.asked_at, told.mailed_at) <= (known.asked_at, known.mailed_at)
    ):
        return known
    asked_here = known is not None and known.asked_at == told.asked_at
    before = known if known is not None and asked_here else DeliveryRequest(DeliveryState.MAILED)
    return replace(
        before,
        state=DeliveryState.MAILED,
        asked_at=told.asked_at,
        carrier=told.carrier,
        tracking=told.tracking,
        mailed_at=told.mailed_at,
    )


def _invoice(before: Requests, entry: Entry, body: InvoiceStep) -> InvoiceRequest:
    known = before.invoice
    match body:
        case InvoiceAsked() | InvoiceChanged():
            if known is not None and known.state is InvoiceState.ISSUED:
                raise DoesNotFollow(RemarkReason.INVOICE_ISSUED, body.order)
            return InvoiceRequest(InvoiceState.ASKED, body.invoice, body.commitment, entry.wall, body.by)
        case InvoiceWithdrawn():
            waits = _asked(known, body)
            if waits is not None and waits.state is InvoiceState.ISSUED:
                raise DoesNotFollow(RemarkReason.INVOICE_ISSUED, body.order)
            if waits is None or waits.state is InvoiceState.WITHDRAWN:
                raise DoesNotFollow(RemarkReason.INVOICE_NOT_ASKED, body.order)
            return replace(waits, state=InvoiceState.WITHDRAWN)
        case InvoiceIssued():
            if known is None or known.state is InvoiceState.WITHDRAWN:
                raise DoesNotFollow(RemarkReason.INVOICE_NOT_ASKED, body.order)
            return replace(known, state=InvoiceState.ISSUED, number=body.number, issued_at=body.issued_at)
        case _:
            assert_never(body)


def _asked(known: InvoiceRequest | None, body: InvoiceWithdrawn) -> InvoiceRequest | None:
    """The request that is withdrawn: one that was asked for elsewhere, as the entry has it, unless more is known here."""
    told = body.asked
    if told is None or (known is not None and told.asked_at <= known.asked_at):
        return known
    return InvoiceRequest(InvoiceState.ASKED, told.invoice, b"", told.asked_at, "")


_REVIEWED = {
    Review.APPROVED: ProposalState.APPROVED,
    Review.REFUSED: ProposalState.REFUSED,
    Review.UNDER_REVIEW: ProposalState.UNDER_REVIEW,
}


def fold_proposal(known: Proposal | None, entry: Entry, body: ProposalStep) -> FoldedProposal:
    """The proposal after this entry; never raises."""
    try:
        return FoldedProposal(_proposal(known, entry, body))
    except DoesNotFollow as refused:
        return FoldedProposal(known, (refused.remark,))


def _proposal(known: Proposal | None, entry: Entry, body: ProposalStep) -> Proposal:
    match body:
        case OperatorProposed():
            if known is not None:
                raise DoesNotFollow(RemarkReason.PROPOSAL_EXISTS, body.proposal)
            return Proposal(
                proposal=body.proposal,
                account=body.account,
                enterprise_code=body.enterprise_code,
                commitment=body.commitment,
                authorised=body.authorised,
                proposed_at=entry.wall,
                told_by=entry.kiosk,
            )
        case OperatorWithdrawn():
            if known is not None and entry.kiosk not in {known.told_by, EXCHANGE_KIOSK}:
                raise DoesNotFollow(RemarkReason.PROPOSAL_UNKNOWN, body.proposal)
            return replace(_undecided(known, body), state=ProposalState.WITHDRAWN)
        case OperatorReviewed():
            if entry.kiosk != EXCHANGE_KIOSK:
                raise DoesNotFollow(RemarkReason.NOT_THE_EXCHANGE, body.proposal)
            proposal = _undecided(known, body)
            state = _REVIEWED[body.review]
            return replace(proposal, state=state, new_account=body.new_account, reason=body.reason)
        case _:
            assert_never(body)


def _undecided(known: Proposal | None, body: OperatorWithdrawn | OperatorReviewed) -> Proposal:
    if known is None or known.account != body.account:
        raise DoesNotFollow(RemarkReason.PROPOSAL_UNKNOWN, body.proposal)
    if known.state is not ProposalState.UNDER_REVIEW:
        raise DoesNotFollow(RemarkReason.PROPOSAL_DECIDED, body.proposal)
    return known
