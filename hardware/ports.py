"""What the desk asks of a token, a printer and a scanner, and how they fail.

    HardwareError
    ├── TokenError
    │   ├── TokenRemoved            no answer any more: pulled, or the reader went away
    │   ├── TokenSwapped            another token answers where one was being worked on
    │   ├── TokenHeld               another program is connected to it (programs)
    │   ├── TokenNotRecognised      no driver knows the card (atr)
    │   ├── TokenNotPrepared        the application or container that the profile names is missing
    │   ├── WrongPin                the PIN was refused (tries_left)
    │   ├── PinBlocked              no tries left; only an unblock or an erase helps
    │   ├── PinInvalid              the PIN cannot be one: length or characters (nothing was sent)
    │   ├── UnblockingPinRefused    the PUK or administrator PIN was refused (tries_left)
    │   ├── UnblockingPinBlocked    no tries left for it either; only an erase helps
    │   ├── DeviceKeyRefused        the configured device authentication or management key is not this token's
    │   ├── ApplicationShared       others keep keys in the desk's application: it is not erased
    │   ├── PinShared               the PIN serves others' keys as well: it is not given back to the factory's
    │   ├── NotSupported            this kind of token has no such function (function)
    │   ├── SecurityNotSatisfied    the command wants a verified PIN or an authenticated device
    │   ├── NoKeyPair               the token holds no key pair where one is needed
    │   ├── TokenFull               no room for a key pair or a certificate
    │   ├── AttestationRefused      what the token says of its key pair's origin does not hold (reason)
    │   ├── TokenFault              the card answered with a status word that means failure (status_word)
    │   ├── MalformedAnswer         the card's answer does not have the form that the standard gives it
    │   │   └── SerialMissing       its serial number is blank
    │   └── VendorLibraryFailed     the vendor's library crashed, hung or cannot be used (library, failure)
    ├── ReaderUnavailable           no smart card service, no reader, or the driver is not installed
    ├── PrinterError
    │   ├── PaperOut
    │   ├── PrinterUnavailable
    │   └── PrintUnconfirmed        it failed while it was given a receipt, or tells nothing: that may be out
    └── ScannerUnavailable

Errors carry data; the screen words them. None of them carries a PIN or a key.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


class HardwareError(Exception):
    """Something that a device did, or did not do."""


class TokenError(HardwareError):
    """Something went wrong between the desk and a token."""


class TokenRemoved(TokenError):
    """The token gave no answer: it was pulled out or its reader went away."""


class TokenSwapped(TokenError):
    """Another token answers where one was being worked on."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected token {expected}, found {found}")
        self.expected = expected
        self.found = found


class TokenHeld(TokenError):
    """Another program is connected to the token; it comes free when that lets go.

    `programs` are those that may be the one, where the system tells: names with process numbers.
    """

    def __init__(self, reader: str, programs: tuple[str, ...] = ()) -> None:
        super().__init__(f"another program holds the token in {reader}: {', '.join(programs) or 'unknown'}")
        self.reader = reader
        self.programs = programs


class TokenNotRecognised(TokenError):
    """No driver knows this card."""

    def __init__(self, atr: bytes) -> None:
        super().__init__(f"no driver for a card with ATR {atr.hex().upper()}")
        self.atr = atr


class TokenNotPrepared(TokenError):
    """The application or container that the profile names is not on the token."""


class WrongPin(TokenError):
    """The token refused the PIN; `tries_left` is None where the card does not say."""

    def __init__(self, tries_left: int | None) -> None:
        super().__init__(f"wrong PIN, tries left: {tries_left}")
        self.tries_left = tries_left


class PinBlocked(TokenError):
    """The PIN has no tries left."""


class PinInvalid(TokenError):
    """The PIN has a length or characters that no PIN of this token can have; nothing was sent."""


