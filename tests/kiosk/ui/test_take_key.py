"""「请取走key盘」: every way out with a key in the reader, how it is asked for, and what lets the page go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
from textual.pilot import Pilot

from hardware.ports import ReaderUnavailable, TokenRemoved
from kiosk.domain.fees import OrderKind
from kiosk.settings import Display
from kiosk.ui.app import KeydeskApp
from kiosk.ui.presence import KeyPatience, key_patience
from kiosk.ui.routes import Route
from kiosk.ui.screens.key.key_status import StaffKeyStatusScreen
from tests.support.desk import SUPERVISOR
from tests.support.kiosk import NEWCOMER, OTHER_SERIAL, OWNER, SERIAL, Kiosk, go, lay, until
from tests.support.screens import fill, press, press_button, settle, shown, text_of, type_in
from tests.support.walks import SIZE, take_key, tick, to_binding

Way: TypeAlias = Callable[[KeydeskApp, Pilot[None], Kiosk], Awaitable[None]]
ASK = "请取走key盘"


async def leave(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """A visit ends with a key in the reader."""
    if not kiosk.source.present():
        kiosk.source.insert(kiosk.owners_key())
    await tick(app, pilot, kiosk)
    await go(app, pilot, Route.NOTICE)
    await press(pilot, "escape")
    assert shown(app) == "TakeKeyScreen"


async def by_escape(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    del kiosk
    await go(app, pilot, Route.NOTICE)
    await press(pilot, "escape")


async def by_setting_aside(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await to_binding(app, pilot, kiosk)
    await press(pilot, "f5")
    assert "已暂存" in text_of(app)


async def by_the_menu_of_services(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await go(app, pilot, Route.KEY_SERVICES, kiosk.session(OWNER))
    await press(pilot, "escape")


async def by_an_idle_form(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await go(app, pilot, Route.VERIFY)
    await tick(app, pilot, kiosk, 200)


async def by_the_cover(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await to_binding(app, pilot, kiosk)
    await tick(app, pilot, kiosk, 200)
    assert shown(app) == "PrivacyScreen"
    await press(pilot, "escape")


async def by_going_away_from_home(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await tick(app, pilot, kiosk, 200)


@pytest.mark.parametrize(
    "way",
    [
        by_escape,
        by_setting_aside,
        by_the_menu_of_services,
        by_an_idle_form,
        by_the_cover,
        by_going_away_from_home,
    ],
    ids=lambda way: way.__name__,
)
async def test_every_way_out_waits_until_the_key_is_taken(app: KeydeskApp, kiosk: Kiosk, way: Way) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await way(app, pilot, kiosk)
        assert shown(app) == "TakeKeyScreen"
        assert ASK in text_of(app)
        assert SERIAL not in text_of(app)
        assert app.visit.session is None
        await press(pilot, "f5", "escape", "enter")
        assert "key盘还插着，请拔出来" in text_of(app)
        await take_key(app, pilot, kiosk)


async def test_so_does_the_way_out_of_an_unexpected_error(kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    app = kiosk.app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.report(ValueError("a fault of the test"))
        await settle(pilot)
        await press_button(app, pilot, "home")
        await take_key(app, pilot, kiosk)


async def test_without_a_key_every_way_leads_home_at_once(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await by_escape(app, pilot, kiosk)
        assert shown(app) == "HomeScreen"


def test_it_is_asked_for_quietly_then_by_a_bell_and_in_the_end_of_the_staff() -> None:
    assert [key_patience(second) for second in (0, 14.9, 15, 59.9, 60)] == [
        KeyPatience.QUIET,
        KeyPatience.QUIET,
        KeyPatience.BELL,
        KeyPatience.BELL,
        KeyPatience.OVER,
    ]


async def test_the_bell_rings_once_after_a_quarter_of_a_minute(
    app: KeydeskApp, kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[float] = []
    began = kiosk.ticker.seconds
    monkeypatch.setattr(KeydeskApp, "bell", lambda _: rung.append(kiosk.ticker.seconds - began))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        for _ in range(59):
            await tick(app, pilot, kiosk, 1)
        assert rung == [15]
        assert not app.staff_called
        await tick(app, pilot, kiosk, 1)
        assert rung == [15, 60]
        assert app.staff_called


async def test_after_a_minute_home_flashes_and_the_next_member_is_told_nothing_of_the_key(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        await tick(app, pilot, kiosk, 60)
        await tick(app, pilot, kiosk)
        assert shown(app) == "HomeScreen"
        assert ASK in text_of(app)
        assert "已叫工作人员" in text_of(app).splitlines()[0]
        assert "有效期至" not in text_of(app)
        bright = []
        for _ in range(4):
            await tick(app, pilot, kiosk, 1)
            bright.append(app.screen.query_one("#key").has_class("bright"))
        assert bright in ([True, False] * 2, [False, True] * 2)
        await to_binding(app, pilot, kiosk)
        assert "请先取走读卡器里的key盘" in text_of(app)
        assert SERIAL not in text_of(app)
        await press(pilot, "enter")
        assert SERIAL not in text_of(app)
        assert "别人没取走的key盘" in text_of(app)
        await press(pilot, "f5")
        assert shown(app) == "HomeScreen", "it was asked for already"


async def test_the_call_ends_with_the_key_and_the_next_one_is_as_any_other(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        await tick(app, pilot, kiosk, 60)
        await tick(app, pilot, kiosk, 200)
        assert app.staff_called, "also on a screen that nobody uses"
        kiosk.source.remove()
        await settle(pilot)
        await tick(app, pilot, kiosk)
        assert not app.staff_called
        assert ASK not in text_of(app)
        assert "已叫工作人员" not in text_of(app)
        kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
        await until(pilot, lambda: "空白" in text_of(app))


async def test_a_call_of_a_persons_own_outlasts_the_key(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        await tick(app, pilot, kiosk, 60)
        await press(pilot, "f6", "escape")
        kiosk.source.remove()
        await settle(pilot)
        await tick(app, pilot, kiosk)
        assert app.staff_called


async def test_a_status_that_was_read_before_the_minute_was_over_takes_no_call_back(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        before = app.status
        assert before is not None
        kiosk.ticker.seconds += 60
        app._key_wait.check()
        app._key_wait.status_arrived(before)
        await settle(pilot)
        assert app.staff_called


@pytest.mark.parametrize("after", [5, 60])
async def test_staff_who_sign_in_let_the_page_go_and_see_the_key(
    app: KeydeskApp, kiosk: Kiosk, after: int
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        await tick(app, pilot, kiosk, after)
        await tick(app, pilot, kiosk)
        await press(pilot, "f6")
        await type_in(pilot, "林涛", "Super-1")
        assert shown(app) == "StaffDeskScreen"
        await lay(app, pilot, StaffKeyStatusScreen(SUPERVISOR))
        assert SERIAL in text_of(app)
        await press(pilot, "escape", "escape")
        assert shown(app) == "HomeScreen"
        await tick(app, pilot, kiosk)
        assert not app.staff_called
        assert ASK not in text_of(app)
        assert SERIAL not in text_of(app)


async def test_a_pull_that_the_service_missed_is_believed(
    app: KeydeskApp, kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> None:
        raise TokenRemoved("the service did not notice")

    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        monkeypatch.setattr(kiosk.source, "open", gone)
        await press(pilot, "enter")
        assert shown(app) == "HomeScreen"
        await tick(app, pilot, kiosk)
        assert ASK not in text_of(app)


async def test_a_reader_that_hangs_locks_nobody_out(
    app: KeydeskApp, kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs() -> None:
        raise ReaderUnavailable("the reader hangs")

    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        monkeypatch.setattr(kiosk.source, "present", hangs)
        await tick(app, pilot, kiosk, 1)
        assert shown(app) == "TakeKeyScreen", "nobody can tell whether it was taken"
        await tick(app, pilot, kiosk, 60)
        assert shown(app) == "HomeScreen"
        await leave_without_reader(app, pilot)


async def leave_without_reader(app: KeydeskApp, pilot: Pilot[None]) -> None:
    """Nobody is asked for a key that no reader has."""
    await go(app, pilot, Route.NOTICE)
    await press(pilot, "escape")
    assert shown(app) == "HomeScreen"


async def test_a_key_that_another_program_holds_locks_nobody_out(app: KeydeskApp, kiosk: Kiosk) -> None:
    presence = kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        other = kiosk.source.open(presence)
        await press(pilot, "enter")
        assert "key盘还插着，请拔出来" in text_of(app)
        await tick(app, pilot, kiosk, 60)
        assert shown(app) == "HomeScreen"
        other.close()


async def test_another_member_at_the_cover_goes_on_once_the_key_of_the_one_before_is_taken(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.owners_key(OTHER_SERIAL)
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        kiosk.place_paid(OWNER, OrderKind.RENEWAL)
        await tick(app, pilot, kiosk, 200)
        fill(app, account=OWNER, password="Keydesk-2")
        await press_button(app, pilot, "next")
        assert shown(app) == "PrivacyScreen"
        assert "请先取走读卡器里的key盘" in text_of(app)
        assert SERIAL not in text_of(app)
        kiosk.source.remove()
        await until(pilot, lambda: shown(app) == "BindScreen")
        await settle(pilot)
        assert app.visit.session is not None
        assert app.visit.session.account == OWNER
        assert SERIAL not in text_of(app)


async def test_a_shorter_idle_time_does_not_start_the_minute_again(kiosk: Kiosk) -> None:
    app = KeydeskApp(kiosk.service, None, Display(idle=10, countdown=5), monotonic=kiosk.ticker)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await leave(app, pilot, kiosk)
        for _ in range(6):
            await tick(app, pilot, kiosk, 10)
        assert shown(app) == "HomeScreen"
    assert NEWCOMER not in str(app.visit)
