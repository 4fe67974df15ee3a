"""What the demo drawer does: keys in and out, the payer's phone, the exchange's staff, the network, the paper and the clock."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from hardware.disk import write_durably
from hardware.ports import PrinterState
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.scanner import VirtualScanner
from hardware.virtual.source import VirtualTokenSource
from kiosk.demo import phone
from kiosk.demo.cards import CARDS, DemoCard, open_card
from kiosk.demo.exchange import Console
from kiosk.demo.members import ACCOUNTS, STAFF
from kiosk.demo.ports import DemoAccount, DemoControls, DemoStaff, DemoToken, PhonePage
from kiosk.domain.promises import china_day
from kiosk.store.system_clock import SystemClock
from kiosk.text.catalogue import N_

# A binding takes some forty commands.
SLOW_SECONDS = 0.3
_INVOICE = "26117000000000000001"
_ADDED = N_("新交易员")


class Controls:
    """The drawer's hand on the virtual devices of one data directory (`ports.DemoControls`)."""

    def __init__(
        self,
        source: VirtualTokenSource,
        printer: VirtualPrinter,
        scanner: VirtualScanner,
        clock: SystemClock,
        *,
        cards: Path,
        network_switch: Path,
        clock_shift: Path,
        traders: Path,
        centre_address: str,
    ) -> None:
        self._source = source
        self._printer = printer
        self._scanner = scanner
        self._clock = clock
        self._cards = cards
        self._network_switch = network_switch
        self._clock_shift = clock_shift
        self._traders = traders
        self._centre_address = centre_address
        self._console = Console(centre_address)
        self._inserted: DemoCard | None = None

    def tokens(self) -> tuple[DemoToken, ...]:
        """The virtual keys on the desk."""
        return tuple(DemoToken(card.name, card.serial, card.pin) for card in CARDS)

    def inserted(self) -> str | None:
        """The name of the key that is in; a key that a fault pulled is not."""
        return self._inserted.name if self._inserted and self._source.present() else None

    def insert(self, name: str) -> None:
        """Insert that key, after removing the one that is inserted."""
        card = next(card for card in CARDS if card.name == name)
        self._source.swap(open_card(self._cards, card))
        self._inserted = card

    def remove(self) -> None:
        """Pull the key."""
        self._source.remove()
        self._inserted = None

    def swap(self) -> None:
        """Remove the key and insert the next one of the list."""
        place = CARDS.index(self._inserted) + 1 if self._inserted else 0
        self.insert(CARDS[place % len(CARDS)].name)

    def be_slow(self, *, slow: bool) -> None:
        """Let every key take its time, or none."""
        self._source.seconds_for_each_command = SLOW_SECONDS if slow else 0.0

    @property
    def keys_are_slow(self) -> bool:
        """Whether the keys take their time."""
        return self._source.seconds_for_each_command > 0

    def phone_open(self, link: str) -> PhonePage:
        """Open the QR code's link on the payer's phone."""
        return phone.open_page(link)

    def phone_pay(self, link: str) -> PhonePage:
        """Pay on the payer's phone."""
        return phone.open_page(link, "pay")

    def phone_decline(self, link: str) -> PhonePage:
        """Decline on the payer's phone."""
        return phone.open_page(link, "decline")

    def phone_messages(self, account: str) -> tuple[str, ...]:
        """The text messages on the phone of an account, newest first."""
        return phone.messages(self._centre_address, account)

    def first_code(self, account: str) -> str:
        """The code that the newest message to an account tells."""
        newest = self.phone_messages(account)[:1]
        return phone.code_in(newest[0]) if newest else ""

    def approve_trader(self) -> DemoAccount:
        """Approve the trader who waits longest, and list the new account from now on."""
        judged = self._console.approve()
        unknown = DemoAccount(judged.proposer, "", "", "", "", "")
        colleague = next((each for each in self.accounts() if each.account == judged.proposer), unknown)
        trader = msgspec.structs.replace(
            colleague,
            account=judged.account,
            password=f"Keydesk-{judged.account[-2:]}",
            operator=judged.name,
            remark=_ADDED,
            added=True,
        )
        write_durably(self._traders, msgspec.json.encode((*self._added(), trader)))
        return trader

    def refuse_trader(self, reason: str) -> str:
        """Refuse the one who waits longest."""
        return self._console.refuse(reason).name

    def issue_invoice(self, order: str) -> None:
        """Enter the invoice of an order, of today."""
        self._console.issue_invoice(order, _INVOICE, china_day(int(time.time())))

    def scan(self, text: str) -> None:
        """Scan a code."""
        self._scanner.scan(text)

    def cut_network(self) -> None:
        """Cut the kiosk off from the centre."""
        self._network_switch.touch()

    def restore_network(self) -> None:
        """Connect the kiosk again."""
        self._network_switch.unlink(missing_ok=True)

    @property
    def network_cut(self) -> bool:
        """Whether the kiosk is cut off."""
        return self._network_switch.exists()

    def paper_out(self) -> None:
        """Take the paper out of the printer."""
        self._printer.set_paper(present=False)

    def paper_in(self) -> None:
        """Load paper."""
        self._printer.set_paper(present=True)

    @property
    def paper_is_out(self) -> bool:
        """Whether the printer has no paper."""
        return self._printer.state() is PrinterState.PAPER_OUT

    def shift_clock(self, seconds: int) -> None:
        """Move the kiosk's clock, the app's and the agent's."""
        write_durably(self._clock_shift, str(self._clock.shifted() + seconds).encode())

    def reset_clock(self) -> None:
        """Let the app's and the agent's clock be the machine's again."""
        write_durably(self._clock_shift, b"0")

    @property
    def clock_shift(self) -> int:
        """How far the kiosk's clock was moved, in seconds."""
        return self._clock.shifted()

    def accounts(self) -> tuple[DemoAccount, ...]:
        """The example accounts, then the traders who were added."""
        return (*ACCOUNTS, *self._added())

    def _added(self) -> tuple[DemoAccount, ...]:
        if not self._traders.exists():
            return ()
        return msgspec.json.decode(self._traders.read_bytes(), type=tuple[DemoAccount, ...])

    def staff(self) -> tuple[DemoStaff, ...]:
        """The example staff."""
        return STAFF

    @property
    def receipts_folder(self) -> str:
        """The folder with the receipts' pictures."""
        return str(self._printer.folder)

    @property
    def centre_address(self) -> str:
        """The central server's address."""
        return self._centre_address


def _is_controls(controls: Controls) -> DemoControls:
    return controls
