"""The demo's hand on a kiosk under test: its virtual devices, and a payer's phone that needs no centre."""

from __future__ import annotations

from hardware.ports import PrinterState
from hardware.virtual.gmt.card import GmtCard
from kiosk.demo.members import ACCOUNTS, STAFF
from kiosk.demo.ports import DemoAccount, DemoStaff, DemoToken, PhonePage
from tests.support.kiosk import OTHER_SERIAL, SERIAL, Kiosk


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
            (order,) = tx.ledger.orders()
        number = order.reference
        if state != "paid":
            return PhonePage(number, order.total, state, link)
        digits, scan = self._kiosk.setup.digits_for(number), self._kiosk.setup.scan_for(number)
        return PhonePage(number, order.total, state, link, digits, scan)

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
        """Return the example accounts."""
        return ACCOUNTS

    def staff(self) -> tuple[DemoStaff, ...]:
        """Return the example staff."""
        return STAFF
