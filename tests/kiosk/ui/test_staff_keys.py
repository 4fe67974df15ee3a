from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.widgets import Input, OptionList

from kiosk.desk.views import Refusal, Refused, TokenRefused, TokenTrouble
from kiosk.ui.routes import Route

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from kiosk.ui.app import KeydeskApp

# The fake desk of conftest.py, which cannot be imported by name.
Desk = Any


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def shown(app: KeydeskApp) -> str:
    return type(app.screen).__name__


def text_of(app: KeydeskApp) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def type_in(pilot: Pilot[None], *values: str) -> None:
    """Every value and Enter, as a person does."""
    for value in values:
        await pilot.press(*value, "enter")
    await settle(pilot)


async def open_staff(app: KeydeskApp, pilot: Pilot[None], name: str, password: str, service: str) -> None:
    await settle(pilot)
    await pilot.press("f6")
    await settle(pilot)
    app.screen.query_one("#staff-name", Input).value = name
    app.screen.query_one("#staff-password", Input).value = password
    app.screen.query_one("#staff-password").focus()
    await pilot.press("enter")
    await settle(pilot)
    await pilot.press("shift+tab", "left", "tab")
    await settle(pilot)
    rows = app.screen.query_one("#rows", OptionList)
    rows.highlighted = rows.get_option_index(service)
    await pilot.press("enter")
    await settle(pilot)


async def test_a_supervisor_unblocks_a_pin_that_the_member_types(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    desk.outcomes["unblock_pin"] = [TokenRefused(TokenTrouble.UNBLOCKING_PIN_WRONG, tries_left=2)]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "林涛", "Super-1", "key-unblock")
        await type_in(pilot, "87654321", "234567", "234567")
        assert "管理员PIN（PUK）不对，还可试 2 次" in text_of(app)
        await type_in(pilot, "", "", "")
        assert desk.calls[-1] == ("unblock_pin", "林涛", None, "234567", used.serial)
        assert "已解锁" in text_of(app)


async def test_only_a_supervisor_may_unblock(app: KeydeskApp, desk: Desk, used: Any) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "张华", "Staff-1", "key-unblock")
        assert shown(app) == "StaffDeskScreen"
        assert "要由主管登录后办理" in text_of(app)
        assert app.screen.query_one("#rows", OptionList).get_option("key-unblock").disabled


async def test_a_key_is_erased_only_after_two_confirmations(app: KeydeskApp, desk: Desk, used: Any) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "张华", "Staff-1", "key-erase")
        assert used.serial in text_of(app)
        await pilot.press("tab", "enter")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert [call[0] for call in desk.calls] == ["key_status"]
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert shown(app) == "TypedConfirmationScreen"
        await type_in(pilot, "1F04")
        assert "和序列号末四位不一样" in text_of(app)
        app.screen.query_one("#typed", Input).value = ""
        await type_in(pilot, "1f03")
        assert desk.calls[-1] == ("erase", "张华", used.serial)
        assert "已清空" in text_of(app)


async def test_a_key_in_use_is_not_erased(app: KeydeskApp, desk: Desk, used: Any) -> None:
    desk.token = used
    desk.outcomes["erase"] = [TokenRefused(TokenTrouble.IN_USE)]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "林涛", "Super-1", "key-erase")
        await pilot.press("tab", "enter")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await settle(pilot)
        await type_in(pilot, "1F03")
        assert "不能清空" in text_of(app)


async def test_a_key_handed_in_is_noted_with_whose_it_is_and_what_to_do(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "张华", "Staff-1", "key-found")
        assert "11000002  陈静" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert desk.calls[-1] == ("key_found", "张华", used.serial)
        assert "已替失主挂失" in text_of(app)
        desk.insert(TokenRefused(TokenTrouble.ABSENT))
        await settle(pilot)
        assert "已替失主挂失" in text_of(app)


async def test_a_hold_is_lifted_with_the_members_password_and_pin(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    desk.outcomes["lift_hold"] = [
        TokenRefused(TokenTrouble.PIN_WRONG, tries_left=3),
        Refused(Refusal.REPLACEMENT_OPEN),
    ]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "张华", "Staff-1", "key-lift")
        await type_in(pilot, "11000002", "wrong", "123456")
        assert "账号或密码不对" in text_of(app)
        assert desk.calls == []
        await type_in(pilot, "Keydesk-2", "")
        assert "PIN 不对，还可试 3 次" in text_of(app)
        await type_in(pilot, "123456")
        assert "已有补办订单" in text_of(app)
        app.screen.query_one("#pin").focus()
        await pilot.press("enter")
        await settle(pilot)
        assert desk.calls[-1] == ("lift_hold", "11000002", "张华", "123456", False, None)
        await pilot.pause(0.6)
        await settle(pilot)
        assert "已解除挂失，有效期到 2027-03-02。中心已登记" in text_of(app)
        assert not any(field.value for field in app.screen.query(Input))


async def test_the_staffs_view_of_a_key_stays_when_the_step_beneath_moves_on(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_staff(app, pilot, "张华", "Staff-1", "key-status")
        app.go(Route.NOTICE)
        await settle(pilot)
        assert shown(app) == "StaffKeyStatusScreen"
        assert type(app.step).__name__ == "NoticeScreen"
        assert used.serial in text_of(app)
