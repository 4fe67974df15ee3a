"""What a token is, for the screens of staff and members."""

from __future__ import annotations

import enum


class KeyStatus(enum.StrEnum):
    """What the token that is in is, by the record."""

    IN_USE = "in-use"
    """The key of an account, and valid as far as this kiosk knows (it may have expired: look at its end)."""
    OUT_OF_STEP = "out-of-step"
    """The key of an account and not on hold, but the certificate on it is not the one on record."""
    ON_HOLD = "on-hold"
    REVOKED = "revoked"
    """Superseded, revoked, or never came into use."""
    UNDER_WAY = "under-way"
    """A binding on it was begun and not finished."""
    BLANK = "blank"
    UNKNOWN = "unknown"
    """It holds a key pair or a certificate that this kiosk knows nothing of."""
    NOT_PREPARED = "not-prepared"
    """It lacks the desk's application; staff can prepare it (清空)."""
