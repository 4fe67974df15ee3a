from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_parts
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.keys.views import KeyView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.status import ClockFault, Network, TokenStatus
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused, TokenView
from kiosk.domain.clock import FixedClock
from kiosk.domain.feed_keys import schedule_digest
from kiosk.domain.fees import OrderKind
from kiosk.pki.encodings import encode_private_key
from kiosk.pki.issuing import key_fingerprint
from kiosk.pki.suites import SM2
from kiosk.store.agent_state import AgentState, ContactFault
from kiosk.store.database import Database
from kiosk.store.vault import VaultItem
from kiosk.ui.widgets.rows import NOT_RUNNING, network_light
from tests.support.desk import FACTORY_PIN, SCHEDULE, answered, session_of

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


def test_without_an_agent_nobody_reaches_the_centre(desk: Desk) -> None:
    service = DeskService(with_parts(desk, agent_runs=lambda: False))
    status = answered(service.status())
    assert (status.network, network_light(status)) == (Network.OFFLINE, NOT_RUNNING)


@pytest.mark.parametrize("seconds", [91, 3600, NOW])
def test_a_contact_in_the_future_is_none_but_a_clock_that_was_set_back(
    service: DeskService, clock: FixedClock, seconds: int
) -> None:
    clock.now -= seconds
    status = answered(service.status())
    assert (status.network, status.clock) == (Network.OFFLINE, ClockFault.BEHIND_LAST_ENTRY)


def test_in_1970_it_is_the_clock_that_is_named(
    service: DeskService,
    database: Database,
    session: Session,
    clock: FixedClock,
    source: VirtualTokenSource,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
) -> None:
    with database.write() as tx:
        tx.feed.drop_schedule(SCHEDULE.number, schedule_digest(SCHEDULE))
        tx.feed.put_schedule(replace(SCHEDULE, effective_from=NOW - 86_400))
    source.insert(bound_elsewhere("11000002", "B0002", NOW - 10, NOW + 10))
    clock.now = 0
    wrong = Refused(Refusal.CLOCK_BEHIND)
    owner = session_of("11000002")
    assert service.fees() == wrong
    assert service.quote(session, OrderKind.NEW) == wrong
    assert service.place_order(session, OrderKind.NEW) == wrong
    assert service.login_check(owner, FACTORY_PIN, last_try_confirmed=False) == wrong
    view = service.key_status(owner)
    assert isinstance(view, KeyView)
    assert view.days_left is None


def test_a_centre_that_refuses_is_no_line_that_is_down(service: DeskService, database: Database) -> None:
    with database.write() as tx:
        refused = replace(
            tx.agent.get(), error="403", failure=ContactFault.REFUSED, refusal="machine-retired"
        )
        tx.agent.put(refused)
    status = answered(service.status())
    assert status.network is Network.REFUSED
    assert (status.contact.failure, status.contact.refusal) == (ContactFault.REFUSED, "machine-retired")


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
        issued_pin="111111",
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


def test_a_machine_that_waits_for_the_root_is_known_by_its_fingerprint(desk: Desk, tmp_path: Path) -> None:
    database, key = Database.create(tmp_path / "empty.db", bytes(32)), SM2.generate()
    service = DeskService(with_parts(desk, database=database))
    assert answered(service.status()).fingerprint == ""
    with database.write() as tx:
        tx.vault.put(VaultItem.ISSUING_KEY, encode_private_key(key))
        tx.agent.put(AgentState(awaiting_root=True))
    status = answered(service.status())
    assert (status.network, status.fingerprint) == (
        Network.AWAITING_ROOT,
        key_fingerprint(key.public_key),
    )


def test_a_machine_that_is_enrolled_anew_shows_the_fingerprint_of_its_new_request(
    service: DeskService, database: Database
) -> None:
    key = SM2.generate()
    with database.write() as tx:
        tx.agent.put(replace(tx.agent.get(), unconfirmed=True))
    old = answered(service.status()).fingerprint
    with database.write() as tx:
        tx.vault.put(VaultItem.NEXT_ISSUING_KEY, encode_private_key(key))
        tx.agent.put(replace(tx.agent.get(), awaiting_root=True))
    assert answered(service.status()).fingerprint == key_fingerprint(key.public_key) != old


def test_the_fee_table_is_the_schedule_in_force(service: DeskService) -> None:
    table = answered(service.fees())
    assert table is not None
    assert [(kind, sum(line.amount for line in lines)) for kind, lines in table] == [
        (OrderKind.NEW, 34000),
        (OrderKind.REPLACEMENT, 34000),
        (OrderKind.RENEWAL, 23000),
    ]
