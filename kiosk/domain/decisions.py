"""Which service is right for a member: one table of kind and key state, and the pending order."""

from __future__ import annotations

import enum

import msgspec

from kiosk.domain.fees import OrderKind
from kiosk.domain.policy import DAY

EXPIRING_WITHIN = 30 * DAY


class KeyState(enum.StrEnum):
    """The state of an account's key on record; lost takes precedence over expired."""

    NEVER_BOUND = "never-bound"
    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    LOST = "lost"


class KeyOnRecord(msgspec.Struct, frozen=True):
    """The last key bound to an account, here or elsewhere; times in UTC seconds, `number` the certificate's.

    `lost` while its certificate is on hold or revoked for good (`revoked`). `holds` counts how often the hold was set and
    lifted, so that the later of two reports about the same key is known.
    """

    number: str
    token_serial: str
    not_before: int
    not_after: int
    lost: bool = False
    holds: int = 0
    revoked: bool = False

    def on_hold(self) -> KeyOnRecord:
        """The key after one more loss was reported; a lost one does not change."""
        return self if self.lost else msgspec.structs.replace(self, lost=True, holds=self.holds + 1)

    def reported(self, named: KeyOnRecord) -> KeyOnRecord:
        """The key after a loss was reported by somebody who knew it as `named`.

        A loss of a key that was known to be on hold counts as lifted elsewhere and lost again, so that no lift from
        before undoes it.
        """
        known = named.holds + (2 if named.lost else 1)
        return msgspec.structs.replace(self, lost=True, holds=max(self.on_hold().holds, known))

    def lifted(self) -> KeyOnRecord:
        """The key after its hold was lifted; a key in use or revoked does not change."""
        if not self.lost or self.revoked:
            return self
        return msgspec.structs.replace(self, lost=False, holds=self.holds + 1)

    def out_of_use(self) -> KeyOnRecord:
        """The key after its certificate was revoked."""
        return msgspec.structs.replace(self, lost=True, revoked=True)


class Proceed(msgspec.Struct, frozen=True, tag="proceed"):
    """The chosen kind is right; `declares_loss` when ordering it takes the old key out of use."""

    declares_loss: bool = False


class OfferKind(msgspec.Struct, frozen=True, tag="offer"):
    """Another kind is right."""

    kind: OrderKind
    because: KeyState


class ContinueOrder(msgspec.Struct, frozen=True, tag="continue"):
    """An order of that kind is open; the member continues with it."""

    order: str


Decision = Proceed | OfferKind | ContinueOrder


def key_state(key: KeyOnRecord | None, now: int) -> KeyState:
    """The state of an account's key at `now` (UTC seconds)."""
    if key is None:
        return KeyState.NEVER_BOUND
    if key.lost:
        return KeyState.LOST
    if now > key.not_after:
        return KeyState.EXPIRED
    if now > key.not_after - EXPIRING_WITHIN:
        return KeyState.EXPIRING
    return KeyState.VALID


_TABLE: dict[tuple[OrderKind, KeyState], Proceed | OrderKind] = {
    (OrderKind.NEW, KeyState.NEVER_BOUND): Proceed(),
    (OrderKind.NEW, KeyState.VALID): OrderKind.RENEWAL,
    (OrderKind.NEW, KeyState.EXPIRING): OrderKind.RENEWAL,
    (OrderKind.NEW, KeyState.EXPIRED): OrderKind.RENEWAL,
    (OrderKind.NEW, KeyState.LOST): OrderKind.REPLACEMENT,
    (OrderKind.REPLACEMENT, KeyState.NEVER_BOUND): OrderKind.NEW,
    (OrderKind.REPLACEMENT, KeyState.VALID): Proceed(declares_loss=True),
    (OrderKind.REPLACEMENT, KeyState.EXPIRING): Proceed(declares_loss=True),
    (OrderKind.REPLACEMENT, KeyState.EXPIRED): Proceed(declares_loss=True),
    (OrderKind.REPLACEMENT, KeyState.LOST): Proceed(),
    (OrderKind.RENEWAL, KeyState.NEVER_BOUND): OrderKind.NEW,
    (OrderKind.RENEWAL, KeyState.VALID): Proceed(),
    (OrderKind.RENEWAL, KeyState.EXPIRING): Proceed(),
    (OrderKind.RENEWAL, KeyState.EXPIRED): Proceed(),
    (OrderKind.RENEWAL, KeyState.LOST): OrderKind.REPLACEMENT,
}


def decide(kind: OrderKind, state: KeyState, pending: str | None) -> Decision:
    """What to do for a member who chose `kind`; `pending` is the open order of that kind, if there is one."""
    if pending is not None:
        return ContinueOrder(pending)
    row = _TABLE[kind, state]
    return OfferKind(row, state) if isinstance(row, OrderKind) else row
