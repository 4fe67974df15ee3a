"""The rows of the feed, from the centre to the kiosks: of each audience and key the latest, with its version.

`base` is the last version under the key from an earlier incarnation of the centre. A removal is a row of its own. The centre signs each row (Ed25519) over
`row_message`, so that a kiosk can show later what it was told.
"""

from __future__ import annotations

import hashlib

import msgspec

from kiosk.domain.feed import AnyFeedBody, FeedBody
from kiosk.domain.versions import Version

_LABEL = "keydesk feed row"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.json.Decoder[AnyFeedBody] = msgspec.json.Decoder(AnyFeedBody)


class FeedRow(msgspec.Struct, frozen=True):
    """One row as it travels; `key` names it within its audience (`feed_keys`), `body` is JSON with its kind in `kind`."""

    audience: int
    key: str
    version: Version
    base: Version
    kind: str
    body: msgspec.Raw
    signature: bytes = b""

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the body's bytes."""
        return body_digest(bytes(self.body))

    def read(self) -> AnyFeedBody:
        """The body. Raises msgspec.ValidationError where a field is wrong, or the kind is not known or not the row's."""
        body: AnyFeedBody = _DECODER.decode(self.body)
        if kind_of(body) != self.kind:
            raise msgspec.ValidationError(f"a body of another kind than {self.kind}")
        return body


class UnappliedRow(msgspec.Struct, frozen=True):
    """A row that a kiosk could not apply, and why (for staff and support)."""

    row: FeedRow
    problem: str


def kind_of(body: FeedBody) -> str:
    """The body's kind on the wire."""
    return str(body.__struct_config__.tag)


def write_body(body: FeedBody) -> bytes:
    """The body's bytes."""
    return msgspec.json.encode(body)


def body_digest(body: bytes) -> bytes:
    """The SHA-256 by which a body's bytes are compared and signed."""
    return hashlib.sha256(body).digest()


def row_message(row: FeedRow) -> bytes:
    """The bytes that the centre signs."""
    fields = (_LABEL, row.audience, row.key, row.version, row.base, row.kind, row.digest)
    return _ENCODER.encode(fields)


def unsigned_row(audience: int, key: str, version: Version, base: Version, body: FeedBody) -> FeedRow:
    """A row that is not signed yet."""
    return FeedRow(audience, key, version, base, kind_of(body), msgspec.Raw(write_body(body)))
