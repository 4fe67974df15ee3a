"""The signed order code that a kiosk shows as a QR code, and the confirmation that a payer types back.

A kiosk and the centre share one 32-byte secret; the keys for codes and for confirmations are derived from it, so
that neither can stand for the other. An order code is 38 bytes, numbers big-endian:

    offset  length  field
         0       1  version, 1
         1       2  kiosk
         3       3  epoch
         6       4  order sequence
        10       5  account, a decimal number of up to 12 digits
        15       1  product: 1 new, 2 replacement, 3 renewal
        16       2  fee schedule
        18       4  time of the order, UTC seconds
        22       6  nonce
        28      10  HMAC-SHA256 over the 28 bytes before, truncated (RFC 2104, section 5)

    DomainError
    └── PaymentCodeError
        ├── CodeFieldOutOfRange         a field does not fit its width; nothing was made (field)
        ├── LinkTooLong                 the base address leaves no room in the QR code (length)
        ├── OrderCodeMalformed          no order code: length, version, characters or a field
        ├── OrderCodeForged             the MAC is not by this kiosk's key
        └── ConfirmationError
            ├── ConfirmationMalformed           not eleven digits, or no scanned confirmation at all
            ├── ConfirmationCheckDigitWrong     mistyped; costs no try
            ├── ConfirmationWrong               well formed, but not this order's; costs a try
            └── ConfirmationOfAnotherOrder      scanned, and for another order (scanned_confirmations.py)
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata

import msgspec

from kiosk.domain.base32 import (
    Base32Malformed,
    check_digit,
    check_digit_matches,
    decode_base32,
    encode_base32,
    encoded_length,
)
from kiosk.domain.errors import DomainError
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import (
    NONCE_LENGTH,
    IdentifierOutOfRange,
    OrderNumber,
    OrderReference,
    is_account,
)

VERSION = 1
ORDER_CODE_LENGTH = 38
MAC_LENGTH = 10
SECRET_LENGTH = 32
LINK_LENGTH = 84
ORDERS_PATH = "/orders/"
"""Where the centre has 「我的订单」→「华商订单」."""
CONFIRMATION_DIGITS = 10

_CLAIMS_LENGTH = ORDER_CODE_LENGTH - MAC_LENGTH
_KINDS = {kind.product: kind for kind in OrderKind}
_ALPHANUMERIC_ADDRESS = re.compile(r"HTTPS?://[0-9A-Z.:/-]+")
_SEPARATORS = re.compile(r"[\s‐-―−_.-]+")


class PaymentCodeError(DomainError):
    """Something is wrong with an order code or a confirmation."""


class CodeFieldOutOfRange(PaymentCodeError):
    """A field does not fit its place in the code."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} does not fit the order code")
        self.field = field


class LinkTooLong(PaymentCodeError):
    """The base address and the code do not fit the QR code, or have characters that it cannot take."""

    def __init__(self, address: str, length: int) -> None:
        super().__init__(f"{length} characters with {address!r}, at most {LINK_LENGTH} of 0-9 A-Z . : / -")
        self.address = address
        self.length = length


class OrderCodeMalformed(PaymentCodeError):
    """What was read is no order code."""


class OrderCodeForged(PaymentCodeError):
    """The code was not made with this kiosk's key."""


class ConfirmationError(PaymentCodeError):
    """A confirmation does not complete the order."""


class ConfirmationMalformed(ConfirmationError):
    """It has not the form of a confirmation."""


class ConfirmationCheckDigitWrong(ConfirmationError):
    """The check digit shows that it was mistyped; this costs no try."""


class ConfirmationWrong(ConfirmationError):
    """It is well formed and not this order's."""


class ConfirmationOfAnotherOrder(ConfirmationError):
    """It was scanned and names another order."""


class OrderCode(msgspec.Struct, frozen=True):
    """The claims of an order's code; `placed_at` in UTC seconds."""

    order: OrderNumber
    account: str
    kind: OrderKind
    fee_schedule: int
    placed_at: int
    nonce: bytes

    @property
    def reference(self) -> OrderReference:
        """What names the order everywhere. Raises IdentifierOutOfRange for a nonce of another length."""
        return OrderReference(self.order, self.nonce)


def order_code_key(secret: bytes) -> bytes:
    """Derive the key of order codes from the kiosk's payment secret."""
    return _derive(secret, b"keydesk order token key 1")


def confirmation_key(secret: bytes) -> bytes:
    """Derive the key of typed confirmations from the kiosk's payment secret."""
    return _derive(secret, b"keydesk confirmation key 1")


def _derive(secret: bytes, label: bytes) -> bytes:
    if len(secret) != SECRET_LENGTH:
        raise ValueError(f"a payment secret has {SECRET_LENGTH} bytes, not {len(secret)}")
    return hmac.digest(secret, label, "sha256")


def encode_order_code(code: OrderCode, key: bytes) -> bytes:
    """Make the 38 bytes of a code with the `order_code_key`. Raises CodeFieldOutOfRange."""
    if not is_account(code.account):
        raise CodeFieldOutOfRange("account")
    if len(code.nonce) != NONCE_LENGTH:
        raise CodeFieldOutOfRange("nonce")
    claims = b"".join(
        (
            _unsigned("version", VERSION, 1),
            _unsigned("kiosk", code.order.kiosk, 2),
            _unsigned("epoch", code.order.epoch, 3),
            _unsigned("sequence", code.order.sequence, 4),
            _unsigned("account", int(code.account), 5),
            _unsigned("product", code.kind.product, 1),
            _unsigned("fee_schedule", code.fee_schedule, 2),
            _unsigned("placed_at", code.placed_at, 4),
            code.nonce,
        )
    )
    return claims + _mac(claims, key)


