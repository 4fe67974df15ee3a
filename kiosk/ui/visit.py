"""One member's visit: all that the screens remember between two steps, forgotten as a whole."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from kiosk.desk.views import BoundView, Field, OrderView, PrintOutcome, Session
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery


class Purpose(enum.StrEnum):
    """Why a member signs in."""

    CONTINUE = "continue"
    QUERY = "query"


@dataclass
class Visit:
    """What one member typed, chose and was given; a new one begins at home."""

    kind: OrderKind = OrderKind.NEW
    purpose: Purpose = Purpose.CONTINUE
    typed: dict[Field, str] = field(default_factory=dict)
    session: Session | None = None
    order: OrderView | None = None
    bound: BoundView | None = None
    delivery: Delivery | None = None
    printed: PrintOutcome | None = None
    begun: bool = False
