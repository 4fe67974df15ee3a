"""Keys pulled, questions answered twice and languages changed at the wrong moment, on the screens of the key services."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from kiosk.desk.keys.views import KeyView
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.entries.keys import LossReported, PinChanged
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.common.key_choice import KeyChoiceScreen
from kiosk.ui.screens.common.key_page import KeyPage
from kiosk.ui.screens.staff.erase_key import EraseKeyScreen
from kiosk.ui.screens.staff.found_key import FoundKeyScreen
from kiosk.ui.visit import KeyService
from tests.support.desk import PIN, STAFF, SUPERVISOR
from tests.support.kiosk import OTHER_SERIAL, OWNER, SERIAL, Kiosk, answer_next, go, held, lay, until
from tests.support.screens import (
    fill,
    focused,
    press,
    press_button,
    settle,
    shown,
    text_of,
    type_in,
)

SIZE = (80, 24)


async def open_service(
    app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, service: KeyService, account: str = OWNER
) -> None:
    """The service as it opens once the password was right."""
    await settle(pilot)
    app.visit.service = service
    await go(app, pilot, Route.KEY_SERVICES, kiosk.session(account))


async def enter_twice(app: KeydeskApp, pilot: Pilot[None]) -> None:
    """Two Enters before the screen came to look at the first."""
    for _ in range(2):
        app.post_message(events.Key("enter", "\r"))
    await settle(pilot)


def two_keys(kiosk: Kiosk) -> None:
    """Put two blank keys in."""
    for serial, reader in ((SERIAL, "Virtual reader"), (OTHER_SERIAL, "Other reader")):
        kiosk.source.insert(kiosk.blank(serial), reader)


def outdated(app: KeydeskApp) -> bool:
    """Whether the question for one of several keys has heard that one went out."""
    return any(isinstance(screen, KeyChoiceScreen) and screen.outdated for screen in app.screen_stack)


def stale(app: KeydeskApp) -> bool:
    """Whether the page has heard that a key went out while it worked."""
    return isinstance(app.screen, KeyPage) and app.screen.stale


def entries(kiosk: Kiosk, kind: type) -> int:
    return sum(isinstance(body, kind) for body in kiosk.setup.bodies())


# Twice


async def test_yes_twice_reports_a_loss_once_and_takes_away_nothing_but_the_question(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.owners_key()
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS)
        await press(pilot, "enter")
        await pilot.press("tab")
        await enter_twice(app, pilot)
        assert shown(app) == "ReportLossScreen"
    assert entries(kiosk, LossReported) == 1


async def test_enter_twice_changes_a_pin_once(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        fill(app, old=PIN, new="234567", again="234567")
        app.screen.query_one("#again").focus()
        await enter_twice(app, pilot)
        assert shown(app) == "ChangePinScreen"
    assert entries(kiosk, PinChanged) == 1


# Which of several keys


async def test_a_key_pulled_under_the_staffs_sign_in_takes_the_question_away_and_not_the_sign_in(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    two_keys(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        assert shown(app) == "KeyChoiceScreen"
        await press(pilot, "f6")
        kiosk.source.remove("Other reader")
        await until(pilot, lambda: outdated(app))
        await settle(pilot)
        assert shown(app) == "StaffScreen"
        await press(pilot, "escape")
        assert shown(app) == "KeyStatusScreen"
        assert SERIAL in text_of(app)
        assert "没有选key盘" not in text_of(app)


async def test_the_key_that_is_marked_stays_marked_in_the_other_language(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    two_keys(kiosk)
    asked = answer_next(kiosk.service, "key_status")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        await pilot.press("down", "f2")
        await settle(pilot)
        await press(pilot, "enter")
    assert asked[-1][1] == OTHER_SERIAL


# Pulled while it works


async def test_a_key_pulled_while_its_pin_is_changed_is_not_said_to_be_in(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    answer_next(kiosk.service, "change_pin", TokenRefused(TokenRefusal.REMOVED))
    with held(kiosk.service, "change_pin") as gate:
        async with app.run_test(size=SIZE) as pilot:
            await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
            fill(app, old=PIN, new="234567", again="234567")
            app.screen.query_one("#again").focus()
            await pilot.press("enter", "escape")
            await pilot.pause()
            kiosk.source.remove()
            await until(pilot, lambda: stale(app))
            assert shown(app) == "ChangePinScreen"
            gate.set()
            await settle(pilot)
            assert "key盘被拔出了" in text_of(app)
            assert SERIAL not in text_of(app)


async def test_a_key_pulled_while_it_is_erased_is_to_be_erased_again_and_not_shown_any_more(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    card = kiosk.blank()
    kiosk.source.insert(card)
    answer_next(kiosk.service, "erase", TokenRefused(TokenRefusal.REMOVED))
    with held(kiosk.service, "erase") as gate:
        async with app.run_test(size=SIZE) as pilot:
            await lay(app, pilot, EraseKeyScreen(SUPERVISOR))
            await press_button(app, pilot, "next")
            await press_button(app, pilot, "yes")
            fill(app, typed=SERIAL[-4:])
            await pilot.press("enter")
            await until(pilot, lambda: shown(app) == "EraseKeyScreen")
            kiosk.source.remove()
            await until(pilot, lambda: stale(app))
            gate.set()
            await settle(pilot)
            assert "可能没有清完。请重新插入同一把，再清空一次" in text_of(app)
            assert SERIAL not in text_of(app)
            assert app.screen.query_one("#next").disabled
            kiosk.source.insert(card)
            await until(pilot, lambda: SERIAL in text_of(app))
            assert not app.screen.query_one("#next").disabled


async def test_a_key_pulled_while_it_is_noted_as_found_is_not_shown_any_more(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    answer_next(kiosk.service, "key_found", TokenRefused(TokenRefusal.REMOVED))
    with held(kiosk.service, "key_found") as gate:
        async with app.run_test(size=SIZE) as pilot:
            await lay(app, pilot, FoundKeyScreen(SUPERVISOR))
            await pilot.press("enter")
            await pilot.pause()
            kiosk.source.remove()
            await until(pilot, lambda: stale(app))
            gate.set()
            await settle(pilot)
            assert "请插入key盘" in text_of(app)
            assert SERIAL not in text_of(app)


# What was typed


@pytest.mark.parametrize("trouble", [TokenRefusal.PIN_BLOCKED, TokenRefusal.PIN_UNCERTAIN])
async def test_pins_that_are_of_no_more_use_do_not_stay_in_the_fields(
    app: KeydeskApp, kiosk: Kiosk, trouble: TokenRefusal
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    answer_next(kiosk.service, "change_pin", TokenRefused(trouble, tries_left=0))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        await type_in(pilot, "111111", "234567", "234567")
        assert [field.value for field in app.screen.query(Input) if field.value] == []
        assert focused(app) == "old"


@pytest.mark.parametrize("status", [KeyStatus.ON_HOLD, KeyStatus.UNKNOWN])
async def test_staff_are_told_before_any_question_that_a_supervisor_has_to_erase_the_key(
    app: KeydeskApp, kiosk: Kiosk, status: KeyStatus
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    view = kiosk.service.key_status(STAFF)
    assert isinstance(view, KeyView)
    answer_next(kiosk.service, "key_status", replace(view, status=status))
    erased = answer_next(kiosk.service, "erase")
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, EraseKeyScreen(STAFF))
        await press_button(app, pilot, "next")
        assert shown(app) == "EraseKeyScreen"
        assert "要由主管登录后才能清空" in text_of(app)
    assert erased == []
