"""What the screens ask of the desk; `kiosk.desk.service.DeskService` satisfies it.

All methods are synchronous and may be called from any thread. Those marked slow are called from a thread always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from kiosk.desk.views import (
    AccountView,
    BindingProgress,
    BindOutcome,
    CodeOutcome,
    DeskStatus,
    Field,
    OrderOpen,
    OrderView,
    PlaceOutcome,
    PrintOutcome,
    Refused,
    Session,
    SignInOutcome,
    StaffSession,
    StaffSignInOutcome,
    TokenOutcome,
    Verified,
    VerifyOutcome,
    WrongKind,
)
from kiosk.domain.feed import DisputeRaised
from kiosk.domain.fees import OrderKind, PriceLine
from kiosk.domain.ledger import Delivery

FeeTable = tuple[tuple[OrderKind, tuple[PriceLine, ...]], ...]
QuoteOutcome = Verified | WrongKind | OrderOpen | Refused
Stop = Callable[[], None]


class DeskPort(Protocol):
    """The desk's verbs."""

    def status(self) -> DeskStatus:
        """The status row; cheap."""
        ...

    def fees(self) -> FeeTable | None:
        """The price lines of each kind in fen, None without a schedule."""
        ...

    def verify(self, kind: OrderKind, fields: Mapping[Field, str]) -> VerifyOutcome:
        """Check 验证信息; slow."""
        ...

    def sign_in(self, account: str, password: str) -> SignInOutcome:
        """Check an account's password; slow."""
        ...

    def quote(self, session: Session, kind: OrderKind) -> QuoteOutcome:
        """What another kind would cost that member."""
        ...

    def place_order(self, session: Session, kind: OrderKind) -> PlaceOutcome:
        """Place the order."""
        ...

    def order(self, number: str) -> OrderView | None:
        """The order as it stands."""
        ...

    def open_orders(self, session: Session) -> tuple[OrderView, ...]:
        """The member's orders that wait for payment or binding."""
        ...

    def bindable(self, session: Session, kind: OrderKind) -> OrderView | Refused:
        """The paid order that a binding of that kind would use."""
        ...

    def confirm_typed(self, number: str, digits: str) -> CodeOutcome:
        """Complete an order by the typed confirmation."""
        ...

    def confirm_scanned(self, number: str, text: str) -> CodeOutcome:
        """Complete an order by the scanned confirmation."""
        ...

    def cancel(self, session: Session, number: str) -> OrderView | Refused:
        """Give an unpaid order up."""
        ...

    def expire_due(self) -> int:
        """End the orders whose time is over; how many there were."""
        ...

    def choose_delivery(self, session: Session, number: str, delivery: Delivery) -> PrintOutcome:
        """Record how the token reaches the member, and print the slip."""
        ...

    def read_token(self) -> TokenOutcome:
        """Read the token that is in; slow."""
        ...

    def bind(
        self,
        session: Session,
        number: str,
        pin: str | None,
        last_try_confirmed: bool,  # noqa: FBT001 - the desk's own signature
        progress: Callable[[BindingProgress], None],
    ) -> BindOutcome:
        """Bind, or go on where a binding stopped; takes seconds."""
        ...

    def account(self, session: Session) -> AccountView:
        """查询: the key and the orders."""
        ...

    def print_receipt(self, number: str) -> PrintOutcome:
        """Print an order's receipt, or keep it until there is paper."""
        ...

    def registered(self, number: str) -> bool:
        """Whether the centre lists the certificate that was bound for that order; cheap."""
        ...

    def print_waiting(self) -> int:
        """Print what waits; how many were printed."""
        ...

    def watch_tokens(self, changed: Callable[[], None]) -> Stop:
        """Call `changed`, from another thread, when a token goes in or out."""
        ...

    def watch_scans(self, scanned: Callable[[str], None]) -> Stop:
        """Call `scanned`, from another thread, with what the scanner read."""
        ...

    def staff_sign_in(self, name: str, password: str) -> StaffSignInOutcome:
        """Check a staff member's password; slow."""
        ...

    def abandon(self, staff: StaffSession, number: str, reason: str) -> OrderView | Refused:
        """Give up a binding whose token died."""
        ...

    def vouch(self, staff: StaffSession, number: str) -> OrderView | Refused:
        """Confirm a payment that the supervisor has seen."""
        ...

    def grant_refund(self, staff: StaffSession, number: str, reason: str) -> OrderView | Refused:
        """Give the money back."""
        ...

    def staff_orders(self) -> tuple[OrderView, ...]:
        """The orders that are open or in trouble."""
        ...

    def feed_kept(self) -> tuple[str, ...]:
        """Feed items that could not be applied, in words."""
        ...

    def disputes(self) -> tuple[DisputeRaised, ...]:
        """What the centre could not accept."""
        ...
