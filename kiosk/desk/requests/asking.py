"""What the verbs of this room have in common: who asks, and keeping a personal record beside the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.authority import require_staff
from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import own_order
from kiosk.desk.views.people import StaffSession
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.errors import PersonalMalformed

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.views.people import Session
    from kiosk.domain.ledger import Order
    from kiosk.domain.personal import PersonalRecord
    from kiosk.store.transaction import Transaction

MEMBER = "member"


def asked_by(tx: Transaction, staff: StaffSession | None) -> str:
    """Who asks: the member, or the member of the staff who types for one. Raises DeskRefused."""
    return MEMBER if staff is None else require_staff(tx, staff).name


def asked_for(tx: Transaction, who: Session | StaffSession, reference: str) -> tuple[Order, str]:
    """The order, and who asks: the member that it belongs to, or staff for whoever that is. Raises DeskRefused."""
    if isinstance(who, StaffSession):
        name = require_staff(tx, who).name
        return own_order(tx, reference), name
    return own_order(tx, reference, who.account), MEMBER


def kept(desk: Desk, tx: Transaction, record: PersonalRecord, account: str, former: bytes = b"") -> bytes:
    """Keep a personal record, in the place of the former one; its commitment. Raises DeskRefused."""
    if former:
        tx.personal.erase((former,))
    try:
        return tx.personal.put(record, account, desk.clock.wall())
    except PersonalMalformed as error:
        raise DeskRefused(Refusal.MALFORMED) from error
