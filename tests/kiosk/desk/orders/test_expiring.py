"""When an unpaid order ends by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderReleased
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.domain.policy import is_due
from kiosk.store.database import Database
from kiosk.store.errors import StoreBusy
from tests.support.desk import answered

NOW = 1_795_327_500
DAY = 86_400
WINDOW = 15 * 60


@pytest.mark.parametrize(
    ("after_deadline", "contact_after", "due"),
    [
        (299, 10, False),
        (300, 10, True),
        (300, 0, False),
        (300, None, False),
        (DAY - 1, None, False),
        (DAY, None, True),
        (DAY, -50, True),
    ],
)
def test_an_order_is_due_five_minutes_after_its_deadline_or_a_day_without_contact(
    after_deadline: int,
    contact_after: int | None,
    due: bool,  # noqa: FBT001 - a table's column
) -> None:
    contact = None if contact_after is None else NOW + contact_after
    assert is_due(NOW, NOW + after_deadline, contact) is due


def test_expiring_waits_for_the_centre_to_be_heard_after_the_deadline(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    contact: Callable[[], None],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    clock.advance(WINDOW + 300)
    assert service.expire_due() == 0
    contact()
    assert service.expire_due() == 1
    assert service.expire_due() == 0
    view = answered(service.order(number))
    assert view is not None
    assert view.status is OrderStatus.EXPIRED
    assert service.bindable(session) == Refused(Refusal.ORDER_EXPIRED)


def test_nothing_expires_while_the_clock_cannot_be_believed(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
) -> None:
    placed(session, OrderKind.NEW)
    clock.now += 2 * DAY
    assert service.expire_due() == 0


def test_an_order_that_moved_away_expires_at_its_new_kiosk_alone(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    clock: FixedClock,
    database: Database,
    contact: Callable[[], None],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    placed(session_of("11000003"), OrderKind.NEW)
    with database.write() as tx:
        tx.append(OrderReleased(number, new_owner=9, handover=1, feed="order-moved/1"), clock)
    clock.advance(2 * DAY)
    contact()
    assert service.expire_due() == 1


def test_where_no_order_is_due_nothing_is_written(
    service: DeskService,
    session: Session,
    placed: Callable[[Session, OrderKind], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    placed(session, OrderKind.NEW)

    def busy(database: Database) -> None:
        raise StoreBusy(database.path)

    monkeypatch.setattr(Database, "write", busy)
    assert service.expire_due() == 0
