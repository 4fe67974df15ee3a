"""The folded state: orders with their bindings, and certificates; the accounts' registers are in register.py."""

from __future__ import annotations

import enum

import msgspec

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.fees import OrderKind, PriceLine, total
from kiosk.domain.identifiers import number_in


class OrderStatus(enum.StrEnum):
    """`placed → paid → bound`; `placed → cancelled | expired`; `paid → refunding → refunded`."""

    PLACED = "placed"
    PAID = "paid"
    BOUND = "bound"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUNDED = "refunded"

    @property
    def is_open(self) -> bool:
        """Whether it is unpaid, or paid and not bound; there is one open order per account and kind."""
        return self in {OrderStatus.PLACED, OrderStatus.PAID}


class PaidHow(enum.StrEnum):
    """How the kiosk learnt of a payment."""

    FEED = "feed"
    CODE = "code"
    SCAN = "scan"
    DESK = "desk"


class Payment(msgspec.Struct, frozen=True):
    """One notice of money for an order, in fen; `transaction` is the provider's, where it is known.

    `returned` for a double payment that was paid back.
    """

    how: PaidHow
    amount: int
    sequence: int
    time: int
    transaction: str | None = None
    feed: str | None = None
    supervisor: str | None = None
    returned: bool = False

    @property
    def is_vouched_for(self) -> bool:
        """Whether a supervisor vouched for it, here or where the order was given away: it may be money by itself."""
        return self.transaction is None and self.how in {PaidHow.DESK, PaidHow.FEED}


class Delivery(enum.StrEnum):
    """How the token reaches the member when it is not bound at once: 窗口领取 or 邮寄."""

    COUNTER = "counter"
    MAIL = "mail"


class BindingStep(enum.StrEnum):
    """The last step of an attempt to bind; each is durable before the next begins."""

    STARTED = "started"
    KEY_PAIR_MADE = "key-pair-made"
    ISSUED = "issued"
    WRITTEN = "written"
    PROVED = "proved"
    BOUND = "bound"
    ABANDONED = "abandoned"


class Binding(msgspec.Struct, frozen=True):
    """One attempt to bind one token for an order; `public_key` is 04 ‖ x ‖ y.

    `old_certificate` is the one that a renewal found on the token (DER), for restoring it; `revoked` once it was decided
    that the bound certificate is out of use.
    """

    attempt: int
    token_serial: str
    driver: str
    algorithm: str
    step: BindingStep
    public_key: bytes | None = None
    certificate: str | None = None
    old_certificate: bytes | None = None
    revoked: bool = False


class HandOver(msgspec.Struct, frozen=True):
    """An order given away: the number of the hand-over and the new owner."""

    handover: int
    owner: int


class Order(msgspec.Struct, frozen=True):
    """One order of one account, as its owner's journal tells it; the key is its reference (an `OrderReference` as text).

    `handover` counts the hand-overs up to this one; `told_by` is the kiosk whose journal this is, `released` whom it gave
    the order to. At the centre `others` are the views of the other kiosks, and an order is not `proven` while it is only
    told of by a kiosk that claims to have been given it.
    """

    reference: str
    owner: int
    kind: OrderKind
    account: str
    enterprise: str
    operator: str
    lines: tuple[PriceLine, ...]
    schedule: int
    placed_at: int
    deadline: int
    sequence: int
    order_code: bytes = msgspec.field(default=b"", name="token")
    previous: KeyOnRecord | None = None
    status: OrderStatus = OrderStatus.PLACED
    payments: tuple[Payment, ...] = ()
    bindings: tuple[Binding, ...] = ()
    delivery: Delivery | None = None
    refund_reason: str = ""
    handover: int = 0
    told_by: int = 0
    released: tuple[HandOver, ...] = ()
    others: tuple[Order, ...] = ()
    proven: bool = True

    @property
    def order_number(self) -> str:
        """The number that people know it by; another order may have the same."""
        return number_in(self.reference)

    @property
    def total(self) -> int:
        """What is to be paid, in fen."""
        return total(self.lines)

    @property
    def money(self) -> tuple[Payment, ...]:
        """The notices of what was received and not returned, each provider transaction once.

        A notice without a transaction counts only when no transaction is known. What was vouched for counts also when
        every transaction was returned: then it was separate money.
        """
        returned = {payment.transaction for payment in self.payments if payment.returned}
        known = {each.transaction: each for each in self.payments if each.transaction is not None}
        identified = tuple(each for transaction, each in known.items() if transaction not in returned)
        otherwise = [each for each in self.payments if not known or each.is_vouched_for]
        if identified or not otherwise:
            return identified
        return (max(otherwise, key=lambda each: each.amount),)

    @property
    def received(self) -> int:
        """What was received and not returned, in fen."""
        return sum(each.amount for each in self.money)

    @property
    def surplus(self) -> int:
        """What a paid or bound order received beyond its price and was not returned, in fen."""
        stands = self.status in {OrderStatus.PAID, OrderStatus.BOUND}
        return max(0, self.received - self.total) if stands else 0

    @property
    def returned(self) -> int:
        """What was paid twice and returned, in fen."""
        amounts = {payment.transaction: payment.amount for payment in self.payments if payment.returned}
        return sum(amounts.values())

    @property
    def binding(self) -> Binding | None:
        """The attempt that is under way or done; None before the first and after an abandoned one."""
        if not self.bindings or self.bindings[-1].step is BindingStep.ABANDONED:
            return None
        return self.bindings[-1]

    @property
    def is_open_here(self) -> bool:
        """Whether it is unpaid, or paid and not bound, and belongs to the kiosk whose journal tells it."""
        return self.status.is_open and self.owner == self.told_by

    @property
    def certificates(self) -> tuple[str, ...]:
        """The numbers of the certificates that the attempts of every view name."""
        views = (self, *self.others)
        return tuple(each.certificate for view in views for each in view.bindings if each.certificate)


class AssignedOrder(msgspec.Struct, frozen=True):
    """A paid order as it is given to the kiosk that is to bind it; amounts in fen, times in UTC seconds.

    The feed's row and the journal entry that repeats it carry these facts, in this order on the wire. `transaction` is
    empty where the money was vouched for, or the centre knows of none. `handover` is the number of the hand-over, from 1.
    """

    order: str
    account: str
    enterprise: str
    operator: str
    order_kind: OrderKind
    lines: tuple[PriceLine, ...]
    schedule: int
    placed_at: int
    transaction: str
    paid_at: int
    handover: int

    @property
    def facts(self) -> AssignedOrder:
        """These facts alone, whoever carries them."""
        return AssignedOrder(**{name: getattr(self, name) for name in AssignedOrder.__struct_fields__})


class CertificateStatus(enum.StrEnum):
    """By its order: ISSUED, BOUND, VOID (never came into use). Then by the register: VALID is listed, HELD is not yet."""

    ISSUED = "issued"
    BOUND = "bound"
    HELD = "held"
    VALID = "valid"
    ON_HOLD = "on-hold"
    REVOKED = "revoked"
    VOID = "void"


class Certificate(msgspec.Struct, frozen=True):
    """One certificate that a kiosk issued; the key is its number; `sequence` is the journal's; times UTC seconds."""

    number: str
    order: str
    account: str
    token_serial: str
    certificate: bytes
    not_before: int
    not_after: int
    kiosk: int
    sequence: int
    status: CertificateStatus
    predecessor: str | None = None
    old_end: int | None = None
