"""What staff do with a key, on the screens."""

from __future__ import annotations

from textual.widgets import Input, OptionList

from kiosk.domain.entries.keys import HoldLifted, KeyErased, KeyFound
from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.key.key_status import StaffKeyStatusScreen
from kiosk.ui.screens.staff.erase_key import EraseKeyScreen
from kiosk.ui.screens.staff.found_key import FoundKeyScreen
from kiosk.ui.screens.staff.lift_hold import LiftHoldScreen
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from kiosk.ui.screens.staff.unblock_pin import UnblockPinScreen
from tests.support.desk import PIN, STAFF, SUPERVISOR, answered
from tests.support.kiosk import OWNER, SERIAL, Kiosk, go, lay, until
from tests.support.screens import fill, press, press_button, settle, shown, text_of, type_in

SIZE = (80, 24)


async def test_a_supervisor_unblocks_a_pin_that_the_member_types(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, UnblockPinScreen(SUPERVISOR))
        await type_in(pilot, "87654321", "234567", "234567")
        assert "管理员PIN（PUK）不对，还可试" in text_of(app)
        await press(pilot, "enter", "enter", "enter")
        assert "已解锁" in text_of(app)
    view = kiosk.service.change_pin(kiosk.session(OWNER), "234567", PIN, last_try_confirmed=False)
    assert view == answered(kiosk.service.key_status(STAFF)), "the new PIN is the one that was typed"


async def test_the_supervisor_opens_what_other_staff_may_not(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f6")
        await type_in(pilot, "林涛", "Super-1")
        await press(pilot, "shift+tab", "left", "tab")
        rows = app.screen.query_one("#rows", OptionList)
        rows.highlighted = rows.get_option_index("key-unblock")
        await press(pilot, "enter")
        assert shown(app) == "UnblockPinScreen"


async def test_only_a_supervisor_may_unblock(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        await press(pilot, "shift+tab", "left", "tab")
        assert "要由主管登录后办理" in text_of(app)
        assert app.screen.query_one("#rows", OptionList).get_option("key-unblock").disabled


async def test_a_key_is_erased_only_after_two_confirmations(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, EraseKeyScreen(STAFF))
        assert SERIAL in text_of(app)
        await press_button(app, pilot, "next")
        await press(pilot, "enter")
        assert shown(app) == "EraseKeyScreen"
        assert not any(isinstance(body, KeyErased) for body in kiosk.setup.bodies())
        await press_button(app, pilot, "next")
        await press_button(app, pilot, "yes")
        assert shown(app) == "TypedConfirmationScreen"
        await type_in(pilot, "1F04")
        assert "和序列号末四位不一样" in text_of(app)
        await type_in(pilot, "1f03")
        assert "已清空" in text_of(app)
    erased = [body for body in kiosk.setup.bodies() if isinstance(body, KeyErased)]
    assert [(body.token_serial, body.staff) for body in erased] == [(SERIAL, "张华")]


async def test_a_key_in_use_is_not_erased(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, EraseKeyScreen(SUPERVISOR))
        await press_button(app, pilot, "next")
        await press_button(app, pilot, "yes")
        await type_in(pilot, "1F03")
        assert "不能清空" in text_of(app)


async def test_a_key_handed_in_is_noted_with_whose_it_is_and_what_to_do(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, FoundKeyScreen(STAFF))
        assert "11000002  陈静" in text_of(app)
        await press(pilot, "enter")
        assert "已替失主挂失" in text_of(app)
        kiosk.source.remove()
        await settle(pilot)
        assert "已替失主挂失" in text_of(app)
    found = [body for body in kiosk.setup.bodies() if isinstance(body, KeyFound)]
    assert [(body.token_serial, body.staff) for body in found] == [(SERIAL, "张华")]


async def test_a_hold_is_lifted_with_the_members_password_and_pin(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    answered(kiosk.service.report_loss(kiosk.session(OWNER)))
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, LiftHoldScreen(STAFF))
        await type_in(pilot, OWNER, "wrong", PIN)
        assert "账号或密码不对" in text_of(app)
        await type_in(pilot, "Keydesk-2", "000000")
        assert "PIN码不对，还可试 5 次" in text_of(app)
        order = kiosk.place(OWNER, OrderKind.REPLACEMENT)
        await type_in(pilot, PIN)
        assert "已有补办订单" in text_of(app)
        answered(kiosk.service.cancel(kiosk.session(OWNER), order.reference))
        app.screen.query_one("#pin").focus()
        fill(app, password="Keydesk-2", pin=PIN)
        await press(pilot, "enter")
        assert "联网登记后可登录" in text_of(app)
        kiosk.setup.contact()
        await until(pilot, lambda: "已解除挂失，有效期到 2027-03-02。中心已登记" in text_of(app))
        assert not any(field.value for field in app.screen.query(Input))
    assert isinstance(kiosk.setup.bodies()[-1], HoldLifted)


async def test_the_staffs_view_of_a_key_stays_when_the_step_beneath_moves_on(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffKeyStatusScreen(STAFF))
        await go(app, pilot, Route.NOTICE)
        assert shown(app) == "StaffKeyStatusScreen"
        assert type(app.step).__name__ == "NoticeScreen"
        assert SERIAL in text_of(app)
