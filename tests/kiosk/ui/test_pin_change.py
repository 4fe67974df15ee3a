"""Changing a key's PIN at the screen."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from kiosk.desk.views.tokens import TokenRefusal, TokenRefused, TokenView
from kiosk.domain.entries.keys import PinChanged
from kiosk.ui.app import KeydeskApp
from kiosk.ui.visit import KeyService
from tests.support.desk import PIN
from tests.support.kiosk import (
    NEWCOMER,
    OTHER_SERIAL,
    SERIAL,
    Kiosk,
    answer_next,
    until,
)
from tests.support.screens import (
    fill,
    focused,
    press,
    press_button,
    sentence,
    settle,
    shown,
    text_of,
    type_in,
)
from tests.support.walks import open_service

SIZE = (80, 24)
SUPPORT = "0371-68085231"


def token_of(kiosk: Kiosk) -> TokenView:
    """What the key that is in says of itself."""
    token = kiosk.service.read_token()
    assert isinstance(token, TokenView)
    return token


def pin_changes(kiosk: Kiosk) -> list[str]:
    return [body.token_serial for body in kiosk.setup.bodies() if isinstance(body, PinChanged)]


async def test_a_pin_is_changed_on_the_key_that_was_chosen_and_on_none_without_a_choice(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    key = kiosk.owners_key(OTHER_SERIAL)
    kiosk.source.insert(kiosk.blank(SERIAL), "Virtual reader")
    kiosk.source.insert(key, "Other reader")
    several = kiosk.service.read_token()
    answer_next(kiosk.service, "change_pin", several, several)
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        assert "办理时会问用哪一把" in text_of(app)
        await type_in(pilot, PIN, "234567", "234567")
        assert shown(app) == "KeyChoiceScreen"
        await press(pilot, "escape")
        assert "没有选key盘" in text_of(app)
        assert pin_changes(kiosk) == []
        await press(pilot, "enter")
        await press(pilot, "down", "enter")
        assert "PIN码已修改" in text_of(app)
    assert pin_changes(kiosk) == [OTHER_SERIAL]


async def test_a_key_pulled_while_it_is_asked_which_takes_the_question_away(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    for serial, reader in ((SERIAL, "Virtual reader"), (OTHER_SERIAL, "Other reader")):
        kiosk.source.insert(kiosk.blank(serial), reader)
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        assert shown(app) == "KeyChoiceScreen"
        kiosk.source.remove("Other reader")
        await until(pilot, lambda: shown(app) == "KeyStatusScreen")
        await settle(pilot)
        await until(pilot, lambda: SERIAL in text_of(app))
        await settle(pilot)


async def test_a_pin_is_changed_by_keyboard_alone_and_nothing_typed_stays(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    asked = answer_next(kiosk.service, "change_pin")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        assert "6 至 16 位数字或字母" in text_of(app)
        await pilot.press(*PIN, "enter", *"234567", "enter", *"234567", "enter")
        await settle(pilot)
        assert "PIN码已修改" in text_of(app)
        assert not any(field.value for field in app.screen.query(Input))
        await press(pilot, "enter")
        assert shown(app) == "KeyServicesScreen"
    assert [given[1:] for given in asked] == [(PIN, "234567", False, SERIAL)]
    assert pin_changes(kiosk) == [SERIAL]


@pytest.mark.parametrize(
    ("typed", "said", "cursor"),
    [
        (("", "234567", "234567"), "请填写", "old"),
        (("111111", "2345", "2345"), "要 6 至 16 位", "new"),
        (("111111", "234567", ""), "请再输一遍", "again"),
        (("111111", "234567", "234568"), "两次输入的不一样", "again"),
        (("234567", "234567", "234567"), "和原PIN码一样", "new"),
        (("111111", "二三四五六七", "二三四五六七"), "只能用数字和字母", "new"),
        (("111111", "234567 ", "234567 "), "只能用数字和字母", "new"),
    ],
)
async def test_what_the_form_can_tell_costs_no_try(
    app: KeydeskApp, kiosk: Kiosk, typed: tuple[str, str, str], said: str, cursor: str
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    asked = answer_next(kiosk.service, "change_pin")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        fill(app, **dict(zip(("old", "new", "again"), typed, strict=True)))
        await press_button(app, pilot, "next")
        assert said in text_of(app)
        assert focused(app) == cursor
    assert asked == []


async def test_a_piv_key_takes_digits_alone_and_at_most_eight(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    piv = replace(token_of(kiosk), driver="piv", application="PIV")
    answer_next(kiosk.service, "read_token", piv, piv, piv)
    asked = answer_next(kiosk.service, "change_pin")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        assert "6 至 8 位数字" in text_of(app)
        await type_in(pilot, "111111", "abcdefg", "abcdefg")
        assert "只能用数字" in text_of(app)
    assert asked == []


async def test_a_wrong_old_pin_tells_the_tries_the_last_is_asked_for_and_a_blocked_one_goes_to_the_staff(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.waste_tries(4)
    asked = answer_next(kiosk.service, "change_pin")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        await type_in(pilot, "000000", "234567", "234567")
        assert "PIN码不对，还可试 1 次" in text_of(app)
        assert app.screen.query_one("#old", Input).value == ""
        fill(app, old="111112")
        await press(pilot, "enter", "enter", "enter")
        assert shown(app) == "ConfirmScreen"
        await press(pilot, "escape")
        assert token_of(kiosk).tries_left == 1
        fill(app, old="111112")
        await press(pilot, "enter", "enter", "enter")
        await press(pilot, "tab", "enter")
        assert asked[-1][1:] == ("111112", "234567", True, SERIAL)
        assert "已锁死，请找工作人员" in sentence(app)
        assert SUPPORT in text_of(app)


async def test_a_key_with_the_factory_pin_needs_no_old_one(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.setup.bound_here(kiosk.service, NEWCOMER, SERIAL))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN, NEWCOMER)
        assert "初始PIN码可不填" in text_of(app)
        await type_in(pilot, "", "234567", "234567")
        assert "PIN码已修改" in text_of(app)
    assert pin_changes(kiosk) == [SERIAL]


@pytest.mark.parametrize("trouble", [TokenRefusal.PIN_UNCHANGED, TokenRefusal.PIN_UNCERTAIN])
async def test_a_new_pin_that_the_desk_does_not_take_or_is_not_sure_of_is_said(
    app: KeydeskApp, kiosk: Kiosk, trouble: TokenRefusal
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    answer_next(kiosk.service, "change_pin", TokenRefused(trouble))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        await type_in(pilot, "111111", "222222", "222222")
        said = "新PIN码不能是初始PIN码" if trouble is TokenRefusal.PIN_UNCHANGED else "请先用新PIN码试"
        assert said in sentence(app)
