"""What every entry's body is, and the first one of an epoch."""

from __future__ import annotations

import msgspec


class Body(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """The body of one entry; every kind is a subclass."""


class Tip(msgspec.Struct, frozen=True):
    """Where a chain ends."""

    epoch: int
    sequence: int
    hash: bytes


class EpochBegan(Body, tag="epoch-began", frozen=True):
    """The first entry of every epoch; `continues` names the tip before it, on another epoch."""

    given_by_centre: bool
    continues: Tip | None = None
