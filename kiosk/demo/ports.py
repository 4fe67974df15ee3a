"""What the demo drawer can do to the virtual devices, the payer's phone, the exchange's staff, the network and the clock.

The drawer knows this protocol alone; `controls.Controls` satisfies it.
Methods that talk to the centre may take a second or two: they are called from a thread.

    DemoError
    ├── PhoneUnreachable    the centre's page did not answer (detail)
    ├── PhoneRefused        the page did not take the payment, e.g. the order has ended (detail)
    ├── ExchangeUnreachable the centre's console did not answer (detail)
    ├── ExchangeRefused     the console did not take it (detail, as it says)
    └── NothingWaits        nothing of that kind waits at the centre, or it has not arrived there yet
"""

from __future__ import annotations

from typing import Protocol

import msgspec


class DemoError(Exception):
    """The centre refused; `detail` says why in a few words."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class PhoneUnreachable(DemoError):
    """The centre's page did not answer."""


class PhoneRefused(DemoError):
    """The page did not take the payment."""


class ExchangeUnreachable(DemoError):
    """The centre's console did not answer, or not as a console does."""


class ExchangeRefused(DemoError):
    """The console did not take it."""


class NothingWaits(DemoError):
    """Nothing of that kind waits at the centre: it was decided, or has not arrived yet."""


class DemoToken(msgspec.Struct, frozen=True):
    """A virtual key: its name in the demo, which the drawer words, its serial number and the PIN that it came with."""

    name: str
    serial: str
    pin: str


class PhonePage(msgspec.Struct, frozen=True):
    """What the payer's phone shows: `amount` in fen, and once paid the confirmation to type or to scan.

    `address` is the page's. `confirmation` is grouped 4-4-3, `scan_text` what the confirmation's QR holds; both
    are empty until the order is paid.
    """

    order: str
    amount: int
    state: str
    address: str
    confirmation: str = ""
    scan_text: str = ""


class DemoAccount(msgspec.Struct, frozen=True):
    """An example account with the fields of the verify screen; the drawer words the remark.

    `added`: a trader whom the demo approved, and whose password is the one that the drawer fills in.
    """

    account: str
    password: str
    enterprise: str
    legal_person: str
    operator: str
    remark: str
    added: bool = False


class DemoStaff(msgspec.Struct, frozen=True):
    """One of the example staff, who signs in with F6."""

    name: str
    password: str
    supervisor: bool


class DemoControls(Protocol):
    """The demo's hand on everything around the desk."""

    def tokens(self) -> tuple[DemoToken, ...]:
        """The virtual keys on the desk."""
        ...

    def inserted(self) -> str | None:
        """The name of the key that is in."""
        ...

    def insert(self, name: str) -> None:
        """Insert that key, after removing the one that is inserted."""
        ...

    def remove(self) -> None:
        """Pull the key."""
        ...

    def swap(self) -> None:
        """Remove the key and insert the next one of the list."""
        ...

    def be_slow(self, *, slow: bool) -> None:
        """Let every key take its time, so that one can be pulled in the middle of a binding."""
        ...

    @property
    def keys_are_slow(self) -> bool:
        """Whether the keys take their time."""
        ...

    def phone_open(self, link: str) -> PhonePage:
        """Open the QR code's link on the payer's phone. Raises DemoError."""
        ...

    def phone_pay(self, link: str) -> PhonePage:
        """Pay on the payer's phone. Raises DemoError."""
        ...

    def phone_decline(self, link: str) -> PhonePage:
        """Decline on the payer's phone. Raises DemoError."""
        ...

    def phone_messages(self, account: str) -> tuple[str, ...]:
        """The text messages on the phone of an account, newest first; empty where the centre sends none."""
        ...

    def first_code(self, account: str) -> str:
        """The code that the newest message to an account tells; empty where there is none."""
        ...

    def approve_trader(self) -> DemoAccount:
        """Have the exchange approve the proposed trader who waits longest. Raises DemoError."""
        ...

    def refuse_trader(self, reason: str) -> str:
        """Have it refuse that one; who it was. Raises DemoError."""
        ...

    def issue_invoice(self, order: str) -> None:
        """Have it make out the invoice that was asked for an order, by reference. Raises DemoError."""
        ...

    def scan(self, text: str) -> None:
        """Scan a code."""
        ...

    def cut_network(self) -> None:
        """Cut the kiosk off from the centre; the payer's phone stays online."""
        ...

    def restore_network(self) -> None:
        """Connect the kiosk again."""
        ...

    @property
    def network_cut(self) -> bool:
        """Whether the kiosk is cut off."""
        ...

    def paper_out(self) -> None:
        """Take the paper out of the printer."""
        ...

    def paper_in(self) -> None:
        """Load paper."""
        ...

    @property
    def paper_is_out(self) -> bool:
        """Whether the printer has no paper."""
        ...

    def shift_clock(self, seconds: int) -> None:
        """Move the kiosk's clock by so many seconds, forward or, when negative, back."""
        ...

    def reset_clock(self) -> None:
        """Let the kiosk's clock be the machine's again."""
        ...

    @property
    def clock_shift(self) -> int:
        """How far the kiosk's clock was moved, in seconds."""
        ...

    def accounts(self) -> tuple[DemoAccount, ...]:
        """The example accounts, then the traders who were added."""
        ...

    def staff(self) -> tuple[DemoStaff, ...]:
        """The example staff."""
        ...

    @property
    def receipts_folder(self) -> str:
        """The folder with the receipts' pictures."""
        ...

    @property
    def centre_address(self) -> str:
        """The central server's address."""
        ...
