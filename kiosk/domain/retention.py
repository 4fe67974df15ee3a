"""For how long a kiosk keeps personal records that the centre has, by their kind."""

from __future__ import annotations

import msgspec

from kiosk.domain.personal import PersonalKind

_DAY = 86400


class PersonalRetention(msgspec.Struct, frozen=True):
    """Days after the centre has a record, and days after which one that it never got goes as well.

    The desk needs an address or an invoice's details only to correct what a member typed an hour or a day ago; a document's
    number is the most dangerous to lose and is of no use here once it was sent. What was not sent waits for a kiosk that is
    repaired, no longer than half a year.
    """

    delivery_days: int = 7
    invoice_days: int = 7
    operator_days: int = 1
    unsent_days: int = 180

    def sent_before(self, kind: PersonalKind, now: int) -> int:
        """A record of that kind goes that was sent before this moment. UTC seconds."""
        days = {
            PersonalKind.DELIVERY: self.delivery_days,
            PersonalKind.INVOICE: self.invoice_days,
            PersonalKind.OPERATOR: self.operator_days,
        }
        return now - days[kind] * _DAY

    def made_before(self, now: int) -> int:
        """A record goes that was not sent and made before this moment. UTC seconds."""
        return now - self.unsent_days * _DAY
