"""What every kind of journal entry's body has in common."""

from __future__ import annotations

import msgspec


class Body(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """What one entry says; every kind is a subclass."""
