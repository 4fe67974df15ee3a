"""Keys pulled, questions answered twice and languages changed at the wrong moment, on the screens of the key services."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from textual import events
from textual.widgets import Input, OptionList

from kiosk.desk.keys.views import Check, CheckResult
from kiosk.desk.views import KeyStatus, StaffSession, StaffSignedIn, TokenRefused, TokenTrouble
from kiosk.domain.decisions import KeyState

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from kiosk.ui.app import KeydeskApp

# The fake desk of conftest.py, which cannot be imported by name.
Desk = Any
ABSENT = TokenRefused(TokenTrouble.ABSENT)
OTHER_SERIAL = "E8AD652202221F09"


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def shown(app: KeydeskApp) -> str:
    return type(app.screen).__name__


def text_of(app: KeydeskApp) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def typed(app: KeydeskApp) -> list[str]:
    return [field.value for field in app.screen.query(Input) if field.value]


async def type_in(pilot: Pilot[None], *values: str) -> None:
    for value in values:
        await pilot.press(*value, "enter")
    await settle(pilot)


async def open_service(pilot: Pilot[None], number: str) -> None:
    await settle(pilot)
    await pilot.press("9")
    await settle(pilot)
    await pilot.press(number)
    await settle(pilot)
    await type_in(pilot, "11000002", "Keydesk-2")


async def open_staff(app: KeydeskApp, pilot: Pilot[None], service: str) -> None:
    await settle(pilot)
    await pilot.press("f6")
    await settle(pilot)
    app.screen.query_one("#staff-name", Input).value = "林涛"
    app.screen.query_one("#staff-password", Input).value = "Super-1"
    app.screen.query_one("#staff-password").focus()
    await pilot.press("enter")
    await settle(pilot)
    await pilot.press("shift+tab", "left", "tab")
    await settle(pilot)
    rows = app.screen.query_one("#rows", OptionList)
    rows.highlighted = rows.get_option_index(service)
    await pilot.press("enter")
    await settle(pilot)


async def enter_twice(app: KeydeskApp, pilot: Pilot[None]) -> None:
    """Two Enters before the screen came to look at the first."""
    for _ in range(2):
        app.post_message(events.Key("enter", "\r"))
    await settle(pilot)


def held(desk: Desk, monkeypatch: pytest.MonkeyPatch, verb: str) -> threading.Event:
    """The verb answers only once the event is set."""
    gate, answer = threading.Event(), getattr(desk, verb)

    def wait(*asked: Any) -> Any:
        gate.wait(5)
        return answer(*asked)

    monkeypatch.setattr(desk, verb, wait)
    return gate


def two_keys(used: Any) -> TokenRefused:
    second = msgspec.structs.replace(used, serial=OTHER_SERIAL, reader="Other reader")
    return TokenRefused(TokenTrouble.SEVERAL, candidates=(used, second))


# Twice


async def test_yes_twice_reports_a_loss_once_and_takes_away_nothing_but_the_question(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(pilot, "4")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("tab")
        await enter_twice(app, pilot)
        assert shown(app) == "ReportLossScreen"
        assert [call[0] for call in desk.calls] == ["report_loss"]


async def test_enter_twice_changes_a_pin_once(app: KeydeskApp, desk: Desk, used: Any) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(pilot, "2")
        await type_in(pilot, "111111", "234567")
        await pilot.press(*"234567")
        await enter_twice(app, pilot)
        assert shown(app) == "ChangePinScreen"
        assert [call[0] for call in desk.calls] == ["change_pin"]


# Which of several keys


async def test_a_key_pulled_under_the_staffs_sign_in_takes_the_question_away_and_not_the_sign_in(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = two_keys(used)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(pilot, "1")
        assert shown(app) == "KeyChoiceScreen"
        await pilot.press("f6")
        await settle(pilot)
        desk.insert(used)
        await settle(pilot)
        assert shown(app) == "StaffScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == "KeyStatusScreen"
        assert used.serial in text_of(app)
        assert "没有选key盘" not in text_of(app)


async def test_the_key_that_is_marked_stays_marked_in_the_other_language(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = two_keys(used)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(pilot, "1")
        await pilot.press("down", "f2")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert desk.calls[-1] == ("key_status", OTHER_SERIAL)


# Pulled while it works


async def test_a_key_pulled_while_its_pin_is_changed_is_not_said_to_be_in(
    app: KeydeskApp, desk: Desk, used: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.token = used
    desk.outcomes["change_pin"] = [TokenRefused(TokenTrouble.REMOVED)]
    gate = held(desk, monkeypatch, "change_pin")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(pilot, "2")
        for value in ("111111", "234567", "234567"):
            await pilot.press(*value, "enter")
        await pilot.press("escape")
        await pilot.pause(0.05)
        desk.insert(ABSENT)
        await pilot.pause(0.05)
        assert shown(app) == "ChangePinScreen"
        gate.set()
        await settle(pilot)
        assert "key盘被拔出了" in text_of(app)
        assert used.serial not in text_of(app)


async def test_a_key_pulled_while_it_is_erased_is_to_be_erased_again_and_not_shown_any_more(
    app: KeydeskApp, desk: Desk, used: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.token = used
    desk.outcomes["erase"] = [TokenRefused(TokenTrouble.REMOVED)]
    gate = held(desk, monkeypatch, "erase")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "key-erase")
        for _ in range(2):
            await pilot.press("tab", "enter")
            await settle(pilot)
        await pilot.press(*used.serial[-4:], "enter")
        await pilot.pause(0.05)
        desk.insert(ABSENT)
        await pilot.pause(0.05)
        gate.set()
        await settle(pilot)
        assert "可能没有清完。请重新插入同一把，再清空一次" in text_of(app)
        assert used.serial not in text_of(app)
        assert app.screen.query_one("#next").disabled
        desk.insert(used)
        await settle(pilot)
        assert used.serial in text_of(app)
        assert not app.screen.query_one("#next").disabled


async def test_a_key_pulled_while_it_is_noted_as_found_is_not_shown_any_more(
    app: KeydeskApp, desk: Desk, used: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.token = used
    desk.outcomes["key_found"] = [TokenRefused(TokenTrouble.REMOVED)]
    gate = held(desk, monkeypatch, "key_found")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "key-found")
        await pilot.press("enter")
        await pilot.pause(0.05)
        desk.insert(ABSENT)
        await pilot.pause(0.05)
        gate.set()
        await settle(pilot)
        assert "请插入key盘" in text_of(app)
        assert used.serial not in text_of(app)


# What was typed


@pytest.mark.parametrize("trouble", [TokenTrouble.PIN_BLOCKED, TokenTrouble.PIN_UNCERTAIN])
async def test_pins_that_are_of_no_more_use_do_not_stay_in_the_fields(
    app: KeydeskApp, desk: Desk, used: Any, trouble: TokenTrouble
) -> None:
    desk.token = used
    desk.outcomes["change_pin"] = [TokenRefused(trouble, tries_left=0)]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(pilot, "2")
        await type_in(pilot, "111111", "234567", "234567")
        assert typed(app) == []
        assert app.focused is not None
        assert app.focused.id == "old"


async def test_a_new_pin_may_have_no_blanks_and_signs_which_the_rules_do_not_name(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(pilot, "2")
        for name, value in (("old", "111111"), ("new", "234567 "), ("again", "234567 ")):
            app.screen.query_one(f"#{name}", Input).value = value
        app.screen.query_one("#next").focus()
        await pilot.press("enter")
        await settle(pilot)
        assert "只能用数字和字母" in text_of(app)
        assert desk.calls == []


async def test_of_a_revoked_key_it_is_not_said_that_its_hold_could_be_lifted(
    app: KeydeskApp, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = desk.account

    def revoked(session: Any) -> Any:
        view = account(session)
        key = msgspec.structs.replace(view.key, lost=True, revoked=True)
        return msgspec.structs.replace(view, key=key, key_state=KeyState.LOST)

    monkeypatch.setattr(desk, "account", revoked)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(pilot, "4")
        assert "证书已作废，不能再用" in text_of(app)
        assert "解除挂失" not in text_of(app)
        assert "现在补办key盘" in text_of(app)


@pytest.mark.parametrize("standing", [KeyStatus.ON_HOLD, KeyStatus.UNKNOWN])
async def test_staff_are_told_before_any_question_that_a_supervisor_has_to_erase_the_key(
    app: KeydeskApp, desk: Desk, used: Any, monkeypatch: pytest.MonkeyPatch, standing: KeyStatus
) -> None:
    desk.token, desk.standing = used, standing
    monkeypatch.setattr(
        desk,
        "staff_sign_in",
        lambda name, _: StaffSignedIn(StaffSession(name, supervisor=False)),
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "key-erase")
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert shown(app) == "EraseKeyScreen"
        assert "要由主管登录后才能清空" in text_of(app)
        assert desk.calls[-1][0] != "erase"


async def test_what_was_not_checked_is_said_in_full_in_english(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    left_out = {Check.REGISTER, Check.SMS}
    results = tuple(
        (check, CheckResult.NOT_CHECKED if check in left_out else CheckResult.PASSED) for check in Check
    )
    desk.token, desk.login = used, msgspec.structs.replace(desk.login, results=results, check="")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f2")
        await open_service(pilot, "3")
        await type_in(pilot, "123456")
        rows = [" ".join(row.split()) for row in text_of(app).splitlines()]
        assert "[-] Listed by the centre not checked │" in rows
        assert "[-] SMS code not checked │" in rows
