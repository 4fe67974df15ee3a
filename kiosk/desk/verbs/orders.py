"""An order from its price to its papers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk import status
from kiosk.desk.orders import finding, ordering, payment, receipts, visit_papers
from kiosk.desk.orders.confirming import CodeOutcome
from kiosk.desk.verbs.outcomes import Outcomes
from kiosk.desk.views.orders import (
    DeliveryOutcome,
    FeeTable,
    OrderView,
    PlaceOutcome,
    PrintOutcome,
    QuoteOutcome,
    ScanRead,
)
from kiosk.desk.views.people import SecondAllowed, Session
from kiosk.desk.views.refusals import Refused

if TYPE_CHECKING:
    from kiosk.domain.feed import RegisteredState
    from kiosk.domain.fees import OrderKind
    from kiosk.domain.ledger import Delivery


class OrderVerbs(Outcomes):
    """The fees, an order from the quote to the delivery, and what is printed."""

    def fees(self) -> FeeTable | Refused | None:
        """The notice's fee table; None without a schedule."""
        return self._outcome(lambda: status.fees(self._desk))

    def quote(self, session: Session, kind: OrderKind, allowed: SecondAllowed | None = None) -> QuoteOutcome:
        """What that kind costs and gives; a supervisor may have allowed it beside an order that was paid elsewhere."""
        return self._outcome(lambda: ordering.quote(self._desk, session, kind, allowed))

    def place_order(
        self, session: Session, kind: OrderKind, allowed: SecondAllowed | None = None
    ) -> PlaceOutcome:
        """Place the order; a replacement that declares the loss reports it too."""
        return self._outcome(lambda: ordering.place_order(self._desk, session, kind, allowed))

    def order(self, reference: str) -> OrderView | Refused | None:
        """The order's present state; None where there is none of that reference."""
        return self._outcome(lambda: ordering.order(self._desk, reference))

    def open_orders(self, session: Session) -> tuple[OrderView, ...] | Refused:
        """The member's orders that wait for payment or binding here."""
        return self._or((), lambda: ordering.open_orders(self._desk, session))

    def bindable(self, session: Session) -> tuple[OrderView, ...] | Refused:
        """The paid orders that a key can be bound for, one of each kind."""
        return self._outcome(lambda: ordering.bindable(self._desk, session))

    def read_scan(self, text: str) -> ScanRead | Refused:
        """Whether there is an order for what was scanned; no more, before anybody signed in."""
        return self._outcome(lambda: finding.read_scan(self._desk, text))

    def scanned_orders(self, session: Session, text: str) -> tuple[OrderView, ...] | Refused:
        """The member's orders among those of what was scanned."""
        return self._outcome(lambda: finding.scanned_orders(self._desk, session, text))

    def confirm_typed(self, reference: str, digits: str) -> CodeOutcome:
        """Take a typed confirmation."""
        return self._outcome(lambda: payment.confirm_typed(self._desk, reference, digits))

    def confirm_scanned(self, reference: str, text: str) -> CodeOutcome:
        """Take a scanned confirmation."""
        return self._outcome(lambda: payment.confirm_scanned(self._desk, reference, text))

    def cancel(self, session: Session, reference: str) -> OrderView | Refused:
        """Give an unpaid order up."""
        return self._outcome(lambda: ordering.cancel(self._desk, session, reference))

    def expire_due(self) -> int | Refused:
        """Expire the orders that were not paid in time; the result is how many."""
        return self._or(0, lambda: ordering.expire_due(self._desk))

    def choose_delivery(self, session: Session, reference: str, delivery: Delivery) -> DeliveryOutcome:
        """Record that the token is collected later or mailed, and print the slip; NOT_PRINTED where only that failed."""
        outcome = self._outcome(lambda: ordering.choose_delivery(self._desk, session, reference, delivery))
        if isinstance(outcome, Refused):
            return outcome
        printed = self.print_receipt(reference)
        return PrintOutcome.NOT_PRINTED if isinstance(printed, Refused) else printed

    def registration(self, reference: str) -> RegisteredState | Refused | None:
        """Where the certificate that was bound for that order stands at the centre; None while it told nothing."""
        return self._outcome(lambda: receipts.registration(self._desk, reference))

    def print_receipt(self, reference: str) -> PrintOutcome | Refused:
        """Print the order's receipt, or a copy of it; without paper it waits."""
        return self._or(PrintOutcome.NO_RECEIPT, lambda: receipts.print_receipt(self._desk, reference))

    def print_label(self, reference: str) -> PrintOutcome | Refused:
        """Print the label of the order's key; without paper it waits."""
        return self._or(PrintOutcome.NO_RECEIPT, lambda: visit_papers.print_label(self._desk, reference))

    def print_slip(self, references: tuple[str, ...]) -> PrintOutcome | Refused:
        """Print one slip of the keys of one enterprise; without paper it waits."""
        return self._or(PrintOutcome.NO_RECEIPT, lambda: visit_papers.print_slip(self._desk, references))

    def print_waiting(self) -> int | Refused:
        """Print what is queued and not out; the result is how many receipts were printed."""
        return self._or(0, lambda: receipts.print_waiting(self._desk))

    def print_again(self) -> int | Refused:
        """Print all that is queued, also what a printer that tells nothing may have printed; the result as above."""
        return self._or(0, lambda: receipts.print_again(self._desk))
