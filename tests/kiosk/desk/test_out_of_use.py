"""A machine that knows that the centre took it out of use takes no money and issues nothing; what was paid stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.store.database import Database
from tests.support.values import present

SUPERVISOR = StaffSession("林涛", supervisor=True)
OUT_OF_USE = Refused(Refusal.OUT_OF_USE)
END = pytest.mark.parametrize("end", ["retired", "quarantined"])


def told(database: Database, end: str) -> None:
    """The centre's answer tells that the machine was retired or revoked."""
    with database.write() as tx:
        tx.agent.put(replace(tx.agent.get(), retired=True, quarantined=end == "quarantined"))


@END
def test_it_takes_no_order_and_no_money(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    database: Database,
    placed: Callable[[Session, OrderKind], str],
    end: str,
) -> None:
    unpaid = placed(session, OrderKind.NEW)
    told(database, end)
    other = session_of("11000003")
    assert service.quote(other, OrderKind.NEW) == OUT_OF_USE
    assert service.place_order(other, OrderKind.NEW) == OUT_OF_USE
    assert service.vouch(SUPERVISOR, unpaid) == OUT_OF_USE
    with database.read() as tx:
        assert present(tx.ledger.order(unpaid)).status is OrderStatus.PLACED


@END
def test_a_paid_order_is_not_bound_and_can_be_given_back(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Callable[[str, OrderKind], str],
    end: str,
) -> None:
    paid = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("A"))
    told(database, end)
    assert service.bind(session, paid, None, False, lambda _: None) == OUT_OF_USE  # noqa: FBT003 - the contract
    back = service.grant_refund(SUPERVISOR, paid, "终端机停用")
    assert isinstance(back, OrderView)
    assert back.status is OrderStatus.REFUNDING
