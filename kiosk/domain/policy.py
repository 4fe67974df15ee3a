"""What the centre grants a kiosk: limits in time, number and amount, signed.

The kiosk acts on a policy only after checking the centre's signature over its exact bytes.
"""

from __future__ import annotations

import msgspec

HOUR = 3600
DAY = 24 * HOUR
# A payment made in the last second may take this long (seconds) to arrive.
GRACE = 5 * 60
# Without any contact an order waits this long (seconds) after its deadline: it may have been paid.
GRACE_OFFLINE = 24 * HOUR
# By how much clocks may differ (seconds), unless a policy says otherwise, and at most.
USUAL_DEVIATION = 10 * 60
LONGEST_DEVIATION = DAY


class Policy(msgspec.Struct, frozen=True):
    """The limits of one kiosk; amounts in fen, times in UTC seconds, spans in seconds.

    `losses_a_day` is how many losses of keys take effect at the centre within a day, and how many lifts of holds.
    """

    number: int
    kiosk: int
    valid_until: int
    unsynced_certificates: int = 200
    unsynced_amount: int = 20_000_000
    server_time_age: int = 90 * DAY
    clock_deviation: int = USUAL_DEVIATION
    payment_window: int = 15 * 60
    certificate_years: int = 1
    losses_a_day: int = 50


class SignedPolicy(msgspec.Struct, frozen=True):
    """A policy's exact bytes (JSON) and the centre's Ed25519 signature over them."""

    policy: bytes
    signature: bytes

    def read(self) -> Policy:
        """The policy itself. Raises msgspec.ValidationError."""
        return msgspec.json.decode(self.policy, type=Policy)


class SignedTime(msgspec.Struct, frozen=True):
    """The centre's clock (UTC seconds), signed for one kiosk (Ed25519)."""

    kiosk: int
    time: int
    signature: bytes

    @staticmethod
    def message(kiosk: int, time: int) -> bytes:
        """The bytes that the centre signs."""
        return b"keydesk server time\x00" + kiosk.to_bytes(4, "big") + time.to_bytes(8, "big")


def is_due(deadline: int, now: int, contact: int | None) -> bool:
    """Whether an unpaid order expires now; `contact` is the agent's last with the centre. UTC seconds."""
    heard = contact is not None and contact > deadline
    return now >= deadline + (GRACE if heard else GRACE_OFFLINE)
