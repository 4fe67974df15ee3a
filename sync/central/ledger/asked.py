"""What kiosks are told of deliveries, invoices and proposed operators; of the personal facts only what is masked.

The facts are read where the rows are written: one that was erased since is in no row any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from kiosk.domain.feed import DeliveryTold, ErasureTold, InvoiceTold, ProposalTold
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.masking import masked_document, masked_email, masked_name, masked_phone
from kiosk.domain.personal import (
    DeliveryAddress,
    InvoiceDetails,
    OperatorDetails,
    PersonalKind,
    PersonalRecord,
)
from kiosk.domain.requests import DeliveryRequest, InvoiceRequest, Proposal, Requests
from sync.central.context import centre_keys
from sync.central.fleet.feed.collecting import Telling
from sync.central.ledger.models import LedgerProposal, LedgerRequests
from sync.central.ledger.rows import proposal_record, requests_record
from sync.central.members.models import Operator
from sync.central.members.publishing import audiences_of_accounts
from sync.central.personal import models
from sync.central.personal.keeping import opened
from sync.central.personal.models import AccountErasure

MOST = 50
"""The most orders, and proposals, of one account that a kiosk is told of which begins to serve it, those asked last."""
Body = DeliveryTold | InvoiceTold | ProposalTold | ErasureTold


def tell_asked(told: Telling, orders: Collection[str], proposals: Collection[str] = ()) -> None:
    """Tell where these stand when the transaction ends, to the kiosks that serve their accounts."""
    orders, proposals = frozenset(orders), frozenset(proposals)
    if orders or proposals:
        told.of_members(lambda: _tell_now(told, orders, proposals))


def tell_kept(told: Telling, rows: Iterable[models.PersonalRecord]) -> None:
    """Tell of what these personal records are for, which are here now, or no more."""
    rows = list(rows)
    operators = {each.subject for each in rows if each.kind == PersonalKind.OPERATOR}
    tell_asked(told, {each.subject for each in rows} - operators, operators)


def _tell_now(told: Telling, orders: Collection[str], proposals: Collection[str]) -> None:
    found = [
        *_bodies(map(requests_record, LedgerRequests.objects.filter(order__in=orders).order_by())),
        *_proposals(map(proposal_record, LedgerProposal.objects.filter(proposal__in=proposals).order_by())),
    ]
    audiences = audiences_of_accounts({each.account for each in found})
    for body in found:
        told.tell(audiences.get(body.account, ()), body)


def tell_asked_of(told: Telling, audiences: Mapping[str, Iterable[int]]) -> dict[str, list[str]]:
    """Tell the audiences of each account what was asked last of it, where what is told of members is read; the keys of all."""
    keys: dict[str, list[str]] = {account: [] for account in audiences}
    for body in _asked_last(audiences.keys()):
        told.tell(audiences[body.account], body)
        keys[body.account].append(row_key_of(body))
    return keys


def _asked_last(accounts: Collection[str]) -> list[Body]:
    requests, proposals = defaultdict[str, list[Requests]](list), defaultdict[str, list[Proposal]](list)
    for row in LedgerRequests.objects.filter(account__in=accounts).order_by("-asked_at"):
        if len(requests[row.account]) < MOST:
            requests[row.account].append(requests_record(row))
    for proposed in LedgerProposal.objects.filter(account__in=accounts).order_by("-proposed_at"):
        if len(proposals[proposed.account]) < MOST:
            proposals[proposed.account].append(proposal_record(proposed))
    return [
        *_bodies(each for some in requests.values() for each in some),
        *_proposals(each for some in proposals.values() for each in some),
        *(
            ErasureTold(row.account, row.until)
            for row in AccountErasure.objects.filter(account__in=accounts).order_by("account")
        ),
    ]


def _bodies(requests: Iterable[Requests]) -> list[Body]:
    requests = tuple(requests)
    parts = [part for each in requests for part in (each.delivery, each.invoice) if part is not None]
    records = opened({part.commitment for part in parts if part.commitment}, centre_keys())
    phones = phones_of({each.account for each in requests})
    found = list[Body]()
    for each in requests:
        if each.delivery is not None:
            record = records.get(each.delivery.commitment)
            found.append(_delivery(each, each.delivery, record, phones.get(each.account, "")))
        if each.invoice is not None:
            found.append(_invoice(each, each.invoice, records.get(each.invoice.commitment)))
    return found


def phones_of(accounts: Collection[str]) -> dict[str, str]:
    """The phones that are bound to these accounts."""
    return dict(Operator.objects.filter(account__in=accounts).order_by().values_list("account", "phone"))


def _delivery(
    asked: Requests, delivery: DeliveryRequest, record: PersonalRecord | None, bound: str
) -> DeliveryTold:
    recipient = region = phone = ""
    if isinstance(record, DeliveryAddress):
        recipient, region = masked_name(record.recipient), record.region
        phone = masked_phone(record.phone or bound)
    return DeliveryTold(
        order=asked.order,
        account=asked.account,
        state=delivery.state,
        recipient=recipient,
        phone=phone,
        region=region,
        carrier=delivery.carrier,
        tracking=delivery.tracking,
        asked_at=delivery.asked_at,
        mailed_at=delivery.mailed_at,
        reason=delivery.reason,
    )


def _invoice(asked: Requests, invoice: InvoiceRequest, record: PersonalRecord | None) -> InvoiceTold:
    return InvoiceTold(
        order=asked.order,
        account=asked.account,
        state=invoice.state,
        invoice=invoice.invoice,
        email=masked_email(record.email) if isinstance(record, InvoiceDetails) else "",
        number=invoice.number,
        asked_at=invoice.asked_at,
        issued_at=invoice.issued_at,
    )


def _proposals(proposals: Iterable[Proposal]) -> list[Body]:
    proposals = tuple(proposals)
    records = opened({each.commitment for each in proposals}, centre_keys())
    return [_proposal(each, records.get(each.commitment)) for each in proposals]


def _proposal(each: Proposal, record: PersonalRecord | None) -> ProposalTold:
    name = document = phone = ""
    if isinstance(record, OperatorDetails):
        name, phone = masked_name(record.name), masked_phone(record.phone)
        document = masked_document(record.document_number)
    return ProposalTold(
        proposal=each.proposal,
        account=each.account,
        enterprise_code=each.enterprise_code,
        state=each.state,
        name=name,
        document=document,
        phone=phone,
        new_account=each.new_account,
        reason=each.reason,
    )
