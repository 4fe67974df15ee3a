"""Order numbers, made offline from kiosk, epoch and sequence, and references, which name one order for good.

An order number reads `3-0147-6` in a kiosk's first epoch and `3-2-0147-6` in a later one: kiosk, epoch, sequence and
a check digit (ISO 7064 MOD 11,10) over all three in fixed widths. It is short enough to be dictated, and may stand for
two orders after a kiosk's data came back from a copy. An order's reference adds the nonce of its code:
`3-0147-6.9f86d081884c`. People see and type numbers, records and programs use references.

    DomainError
    └── IdentifierError
        ├── IdentifierOutOfRange        a part does not fit its width (part, value)
        ├── OrderNumberMalformed        not the form of an order number
        ├── OrderNumberCheckDigitWrong  the form is right, the check digit is not: mistyped or misheard
        ├── OrderReferenceMalformed     not the form of a reference
        ├── OutTradeNoMalformed         not an `out_trade_no` of ours
        └── CertificateNumberMalformed  not 16 hex digits of a certificate number (certificate_numbers.py)
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from kiosk.domain.base32 import Base32Malformed, check_digit, decode_base32, encode_base32
from kiosk.domain.errors import DomainError

ACCOUNT_FORM = "[1-9][0-9]{0,11}"  # an order code has five bytes for it: twelve digits
MAXIMUM_KIOSK = 0x7FFF  # a certificate number has 15 bits for it
MAXIMUM_EPOCH = 0xFF_FFFF
FIRST_RANDOM_EPOCH = (
    0x1_0000  # the centre gives those below; a kiosk that cannot ask it takes one from here on
)
MAXIMUM_MACHINE = 0xFFFF
MAXIMUM_SEQUENCE = 0xFFFF_FFFF
MAXIMUM_ATTEMPT = 999
FIRST_EPOCH = 1
NONCE_LENGTH = 6

_KIOSK_BYTES, _EPOCH_BYTES, _SEQUENCE_BYTES = 2, 3, 4
_EPOCH_END = _KIOSK_BYTES + _EPOCH_BYTES
_NUMBER_BYTES = _EPOCH_END + _SEQUENCE_BYTES
_DASHES = re.compile(r"[\s‐-―−_]+")
_ORDER_NUMBER = re.compile(r"([1-9][0-9]{0,4})-(?:([0-9]{1,8})-)?([0-9]{1,10})-([0-9])")
_ACCOUNT = re.compile(ACCOUNT_FORM)
_NONCE = re.compile(r"[0-9a-f]{12}")
_OUT_TRADE_NO = re.compile(r"K([0-9A-Z]{24})A([1-9][0-9]{0,2})")


class IdentifierError(DomainError, ValueError):
    """Something is not an identifier of the desk's."""


class IdentifierOutOfRange(IdentifierError):
    """A part of an identifier does not fit its width."""

    def __init__(self, part: str, value: int) -> None:
        super().__init__(f"{part} out of range: {value}")
        self.part = part
        self.value = value


class OrderNumberMalformed(IdentifierError):
    """The text has not the form of an order number."""


class OrderNumberCheckDigitWrong(IdentifierError):
    """The check digit does not belong to the number."""


class OrderReferenceMalformed(IdentifierError):
    """The text has not the form of a reference."""


class OutTradeNoMalformed(IdentifierError):
    """The text is not an `out_trade_no` made here."""


def require_range(part: str, value: int, minimum: int, maximum: int) -> None:
    """Raise IdentifierOutOfRange unless minimum ≤ value ≤ maximum."""
    if not minimum <= value <= maximum:
        raise IdentifierOutOfRange(part, value)


class OrderNumber(msgspec.Struct, frozen=True, order=True):
    """One order of one kiosk: kiosk 1 to 32767, epoch up to 24 bits, sequence up to 32 bits.

    Making one out of range raises IdentifierOutOfRange; decoding one raises msgspec.ValidationError.
    """

    kiosk: int
    epoch: int
    sequence: int

    def __post_init__(self) -> None:
        require_range("kiosk", self.kiosk, 1, MAXIMUM_KIOSK)
        require_range("epoch", self.epoch, 0, MAXIMUM_EPOCH)
        require_range("sequence", self.sequence, 0, MAXIMUM_SEQUENCE)

    def __str__(self) -> str:
        """The number as people read it: `3-0147-6`, or `3-2-0147-6` outside the first epoch."""
        epoch = "" if self.epoch == FIRST_EPOCH else f"{self.epoch}-"
        return f"{self.kiosk}-{epoch}{self.sequence:04d}-{self.check_digit}"

    @property
    def check_digit(self) -> str:
        """The check digit over kiosk (5 digits), epoch (8) and sequence (10)."""
        return check_digit(f"{self.kiosk:05d}{self.epoch:08d}{self.sequence:010d}")


