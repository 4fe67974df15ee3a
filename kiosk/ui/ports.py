"""What the screens ask of the desk; `kiosk.desk.service.DeskService` satisfies it.

All methods are synchronous and may be called from any thread. Those marked slow are called from a thread always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from kiosk.desk.keys.views import (
    FoundOutcome,
    KeyOutcome,
    LiftOutcome,
    LoginCheckOutcome,
    LoginCheckView,
    LossOutcome,
)
from kiosk.desk.views import (
    AccountView,
    BindingProgress,
    BindOutcome,
    CodeOutcome,
    DeliveryOutcome,
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


class KeyServices(Protocol):
    """The verbs on a key outside an order; `serial` names the token where several are in. All are slow."""

    def key_status(self, who: Session | StaffSession, serial: str | None = None) -> KeyOutcome:
        """状态 of the token that is in; a member sees another member's key only as not theirs."""
        ...

    def change_pin(
        self,
        session: Session,
        old: str | None,
        new: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the desk's own signature
        serial: str | None = None,
    ) -> KeyOutcome:
        """修改PIN; without an old one the factory PIN is taken, once, where all tries are left."""
        ...

    def skip_pin_change(self, session: Session, serial: str) -> None:
        """Record that the member kept the factory PIN after the first binding."""
        ...

    def unblock_pin(
        self, staff: StaffSession, unblocking_pin: str | None, new: str, serial: str | None = None
    ) -> KeyOutcome:
        """解锁PIN, by a supervisor; without an unblocking PIN the configured one is taken."""
        ...

    def erase(self, staff: StaffSession, serial: str) -> KeyOutcome:
        """清空: make the token of that very serial blank, or prepare one that lacks the desk's application."""
        ...

    def report_loss(self, session: Session) -> LossOutcome:
        """挂失: put the account's certificate on hold, at once and free of charge."""
        ...

    def loss_registered(self, account: str) -> bool:
        """Whether the centre has the account's last report of a loss, or its lifting; cheap."""
        ...

    def key_found(self, staff: StaffSession, serial: str | None = None) -> FoundOutcome:
        """拾获登记: note that the token that is in was handed in."""
        ...

    def lift_hold(
        self,
        session: Session,
        staff: StaffSession,
        pin: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the desk's own signature
        serial: str | None = None,
    ) -> LiftOutcome:
        """解除挂失: the owner is back with the key, and proves its PIN."""
        ...

    def login_check(
        self,
        session: Session,
        pin: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the desk's own signature
        serial: str | None = None,
    ) -> LoginCheckOutcome:
        """登录验证 up to the SMS code; asks the centre and waits some seconds for it at most."""
        ...

    def login_code(self, view: LoginCheckView, code: str) -> LoginCheckView:
        """The check with the SMS code that the member typed."""
        ...


class DeskPort(KeyServices, Protocol):
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

    def choose_delivery(self, session: Session, number: str, delivery: Delivery) -> DeliveryOutcome:
        """Record how the token reaches the member, and print the slip."""
        ...

    def read_token(self, number: str | None = None, serial: str | None = None) -> TokenOutcome:
        """Read the token that is in; slow.

        Of several it takes the one that the order `number` needs, or the one of that `serial`; where that leaves more
        than one, SEVERAL with the candidates.
        """
        ...

    def bind(
        self,
        session: Session,
        number: str,
        pin: str | None,
        last_try_confirmed: bool,  # noqa: FBT001 - the desk's own signature
        progress: Callable[[BindingProgress], None],
        serial: str | None = None,
    ) -> BindOutcome:
        """Bind, or go on where a binding stopped; takes seconds. `serial` names the token where several are in."""
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