def _unsigned(field: str, value: int, length: int) -> bytes:
    try:
        return value.to_bytes(length, "big")
    except OverflowError as error:
        raise CodeFieldOutOfRange(field) from error


def _mac(claims: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"order token\x00" + claims, "sha256")[:MAC_LENGTH]


def read_order_code_unverified(data: bytes) -> OrderCode:
    """Read a code's claims before its kiosk, and so its key, is known. Raises OrderCodeMalformed."""
    if len(data) != ORDER_CODE_LENGTH or data[0] != VERSION:
        raise OrderCodeMalformed(f"{len(data)} bytes beginning {data[:1].hex()}")
    kind = _KINDS.get(data[15])
    if kind is None:
        raise OrderCodeMalformed(f"no product {data[15]}")
    account = str(int.from_bytes(data[10:15], "big"))
    if not is_account(account):
        raise OrderCodeMalformed(f"no account {account}")
    numbers = (int.from_bytes(part, "big") for part in (data[1:3], data[3:6], data[6:10]))
    try:
        order = OrderNumber(*numbers)
    except IdentifierOutOfRange as error:
        raise OrderCodeMalformed(str(error)) from error
    return OrderCode(
        order=order,
        account=account,
        kind=kind,
        fee_schedule=int.from_bytes(data[16:18], "big"),
        placed_at=int.from_bytes(data[18:22], "big"),
        nonce=data[22:_CLAIMS_LENGTH],
    )


def verify_order_code(data: bytes, key: bytes) -> OrderCode:
    """Read a code and check its MAC with the kiosk's `order_code_key`. Raises OrderCodeMalformed, OrderCodeForged."""
    code = read_order_code_unverified(data)
    if not hmac.compare_digest(_mac(data[:_CLAIMS_LENGTH], key), data[_CLAIMS_LENGTH:]):
        raise OrderCodeForged(str(code.order))
    return code


def order_code_text(data: bytes) -> str:
    """Return the 61 characters of a code (Crockford base 32)."""
    return encode_base32(data)


def link(base_url: str, data: bytes) -> str:
    """Return the address that the QR code holds: upper case, QR alphanumeric, at most 84 characters.

    `base_url` is the centre's address, up to 22 characters without a closing slash. Raises LinkTooLong.
    """
    address = f"{base_url.upper().rstrip('/')}/{order_code_text(data)}"
    if len(address) > LINK_LENGTH or _ALPHANUMERIC_ADDRESS.fullmatch(address) is None:
        raise LinkTooLong(base_url, len(address))
    return address


def orders_page(base_url: str) -> str:
    """Return the address of 「我的订单」→「华商订单」 at the centre of that address, for a phone."""
    return base_url.rstrip("/") + ORDERS_PATH


def parse_link(text: str) -> bytes:
    """Return the code's bytes from a link or from its 61 characters alone. Raises OrderCodeMalformed."""
    characters = text.strip().rsplit("/", maxsplit=1)[-1]
    try:
        return decode_base32(characters, ORDER_CODE_LENGTH)
    except Base32Malformed as error:
        raise OrderCodeMalformed(
            f"{len(characters)} of {encoded_length(ORDER_CODE_LENGTH)} characters: {error}"
        ) from error


def confirmation_digits(data: bytes, amount_fen: int, key: bytes) -> str:
    """Return the confirmation of one paid order as it is shown: `4821-0917-335`.

    `data` is the order's code, `key` the kiosk's `confirmation_key`. Ten digits of HMAC-SHA256 over
    "confirm" ‖ code ‖ amount (8 bytes, fen), then the check digit (ISO 7064 MOD 11,10).
    """
    mac = hmac.digest(key, b"confirm" + data + amount_fen.to_bytes(8, "big"), hashlib.sha256)
    ten = f"{int.from_bytes(mac[:16], 'big') % 10**CONFIRMATION_DIGITS:0{CONFIRMATION_DIGITS}d}"
    return group_confirmation(ten + check_digit(ten))


def group_confirmation(digits: str) -> str:
    """Group up to eleven digits 4-4-3 with hyphens, as they are shown and while they are typed."""
    return "-".join(part for part in (digits[:4], digits[4:8], digits[8:]) if part)


def normalise(typed: str) -> str:
    """Return the eleven digits of a typed confirmation, without its spaces, dashes and full-width forms.

    Raises ConfirmationMalformed.
    """
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", typed))
    if len(digits) != CONFIRMATION_DIGITS + 1 or not (digits.isascii() and digits.isdigit()):
        raise ConfirmationMalformed(f"{len(digits)} characters, not eleven digits")
    return digits


def check_digit_ok(typed: str) -> bool:
    """Whether a typed confirmation's check digit is right. Raises ConfirmationMalformed."""
    return check_digit_matches(normalise(typed))


def require_confirmation(typed: str, data: bytes, amount_fen: int, key: bytes) -> None:
    """Raise unless what was typed is the confirmation of that code and amount.

    Raises ConfirmationMalformed and ConfirmationCheckDigitWrong, which cost no try, and ConfirmationWrong, which does.
    """
    digits = normalise(typed)
    if not check_digit_matches(digits):
        raise ConfirmationCheckDigitWrong("the check digit does not match")
    expected = normalise(confirmation_digits(data, amount_fen, key))
    if not hmac.compare_digest(digits.encode(), expected.encode()):
        raise ConfirmationWrong("not the confirmation of this order")


def confirmation_matches(typed: str, data: bytes, amount_fen: int, key: bytes) -> bool:
    """Whether what was typed is the confirmation of that code and amount, in constant time.

    Raises ConfirmationMalformed, ConfirmationCheckDigitWrong.
    """
    try:
        require_confirmation(typed, data, amount_fen, key)
    except ConfirmationWrong:
        return False
    return True
