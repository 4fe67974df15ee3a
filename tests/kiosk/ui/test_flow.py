from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from textual import events
from textual.widgets import Input, OptionList

from kiosk.desk.views import (
    Network,
    PrintOutcome,
    Refusal,
    Refused,
    Session,
    TokenRefused,
    TokenTrouble,
)
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery, OrderStatus

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from kiosk.ui.app import KeydeskApp

SIZES = [(80, 24), (120, 36)]
FIRST = "3-0147-6"
# The fake desk of conftest.py, which cannot be imported by name.
Desk = Any
TYPED = {
    "legal-person": "王建国",
    "enterprise": "北京示例粮油贸易有限公司",
    "account": "11000001",
    "operator": "李晓梅",
    "password": "Keydesk-1",
}


async def settle(pilot: Pilot[None]) -> None:
    """Until the threads have answered and the screens have taken it in."""
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def shown(app: KeydeskApp) -> str:
    """The screen's name."""
    return type(app.screen).__name__


def text_of(app: KeydeskApp) -> str:
    """What stands on the screen, row by row."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip)[: width * 2] for strip in strips[:height])


def fill(app: KeydeskApp, **values: str) -> None:
    for name, value in values.items():
        app.screen.query_one(f"#{name.replace('_', '-')}", Input).value = value


async def press_button(app: KeydeskApp, pilot: Pilot[None], name: str) -> None:
    app.screen.query_one(f"#{name}").focus()
    await pilot.press("enter")
    await settle(pilot)


async def verify(app: KeydeskApp, pilot: Pilot[None], key: str = "1", **changes: str) -> None:
    """From home to the answer of ② with what TYPED says, changed."""
    await settle(pilot)
    await pilot.press(key)
    await settle(pilot)
    await pilot.press("enter")
    await settle(pilot)
    typed = {**TYPED, **{name.replace("_", "-"): value for name, value in changes.items()}}
    for field in app.screen.query(Input):
        field.value = typed[str(field.id)]
    await press_button(app, pilot, "next")


async def sign_in(app: KeydeskApp, pilot: Pilot[None], account: str = "11000001") -> None:
    fill(app, account=account, password=f"Keydesk-{account[-1]}")
    await press_button(app, pilot, "next")
    await settle(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_a_new_key_from_notice_to_receipt_by_keyboard_alone(
    app: KeydeskApp, desk: Desk, blank: Any, size: tuple[int, int]
) -> None:
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("1")
        await settle(pilot)
        assert "340.00" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        for value in TYPED.values():
            app.focused.value = value  # type: ignore[union-attr]
            await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "PayScreen"
        desk.pay(FIRST)
        await pilot.pause(0.6)
        await settle(pilot)
        assert shown(app) == "DeliveryScreen"
        await pilot.press("1")
        await settle(pilot)
        assert "请插入KEY" in text_of(app)
        desk.insert(blank)
        await settle(pilot)
        assert blank.serial in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "DoneScreen"
        assert "证书已登记" in text_of(app)
        assert desk.printed == [FIRST]
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert app.visit.session is None
        assert desk.calls == [("skip_pin_change", "11000001", blank.serial)]


async def test_all_errors_stand_beside_their_fields_at_once(app: KeydeskApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot, legal_person="", operator="")
        assert text_of(app).count("请填写") == 2
        assert app.focused is not None
        assert app.focused.id == "legal-person"
        fill(app, legal_person="王五", operator="李四")
        await press_button(app, pilot, "next")
        assert text_of(app).count("与登记的资料不一致") == 2


async def test_a_wrong_password_says_how_many_tries_are_left_and_offline_how_old_the_data_is(
    app: KeydeskApp, desk: Desk
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.network = Network.OFFLINE
        await verify(app, pilot, password="wrong")
        assert "还可试 4 次" in text_of(app)
        assert "本机资料截至 11-22 13:55，未查到" in text_of(app)


@pytest.mark.parametrize(("operator", "said"), [("陈静", "应当办理「key盘续期」"), ("陈晶", "资料对不上")])
async def test_offline_a_wrong_kind_and_a_name_that_does_not_match_tell_how_old_the_data_is(
    app: KeydeskApp, desk: Desk, operator: str, said: str
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.network = Network.OFFLINE
        await verify(
            app,
            pilot,
            account="11000002",
            password="Keydesk-2",
            enterprise="河南中原储备粮有限公司（郑州）",
            legal_person="赵志强",
            operator=operator,
        )
        assert said in text_of(app)
        assert "本机资料截至11-2213:55，未查到" in "".join(text_of(app).split())


async def test_a_wrong_kind_offers_the_right_one_and_keeps_what_was_typed(
    app: KeydeskApp, desk: Desk
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(
            app,
            pilot,
            account="11000002",
            password="Keydesk-2",
            enterprise="河南中原储备粮有限公司（郑州）",
            legal_person="赵志强",
            operator="陈静",
        )
        assert shown(app) == "ConfirmScreen"
        assert "应当办理「key盘续期」" in text_of(app)
        await press_button(app, pilot, "no")
        assert app.screen.query_one("#operator", Input).value == "陈静"
        await press_button(app, pilot, "next")
        await press_button(app, pilot, "yes")
        await settle(pilot)
        assert shown(app) == "PayScreen"
        assert desk.orders[FIRST].kind is OrderKind.RENEWAL
        assert "原 2027-03-02，办成后至 2028-03-02" in text_of(app)


@pytest.mark.parametrize(
    ("network", "said"), [(Network.ONLINE, "立即挂失"), (Network.OFFLINE, "（本机离线，联网后生效）")]
)
async def test_a_replacement_reports_the_loss_only_after_a_question(
    app: KeydeskApp, desk: Desk, network: Network, said: str
) -> None:
    desk.network = network
    async with app.run_test(size=(80, 24)) as pilot:
        changes = {
            "account": "11000002",
            "password": "Keydesk-2",
            "enterprise": "河南中原储备粮有限公司（郑州）",
        }
        await verify(app, pilot, "2", **changes)
        assert said in "".join(text_of(app).replace("│", "").split())
        await press_button(app, pilot, "no")
        assert desk.orders == {}
        await press_button(app, pilot, "next")
        await press_button(app, pilot, "yes")
        assert desk.orders[FIRST].kind is OrderKind.REPLACEMENT


async def test_a_refusal_is_worded_with_the_telephone_number(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.refusal = Refused(Refusal.OPERATOR_UNDER_REVIEW)
        await verify(app, pilot)
        assert "审核中" in text_of(app)
        assert "0371-68085231" in text_of(app)


async def test_a_second_order_of_that_kind_leads_to_the_first(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.add_order("11000001", OrderKind.NEW)
        await verify(app, pilot)
        assert shown(app) == "PayScreen"
        assert desk.placed == 0


async def test_pressing_enter_twice_orders_once(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.gate = threading.Event()
        await settle(pilot)
        await pilot.press("1")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        fill(app, **{name.replace("-", "_"): value for name, value in TYPED.items()})
        app.screen.query_one("#next").focus()
        await pilot.press("enter", "enter", "enter")
        desk.gate.set()
        await settle(pilot)
        assert desk.placed == 1


async def test_a_typed_confirmation_completes_an_order_offline(
    app: KeydeskApp, desk: Desk, code: str
) -> None:
    desk.network = Network.OFFLINE
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        assert "[离线]" in text_of(app)
        await pilot.press(*"48210917334")
        assert app.screen.query_one("#code", Input).value == "4821-0917-334"
        await pilot.press("enter")
        await settle(pilot)
        assert not app.screen.query_one("#code", Input).value
        assert "还可试 4 次" in text_of(app)
        app.screen.query_one("#code", Input).value = ""
        await pilot.press(*code, "enter")
        await settle(pilot)
        assert shown(app) == "DeliveryScreen"


@pytest.mark.parametrize("typed", [False, True], ids=["serial scanner", "keyboard scanner"])
async def test_a_scanned_confirmation_is_taken(app: KeydeskApp, desk: Desk, scan: str, typed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        if typed:
            for mark in scan:
                app.post_message(events.Key(mark, mark))
            app.post_message(events.Key("enter", "\r"))
        else:
            desk.scan_watchers[0](scan)
        await settle(pilot)
        assert shown(app) == "DeliveryScreen"


async def test_leaving_keeps_the_order_and_only_cancelling_ends_it(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        await pilot.press("f5")
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert desk.orders[FIRST].status is OrderStatus.PLACED
        await pilot.press("7")
        await settle(pilot)
        await sign_in(app, pilot)
        assert shown(app) == "PayScreen"
        await pilot.press("ctrl+x")
        await settle(pilot)
        await press_button(app, pilot, "no")
        assert desk.orders[FIRST].status is OrderStatus.PLACED
        await pilot.press("f8")
        await settle(pilot)
        await press_button(app, pilot, "yes")
        assert desk.orders[FIRST].status is OrderStatus.CANCELLED
        assert "已取消" in text_of(app)


async def test_an_order_expires_on_the_screen(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        desk.now += 901
        await pilot.pause(1.8)
        await settle(pilot)
        assert "已过期" in text_of(app)


@pytest.mark.parametrize("answer", list(Delivery))
async def test_a_key_taken_later_prints_a_slip_and_ends(
    app: KeydeskApp, desk: Desk, answer: Delivery
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.printer = PrintOutcome.PAPER_OUT
        await verify(app, pilot)
        desk.pay(FIRST)
        await pilot.pause(0.6)
        await settle(pilot)
        await press_button(app, pilot, answer.value)
        assert shown(app) == "SlipScreen"
        assert desk.orders[FIRST].delivery is answer
        assert "缺纸" in text_of(app)


async def test_a_delivery_that_was_not_recorded_is_not_told_as_recorded(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.refuses_delivery = Refused(Refusal.DISK_FULL)
        await verify(app, pilot)
        desk.pay(FIRST)
        await pilot.pause(0.6)
        await settle(pilot)
        await press_button(app, pilot, "counter")
        assert shown(app) == "DeliveryScreen"
        assert "没有记录下来" in text_of(app)
        desk.refuses_delivery = None
        await press_button(app, pilot, "counter")
        assert shown(app) == "SlipScreen"


async def test_binding_can_be_entered_alone(app: KeydeskApp, desk: Desk, blank: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.add_order("11000001", OrderKind.NEW, OrderStatus.PAID)
        desk.insert(blank)
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        fill(app, account="11000001", password="wrong")
        await press_button(app, pilot, "bind")
        assert "账号或密码不对" in text_of(app)
        fill(app, password="Keydesk-1")
        await press_button(app, pilot, "bind")
        await settle(pilot)
        assert shown(app) == "DoneScreen"


async def test_binding_without_a_paid_order_is_refused(app: KeydeskApp, desk: Desk, blank: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.insert(blank)
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        fill(app, account="11000001", password="Keydesk-1")
        await press_button(app, pilot, "bind")
        await settle(pilot)
        assert "没有找到可以绑定的已缴费订单" in text_of(app)
        assert desk.binds == []


async def to_binding(app: KeydeskApp, pilot: Pilot[None], desk: Desk) -> None:
    """An order that was paid, and 「继续办理」 to its binding."""
    desk.change(desk.add_order("11000001", OrderKind.NEW, OrderStatus.PAID).number, binding_step="started")
    await settle(pilot)
    await pilot.press("7")
    await settle(pilot)
    await sign_in(app, pilot)
    assert shown(app) == "BindScreen"


async def test_a_pulled_key_is_said_and_the_binding_resumes_when_it_is_back(
    app: KeydeskApp, desk: Desk, blank: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.insert(blank)
        await to_binding(app, pilot, desk)
        desk.binding_gate = threading.Event()
        desk.bind_outcomes = [TokenRefused(TokenTrouble.REMOVED)]
        await pilot.press("enter")
        await asyncio.sleep(0.1)
        await pilot.pause()
        assert "请不要拔出key盘" in text_of(app)
        await pilot.press("escape", "f5")
        await pilot.pause()
        assert shown(app) == "BindScreen"
        desk.insert(TokenRefused(TokenTrouble.ABSENT))
        desk.binding_gate.set()
        await settle(pilot)
        assert "被拔出了" in text_of(app)
        assert "请插入KEY" in text_of(app)
        desk.insert(blank)
        await settle(pilot)
        assert shown(app) == "DoneScreen"
        assert len(desk.binds) == 2


async def test_another_members_key_is_said_and_forgotten_once_the_right_one_is_in(
    app: KeydeskApp, desk: Desk, blank: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.insert(blank)
        await to_binding(app, pilot, desk)
        desk.bind_outcomes = [TokenRefused(TokenTrouble.ANOTHER_MEMBERS, found=blank.serial)]
        await pilot.press("enter")
        await settle(pilot)
        assert "绑定在别的账号上" in text_of(app)
        desk.insert(msgspec.structs.replace(blank, serial="E8AD652202221F09"))
        await settle(pilot)
        assert "绑定在别的账号上" not in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "DoneScreen"


async def test_a_key_bound_without_the_network_says_that_it_works_after_registering(
    app: KeydeskApp, desk: Desk, blank: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.network = Network.OFFLINE
        desk.insert(blank)
        await to_binding(app, pilot, desk)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "DoneScreen"
        assert "联网登记后可登录" in text_of(app)
        assert len(desk.printed) == 1


async def test_a_wrong_pin_is_never_tried_again_by_itself_and_the_last_try_is_asked_for(
    app: KeydeskApp, desk: Desk, blank: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.insert(blank)
        await to_binding(app, pilot, desk)
        desk.bind_outcomes = [
            TokenRefused(TokenTrouble.PIN_WRONG, tries_left=1),
            TokenRefused(TokenTrouble.PIN_LAST_TRY, tries_left=1),
        ]
        fill(app, pin="123456")
        await press_button(app, pilot, "bind")
        assert "PIN 不对，还可试 1 次" in text_of(app)
        assert app.screen.query_one("#pin", Input).value == ""
        fill(app, pin="654321")
        await press_button(app, pilot, "bind")
        assert shown(app) == "ConfirmScreen"
        await press_button(app, pilot, "yes")
        await settle(pilot)
        assert shown(app) == "DoneScreen"
        assert desk.binds == [
            (FIRST, "123456", False),
            (FIRST, "654321", False),
            (FIRST, "654321", True),
        ]


async def test_the_key_and_the_orders_are_shown_after_the_password(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.add_order("11000002", OrderKind.RENEWAL)
        await settle(pilot)
        await pilot.press("5")
        await settle(pilot)
        await sign_in(app, pilot, "11000002")
        screen = text_of(app)
        assert "3000000000023B1A" in screen
        assert FIRST in screen
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "PayScreen"


async def test_the_member_reads_of_money_that_came_in_twice_and_went_back(
    app: KeydeskApp, desk: Desk
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.add_order("11000002", OrderKind.RENEWAL, OrderStatus.BOUND)
        desk.change(FIRST, surplus=36_000)
        await settle(pilot)
        await pilot.press("5")
        await settle(pilot)
        await sign_in(app, pilot, "11000002")
        assert f"订单 {FIRST} 多收了 360.00 元，会原路退回，不用再办。" in text_of(app)
        await pilot.press("escape", "5")
        await settle(pilot)
        desk.change(FIRST, surplus=0, returned=36_000)
        await sign_in(app, pilot, "11000002")
        screen = text_of(app)
        assert f"订单 {FIRST} 多收的 360.00 元已原路退回。" in screen
        assert FIRST in screen.partition("已原路退回")[2], "the list of orders has room beside it"


async def test_the_adviser_leads_to_the_right_service(app: KeydeskApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("8")
        await settle(pilot)
        await pilot.press("1")
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        assert shown(app) == "NoticeScreen"
        assert app.visit.kind is OrderKind.REPLACEMENT


async def test_help_is_searched_while_it_is_typed(app: KeydeskApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f1")
        await settle(pilot)
        fill(app, search="发票")
        await settle(pilot)
        assert app.screen.query_one(OptionList).option_count == 2
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == "HomeScreen"


async def test_staff_refund_with_a_reason_and_only_supervisors_may(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        desk.add_order("11000001", OrderKind.NEW, OrderStatus.PAID)
        await settle(pilot)
        for name, password, may in (("张华", "Staff-1", False), ("林涛", "Super-1", True)):
            await pilot.press("f6")
            await settle(pilot)
            assert "已叫工作人员" in text_of(app)
            fill(app, staff_name=name, staff_password=password)
            await press_button(app, pilot, "enter")
            await settle(pilot)
            assert shown(app) == "StaffDeskScreen"
            assert app.screen.query_one("#refund").disabled is not may
            if not may:
                await pilot.press("escape")
                await settle(pilot)
        await press_button(app, pilot, "refund")
        assert shown(app) == "ReasonScreen"
        fill(app, reason="重复付款")
        await press_button(app, pilot, "yes")
        await settle(pilot)
        assert desk.staff_did == [("refund", FIRST, "重复付款")]
        assert "退款中" in text_of(app)


async def test_staff_read_disputes_in_words(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f6")
        await settle(pilot)
        fill(app, staff_name="张华", staff_password="Staff-1")
        await press_button(app, pilot, "enter")
        await settle(pilot)
        app.screen.query_one("#view").focus()
        await pilot.press("right")
        await settle(pilot)
        assert "第 41 条，账号 11000002：金额不符（3-0100-1）" in text_of(app)


async def test_the_drawer_pays_inserts_and_cuts(demo_app: KeydeskApp, desk: Desk) -> None:
    app = demo_app
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        await pilot.press("f12")
        await settle(pilot)
        things = app.screen.query_one(OptionList)

        async def do(identity: str) -> None:
            things.highlighted = things.get_option_index(identity)
            await pilot.press("enter")
            await settle(pilot)

        await do("insert:A")
        await do("network")
        assert desk.network is Network.OFFLINE
        await do("paper")
        assert desk.printer is PrintOutcome.PAPER_OUT
        await do("pay")
        assert "4821-0917-335" in text_of(app)
        await do("scan")
        await settle(pilot)
        assert shown(app) == "DeliveryScreen"
        await pilot.press("1")
        await settle(pilot)
        assert "key盘已插入" in text_of(app)


async def test_the_drawer_stays_open_over_the_next_step_and_esc_closes_only_the_drawer(
    demo_app: KeydeskApp, desk: Desk
) -> None:
    app = demo_app
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        await pilot.press("f12")
        await settle(pilot)
        desk.pay(FIRST)
        await pilot.pause(0.6)
        await settle(pilot)
        assert shown(app) == "DrawerScreen"
        assert type(app.step).__name__ == "DeliveryScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == "DeliveryScreen"
        await pilot.press("1")
        await settle(pilot)
        assert shown(app) == "BindScreen"


async def test_a_question_about_an_order_goes_when_the_order_is_paid_and_help_stays(
    app: KeydeskApp, desk: Desk
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        await pilot.press("f8")
        await settle(pilot)
        assert shown(app) == "ConfirmScreen"
        await pilot.press("f1")
        await settle(pilot)
        desk.pay(FIRST)
        await pilot.pause(0.6)
        await settle(pilot)
        assert shown(app) == "HelpScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == "DeliveryScreen"


async def test_letters_and_digits_work_the_drawer(demo_app: KeydeskApp, desk: Desk, demo: Any) -> None:
    app = demo_app
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f12")
        await settle(pilot)
        await pilot.press("p")  # no order yet: nothing to pay
        await settle(pilot)
        assert shown(app) == "DrawerScreen"
        await pilot.press("n")
        await settle(pilot)
        assert desk.network is Network.OFFLINE
        assert "n 接上网络" in text_of(app)
        await pilot.press("t")
        await settle(pilot)
        assert desk.printer is PrintOutcome.PAPER_OUT
        await pilot.press("1")
        await settle(pilot)
        assert demo.inserted() == demo.tokens()[0].name
        await pilot.press("x")
        await settle(pilot)
        assert demo.inserted() is None
        await pilot.press("end", "enter")
        await settle(pilot)
        assert "林涛" in text_of(app)
        assert "Super-1" in text_of(app)


async def test_what_was_said_changes_with_the_language(app: KeydeskApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot, password="wrong")
        assert "账号或密码不对" in text_of(app)
        await pilot.press("f2")
        await settle(pilot)
        assert "账号或密码不对" not in text_of(app)
        assert "Wrong account or password" in text_of(app)


async def test_a_question_changes_with_the_language(app: KeydeskApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        await pilot.press("f8")
        await settle(pilot)
        assert "确定取消订单" in text_of(app)
        await pilot.press("f2")
        await settle(pilot)
        assert shown(app) == "ConfirmScreen"
        assert "Keep it" in text_of(app)
        assert "不取消" not in text_of(app)


async def test_a_cancelled_order_shows_no_code_and_enter_leads_home(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        desk.change(FIRST, status=OrderStatus.CANCELLED)
        await pilot.pause(0.6)
        await settle(pilot)
        assert "请不要再付款" in text_of(app)
        assert "█" not in text_of(app)
        assert "请用微信扫" not in text_of(app)
        assert "剩余" not in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "HomeScreen"


async def test_a_long_refusal_keeps_its_telephone_number_on_the_pay_screen(
    app: KeydeskApp, desk: Desk
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        desk.confirmation_refusal = Refused(Refusal.CLOCK_FAR_FROM_SERVER)
        await pilot.press("f2")
        await settle(pilot)
        fill(app, code="1234-5678-903")
        await pilot.press("enter")
        await settle(pilot)
        assert "68085211" in text_of(app)
        assert app.screen.query_one("#message").region.bottom <= app.screen.query_one("#confirm").region.y


async def test_a_real_kiosk_has_neither_drawer_nor_way_out(app: KeydeskApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in ("f12", "ctrl+d", "ctrl+q", "ctrl+c", "ctrl+p", "ctrl+z", "ctrl+backslash"):
            await pilot.press(key)
            await settle(pilot)
            assert shown(app) == "HomeScreen"
        assert app.is_running


async def test_the_demo_is_left_after_a_question(demo_app: KeydeskApp) -> None:
    async with demo_app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+q")
        await settle(pilot)
        assert shown(demo_app) == "ConfirmScreen"
        await press_button(demo_app, pilot, "yes")
    assert demo_app.return_code == 0


async def test_a_mouse_or_a_finger_is_enough(app: KeydeskApp, desk: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.click("#bind")
        await settle(pilot)
        assert shown(app) == "BindScreen"
        await pilot.click("#kind", offset=(50, 0))
        await settle(pilot)
        assert app.visit.kind is OrderKind.RENEWAL
        await pilot.click("#back")
        await settle(pilot)
        assert shown(app) == "HomeScreen"


async def test_a_session_is_held_only_while_the_member_is_there(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await verify(app, pilot)
        session = app.visit.session
        assert isinstance(session, Session)
        assert session.account == "11000001"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert app.visit.session is None
        assert app.visit.typed == {}
