"""Tokens: what is in the reader, why it cannot be used, and how far its binding is."""

from __future__ import annotations

import enum

import msgspec

from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.refusals import Refused
from kiosk.domain.feed import RegisteredState
from kiosk.domain.ledger import BindingStep


class TokenView(msgspec.Struct, frozen=True):
    """An inserted token, as just read; None where it holds nothing. `tries_left` of its PIN; `blank` nothing at all.

    `factory_pin` is whether it still has the PIN it came with, `issued_pin`; None where it does not say. `driver`, `application` and
    `reader` name its driver, the desk's application on it, and its place. A token that is not `prepared` lacks that
    application: only its serial could be read.
    """

    serial: str
    blank: bool
    certificate: str | None
    not_before: int | None
    not_after: int | None
    tries_left: int | None
    pin_blocked: bool
    tries_allowed: int | None = None
    factory_pin: bool | None = None
    driver: str = ""
    application: str = ""
    reader: str = ""
    prepared: bool = True
    issued_pin: str = ""


class TokenRefusal(enum.StrEnum):
    """Why the token that is in cannot be used, or the binding stopped."""

    NO_DRIVER = "no-driver"
    ABSENT = "absent"
    SEVERAL = "several"
    TWINS = "twins"
    """Several with one serial number, and nothing that tells which is meant."""
    NOT_RECOGNISED = "not-recognised"
    NO_SERIAL = "no-serial"
    NOT_PREPARED = "not-prepared"
    REMOVED = "removed"
    LEFT_BEHIND = "left-behind"
    """An earlier visit left it in the reader; nobody is told what it is."""
    HELD = "held"
    """Another program is connected to it; `detail` names those that may be the one."""
    SWAPPED = "swapped"
    NOT_BLANK = "not-blank"
    ANOTHER_MEMBERS = "another-members"
    NOT_THE_KEY_ON_RECORD = "not-the-key-on-record"
    NO_KEY_TO_RENEW = "no-key-to-renew"
    PIN_WRONG = "pin-wrong"
    PIN_LAST_TRY = "pin-last-try"
    PIN_BLOCKED = "pin-blocked"
    PIN_INVALID = "pin-invalid"
    PIN_WANTED = "pin-wanted"
    FULL = "full"
    FAULT = "fault"
    PROOF_FAILED = "proof-failed"
    NO_CERTIFICATE = "no-certificate"
    PIN_UNCHANGED = "pin-unchanged"
    """The new PIN is the factory PIN or the old one."""
    PIN_UNCERTAIN = "pin-uncertain"
    """The answer was lost while the PIN was being changed or unblocked: the new PIN may count already, try it first."""
    UNBLOCKING_PIN_WRONG = "unblocking-pin-wrong"
    UNBLOCKING_PIN_BLOCKED = "unblocking-pin-blocked"
    DEVICE_KEY_REFUSED = "device-key-refused"
    SHARED = "shared"
    """Others keep keys in the desk's application, which an erasure would take along."""
    PIN_SHARED = "pin-shared"
    """The key's PIN serves other slots, which are in use: an erasure would make it the factory's."""
    NOT_SUPPORTED = "not-supported"
    LIBRARY_FAILED = "library-failed"
    LIBRARY_HASHES = "library-hashes"
    """The vendor's library hashes what it is given to sign; `detail` is the setting that tells the desk so."""
    IN_USE = "in-use"
    """It is the key of an account, or a binding on it goes on: it is not erased."""
    NOT_ON_HOLD = "not-on-hold"


FOREIGN_CONTENTS = "foreign-contents"
"""The detail of ANOTHER_MEMBERS for a token that holds what is no member's certificate, or is not understood."""


SAME_SERIAL = "same-serial"
"""The detail of ANOTHER_MEMBERS and NOT_THE_KEY_ON_RECORD for a token that has another one's serial number."""


class TokenRefused(msgspec.Struct, frozen=True, tag="token-refused"):
    """What is wrong with the token; `expected` and `found` are serials; `detail` an ATR, a status word, an error's name or programs.

    `card` is what an unknown card seems to be (`hardware.token.known_cards`); `candidates` the tokens to choose from
    when it is SEVERAL. `feed_as_of` when the reason rests on the feed and the kiosk is offline.
    """

    reason: TokenRefusal
    tries_left: int | None = None
    expected: str | None = None
    found: str | None = None
    detail: str | None = None
    card: str | None = None
    candidates: tuple[TokenView, ...] = ()
    feed_as_of: int | None = None


TokenOutcome = TokenView | TokenRefused | Refused


# Which of the six steps on the screen each step of the journal completes.
STEPS_SHOWN = {
    BindingStep.STARTED: 1,
    BindingStep.KEY_PAIR_MADE: 2,
    BindingStep.ISSUED: 3,
    BindingStep.WRITTEN: 4,
    BindingStep.PROVED: 5,
}


class BindingProgress(msgspec.Struct, frozen=True):
    """A step of the six that the bind screen lists: 1 read, 2 key pair, 3 issue, 4 write, 5 prove, 6 bound."""

    step: int
    done: bool


class BoundView(msgspec.Struct, frozen=True, tag="bound"):
    """The key is bound; `registration` once the centre told where the certificate stands."""

    order: OrderView
    serial: str
    certificate: str
    not_before: int
    not_after: int
    registration: RegisteredState | None = None


BindOutcome = BoundView | TokenRefused | Refused
