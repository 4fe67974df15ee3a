"""For how long personal records are kept, by their kind: at a kiosk once the centre has them, and at the centre."""

from __future__ import annotations

from typing import Annotated

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


_Days = Annotated[int, msgspec.Meta(ge=0, le=36500)]


class CentreRetention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days after the centre is done with what a record is for, and the longest that it keeps any.

    A parcel comes back, or is asked after, within a month of being mailed. An invoice is corrected within the month in which
    it was made out and the next one. Who was proposed as a trader is on the platform once approved; who was refused may ask
    why within a month. What nobody finished in half a year is asked anew. What no request names (an entry that took no effect,
    or is not applied yet) waits a week.
    """

    delivery_days: _Days = 30
    invoice_days: _Days = 60
    operator_days: _Days = 30
    longest_days: _Days = 180
    unnamed_days: _Days = 7

    def finished_before(self, kind: PersonalKind, now: int) -> int:
        """A record of that kind goes whose purpose was done before this moment. UTC seconds."""
        days = {
            PersonalKind.DELIVERY: self.delivery_days,
            PersonalKind.INVOICE: self.invoice_days,
            PersonalKind.OPERATOR: self.operator_days,
        }
        return now - days[kind] * _DAY

    def received_before(self, now: int) -> int:
        """A record goes that was received before this moment, whatever it is for. UTC seconds."""
        return now - self.longest_days * _DAY

    def unnamed_before(self, now: int) -> int:
        """A record goes that no request names and that was received before this moment. UTC seconds."""
        return now - self.unnamed_days * _DAY
