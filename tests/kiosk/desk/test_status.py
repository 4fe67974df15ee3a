from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_parts
from pathlib import Path

from msgspec.structs import replace

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.service import DeskService
from kiosk.desk.views import (
    ClockFault,
    Network,
    Refusal,
    Refused,
    Session,
    TokenRefusal,
    TokenRefused,
    TokenStatus,
    TokenView,
)
from kiosk.domain.clock import FixedClock
from kiosk.domain.fees import OrderKind
from kiosk.store.agent_state import AgentState
from kiosk.store.database import Database
from tests.support.desk import answered

NOW = 1_795_327_500


def test_the_backlog_is_what_the_centre_has_not_yet(
    service: DeskService,
    session: Session,
    contact: Callable[[], None],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    assert answered(service.status()).backlog == 0
    placed(session, OrderKind.NEW)
    assert answered(service.status()).backlog == 1
    contact()
    assert answered(service.status()).backlog == 0


def test_silence_of_more_than_90_seconds_or_an_error_of_the_agent_is_offline(
    service: DeskService, database: Database, clock: FixedClock, contact: Callable[[], None]
) -> None:
    assert answered(service.status()).network is Network.ONLINE
    with database.write() as tx:
        tx.agent.put(replace(tx.agent.get(), error="no route"))
    assert answered(service.status()).network is Network.OFFLINE
    contact()
    clock.advance(90)
    assert answered(service.status()).network is Network.ONLINE
    clock.advance(1)
    status = answered(service.status())
    assert (status.network, status.feed_as_of) == (Network.OFFLINE, NOW)


def test_before_the_first_contact_the_centre_is_not_reached(service: DeskService, database: Database) -> None:
    with database.write() as tx:
        tx.agent.put(AgentState())
    status = answered(service.status())
    assert (status.network, status.feed_as_of) == (Network.OFFLINE, None)


def test_the_tokens_are_counted_as_they_come_and_go(
    service: DeskService, source: VirtualTokenSource, blank: Callable[[str], GmtCard]
) -> None:
    assert answered(service.status()).token is TokenStatus.ABSENT
    assert service.read_token() == TokenRefused(TokenRefusal.ABSENT)
    source.insert(blank("A"), "first")
    assert answered(service.status()).token is TokenStatus.PRESENT
    assert service.read_token() == TokenView(
        serial="A",
        blank=True,
        certificate=None,
        not_before=None,
        not_after=None,
        tries_left=6,
        pin_blocked=False,
        tries_allowed=6,
        factory_pin=True,
        driver="gmt",
        application="KEYDESK",
        reader="first",
    )
    source.insert(blank("B"), "second")
    assert answered(service.status()).token is TokenStatus.SEVERAL
    several = service.read_token()
    assert isinstance(several, TokenRefused)
    assert several.reason is TokenRefusal.SEVERAL
    assert [(each.serial, each.reader) for each in several.candidates] == [("A", "first"), ("B", "second")]


def test_a_bound_key_tells_its_certificate(
    service: DeskService,
    source: VirtualTokenSource,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
) -> None:
    source.insert(bound_elsewhere("11000002", "B0002", NOW - 10, NOW + 10))
    read = service.read_token()
    assert isinstance(read, TokenView)
    assert (read.serial, read.blank, read.certificate) == ("B0002", False, "0001000001000001")
    assert (read.not_before, read.not_after) == (NOW - 10, NOW + 10)


def test_the_clocks_trouble_is_shown(service: DeskService, clock: FixedClock) -> None:
    assert answered(service.status()).clock is None
    clock.now += 3600
    assert answered(service.status()).clock is ClockFault.FAR_FROM_SERVER


def test_before_enrolment_nothing_is_sold_and_nothing_breaks(
    desk: Desk, tmp_path: Path, session: Session
) -> None:
    service = DeskService(with_parts(desk, database=Database.create(tmp_path / "empty.db", bytes(32))))
    status = answered(service.status())
    assert (status.network, status.backlog, status.clock) == (Network.NOT_ENROLLED, 0, None)
    assert answered(service.fees()) is None
    assert service.quote(session, OrderKind.NEW) == Refused(Refusal.NOT_ENROLLED)
    assert answered(service.open_orders(session)) == ()
    assert service.expire_due() == 0


def test_the_fee_table_is_the_schedule_in_force(service: DeskService) -> None:
    table = answered(service.fees())
    assert table is not None
    assert [(kind, sum(line.amount for line in lines)) for kind, lines in table] == [
        (OrderKind.NEW, 34000),
        (OrderKind.REPLACEMENT, 34000),
        (OrderKind.RENEWAL, 23000),
    ]