class UnblockingPinRefused(TokenError):
    """The token refused the PUK or administrator PIN; `tries_left` is None where the card does not say."""

    def __init__(self, tries_left: int | None) -> None:
        super().__init__(f"wrong unblocking PIN, tries left: {tries_left}")
        self.tries_left = tries_left


class UnblockingPinBlocked(TokenError):
    """The PUK or administrator PIN has no tries left."""


class DeviceKeyRefused(TokenError):
    """The configured device authentication or management key is not this token's."""


class ApplicationShared(TokenError):
    """The desk's application holds containers of others, which an erasure would take along; nothing was touched."""


class PinShared(TokenError):
    """The PIN, which an erasure would make the factory's, serves keys outside the desk's slot; nothing was touched."""


class NotSupported(TokenError):
    """A token without such a function; `function` names it, e.g. unblock."""

    def __init__(self, function: str) -> None:
        super().__init__(f"the token has no {function}")
        self.function = function


class SecurityNotSatisfied(TokenError):
    """The command wants a verified PIN."""


class NoKeyPair(TokenError):
    """The token holds no key pair."""


class TokenFull(TokenError):
    """The token has no room left."""


class AttestationRefused(TokenError):
    """What the token says of where its key pair was made does not hold; `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenFault(TokenError):
    """The card answered with a status word that means failure."""

    def __init__(self, instruction: int, status_word: int) -> None:
        super().__init__(f"command {instruction:02X} answered {status_word:04X}")
        self.instruction = instruction
        self.status_word = status_word


class MalformedAnswer(TokenError):
    """The card's answer does not have the form that the standard gives it."""


class SerialMissing(MalformedAnswer):
    """The token's serial number is blank, so that nothing could be on record about it."""


class LibraryFailure(enum.StrEnum):
    """How a vendor's library failed."""

    UNUSABLE = "unusable"
    """It is missing, cannot be loaded, or lacks a function of GM/T 0016."""
    CRASHED = "crashed"
    HUNG = "hung"
    HASHES = "hashes"
    """It hashes the hash that it is given to sign: its profile has to say so (`hardware.token.skf.profile.DigestBy`)."""


class LibraryTrouble(enum.StrEnum):
    """Why a vendor's library serves nobody; `detail` is what each says beside it."""

    ABSENT = "absent"
    """There is no such file."""
    NOT_FOUND = "not-found"
    """The system's loader finds none of that name."""
    FOLDER = "folder"
    UNREADABLE = "unreadable"
    """The file cannot be read: the system's own words."""
    NO_LIBRARY = "no-library"
    """The file is none of this system."""
    ANOTHER_MACHINE = "another-machine"
    """It is for another kind of machine: its own and this one."""
    NEEDS = "needs"
    """It needs another library that is not there: that one's name."""
    INCOMPLETE = "incomplete"
    """It lacks functions of GM/T 0016: the names of some."""
    REFUSED = "refused"
    """The system's loader refuses it: the loader's own words."""
    NOT_STARTED = "not-started"
    """Its process does not start: the system's own words."""
    CRASHED = "crashed"
    """Its process ended: in which function, and how."""
    HUNG = "hung"
    """A function gave no answer: that function."""
    ANSWERED = "answered"
    """A function failed with a code: both."""
    FAULTY = "faulty"
    """It answered what cannot be."""


class VendorLibraryFailed(TokenError):
    """A vendor's library failed; it is started anew for the next call.

    `reason` is for the log, `trouble` and `detail` are for the doctor.
    """

    def __init__(
        self,
        library: str,
        failure: LibraryFailure,
        reason: str,
        trouble: LibraryTrouble = LibraryTrouble.FAULTY,
        detail: str = "",
    ) -> None:
        super().__init__(f"{library} {failure.value}: {reason}")
        self.library = library
        self.failure = failure
        self.reason = reason
        self.trouble = trouble
        self.detail = detail


