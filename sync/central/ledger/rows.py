"""Domain structs to rows and back: the struct travels whole in `record`, the columns are its index."""

from __future__ import annotations

import msgspec

from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import Certificate, Order
from kiosk.domain.register import Register
from kiosk.domain.requests import Proposal, Requests
from sync.central.ledger.models import (
    Checked,
    LedgerAccount,
    LedgerCertificate,
    LedgerOrder,
    LedgerProposal,
    LedgerRequests,
)
from sync.central.tables import column_text

_LARGEST = 2**62  # what fits into a column
SERIAL = 64
"""The length of a token's serial in its column."""
_ENCODER = msgspec.msgpack.Encoder()
_ORDER = msgspec.msgpack.Decoder(Order)
_CERTIFICATE = msgspec.msgpack.Decoder(Certificate)
_REGISTER = msgspec.msgpack.Decoder(Register)
_REQUESTS = msgspec.msgpack.Decoder(Requests)
_PROPOSAL = msgspec.msgpack.Decoder(Proposal)
_SHORT, _CODE = 40, 18


class Registered(msgspec.Struct, frozen=True):
    """A certificate, the machine that issued it, where and at which position, and whether it was checked."""

    certificate: Certificate
    machine: int
    strand: int
    position: int
    checked: Checked = Checked.NOT_YET


def order_record(row: LedgerOrder) -> Order:
    """The order of a row."""
    return _ORDER.decode(bytes(row.record))


def certificate_record(row: LedgerCertificate) -> Certificate:
    """The certificate of a row."""
    return _CERTIFICATE.decode(bytes(row.record))


def registered(row: LedgerCertificate) -> Registered:
    """The certificate of a row with what stands beside it."""
    return Registered(certificate_record(row), row.machine, row.strand, row.position, Checked(row.checked))


def register_record(row: LedgerAccount) -> Register:
    """The register of an account's row."""
    return _REGISTER.decode(bytes(row.record))


def _bounded(number: int) -> int:
    return max(-_LARGEST, min(number, _LARGEST))


def order_row(order: Order) -> LedgerOrder:
    """The row of an order."""
    return LedgerOrder(
        reference=order.reference,
        order_number=order.order_number,
        owner=order.owner,
        kind=order.kind.value,
        account=order.account,
        status=order.status.value,
        total=_bounded(order.total),
        received=_bounded(order.received),
        placed_at=_bounded(order.placed_at),
        record=_ENCODER.encode(order),
    )


def certificate_row(each: Registered) -> LedgerCertificate:
    """The row of a certificate."""
    certificate = each.certificate
    return LedgerCertificate(
        number=certificate.number,
        kiosk=certificate.kiosk,
        machine=each.machine,
        strand=each.strand,
        position=each.position,
        account=certificate.account,
        order=certificate.order,
        token_serial=column_text(certificate.token_serial, SERIAL),
        status=certificate.status.value,
        checked=each.checked.value,
        not_before=_bounded(certificate.not_before),
        not_after=_bounded(certificate.not_after),
        record=_ENCODER.encode(certificate),
    )


def account_row(register: Register) -> LedgerAccount:
    """The row of an account."""
    key = register.key
    return LedgerAccount(
        account=register.account,
        key_number="" if key is None else key.number,
        record=_ENCODER.encode(register),
    )


def requests_record(row: LedgerRequests) -> Requests:
    """What was asked for the order of a row."""
    return _REQUESTS.decode(bytes(row.record))


def requests_row(requests: Requests) -> LedgerRequests:
    """The row of what was asked for an order."""
    delivery, invoice = requests.delivery, requests.invoice
    return LedgerRequests(
        order=requests.order,
        order_number=number_in(requests.order),
        account=requests.account,
        delivery="" if delivery is None else delivery.state.value,
        carrier="" if delivery is None else column_text(delivery.carrier, _SHORT),
        tracking="" if delivery is None else column_text(delivery.tracking, _SHORT),
        invoice="" if invoice is None else invoice.state.value,
        asked_at=_bounded(
            max(
                0 if delivery is None else max(delivery.asked_at, delivery.mailed_at),
                0 if invoice is None else invoice.asked_at,
            )
        ),
        invoice_number="" if invoice is None else column_text(invoice.number, _SHORT),
        record=_ENCODER.encode(requests),
    )


def proposal_record(row: LedgerProposal) -> Proposal:
    """The proposed operator of a row."""
    return _PROPOSAL.decode(bytes(row.record))


def proposal_row(proposal: Proposal) -> LedgerProposal:
    """The row of a proposed operator."""
    return LedgerProposal(
        proposal=proposal.proposal,
        account=proposal.account,
        enterprise_code=column_text(proposal.enterprise_code, _CODE),
        state=proposal.state.value,
        proposed_at=_bounded(proposal.proposed_at),
        record=_ENCODER.encode(proposal),
    )


def certificate_on_register(number: str) -> Certificate | None:
    """The certificate of that number."""
    row = LedgerCertificate.objects.filter(number=number).first()
    return None if row is None else certificate_record(row)
