from __future__ import annotations

from collections.abc import Callable

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.tokens import BindingProgress, BoundView
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus
from kiosk.store.database import Database
from kiosk.store.keys_on_record import certificate_on_record, key_on_record

NOW = 1_795_327_500
DAY = 86_400


def _quietly(_progress: BindingProgress) -> None:
    """Nobody watches."""


def test_the_later_of_what_was_bound_here_and_what_the_feed_says_counts(
    service: DeskService,
    session: Session,
    database: Database,
    clock: FixedClock,
    contact: Callable[[], None],
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
    paid_order: Callable[[str, OrderKind], str],
) -> None:
    source.insert(blank("HERE"))
    number = paid_order("11000001", OrderKind.NEW)
    assert isinstance(service.bind(session, number, None, False, _quietly), BoundView)  # noqa: FBT003
    source.remove()
    clock.advance(10 * DAY)
    contact()
    card = bound_elsewhere("11000001", "THERE", NOW + 5 * DAY, NOW + 400 * DAY)
    with database.read() as tx:
        key = key_on_record(tx, "11000001")
    assert key is not None
    assert key.token_serial == "THERE"
    source.insert(card)
    renewal = paid_order("11000001", OrderKind.RENEWAL)
    assert isinstance(service.bind(session, renewal, "654321", False, _quietly), BoundView)  # noqa: FBT003
    with database.read() as tx:
        renewed = key_on_record(tx, "11000001")
        certificates = {each.token_serial: each.status for each in tx.ledger.certificates()}
    assert renewed is not None
    assert renewed.number != key.number
    assert certificates == {"HERE": CertificateStatus.REVOKED, "THERE": CertificateStatus.VALID}


def test_a_loss_that_was_reported_here_marks_the_key_of_the_feed(
    database: Database, clock: FixedClock, bound_elsewhere: Callable[[str, str, int, int], object]
) -> None:
    bound_elsewhere("11000002", "ELSEWHERE", NOW - 100, NOW + 100)
    with database.write() as tx:
        key = key_on_record(tx, "11000002")
        assert key is not None
        assert not key.lost
        assert certificate_on_record(tx, key, "11000002") is not None
        tx.append(LossReported("11000002", key), clock)
        assert key_on_record(tx, "11000002") == key.on_hold()
