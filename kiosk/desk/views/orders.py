"""Orders: what one would cost, what stands in its way, how it stands, and its papers. Amounts are fen."""

from __future__ import annotations

import enum

import msgspec

from kiosk.desk.views.people import FieldsRefused, LockedOut, Session, WrongCredentials
from kiosk.desk.views.refusals import Refused
from kiosk.domain.decisions import KeyOnRecord, KeyState
from kiosk.domain.feed import OpenOrder
from kiosk.domain.fees import OrderKind, PriceLine
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import BindingStep, Delivery, OrderStatus


class Quote(msgspec.Struct, frozen=True):
    """What the chosen service will cost and give; `ends_at` as it would be if bound now.

    `open_elsewhere` are open orders of that kind at other kiosks, of which the member is told.
    """

    kind: OrderKind
    lines: tuple[PriceLine, ...]
    total: int
    previous: KeyOnRecord | None
    ends_at: int
    declares_loss: bool
    open_elsewhere: tuple[OpenOrder, ...] = ()


class Verified(msgspec.Struct, frozen=True, tag="verified"):
    """The member may order: show the quote, then `place_order`."""

    session: Session
    quote: Quote


class WrongKind(msgspec.Struct, frozen=True, tag="wrong-kind"):
    """Another service is right; what was typed stays. `feed_as_of` when the key is from the feed and the kiosk is offline."""

    session: Session
    offered: OrderKind
    because: KeyState
    feed_as_of: int | None = None


# The price lines of every kind, in fen.
FeeTable = tuple[tuple[OrderKind, tuple[PriceLine, ...]], ...]


class OrderOpen(msgspec.Struct, frozen=True, tag="order-open"):
    """An order of that kind is open; continue with it."""

    session: Session
    order: str


class PaidElsewhere(msgspec.Struct, frozen=True, tag="paid-elsewhere"):
    """The centre has money for an order of that kind at another kiosk: only a supervisor allows a second one.

    `feed_as_of` when the kiosk is offline; `here` for an order of this kiosk that its data has no more, or a copy took.
    """

    session: Session
    other: OpenOrder
    feed_as_of: int | None = None
    here: bool = False


QuoteOutcome = Verified | WrongKind | OrderOpen | PaidElsewhere | Refused


VerifyOutcome = QuoteOutcome | FieldsRefused | WrongCredentials | LockedOut


class OrderView(msgspec.Struct, frozen=True):
    """An order as the pay, bind and query screens show it; `link` is the QR's text, `tries_left` of typed codes.

    `surplus` was paid on top of the price and `returned` was paid back, both in fen.
    """

    reference: str
    kind: OrderKind
    account: str
    enterprise: str
    operator: str
    lines: tuple[PriceLine, ...]
    total: int
    status: OrderStatus
    placed_at: int
    deadline: int
    previous: KeyOnRecord | None
    ends_at: int
    link: str
    tries_left: int
    typing_locked: bool
    delivery: Delivery | None
    binding_step: BindingStep | None
    binding_serial: str | None
    certificate: str | None
    surplus: int = 0
    returned: int = 0

    @property
    def order_number(self) -> str:
        """The number that people know it by; another order may have the same."""
        return number_in(self.reference)


class Placed(msgspec.Struct, frozen=True, tag="placed"):
    """The order is placed."""

    order: OrderView


PlaceOutcome = Placed | Refused | OrderOpen | PaidElsewhere


class ScanRead(msgspec.Struct, frozen=True):
    """There is an order for what was scanned; its number, empty where a key's label was. What else it is takes the sign-in."""

    order_number: str


class PrintOutcome(enum.StrEnum):
    """A receipt was printed, or waits in the queue; NO_RECEIPT when the order has none (unpaid, ended, elsewhere).

    UNCONFIRMED when the printer failed while it was given one, or told nothing: it may be out, and only a person has it printed again.

    NOT_PRINTED when the database cannot be written: nothing is printed without a record of it.
    """

    PRINTED = "printed"
    PAPER_OUT = "paper-out"
    UNAVAILABLE = "unavailable"
    UNCONFIRMED = "unconfirmed"
    NO_RECEIPT = "no-receipt"
    NOT_PRINTED = "not-printed"


# NOT_PRINTED where the delivery was recorded and the slip alone could not be.
DeliveryOutcome = PrintOutcome | Refused


class AccountView(msgspec.Struct, frozen=True):
    """查询: what a member sees after the password."""

    session: Session
    key: KeyOnRecord | None
    key_state: KeyState
    orders: tuple[OrderView, ...]
    feed_as_of: int | None
