"""What stands in `tests/vectors/protocol.json`: of each vector the inputs, then the outputs, which `tests.support.vectors` makes."""

from __future__ import annotations

import msgspec

from kiosk.domain.fees import OrderKind
from kiosk.domain.versions import Version


class Place(msgspec.Struct, frozen=True):
    """One entry of a chain, by its fields; the hash of the entry before it is computed."""

    epoch: int
    sequence: int
    wall: int
    monotonic: int
    boot: str
    body: msgspec.Raw
    bytes: str = ""
    hash: str = ""


class Chain(msgspec.Struct, frozen=True):
    """A chain of kiosk and machine with a new epoch; `short_hash` is how a receipt shows the tip."""

    kiosk: int
    machine: int
    entries: tuple[Place, ...]
    short_hash: str = ""


class Payment(msgspec.Struct, frozen=True):
    """An order's code, what is made of it, and its two confirmations."""

    payment_secret: str
    kiosk: int
    epoch: int
    sequence: int
    account: str
    kind: OrderKind
    fee_schedule: int
    placed_at: int
    nonce: str
    base_url: str
    attempt: int
    amount: int
    centre_seed: str
    number: str = ""
    reference: str = ""
    order_code_key: str = ""
    confirmation_key: str = ""
    order_code: str = ""
    text: str = ""
    link: str = ""
    out_trade_no: str = ""
    out_refund_no: str = ""
    confirmation: str = ""
    centre_key: str = ""
    scanned_message: str = ""
    scanned_signature: str = ""
    scanned: str = ""


class CertificateNumberVector(msgspec.Struct, frozen=True):
    """A certificate's number, and its X.509 serial number."""

    kiosk: int
    random: str
    text: str = ""
    serial: int = 0


class CheckpointVector(msgspec.Struct, frozen=True):
    """A checkpoint by its fields, the bytes that are signed, and the signature."""

    device_seed: str
    kiosk: int
    epoch: int
    sequence: int
    hash: str
    time: int
    device_key: str = ""
    message: str = ""
    signature: str = ""


class BatchVector(msgspec.Struct, frozen=True):
    """A batch of the chain's entries with the checkpoint above; `packed` may differ by the compressor, its content not."""

    packed: str = ""
    unpacked: str = ""


class DeedVector(msgspec.Struct, frozen=True):
    """A machine's deed; its secret is sealed under a key of the centre. The certificate is a stand-in."""

    centre_seed: str
    kiosk: int
    machine: int
    device_key: str
    issuing_certificate: str
    payment_secret: str
    seal_key: str
    seal_nonce: str
    seal_context: str
    sealed_secret: str = ""
    centre_key: str = ""
    deed: str = ""
    signature: str = ""


class TimeVector(msgspec.Struct, frozen=True):
    """The centre's signed time."""

    centre_seed: str
    kiosk: int
    time: int
    centre_key: str = ""
    message: str = ""
    signature: str = ""


class ReceiptVector(msgspec.Struct, frozen=True):
    """The centre's receipt: its bytes, the bytes that are signed, and its text in the header."""

    centre_seed: str
    incarnation: int
    bits: str
    kiosk: int
    strand: int
    epoch: int
    sequence: int
    hash: str
    heads: dict[str, int]
    ended: int
    time: int
    centre_key: str = ""
    receipt: str = ""
    message: str = ""
    text: str = ""


class RowVector(msgspec.Struct, frozen=True):
    """A row of the feed: its body's digest, the bytes that are signed, and the signature."""

    centre_seed: str
    audience: int
    key: str
    version: Version
    base: Version
    kind: str
    body: str
    centre_key: str = ""
    digest: str = ""
    message: str = ""
    signature: str = ""


class RequestVector(msgspec.Struct, frozen=True):
    """A signed request: the headers, and the signature base of RFC 9421, section 2.5."""

    device_seed: str
    key_id: str
    method: str
    url: str
    body: str
    created: int
    receipt: str = ""
    headers: dict[str, str] = {}
    device_key: str = ""
    base: str = ""


class JsonRecord(msgspec.Struct, frozen=True):
    """A record of the device API as it is sent."""

    record: str
    json: str


class LoginVector(msgspec.Struct, frozen=True):
    """What the key signs in a login check."""

    challenge: str
    message: str = ""


class TokenVector(msgspec.Struct, frozen=True):
    """An enrolment token."""

    kiosk: int
    secret: str
    text: str = ""


class Vectors(msgspec.Struct, frozen=True):
    """The whole file."""

    chain: Chain
    payments: tuple[Payment, ...]
    certificate_numbers: tuple[CertificateNumberVector, ...]
    checkpoint: CheckpointVector
    batch: BatchVector
    deed: DeedVector
    signed_time: TimeVector
    receipt: ReceiptVector
    row: RowVector
    requests: tuple[RequestVector, ...]
    enrolment_token: TokenVector
    login: LoginVector
    records: tuple[JsonRecord, ...]
