"""The centre's signature (Ed25519) over rows of the feed."""

from __future__ import annotations

from msgspec.structs import replace

from kiosk.domain.feed_rows import FeedRow, row_message
from kiosk.pki.device_keys import device_sign, device_verify
from kiosk.pki.errors import PublicKeyInvalid


def sign_row(row: FeedRow, centre_key: bytes) -> FeedRow:
    """The row with its signature; `centre_key` is the Ed25519 seed."""
    return replace(row, signature=device_sign(centre_key, row_message(row)))


def row_holds(row: FeedRow, centre_key: bytes) -> bool:
    """Whether the centre (its public key) signed this row."""
    try:
        return device_verify(centre_key, row_message(row), row.signature)
    except (OverflowError, PublicKeyInvalid):
        return False