def is_account(text: str) -> bool:
    """Whether that is an operator's account: one to twelve digits without leading zeros."""
    return _ACCOUNT.fullmatch(text) is not None


def parse_order_number(text: str) -> OrderNumber:
    """Read an order number that somebody typed; full-width digits, other dashes and spaces are taken.

    Raises OrderNumberMalformed, OrderNumberCheckDigitWrong, IdentifierOutOfRange.
    """
    tidy = _DASHES.sub("-", unicodedata.normalize("NFKC", text).strip())
    match = _ORDER_NUMBER.fullmatch(re.sub("-+", "-", tidy))
    if match is None:
        raise OrderNumberMalformed(text)
    kiosk, epoch, sequence, digit = match.groups()
    number = OrderNumber(int(kiosk), FIRST_EPOCH if epoch is None else int(epoch), int(sequence))
    if number.check_digit != digit:
        raise OrderNumberCheckDigitWrong(text)
    return number


class OrderReference(msgspec.Struct, frozen=True, order=True):
    """What names one order everywhere: its number and the 6 bytes of its code's nonce; at most 40 characters.

    Making one with another nonce raises IdentifierOutOfRange.
    """

    number: OrderNumber
    nonce: bytes

    def __post_init__(self) -> None:
        require_range("nonce", len(self.nonce), NONCE_LENGTH, NONCE_LENGTH)

    def __str__(self) -> str:
        """The reference as records hold it: `3-0147-6.9f86d081884c`."""
        return f"{self.number}.{self.nonce.hex()}"


def parse_order_reference(text: str) -> OrderReference:
    """Read a reference back, exactly as it is written. Raises OrderReferenceMalformed."""
    number, _, nonce = text.partition(".")
    if _NONCE.fullmatch(nonce) is None:
        raise OrderReferenceMalformed(text)
    try:
        reference = OrderReference(parse_order_number(number), bytes.fromhex(nonce))
    except IdentifierError as error:
        raise OrderReferenceMalformed(text) from error
    if str(reference) != text:
        raise OrderReferenceMalformed(text)
    return reference


def number_in(reference: str) -> str:
    """The number that people know an order by, from its reference's text, whatever a record holds there."""
    return reference.partition(".")[0]


def out_trade_no(order: OrderReference, attempt: int) -> str:
    """Return the payment provider's number for an order's attempt 1, 2, … : 27 to 29 of `[0-9A-Z]`.

    `K`, the base 32 of kiosk (2 bytes), epoch (3), sequence (4) and nonce (6), `A` and the attempt. A further attempt is for
    after the provider closed the one before. Raises IdentifierOutOfRange.
    """
    require_range("attempt", attempt, 1, MAXIMUM_ATTEMPT)
    number = order.number
    widths = ((number.kiosk, _KIOSK_BYTES), (number.epoch, _EPOCH_BYTES), (number.sequence, _SEQUENCE_BYTES))
    place = b"".join(value.to_bytes(width, "big") for value, width in widths)
    return f"K{encode_base32(place + order.nonce)}A{attempt}"


def parse_out_trade_no(text: str) -> tuple[OrderReference, int]:
    """Read order and attempt back. Raises OutTradeNoMalformed for anything that `out_trade_no` does not make."""
    match = _OUT_TRADE_NO.fullmatch(text)
    if match is None:
        raise OutTradeNoMalformed(text)
    attempt = int(match[2])
    try:
        data = decode_base32(match[1], _NUMBER_BYTES + NONCE_LENGTH)
        parts = (data[:_KIOSK_BYTES], data[_KIOSK_BYTES:_EPOCH_END], data[_EPOCH_END:_NUMBER_BYTES])
        number = OrderNumber(*(int.from_bytes(part, "big") for part in parts))
        order = OrderReference(number, data[_NUMBER_BYTES:])
    except (Base32Malformed, IdentifierOutOfRange) as error:
        raise OutTradeNoMalformed(text) from error
    if out_trade_no(order, attempt) != text:
        raise OutTradeNoMalformed(text)
    return order, attempt


def out_refund_no(trade: str) -> str:
    """Return the provider's number for the refund of the attempt with that `out_trade_no`: `R` in place of its `K`.

    An attempt goes back whole and once: asking again is asking for the same refund. Raises OutTradeNoMalformed.
    """
    parse_out_trade_no(trade)
    return f"R{trade[1:]}"
