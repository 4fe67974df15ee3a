"""What is asked for after paying."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.requests import delivery as delivery_verbs
from kiosk.desk.requests import forms, operators
from kiosk.desk.requests import invoice as invoice_verbs
from kiosk.desk.verbs.outcomes import Outcomes
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refused
from kiosk.domain.payment_codes import orders_page

if TYPE_CHECKING:
    from kiosk.desk.requests.forms import FormsOutcome
    from kiosk.desk.requests.views import ProposalOutcome, ProposalsOutcome, RequestsOutcome, RequestsView
    from kiosk.domain.entries.requests import InvoiceKind
    from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, OperatorDetails


class RequestVerbs(Outcomes):
    """邮寄, 发票, 添加交易员: what is asked for after paying."""

    def requests(self, session: Session, reference: str) -> RequestsOutcome:
        """What was asked for one of the member's orders."""
        return self._outcome(lambda: delivery_verbs.requests(self._desk, session, reference))

    @property
    def orders_page(self) -> str:
        """The address of 「我的订单」→「华商订单」 for a phone; empty where no centre is configured."""
        page = self._desk.settings.payment_page
        return orders_page(page) if page else ""

    def requests_of(self, session: Session) -> tuple[RequestsView, ...] | Refused:
        """What was asked for each of the member's orders."""
        return self._outcome(lambda: delivery_verbs.requests_of(self._desk, session))

    def request_forms(self, staff: StaffSession, reference: str) -> FormsOutcome:
        """What staff can do for an order after the payment, and what is known for their forms."""
        return self._outcome(lambda: forms.request_forms(self._desk, staff, reference))

    def ask_delivery(
        self, who: Session | StaffSession, reference: str, address: DeliveryAddress
    ) -> RequestsOutcome:
        """Have the key mailed; again, to another address. Staff type it for the member."""
        return self._outcome(lambda: delivery_verbs.ask_delivery(self._desk, who, reference, address))

    def key_mailed(self, staff: StaffSession, reference: str, carrier: str, tracking: str) -> RequestsOutcome:
        """The desk's staff mailed the key."""
        return self._outcome(
            lambda: delivery_verbs.key_mailed(self._desk, staff, reference, carrier, tracking)
        )

    def key_received_back(
        self, staff: StaffSession, reference: str, reason: str, serial: str = ""
    ) -> RequestsOutcome:
        """A mailed key came back."""
        return self._outcome(
            lambda: delivery_verbs.key_received_back(self._desk, staff, reference, reason, serial)
        )

    def ask_invoice(
        self,
        who: Session | StaffSession,
        reference: str,
        invoice: InvoiceKind,
        details: InvoiceDetails,
    ) -> RequestsOutcome:
        """Ask for an invoice; again, for another one."""
        return self._outcome(lambda: invoice_verbs.ask_invoice(self._desk, who, reference, invoice, details))

    def withdraw_invoice(self, who: Session | StaffSession, reference: str) -> RequestsOutcome:
        """Ask for no invoice after all."""
        return self._outcome(lambda: invoice_verbs.withdraw_invoice(self._desk, who, reference))

    def proposals(self, session: Session) -> ProposalsOutcome:
        """The operators that the account proposed."""
        return self._outcome(lambda: operators.proposals(self._desk, session))

    def propose_operator(
        self,
        session: Session,
        details: OperatorDetails,
        authorised: bool,  # noqa: FBT001 - the screens' contract
        staff: StaffSession | None = None,
    ) -> ProposalOutcome:
        """提交审核 of one more operator."""
        return self._outcome(
            lambda: operators.propose_operator(self._desk, session, details, authorised, staff)
        )

    def withdraw_operator(
        self, session: Session, proposal: str, staff: StaffSession | None = None
    ) -> ProposalOutcome:
        """Take a proposal back."""
        return self._outcome(lambda: operators.withdraw_operator(self._desk, session, proposal, staff))
