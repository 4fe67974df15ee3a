"""What the screens are given of requests: states, and personal facts that are masked. Times are UTC seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from kiosk.desk.views.refusals import Refused
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.feed import DeliveryTold, InvoiceTold, ProposalTold
from kiosk.domain.masking import masked_document, masked_email, masked_name, masked_phone
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, OperatorDetails
from kiosk.domain.requests import (
    DeliveryRequest,
    DeliveryState,
    InvoiceRequest,
    InvoiceState,
    Proposal,
    ProposalState,
)

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction


class DeliveryView(msgspec.Struct, frozen=True):
    """Where the delivery of an order stands; facts are empty once they were erased, the phone also where it is the bound one."""

    state: DeliveryState
    recipient: str
    phone: str
    region: str
    asked_at: int
    carrier: str = ""
    tracking: str = ""
    mailed_at: int = 0
    reason: str = ""


class InvoiceView(msgspec.Struct, frozen=True):
    """Where the invoice of an order stands; the e-mail address is empty once it was erased."""

    state: InvoiceState
    invoice: InvoiceKind
    email: str
    asked_at: int
    number: str = ""
    issued_at: int = 0


class RequestsView(msgspec.Struct, frozen=True, tag="requests"):
    """What was asked for an order."""

    reference: str
    delivery: DeliveryView | None = None
    invoice: InvoiceView | None = None


class ProposalView(msgspec.Struct, frozen=True, tag="proposal"):
    """One more operator, as the account proposed it."""

    proposal: str
    state: ProposalState
    name: str
    document: str
    phone: str
    new_account: str = ""
    reason: str = ""


RequestsOutcome = RequestsView | Refused
ProposalOutcome = ProposalView | Refused
ProposalsOutcome = tuple[ProposalView, ...] | Refused


def requests_view(tx: Transaction, account: str, reference: str) -> RequestsView:
    """What was asked for an order, here or elsewhere, whichever is later."""
    delivery, invoice = delivery_view(tx, account, reference), invoice_view(tx, account, reference)
    return RequestsView(reference, delivery, invoice)


def delivery_view(tx: Transaction, account: str, reference: str) -> DeliveryView | None:
    """Where the delivery stands: what the centre told, unless something was entered here that it had not applied by then."""
    requests, told = tx.ledger.requests(reference), tx.feed.delivery(account, reference)
    own = None if requests is None else requests.delivery
    if own is not None and told is not None and not own.asked_at and own.mailed_at >= told.asked_at:
        own = replace(own, asked_at=told.asked_at)  # asked elsewhere, mailed from here
    if own is None or (told is not None and _delivery_place(told) >= _delivery_place(own)):
        return None if told is None else _told_delivery(told)
    recipient = phone = region = ""
    if not own.commitment and told is not None:
        recipient, phone, region = told.recipient, told.phone, told.region
    elif isinstance(record := tx.personal.get(own.commitment), DeliveryAddress):
        recipient, phone, region = masked_name(record.recipient), masked_phone(record.phone), record.region
    return DeliveryView(
        state=own.state,
        recipient=recipient,
        phone=phone,
        region=region,
        asked_at=own.asked_at,
        carrier=own.carrier,
        tracking=own.tracking,
        mailed_at=own.mailed_at,
        reason=own.reason,
    )


def invoice_view(tx: Transaction, account: str, reference: str) -> InvoiceView | None:
    """Where the invoice stands, in the same way."""
    requests, told = tx.ledger.requests(reference), tx.feed.invoice(account, reference)
    own = None if requests is None else requests.invoice
    if own is None or (told is not None and _invoice_place(told) >= _invoice_place(own)):
        return None if told is None else _told_invoice(told)
    email = ""
    if not own.commitment and told is not None:
        email = told.email
    elif isinstance(record := tx.personal.get(own.commitment), InvoiceDetails):
        email = masked_email(record.email)
    return InvoiceView(own.state, own.invoice, email, own.asked_at, own.number, own.issued_at)


def proposal_views(tx: Transaction, account: str) -> tuple[ProposalView, ...]:
    """The operators that the account proposed, here or elsewhere."""
    found = {each.proposal: _told_proposal(each) for each in tx.feed.proposals(account)}
    for own in tx.ledger.proposals_of(account):
        told = found.get(own.proposal)
        if told is None or (
            told.state is ProposalState.UNDER_REVIEW and own.state is not ProposalState.UNDER_REVIEW
        ):
            found[own.proposal] = _own_proposal(tx, own)
    return tuple(found[name] for name in sorted(found))


def _delivery_place(each: DeliveryTold | DeliveryRequest) -> tuple[int, int, bool]:
    """How far a delivery has come: the later request, then mailed, then back."""
    return each.asked_at, each.mailed_at, each.state is DeliveryState.RETURNED


def _invoice_place(each: InvoiceTold | InvoiceRequest) -> tuple[int, int, bool]:
    return each.asked_at, each.issued_at, each.state is InvoiceState.WITHDRAWN


def _told_delivery(told: DeliveryTold) -> DeliveryView:
    return DeliveryView(
        state=told.state,
        recipient=told.recipient,
        phone=told.phone,
        region=told.region,
        asked_at=told.asked_at,
        carrier=told.carrier,
        tracking=told.tracking,
        mailed_at=told.mailed_at,
        reason=told.reason,
    )


def _told_invoice(told: InvoiceTold) -> InvoiceView:
    return InvoiceView(told.state, told.invoice, told.email, told.asked_at, told.number, told.issued_at)


def _told_proposal(told: ProposalTold) -> ProposalView:
    return ProposalView(
        told.proposal, told.state, told.name, told.document, told.phone, told.new_account, told.reason
    )


def _own_proposal(tx: Transaction, own: Proposal) -> ProposalView:
    record = tx.personal.get(own.commitment)
    name = document = phone = ""
    if isinstance(record, OperatorDetails):
        name, phone = masked_name(record.name), masked_phone(record.phone)
        document = masked_document(record.document_number)
    return ProposalView(own.proposal, own.state, name, document, phone, own.new_account, own.reason)
