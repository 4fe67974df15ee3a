"""What becomes a matter (待办事项), and what staff may do about it; other remarks stay with their entries."""

from __future__ import annotations

import enum

import msgspec

from kiosk.domain.remarks import RemarkReason


class Action(enum.StrEnum):
    """What a person may decide; each is an entry of the centre's own journal."""

    LIST = "list"
    """This key is the account's: it is listed, the others go out of use as its predecessors."""
    REVOKE = "revoke"
    """This key goes out of use for good."""
    ACCEPT = "accept"
    """Taken as it was received: what is held because of it is listed."""
    REFUND = "refund"
    """The order's money goes back; a key that was bound for it goes out of use first."""
    LIFT = "lift"
    """The key's owner has it: its hold is lifted."""
    NOTED = "noted"
    """Seen to; nothing changes."""
    REOPEN = "reopen"
    """The decision was wrong: the matter is open again, and holds again the key that deciding listed.

    What went out of use stays so, which is why a decision to take a key out of use is not undone; nor is money that
    went back.
    """


class RuleOf(msgspec.Struct, frozen=True):
    """One kind of matter: whether the order's key is held while it is open, and what may be decided.

    One `is_about_kiosk` names the account of the entry that raised it; after a decision the next one raises it again.
    """

    actions: tuple[Action, ...]
    holds: bool = False
    is_about_kiosk: bool = False


_ORDER = RuleOf((Action.ACCEPT, Action.REFUND), holds=True)
_NOTICE = RuleOf((Action.NOTED,))
_ABOUT_KIOSK = RuleOf((Action.NOTED,), is_about_kiosk=True)

RULES: dict[RemarkReason, RuleOf] = {
    RemarkReason.CERTIFICATE_HELD: RuleOf((Action.LIST, Action.REVOKE)),
    RemarkReason.CERTIFICATE_DIFFERS: _ORDER,
    RemarkReason.SIGNATURE_WRONG: RuleOf((Action.NOTED, Action.REFUND)),
    RemarkReason.PRICE_DIFFERS: _ORDER,
    RemarkReason.AMOUNT_DIFFERS: _ORDER,
    RemarkReason.BEYOND_POLICY: _ORDER,
    RemarkReason.MONEY_RETURNED: _ORDER,
    RemarkReason.ORDER_OF_ANOTHER_KIOSK: _ORDER,
    RemarkReason.ANOTHER_TOKEN: _ORDER,
    RemarkReason.ORDER_OPEN_ALREADY: _NOTICE,
    RemarkReason.MONEY_TOLD_BY_ANOTHER: _NOTICE,
    RemarkReason.AMOUNT_BEYOND_POLICY: _ABOUT_KIOSK,
    RemarkReason.LOSSES_BEYOND_POLICY: _ABOUT_KIOSK,
    RemarkReason.HOLD_KEPT: RuleOf((Action.LIFT, Action.NOTED)),
    RemarkReason.CERTIFICATE_EXISTS: _NOTICE,
    RemarkReason.NOT_THE_OWNER: _NOTICE,
    RemarkReason.ASSIGNMENT_UNPROVEN: _NOTICE,
    RemarkReason.CERTIFICATE_OF_ANOTHER_KIOSK: _NOTICE,
    RemarkReason.NOT_THE_EXCHANGE: _NOTICE,
    RemarkReason.DELIVERY_SENT: _NOTICE,
    RemarkReason.INVOICE_ISSUED: _NOTICE,
    RemarkReason.UNREADABLE: _NOTICE,
}
