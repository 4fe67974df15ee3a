"""The demo's hand on a kiosk under test: its virtual devices, and a payer's phone and an exchange that need no centre."""

from __future__ import annotations

import itertools

from hardware.ports import PrinterState
from hardware.virtual.gmt.card import GmtCard
from kiosk.demo.members import ACCOUNTS, STAFF
from kiosk.demo.ports import DemoAccount, DemoStaff, DemoToken, NothingWaits, PhonePage
from kiosk.domain.feed import InvoiceTold, ProposalTold
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.members import Operator, Review
from kiosk.domain.personal import OperatorDetails
from kiosk.domain.requests import InvoiceState, Proposal, ProposalState
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version
from tests.support.kiosk import OTHER_SERIAL, SERIAL, SMS_CODE, Kiosk

NEW_ACCOUNT = "11000009"
"""What an approved trader gets."""


class DemoDouble:
    """`kiosk.demo.ports.DemoControls` over a kiosk under test."""

    receipts_folder = "receipts"
    centre_address = "http://127.0.0.1:8000"

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._name: str | None = None
        self._cards: dict[str, GmtCard] = {}
        self.network_cut = False
        self.clock_shift = 0
        self._added: tuple[DemoAccount, ...] = ()
        self._versions = itertools.count(1)

    def tokens(self) -> tuple[DemoToken, ...]:
        """Return two blank keys."""
        return (DemoToken("A", SERIAL, "111111"), DemoToken("B", OTHER_SERIAL, "111111"))

    def inserted(self) -> str | None:
        """Return the name of the key that is in."""
        return self._name

    def insert(self, name: str) -> None:
        """Put that key in."""
        if name not in self._cards:
            serial = next(token.serial for token in self.tokens() if token.name == name)
            self._cards[name] = self._kiosk.blank(serial)
        self._kiosk.source.swap(self._cards[name])
        self._name = name

    def remove(self) -> None:
        """Pull the key."""
        self._kiosk.source.remove()
        self._name = None

    def swap(self) -> None:
        """Put the other key in."""
        self.insert("B" if self._name == "A" else "A")

    def be_slow(self, *, slow: bool) -> None:
        """Let the keys take their time."""
        self._kiosk.source.seconds_for_each_command = 0.001 if slow else 0.0

    @property
    def keys_are_slow(self) -> bool:
        """Whether they do."""
        return self._kiosk.source.seconds_for_each_command > 0

    def phone_open(self, link: str) -> PhonePage:
        """Open the link of the only order."""
        return self._page(link, "payable")

    def phone_pay(self, link: str) -> PhonePage:
        """Pay; the kiosk hears of it unless it is cut off."""
        page = self._page(link, "paid")
        if not self.network_cut:
            self._kiosk.setup.pay(page.order)
        return page

    def phone_decline(self, link: str) -> PhonePage:
        """Do not pay."""
        return self.phone_open(link)

    def phone_messages(self, account: str) -> tuple[str, ...]:
        """Return no messages."""
        del account
        return ()

    def _page(self, link: str, state: str) -> PhonePage:
        with self._kiosk.setup.database.read() as tx:
            references = [order.reference for order in tx.ledger.orders()]
        order = next(each for each in map(self._kiosk.order, references) if each.link == link)
        number = order.reference
        if state != "paid":
            return PhonePage(number, order.total, state, link)
        digits, scan = self._kiosk.setup.digits_for(number), self._kiosk.setup.scan_for(number)
        return PhonePage(number, order.total, state, link, digits, scan)

    def first_code(self, account: str) -> str:
        """Return the code of a trader who was approved."""
        return SMS_CODE if any(each.account == account for each in self._added) else ""

    def approve_trader(self) -> DemoAccount:
        """Let the feed tell that the trader was approved, who is an operator from then on."""
        proposal, who = self._waiting()
        colleague = next(each for each in ACCOUNTS if each.account == proposal.account)
        trader = DemoAccount(
            NEW_ACCOUNT,
            f"Keydesk-{NEW_ACCOUNT[-2:]}",
            colleague.enterprise,
            colleague.legal_person,
            who.name,
            "新交易员",
            added=True,
        )
        self._decide(proposal, ProposalState.APPROVED, new_account=NEW_ACCOUNT)
        with self._kiosk.setup.database.write() as tx:
            operator = Operator(NEW_ACCOUNT, proposal.enterprise_code, who.name, Review.APPROVED, "")
            tx.members.put_operator(operator)
        self._added = (*self._added, trader)
        return trader

    def refuse_trader(self, reason: str) -> str:
        """Let the feed tell that the trader was refused."""
        proposal, who = self._waiting()
        self._decide(proposal, ProposalState.REFUSED, reason=reason)
        return who.name

    def issue_invoice(self, order: str) -> None:
        """Let the feed tell that the invoice was made out."""
        with self._kiosk.setup.database.read() as tx:
            asked = tx.ledger.requests(order)
        if asked is None or asked.invoice is None:
            raise NothingWaits
        invoice, now = asked.invoice, self._kiosk.clock.wall()
        self._tell(
            InvoiceTold(
                order, asked.account, InvoiceState.ISSUED, invoice.invoice, "", "26117", invoice.asked_at, now
            )
        )

    def _waiting(self) -> tuple[Proposal, OperatorDetails]:
        with self._kiosk.setup.database.read() as tx:
            for account in ACCOUNTS:
                for proposal in tx.ledger.proposals_of(account.account):
                    told = {each.proposal for each in tx.feed.proposals(account.account)}
                    who = tx.personal.get(proposal.commitment)
                    if proposal.proposal not in told and isinstance(who, OperatorDetails):
                        return proposal, who
        raise NothingWaits

    def _decide(
        self, proposal: Proposal, state: ProposalState, *, new_account: str = "", reason: str = ""
    ) -> None:
        self._tell(
            ProposalTold(
                proposal.proposal,
                proposal.account,
                proposal.enterprise_code,
                state,
                new_account=new_account,
                reason=reason,
            )
        )

    def _tell(self, body: InvoiceTold | ProposalTold) -> None:
        version = Version(1, next(self._versions))
        with self._kiosk.setup.database.write() as tx:
            tx.feed.rows.put(unsigned_row(MEMBERS, row_key_of(body), version, NO_VERSION, body))

    def scan(self, text: str) -> None:
        """Hold a code before the scanner."""
        self._kiosk.scanner.scan(text)

    def cut_network(self) -> None:
        """Cut the kiosk off."""
        self.network_cut = True
        self._kiosk.go_offline()

    def restore_network(self) -> None:
        """Connect it again."""
        self.network_cut = False
        self._kiosk.setup.contact()

    def paper_out(self) -> None:
        """Take the paper out."""
        self._kiosk.printer.set_paper(present=False)

    def paper_in(self) -> None:
        """Put paper in."""
        self._kiosk.printer.set_paper(present=True)

    @property
    def paper_is_out(self) -> bool:
        """Whether the printer has no paper."""
        return self._kiosk.printer.state() is PrinterState.PAPER_OUT

    def shift_clock(self, seconds: int) -> None:
        """Move the clock."""
        self.clock_shift += seconds
        self._kiosk.clock.advance(seconds)

    def reset_clock(self) -> None:
        """Give the clock back what it was moved by."""
        self.shift_clock(-self.clock_shift)

    def accounts(self) -> tuple[DemoAccount, ...]:
        """Return the example accounts, and the traders who were approved."""
        return (*ACCOUNTS, *self._added)

    def staff(self) -> tuple[DemoStaff, ...]:
        """Return the example staff."""
        return STAFF
