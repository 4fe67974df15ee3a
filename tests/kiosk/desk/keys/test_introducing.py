"""What the desk says of a key that is put in before anybody signed in."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import KeyIntroduced
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.clock import FixedClock

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY


def test_a_key_in_use_tells_its_end_and_whose_forms_it_fills_in(
    service: DeskService,
    source: VirtualTokenSource,
    bound_here: Callable[[str, str], GmtCard],
    clock: FixedClock,
) -> None:
    source.insert(bound_here("11000001", "OWN"))
    introduced = service.introduce()
    assert introduced == KeyIntroduced(KeyStatus.IN_USE, "11000001", clock.wall() + YEAR, 365)
    clock.advance(YEAR + 1)
    expired = service.introduce()
    assert isinstance(expired, KeyIntroduced)
    assert (expired.account, expired.days_left) == ("11000001", -1)


def test_no_name_and_no_serial_is_in_it(
    service: DeskService,
    source: VirtualTokenSource,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
) -> None:
    source.insert(bound_elsewhere("11000002", "OTHER", NOW - DAY, NOW + DAY))
    told = msgspec.json.encode(service.introduce()).decode()
    assert "11000002" in told
    assert not [each for each in ("OTHER", "陈静", "公司") if each in told]


def test_a_key_that_is_nobodys_or_not_to_be_used_fills_nothing_in(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    blank: Callable[[str], GmtCard],
    bound_here: Callable[[str, str], GmtCard],
) -> None:
    assert service.introduce() == TokenRefused(TokenRefusal.ABSENT)
    source.insert(blank("BLANK"))
    assert service.introduce() == KeyIntroduced(KeyStatus.BLANK)
    source.remove()
    lost = bound_here("11000001", "LOST")
    service.report_loss(session)
    source.insert(lost)
    assert service.introduce() == KeyIntroduced(KeyStatus.ON_HOLD)
