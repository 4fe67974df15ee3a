"""Personal records: what the journal names by a commitment alone, so that it can be erased while the chain stays whole.

A record's bytes are MessagePack of an array whose first element is its kind; they are kept as they were committed to. The
commitment is SHA-256 over a label, the salt and those bytes.
"""

from __future__ import annotations

import enum
import hashlib

import msgspec

from kiosk.domain.documents import DocumentKind
from kiosk.domain.errors import PersonalMalformed

SALT_LENGTH = 16
COMMITMENT_LENGTH = 32
MAXIMUM_RECORD = 4096
"""Bytes of a record."""

_LABEL = b"keydesk personal record\x00"


class PersonalKind(enum.StrEnum):
    """What a personal record is for; each kind has a retention of its own."""

    DELIVERY = "delivery"
    INVOICE = "invoice"
    OPERATOR = "operator"


class DeliveryAddress(msgspec.Struct, frozen=True, array_like=True, tag="delivery"):
    """Where a key is mailed; without a `phone` it is the account's bound one, which the centre knows."""

    recipient: str
    region: str
    address: str
    phone: str = ""
    postcode: str = ""


class InvoiceDetails(msgspec.Struct, frozen=True, array_like=True, tag="invoice"):
    """To whom an invoice is made out, and where it is sent; `credit_code` is the 统一社会信用代码."""

    title: str
    credit_code: str
    email: str
    address: str = ""
    phone: str = ""
    bank: str = ""
    bank_account: str = ""


class OperatorDetails(msgspec.Struct, frozen=True, array_like=True, tag="operator"):
    """Who is proposed as a trader."""

    name: str
    document: DocumentKind
    document_number: str
    phone: str


PersonalRecord = DeliveryAddress | InvoiceDetails | OperatorDetails

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[PersonalRecord] = msgspec.msgpack.Decoder(PersonalRecord)


class Disclosed(msgspec.Struct, frozen=True):
    """A personal record with its salt, as it travels beside the batch."""

    salt: bytes
    data: bytes

    @property
    def commitment(self) -> bytes:
        """What the journal has of it (32 bytes)."""
        return hashlib.sha256(_LABEL + self.salt + self.data).digest()

    @property
    def is_well_formed(self) -> bool:
        """Whether it has the form in which this version writes records."""
        try:
            return len(self.salt) == SALT_LENGTH and encode_personal(self.read()) == self.data
        except PersonalMalformed:
            return False

    def read(self) -> PersonalRecord:
        """The record. Raises PersonalMalformed."""
        if len(self.data) > MAXIMUM_RECORD:
            raise PersonalMalformed(f"a record of {len(self.data)} bytes")
        try:
            return _DECODER.decode(self.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise PersonalMalformed(str(error)) from error


def disclose(record: PersonalRecord, salt: bytes) -> Disclosed:
    """A record as it is kept and sent; `salt` is random. Raises PersonalMalformed for a salt of another length or a record too long."""
    data = encode_personal(record)
    if len(salt) != SALT_LENGTH or len(data) > MAXIMUM_RECORD:
        raise PersonalMalformed(f"a salt of {len(salt)} bytes, a record of {len(data)}")
    return Disclosed(salt, data)


def encode_personal(record: PersonalRecord) -> bytes:
    """The record's bytes."""
    return _ENCODER.encode(record)


def kind_of_personal(record: PersonalRecord) -> PersonalKind:
    """What the record is for."""
    return PersonalKind(str(record.__struct_config__.tag))