class ReaderTrouble(enum.StrEnum):
    """Why no reader can be used, as far as that is known."""

    LIBRARY = "library"
    """libpcsclite cannot be loaded."""
    SERVICE = "service"
    NO_READER = "no-reader"
    FORBIDDEN = "forbidden"
    """polkit lets this user reach no card."""


class ReaderUnavailable(HardwareError):
    """There is no smart card service or no reader; `reason` is for the log, `trouble` and `detail` (a file, a code) for the doctor."""

    def __init__(self, reason: str, trouble: ReaderTrouble | None = None, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.trouble = trouble
        self.detail = detail


class PrinterError(HardwareError):
    """The receipt was not printed."""


class PaperOut(PrinterError):
    """The printer has no paper."""


class PrinterUnavailable(PrinterError):
    """The printer does not answer."""


class PrintUnconfirmed(PrinterError):
    """The printer failed once it was being given a receipt, or tells nothing behind it; the receipt may be out."""


class ScannerUnavailable(HardwareError):
    """The scanner does not answer."""


class KeyAlgorithm(enum.StrEnum):
    """The key pairs that a token can hold."""

    SM2 = "SM2"
    P256 = "P-256"


class PinState(msgspec.Struct, frozen=True):
    """What a token says of its user PIN without being given one.

    `tries_left` and `tries_allowed` are None where the card does not say.
    """

    tries_left: int | None
    tries_allowed: int | None
    factory: bool | None = None

    @property
    def blocked(self) -> bool:
        """Whether no try is left."""
        return self.tries_left == 0

    @property
    def untouched(self) -> bool:
        """Whether all tries are left, so that the factory PIN may be tried once."""
        return self.tries_left is not None and self.tries_left == self.tries_allowed


class KeyOrigin(msgspec.Struct, frozen=True):
    """That a key pair was made on its token, as the token's maker attests.

    `root` is the SHA-256 of the maker's root certificate in hexadecimal; `statements` is what is attested, each an X.509
    extension's identifier and value (DER).
    """

    root: str
    statements: tuple[tuple[str, bytes], ...]


class TokenPresence(msgspec.Struct, frozen=True):
    """One token in one reader, from insertion to removal: `insertion` differs for every insertion.

    A token that a vendor's library found has its device's name as `reader` and no `atr`.
    """

    reader: str
    atr: bytes
    insertion: int


class SourceFault(msgspec.Struct, frozen=True):
    """A token source that does not work while others may; `reason` is for the log.

    For the doctor a vendor's library has its `trouble` and what that says beside it.
    """

    driver: str
    reason: str
    trouble: LibraryTrouble | None = None
    detail: str = ""


class Token(Protocol):
    """An exclusive connection to one token; every method may raise TokenError.

    A public key is the uncompressed point 04 ‖ x ‖ y (65 bytes); a signature is DER (r, s). On a token without the
    desk's application only `serial`, `driver`, `algorithm`, `application`, `factory_pin`, `random`, `erase` and
    `close` work; the others raise TokenNotPrepared.
    """

    @property
    def serial(self) -> str:
        """The token's serial number as people read it, e.g. E8AD652202221F03."""
        ...

    @property
    def driver(self) -> str:
        """The driver that speaks to it, e.g. gmt."""
        ...

    @property
    def algorithm(self) -> KeyAlgorithm:
        """The kind of key pair that it makes."""
        ...

    @property
    def application(self) -> str:
        """The name of the desk's application on it, e.g. KEYDESK or PIV."""
        ...

    @property
    def factory_pin(self) -> str:
        """The user PIN that such a token has when it comes from the factory, and after `erase`."""
        ...

    def public_key(self) -> bytes | None:
        """The signature public key on it, or None when there is none."""
        ...

    def certificate(self) -> bytes | None:
        """The signature certificate on it (DER), or None when there is none."""
        ...

    def pin_state(self) -> PinState:
        """What it says of its user PIN."""
        ...

    def verify_pin(self, pin: str) -> None:
        """Present the user PIN once; never repeated here. Raises WrongPin, PinBlocked, PinInvalid."""
        ...

    def change_pin(self, old: str, new: str) -> None:
        """Give the user PIN another value, once. Raises WrongPin, PinBlocked, PinInvalid."""
        ...

    def unblock_pin(self, unblocking_pin: str | None, new_pin: str) -> None:
        """Give a forgotten or blocked user PIN a new value and all its tries back, once.

        `unblocking_pin` is the PUK or administrator PIN; None takes the one that is configured. Raises
        UnblockingPinRefused, UnblockingPinBlocked, PinInvalid, NotSupported where none is configured.
        """
        ...

    def random(self, count: int) -> bytes:
        """Have the token make `count` (1 to 64) random bytes."""
        ...

    def erase(self) -> None:
        """Make it blank: no key pair or certificate of the desk's, the factory PIN with all tries.

        What other applications hold on the token is left alone. Called again it completes what was interrupted, and
        it prepares a token that never had the desk's application. Raises DeviceKeyRefused, TokenFull, NotSupported,
        ApplicationShared, PinShared.
        """
        ...

    def generate_key_pair(self) -> bytes:
        """Make the signature key pair, in place of one that is there, and return its public key."""
        ...

    def write_certificate(self, certificate: bytes) -> None:
        """Write the signature certificate (DER), in place of one that is there."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign the message with the algorithm's own hash (SM3 with the default user ID, or SHA-256)."""
        ...

    def close(self) -> None:
        """Give the token up, clearing its security state; never raises TokenError."""
        ...


@runtime_checkable
class Attesting(Protocol):
    """A token whose maker may attest where its key pair was made."""

    def key_origin(self, public_key: bytes) -> KeyOrigin | None:
        """Where that key pair (04 ‖ x ‖ y) was made; None where nobody says, or the desk trusts no maker.

        Raises AttestationRefused for what does not hold.
        """
        ...


@runtime_checkable
class Doubtful(Protocol):
    """A token that may tell more of its contents once its PIN was given."""

    @property
    def doubtful(self) -> bool:
        """Whether it was taken for blank, and has to be read again after the PIN."""
        ...


class TokenSource(Protocol):
    """The readers: which tokens are in, and how to reach one."""

    def present(self) -> tuple[TokenPresence, ...]:
        """The tokens that are in now. Raises ReaderUnavailable."""
        ...

    def open(self, presence: TokenPresence) -> Token:
        """Connect to that very insertion. Raises TokenRemoved, TokenHeld, TokenNotRecognised, TokenNotPrepared."""
        ...

    def problems(self) -> tuple[SourceFault, ...]:
        """What does not work although the source as a whole does; empty where all is well."""
        ...

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` (from a thread of the source's) after every insertion and removal; returns the stop.

        It is also called when a token that `open` found held (TokenHeld) comes free.
        """
        ...


class PrinterState(enum.StrEnum):
    """What the status bar shows of the printer."""

    READY = "ready"
    PAPER_OUT = "paper-out"
    UNAVAILABLE = "unavailable"


class ReceiptPrinter(Protocol):
    """A receipt printer that takes bitmaps."""

    @property
    def dots(self) -> int:
        """The printable width in dots: 384 (58 mm) or 576 (80 mm)."""
        ...

    def state(self) -> PrinterState:
        """Whether it could print now."""
        ...

    def print_image(self, png: bytes) -> None:
        """Print one black-and-white picture `dots` wide and cut. Raises PaperOut, PrinterUnavailable, PrintUnconfirmed."""
        ...


class Scanner(Protocol):
    """A barcode scanner that reports whole scans."""

    def watch(self, scanned: Callable[[str], None]) -> Callable[[], None]:
        """Call `scanned` (from a thread of the scanner's) with every scan; returns the stop."""
        ...
