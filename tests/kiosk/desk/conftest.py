"""The fixtures of one desk (tests/support/desk.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk, DeskSettings
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session, StaffSession
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.fees import OrderKind
from kiosk.domain.policy import Policy
from kiosk.pki.issuing import IssuingAuthority
from kiosk.store.database import Database
from tests.support import desk as support
from tests.support.desk import DeskSetup


@pytest.fixture
def source() -> VirtualTokenSource:
    return VirtualTokenSource(("first", "second"))


@pytest.fixture
def desk_setup(tmp_path: Path, source: VirtualTokenSource) -> Iterator[DeskSetup]:
    made = DeskSetup(tmp_path, source)
    yield made
    made.close()


@pytest.fixture(scope="session")
def centre_key() -> bytes:
    return support.authorities().centre_key


@pytest.fixture(scope="session")
def authority() -> IssuingAuthority:
    return support.authorities().issuing


@pytest.fixture
def clock(desk_setup: DeskSetup) -> FixedClock:
    return desk_setup.clock


@pytest.fixture(scope="session")
def give_policy() -> Callable[[Database, Policy], None]:
    return support.give_policy


@pytest.fixture(scope="session")
def meet_centre() -> Callable[[Database, FixedClock], None]:
    return support.meet_centre


@pytest.fixture
def contact(desk_setup: DeskSetup) -> Callable[[], None]:
    return desk_setup.contact


@pytest.fixture(scope="session")
def make_database() -> Callable[[Path, FixedClock], Database]:
    return support.make_database


@pytest.fixture
def database(desk_setup: DeskSetup) -> Database:
    return desk_setup.database


@pytest.fixture(scope="session")
def desk_settings() -> DeskSettings:
    return support.desk_settings()


@pytest.fixture
def printer(desk_setup: DeskSetup) -> VirtualPrinter:
    return desk_setup.printer


@pytest.fixture
def waits(desk_setup: DeskSetup) -> list[Callable[[], object]]:
    """What happens, one after the other, each time that a verb waits for the agent."""
    return desk_setup.sleep.happens


@pytest.fixture
def sleep(desk_setup: DeskSetup) -> Callable[[float], None]:
    return desk_setup.sleep


@pytest.fixture
def open_desk(desk_setup: DeskSetup) -> Callable[[], Desk]:
    desk_setup.contact()
    return desk_setup.open_desk


@pytest.fixture
def desk(desk_setup: DeskSetup) -> Desk:
    return desk_setup.open_desk()


@pytest.fixture
def service(desk: Desk) -> DeskService:
    return DeskService(desk)


@pytest.fixture
def session() -> Session:
    return support.SESSION


@pytest.fixture
def session_of() -> Callable[[str], Session]:
    return support.session_of


@pytest.fixture
def staff() -> StaffSession:
    return support.STAFF


@pytest.fixture
def supervisor() -> StaffSession:
    return support.SUPERVISOR


@pytest.fixture
def bodies(desk_setup: DeskSetup) -> Callable[[], list[AnyBody]]:
    return desk_setup.bodies


@pytest.fixture
def bound_here(desk_setup: DeskSetup, service: DeskService) -> Callable[[str, str], GmtCard]:
    """Let the desk bind a key (account, serial)."""
    return partial(desk_setup.bound_here, service)


@pytest.fixture
def blank(desk_setup: DeskSetup) -> Callable[[str], GmtCard]:
    return desk_setup.blank


@pytest.fixture
def pay(desk_setup: DeskSetup) -> Callable[[str], None]:
    return desk_setup.pay


@pytest.fixture
def digits_for(desk_setup: DeskSetup) -> Callable[[str], str]:
    return desk_setup.digits_for


@pytest.fixture
def scan_for(desk_setup: DeskSetup) -> Callable[[str], str]:
    return desk_setup.scan_for


@pytest.fixture
def placed(service: DeskService) -> Callable[[Session, OrderKind], str]:
    """Place an order and give its number."""
    return partial(support.place, service)


@pytest.fixture
def bound_elsewhere(desk_setup: DeskSetup) -> Callable[[str, str, int, int], GmtCard]:
    return desk_setup.bound_elsewhere


@pytest.fixture
def paid_order(desk_setup: DeskSetup) -> Callable[[str, OrderKind], str]:
    return desk_setup.paid_order
