"""Every kind of body."""

from __future__ import annotations

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

AnyBody = (
    EpochBegan
    | OrderPlaced
    | OrderAssigned
    | OrderReleased
    | OrderPaid
    | OrderCancelled
    | OrderExpired
    | DeliveryChosen
    | BindingStarted
    | KeyPairMade
    | CertificateIssued
    | CertificateWritten
    | CertificateProved
    | Bound
    | BindingAbandoned
    | LossReported
    | KeyFound
    | HoldLifted
    | PinChanged
    | PinChangeSkipped
    | PinUnblocked
    | KeyErased
    | RefundGranted
    | RefundCompleted
    | SurplusReturned
    | CertificateRevoked
    | RegisterDecided
    | OrderTakenOver
    | MatterDecided
    | StrandDecided
    | CertificateChecked
    | CertificateImported
    | DeliveryAsked
    | DeliveryChanged
    | KeyMailed
    | KeyReceivedBack
    | InvoiceAsked
    | InvoiceChanged
    | InvoiceWithdrawn
    | InvoiceIssued
    | OperatorProposed
    | OperatorWithdrawn
    | OperatorReviewed
    | PersonalErased
)
