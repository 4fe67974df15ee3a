"""What the user centre shows. Amounts are fen, times UTC seconds; documents and phones are masked."""

from __future__ import annotations

import enum

import msgspec

from kiosk.desk.requests.views import ProposalView, RequestsView
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refused
from kiosk.domain.decisions import KeyOnRecord, KeyState
from kiosk.domain.documents import DocumentKind
from kiosk.domain.feed import OpenOrder, RegisteredState
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import PaidHow
from kiosk.domain.members import Review


class KeyValidity(msgspec.Struct, frozen=True):
    """Until when an operator's key is valid; `days_left` is negative once it ended, None where the clock says nothing."""

    state: KeyState
    ends_at: int | None = None
    days_left: int | None = None


class OperatorView(msgspec.Struct, frozen=True):
    """One operator of the member's enterprise, as every other of that enterprise may see it; facts that are not told are empty."""

    account: str
    name: str
    review: Review
    document: DocumentKind | None
    document_number: str
    phone: str
    authorised: bool
    key: KeyValidity


class OwnKey(msgspec.Struct, frozen=True):
    """The member's own key in full.

    `former_end` is that of the certificate before, where this kiosk issued the present one; `issued_here` then, and
    `registration` once the centre told where it stands.
    """

    key: KeyOnRecord | None
    validity: KeyValidity
    former_end: int | None = None
    issued_here: bool = False
    registration: RegisteredState | None = None


class EnterpriseView(msgspec.Struct, frozen=True):
    """The member's enterprise with its operators by account, and those that were proposed and are none yet.

    `review` is UNDER_REVIEW also while one of them waits for the exchange.
    """

    code: str
    name: str
    review: Review
    operators: tuple[OperatorView, ...]
    proposals: tuple[ProposalView, ...]


class MoneyKind(enum.StrEnum):
    """Which way the money of a line goes; REFUNDING is on its way back."""

    PAID = "paid"
    RETURNED = "returned"
    """Paid twice, and back with the payer."""
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class MoneyLine(msgspec.Struct, frozen=True):
    """A line of 会员缴费记录; `time` None where only that it went back is on record."""

    reference: str
    order_kind: OrderKind
    kind: MoneyKind
    amount: int
    time: int | None = None
    how: PaidHow | None = None
    transaction: str = ""

    @property
    def order_number(self) -> str:
        """The number that people know the order by."""
        return number_in(self.reference)


class MemberOrder(msgspec.Struct, frozen=True):
    """One of the account's orders at this kiosk, with what was asked for it; `here` while the kiosk owns it."""

    order: OrderView
    requests: RequestsView
    here: bool

    @property
    def can_go_on(self) -> bool:
        """Whether it can be continued at this kiosk."""
        return self.here and self.order.status.is_open


class UserCentreView(msgspec.Struct, frozen=True):
    """用户中心 of one account at one moment; orders and payments newest first, `elsewhere` open orders at other kiosks."""

    session: Session
    enterprise: EnterpriseView
    key: OwnKey
    orders: tuple[MemberOrder, ...]
    elsewhere: tuple[OpenOrder, ...]
    money: tuple[MoneyLine, ...]
    feed_as_of: int | None


class StoryStep(enum.StrEnum):
    """What happened to an order."""

    PLACED = "placed"
    ASSIGNED = "assigned"
    """It was paid elsewhere and given to this kiosk."""
    PAID = "paid"
    RETURNED = "returned"
    ABANDONED = "abandoned"
    ISSUED = "issued"
    BOUND = "bound"
    DELIVERY_ASKED = "delivery-asked"
    MAILED = "mailed"
    MAILED_BACK = "mailed-back"
    INVOICE_ASKED = "invoice-asked"
    INVOICE_WITHDRAWN = "invoice-withdrawn"
    INVOICE_ISSUED = "invoice-issued"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    MOVED = "moved"
    """It belongs to another kiosk now."""


class StoryLine(msgspec.Struct, frozen=True):
    """A step of an order's story; `time` None where it is not on record, `detail` a serial, a carrier with its number or a reason."""

    step: StoryStep
    time: int | None = None
    amount: int = 0
    how: PaidHow | None = None
    detail: str = ""


class OrderStory(msgspec.Struct, frozen=True, tag="order-story"):
    """An order's page: its facts, and what happened, as far as this kiosk knows; `has_receipt` once it was paid here."""

    shown: MemberOrder
    lines: tuple[StoryLine, ...]
    has_receipt: bool


UserCentreOutcome = UserCentreView | Refused
OrderStoryOutcome = OrderStory | Refused
