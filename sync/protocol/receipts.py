"""Receipts: what the centre signs with every answer to a machine, and the machine shows with every request.

A receipt's bytes are MessagePack of an array (incarnation, bits, kiosk, strand, tip, heads, ended, time). As text, in the header
`Keydesk-Receipt`, it is base64 (RFC 4648, section 4) of the signature (64 bytes, Ed25519 by the centre) and those bytes. What a receipt
names was committed and durable before it was signed: a centre that does not know it was put back.
"""

from __future__ import annotations

import base64
import binascii
import enum
from collections.abc import Callable

import msgspec

from kiosk.domain.entries.body import Tip
from kiosk.pki.device_keys import device_sign, device_verify
from kiosk.pki.errors import PublicKeyInvalid
from sync.protocol.errors import BodyMalformed

HEADER = "Keydesk-Receipt"
BITS = 8
"""Bytes of an incarnation's random bits."""
_LABEL = b"keydesk centre receipt\x00"
_SIGNATURE = 64
_LONGEST = 4096
"""Characters of a receipt's text; one that the centre made has a few hundred."""


class CentreReceipt(msgspec.Struct, frozen=True, array_like=True):
    """What the centre had of a kiosk at `time` (UTC seconds), and in which incarnation, with its random bits.

    `tip` is that of the strand that the machine wrote on last (None: none), `heads` are the stamps of the newest rows of
    the audiences that the kiosk reads, `ended` counts the machines and kiosks that were taken out of use, a revoked machine twice.
    """

    incarnation: int
    bits: bytes
    kiosk: int
    strand: int
    tip: Tip | None
    heads: dict[int, int]
    ended: int
    time: int


class SignedReceipt(msgspec.Struct, frozen=True):
    """A receipt's exact bytes and the centre's Ed25519 signature over a label and them."""

    receipt: bytes
    signature: bytes


_DECODER = msgspec.msgpack.Decoder(CentreReceipt)


def receipt_message(receipt: bytes) -> bytes:
    """The bytes that the centre signs."""
    return _LABEL + receipt


def sign_receipt(receipt: CentreReceipt, centre_key: bytes) -> SignedReceipt:
    """Sign a receipt; `centre_key` is the Ed25519 seed."""
    data = msgspec.msgpack.encode(receipt)
    return SignedReceipt(data, device_sign(centre_key, receipt_message(data)))


def receipt_holds(signed: SignedReceipt, centre_key: bytes) -> bool:
    """Whether the centre (its public key) signed this receipt."""
    try:
        return device_verify(centre_key, receipt_message(signed.receipt), signed.signature)
    except PublicKeyInvalid:
        return False


def read_receipt(signed: SignedReceipt) -> CentreReceipt:
    """The receipt itself. Raises BodyMalformed."""
    try:
        return _DECODER.decode(signed.receipt)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BodyMalformed(f"a receipt that cannot be read: {error}") from error


def receipt_text(signed: SignedReceipt) -> str:
    """The receipt in its header."""
    return base64.b64encode(signed.signature + signed.receipt).decode("ascii")


def parse_receipt(text: str) -> SignedReceipt:
    """The receipt in a header's text. Raises BodyMalformed."""
    try:
        data = base64.b64decode(text[: _LONGEST + 1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BodyMalformed(f"a receipt that cannot be read: {error}") from error
    if len(text) > _LONGEST or len(data) <= _SIGNATURE:
        raise BodyMalformed(f"a receipt of {len(text)} characters")
    return SignedReceipt(data[_SIGNATURE:], data[:_SIGNATURE])


def believed(text: str, kiosk: int, centre_key: bytes) -> CentreReceipt | None:
    """The receipt in a header, if the centre (its public key) signed it for this kiosk; any other is ignored."""
    try:
        signed = parse_receipt(text)
        receipt = read_receipt(signed) if receipt_holds(signed, centre_key) else None
    except BodyMalformed:
        return None
    return receipt if receipt is not None and receipt.kiosk == kiosk else None


def tells_more(came: CentreReceipt, held: CentreReceipt) -> bool:
    """Whether a machine keeps the receipt that came in the place of the one that it holds.

    That is one of a later incarnation, or of the same life of the centre where nothing went back; what a centre that was put
    back says before it knows takes no proof away. Of answers that crossed the later one stays.
    """
    if came.incarnation != held.incarnation:
        return came.incarnation > held.incarnation
    if came.bits != held.bits or _goes_back(came, held):
        return False
    return (came.strand, came.tip, came.heads, came.ended) != (
        held.strand,
        held.tip,
        held.heads,
        held.ended,
    )


def _goes_back(came: CentreReceipt, held: CentreReceipt) -> bool:
    if came.ended < held.ended or any(
        came.heads[each] < head for each, head in held.heads.items() if each in came.heads
    ):
        return True
    if came.strand != held.strand or held.tip is None:
        return False
    return came.tip is None or came.tip.sequence < held.tip.sequence


class Life(msgspec.Struct, frozen=True):
    """One of the centre's incarnations: its number, and its random bits."""

    number: int
    bits: bytes


class Verdict(enum.Enum):
    """What a receipt that was shown says of the centre."""

    NOTHING = "nothing"  # it is of this life, and all that it names is known
    EARLIER = "earlier"  # of an earlier incarnation: what comes next lies past it
    PUT_BACK = "put-back"  # what the centre had signed for it does not know, or another life of it was later


def judge(receipt: CentreReceipt, present: Life, knows: Callable[[], bool]) -> Verdict:
    """What a believed receipt says; `knows` is asked where it matters whether all heads and the tip are on record, open or closed."""
    if receipt.incarnation < present.number:
        return Verdict.EARLIER
    if (receipt.incarnation, receipt.bits) != (present.number, present.bits) or not knows():
        return Verdict.PUT_BACK
    return Verdict.NOTHING
