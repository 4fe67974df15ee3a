"""What an entry is about, told from its body alone, so that the rows of many entries are loaded by key at once.

An order leads to its account and to the certificates that its attempts name, a certificate to its account; the rest
stands here.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from kiosk.domain.entries.bindings import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.decisions import (
    CertificateChecked,
    CertificateImported,
    CertificateRevoked,
    MatterDecided,
    RegisterDecided,
    StrandDecided,
)
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import (
    HoldLifted,
    KeyErased,
    KeyFound,
    LossReported,
    PinChanged,
    PinChangeSkipped,
    PinUnblocked,
)
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
from kiosk.domain.entries.requests import (
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    InvoiceIssued,
    InvoiceWithdrawn,
    KeyMailed,
    KeyReceivedBack,
    OperatorProposed,
    OperatorReviewed,
    OperatorWithdrawn,
    PersonalErased,
)


class Subjects(msgspec.Struct, frozen=True):
    """The keys of the rows that an entry's fold begins from; empty where it names none."""

    order: str = ""
    account: str = ""
    certificate: str = ""
    proposal: str = ""


def subjects(body: AnyBody) -> Subjects:  # noqa: C901, PLR0911 - one case a group of entries
    """The order's reference, the account, the certificate's number and the proposal that an entry names."""
    match body:
        case OrderPlaced() | OrderAssigned() | OrderTakenOver():
            return Subjects(order=body.order, account=body.account)
        case (
            DeliveryAsked()
            | DeliveryChanged()
            | KeyMailed()
            | KeyReceivedBack()
            | InvoiceAsked()
            | InvoiceChanged()
            | InvoiceWithdrawn()
            | InvoiceIssued()
        ):
            return Subjects(order=body.order, account=body.account)
        case OperatorProposed() | OperatorWithdrawn() | OperatorReviewed():
            return Subjects(account=body.account, proposal=body.proposal)
        case CertificateIssued():
            return Subjects(order=body.order, certificate=body.number)
        case RegisterDecided() | CertificateChecked():
            return Subjects(order=body.order, account=body.account, certificate=body.certificate)
        case CertificateRevoked():
            return Subjects(certificate=body.number)
        case CertificateImported():
            return Subjects(account=body.account, certificate=body.certificate)
        case (
            OrderReleased()
            | OrderPaid()
            | OrderCancelled()
            | OrderExpired()
            | DeliveryChosen()
            | BindingStarted()
            | KeyPairMade()
            | CertificateWritten()
            | CertificateProved()
            | Bound()
            | BindingAbandoned()
            | RefundGranted()
            | RefundCompleted()
            | SurplusReturned()
        ):
            return Subjects(order=body.order)
        case LossReported() | KeyFound() | HoldLifted():
            return Subjects(account=body.account)
        case (
            PinChanged()
            | PinChangeSkipped()
            | PinUnblocked()
            | KeyErased()
            | MatterDecided()
            | PersonalErased()
        ):
            return Subjects(account=body.account)
        case EpochBegan() | StrandDecided():
            return Subjects()
        case _:
            assert_never(body)
