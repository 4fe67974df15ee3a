"""One member's visit: the state that the screens share between steps, discarded as a whole."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import msgspec

from kiosk.desk.views.orders import OrderView, PrintOutcome
from kiosk.desk.views.people import Field, Session
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery


class Purpose(enum.StrEnum):
    """Why a member signs in."""

    CONTINUE = "continue"
    QUERY = "query"
    KEY_SERVICE = "key-service"


class KeyService(enum.StrEnum):
    """The key services outside an order, in the menu's order."""

    STATUS = "status"
    CHANGE_PIN = "change-pin"
    LOGIN_CHECK = "login-check"
    REPORT_LOSS = "report-loss"
    FIRST_PASSWORD = "first-password"  # noqa: S105 - a service's name


class Party(msgspec.Struct, frozen=True):
    """「同企业下一位」: operators of one enterprise who come one after another, and the orders whose keys are bound already."""

    enterprise: str
    orders: tuple[str, ...]

    def with_order(self, reference: str) -> Party:
        """The same with one more key."""
        return self if reference in self.orders else Party(self.enterprise, (*self.orders, reference))


@dataclass
class Visit:
    """What one member typed, chose and received; a new visit begins at home."""

    kind: OrderKind = OrderKind.NEW
    purpose: Purpose = Purpose.CONTINUE
    typed: dict[Field, str] = field(default_factory=dict)
    session: Session | None = None
    order: OrderView | None = None
    bound: BoundView | None = None
    delivery: Delivery | None = None
    printed: PrintOutcome | None = None
    begun: bool = False
    # What was scanned at home, and the number of its order, which is empty where that was a key's label.
    scan: str = ""
    scanned_number: str = ""
    # The account's orders of that scan, which 查询 opens at once.
    scanned_orders: tuple[str, ...] = ()
    service: KeyService | None = None
    pin_settled: bool = False
    # All that the next operator finds of those before.
    party: Party | None = None

    def receive(self, bound: BoundView) -> None:
        """Note the key that was bound, and count it among those of its enterprise, whose operators come one after another."""
        self.bound, self.order = bound, bound.order
        if self.party is not None and self.party.enterprise == bound.order.enterprise:
            self.party = self.party.with_order(bound.order.reference)
