"""An order from home to the receipt: a whole visit by keyboard, and every step by itself."""

from __future__ import annotations

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from kiosk.desk.views import OrderView, Refusal, Refused, TokenRefusal, TokenRefused
from kiosk.domain.base32 import check_digit
from kiosk.domain.entries import OrderPlaced, PinChangeSkipped, RefundGranted
from kiosk.domain.feed import MatterPublished
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery, OrderStatus
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.common.help import HelpScreen
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from tests.support.desk import FIRM, PIN, STAFF, SUPERVISOR
from tests.support.kiosk import (
    CERTIFICATE,
    NEWCOMER,
    OTHER_SERIAL,
    OWNER,
    OWNERS_FIRM,
    Kiosk,
    answer_next,
    go,
    held,
    lay,
    until,
)
from tests.support.screens import (
    cut_off,
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

SIZES = [(80, 24), (120, 36)]
SIZE = (80, 24)
WRONG = "0000000000" + check_digit("0000000000")
TYPED = {
    "legal_person": "王建国",
    "enterprise": FIRM,
    "account": NEWCOMER,
    "operator": "李晓梅",
    "password": "Keydesk-1",
}
OWNERS = {
    "legal_person": "赵志强",
    "enterprise": OWNERS_FIRM,
    "account": OWNER,
    "operator": "陈静",
    "password": "Keydesk-2",
}


async def verify(
    app: KeydeskApp, pilot: Pilot[None], kind: OrderKind = OrderKind.NEW, **changes: str
) -> None:
    """To the answer of ② with what TYPED says, changed."""
    await go(app, pilot, Route.VERIFY, kind=kind)
    typed = TYPED | changes
    fill(app, **{name: typed[name] for name in typed if app.screen.query(f"#{name.replace('_', '-')}")})
    await press_button(app, pilot, "next")


async def to_pay(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> OrderView:
    """Where a new order waits for its payment."""
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    await go(app, pilot, Route.PAY, kiosk.session(NEWCOMER), order)
    return order


async def to_binding(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> OrderView:
    """Where a new order that was paid is bound."""
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    await go(app, pilot, Route.BIND, kiosk.session(NEWCOMER), order)
    return order


def placed(kiosk: Kiosk) -> list[OrderPlaced]:
    return [body for body in kiosk.setup.bodies() if isinstance(body, OrderPlaced)]


@pytest.mark.parametrize("size", SIZES)
async def test_a_new_key_from_notice_to_receipt_by_keyboard_alone(
    app: KeydeskApp, kiosk: Kiosk, size: tuple[int, int]
) -> None:
    card = kiosk.blank()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "1")
        assert "340.00" in text_of(app)
        await press(pilot, "enter")
        await type_in(pilot, *TYPED.values())
        assert shown(app) == "PayScreen"
        (order,) = placed(kiosk)
        kiosk.setup.pay(order.order)
        await until(pilot, lambda: shown(app) == "DeliveryScreen")
        await settle(pilot)
        await press(pilot, "1")
        assert "请插入KEY" in text_of(app)
        kiosk.source.insert(card)
        await until(pilot, lambda: card.serial in text_of(app))
        await settle(pilot)
        kiosk.hear_of_bindings()
        await press(pilot, "enter")
        assert shown(app) == "DoneScreen"
        assert "证书已登记" in text_of(app)
        assert len(kiosk.printer.receipts()) == 1
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"
        assert app.visit.session is None
    assert isinstance(kiosk.setup.bodies()[-1], PinChangeSkipped)


async def test_all_errors_stand_beside_their_fields_at_once(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, legal_person="", operator="")
        assert text_of(app).count("请填写") == 2
        assert focused(app) == "legal-person"
        fill(app, legal_person="王五", operator="李四")
        await press_button(app, pilot, "next")
        assert text_of(app).count("与登记的资料不一致") == 2


async def test_a_wrong_password_says_how_many_tries_are_left_and_offline_how_old_the_data_is(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.go_offline()
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, password="wrong")
        assert "还可试 4 次" in text_of(app)
        assert "本机资料截至 11-22 13:55，未查到" in text_of(app)


@pytest.mark.parametrize(("operator", "said"), [("陈静", "应当办理「key盘续期」"), ("陈晶", "资料对不上")])
async def test_offline_a_wrong_kind_and_a_name_that_does_not_match_tell_how_old_the_data_is(
    app: KeydeskApp, kiosk: Kiosk, operator: str, said: str
) -> None:
    kiosk.owners_key()
    kiosk.go_offline()
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, OrderKind.NEW, **OWNERS | {"operator": operator})
        assert said in text_of(app)
        assert "本机资料截至11-2213:55，未查到" in sentence(app)


async def test_a_wrong_kind_offers_the_right_one_and_keeps_what_was_typed(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.owners_key()
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, OrderKind.NEW, **OWNERS)
        assert shown(app) == "ConfirmScreen"
        assert "应当办理「key盘续期」" in text_of(app)
        await press_button(app, pilot, "no")
        assert app.screen.query_one("#operator", Input).value == "陈静"
        await press_button(app, pilot, "next")
        await press_button(app, pilot, "yes")
        assert shown(app) == "PayScreen"
        assert [order.order_kind for order in placed(kiosk)] == [OrderKind.RENEWAL]
        assert "原 2027-03-02，办成后至 2028-03-02" in text_of(app)


@pytest.mark.parametrize(
    ("online", "said"), [(True, "立即挂失"), (False, "（本机离线，联网后生效）")], ids=["online", "offline"]
)
async def test_a_replacement_reports_the_loss_only_after_a_question(
    app: KeydeskApp,
    kiosk: Kiosk,
    online: bool,  # noqa: FBT001 - a parameter of the test
    said: str,
) -> None:
    kiosk.owners_key()
    if not online:
        kiosk.go_offline()
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, OrderKind.REPLACEMENT, **OWNERS)
        assert said in sentence(app).replace("│", "")
        await press_button(app, pilot, "no")
        assert placed(kiosk) == []
        await press_button(app, pilot, "next")
        await press_button(app, pilot, "yes")
        assert [order.order_kind for order in placed(kiosk)] == [OrderKind.REPLACEMENT]


async def test_a_refusal_is_worded_with_the_telephone_number(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, account="11000005", operator="刘洋", password="Keydesk-5")
        assert "审核中" in text_of(app)
        assert "0371-68085231" in text_of(app)


async def test_a_second_order_of_that_kind_leads_to_the_first(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot)
        assert shown(app) == "PayScreen"
        assert [each.order for each in placed(kiosk)] == [order.reference]


async def test_pressing_enter_twice_orders_once(app: KeydeskApp, kiosk: Kiosk) -> None:
    with held(kiosk.service, "verify") as gate:
        async with app.run_test(size=SIZE) as pilot:
            await go(app, pilot, Route.VERIFY)
            fill(app, **TYPED)
            app.screen.query_one("#next").focus()
            await pilot.press("enter", "enter", "enter")
            gate.set()
            await settle(pilot)
            assert len(placed(kiosk)) == 1


async def test_a_typed_confirmation_completes_an_order_offline(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.go_offline()
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        assert "[离线]" in text_of(app)
        right = kiosk.setup.digits_for(order.reference).replace("-", "")
        await pilot.press(*"48210917334")
        assert app.screen.query_one("#code", Input).value == "4821-0917-334"
        fill(app, code=WRONG)
        await press(pilot, "enter")
        assert not app.screen.query_one("#code", Input).value
        assert "还可试 4 次" in text_of(app)
        await pilot.press(*right, "enter")
        await settle(pilot)
        assert shown(app) == "DeliveryScreen"


@pytest.mark.parametrize("typed", [False, True], ids=["serial scanner", "keyboard scanner"])
async def test_a_scanned_confirmation_is_taken(app: KeydeskApp, kiosk: Kiosk, typed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        scan = kiosk.setup.scan_for(order.reference)
        if typed:
            for mark in scan:
                app.post_message(events.Key(mark, mark))
            app.post_message(events.Key("enter", "\r"))
        else:
            kiosk.scanner.scan(scan)
        await until(pilot, lambda: shown(app) == "DeliveryScreen")
        await settle(pilot)


async def test_leaving_keeps_the_order_and_only_cancelling_ends_it(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        await press(pilot, "f5")
        assert shown(app) == "HomeScreen"
        assert kiosk.order(order.reference).status is OrderStatus.PLACED
        await press(pilot, "7")
        await type_in(pilot, NEWCOMER, "Keydesk-1")
        assert shown(app) == "PayScreen"
        await press(pilot, "ctrl+x")
        await press_button(app, pilot, "no")
        assert kiosk.order(order.reference).status is OrderStatus.PLACED
        await press(pilot, "f8")
        await press_button(app, pilot, "yes")
        assert kiosk.order(order.reference).status is OrderStatus.CANCELLED
        assert "已取消" in text_of(app)


async def test_an_order_expires_on_the_screen(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_pay(app, pilot, kiosk)
        kiosk.let_orders_fall_due()
        await until(pilot, lambda: "已过期" in text_of(app))
        await settle(pilot)


@pytest.mark.parametrize("answer", list(Delivery))
async def test_a_key_taken_later_prints_a_slip_and_ends(
    app: KeydeskApp, kiosk: Kiosk, answer: Delivery
) -> None:
    kiosk.printer.set_paper(present=False)
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        kiosk.setup.pay(order.reference)
        await until(pilot, lambda: shown(app) == "DeliveryScreen")
        await settle(pilot)
        await press_button(app, pilot, answer.value)
        assert shown(app) == "SlipScreen"
        assert kiosk.order(order.reference).delivery is answer
        assert "缺纸" in text_of(app)


async def test_a_delivery_that_was_not_recorded_is_not_told_as_recorded(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    answer_next(kiosk.service, "choose_delivery", Refused(Refusal.DISK_FULL))
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.DELIVERY, kiosk.session(NEWCOMER), order)
        await press_button(app, pilot, "counter")
        assert shown(app) == "DeliveryScreen"
        assert "没有记录下来" in text_of(app)
        await press_button(app, pilot, "counter")
        assert shown(app) == "SlipScreen"


async def test_binding_can_be_entered_alone(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        fill(app, account=NEWCOMER, password="wrong")
        await press_button(app, pilot, "bind")
        assert "账号或密码不对" in text_of(app)
        fill(app, password="Keydesk-1")
        await press_button(app, pilot, "bind")
        assert shown(app) == "DoneScreen"


async def test_binding_without_a_paid_order_is_refused(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.blank())
    binds = answer_next(kiosk.service, "bind")
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND)
        fill(app, account=NEWCOMER, password="Keydesk-1")
        await press_button(app, pilot, "bind")
        assert "没有找到可以绑定的已缴费订单" in text_of(app)
    assert binds == []


async def test_a_pulled_key_is_said_and_the_binding_resumes_when_it_is_back(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    card = kiosk.blank()
    kiosk.source.insert(card)
    with held(kiosk.service, "bind") as gate:
        async with app.run_test(size=SIZE) as pilot:
            order = await to_binding(app, pilot, kiosk)
            await pilot.press("enter")
            await until(pilot, lambda: "请不要拔出" in text_of(app))
            await pilot.press("escape", "f5")
            await pilot.pause()
            assert shown(app) == "BindScreen"
            kiosk.source.remove()
            gate.set()
            await settle(pilot)
            assert "请插入KEY" in text_of(app)
            kiosk.source.insert(card)
            await until(pilot, lambda: shown(app) == "DoneScreen")
            await settle(pilot)
            assert kiosk.order(order.reference).status is OrderStatus.BOUND


async def test_a_key_pulled_in_the_middle_is_to_be_put_back(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.blank())
    answer_next(kiosk.service, "bind", TokenRefused(TokenRefusal.REMOVED))
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        await press(pilot, "enter")
        assert "被拔出了" in text_of(app)


async def test_another_members_key_is_said_and_forgotten_once_the_right_one_is_in(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        await press(pilot, "enter")
        assert "绑定在别的账号上" in text_of(app)
        kiosk.source.swap(kiosk.blank(OTHER_SERIAL))
        await until(pilot, lambda: OTHER_SERIAL in text_of(app))
        assert "绑定在别的账号上" not in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "DoneScreen"


async def test_a_key_bound_without_the_network_says_that_it_works_after_registering(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.go_offline()
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        await press(pilot, "enter")
        assert shown(app) == "DoneScreen"
        assert "联网登记后可登录" in text_of(app)
    assert len(kiosk.printer.receipts()) == 1


async def test_a_wrong_pin_is_never_tried_again_by_itself_and_the_last_try_is_asked_for(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.waste_tries(4)
    binds = answer_next(kiosk.service, "bind")
    order = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND, kiosk.session(OWNER), order)
        fill(app, pin="123456")
        await press_button(app, pilot, "bind")
        assert "PIN 不对，还可试 1 次" in text_of(app)
        assert app.screen.query_one("#pin", Input).value == ""
        fill(app, pin=PIN)
        await press_button(app, pilot, "bind")
        assert shown(app) == "ConfirmScreen"
        await press_button(app, pilot, "yes")
        assert shown(app) == "DoneScreen"
    assert [asked[1:4] for asked in binds] == [
        (order.reference, "123456", False),
        (order.reference, PIN, False),
        (order.reference, PIN, True),
    ]


async def test_the_key_and_the_orders_are_shown_after_the_password(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    order = kiosk.place(OWNER, OrderKind.RENEWAL)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        await type_in(pilot, OWNER, "Keydesk-2")
        assert CERTIFICATE in text_of(app)
        assert order.order_number in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "PayScreen"


async def test_the_member_reads_of_money_that_came_in_twice_and_went_back(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    number = order.order_number
    kiosk.setup.pay(order.reference)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER))
        assert f"订单 {number} 多收了 340.00 元，会原路退回，不用再办。" in text_of(app)
        kiosk.give_surplus_back(order.reference)
        await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER))
        screen = text_of(app)
        assert f"订单 {number} 多收的 340.00 元已原路退回。" in screen
        assert number in screen.partition("已原路退回")[2], "the list of orders has room beside it"


async def test_the_adviser_leads_to_the_right_service(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.ADVISER)
        await press(pilot, "1", "3")
        assert shown(app) == "NoticeScreen"
        assert app.visit.kind is OrderKind.REPLACEMENT


async def test_help_is_searched_while_it_is_typed(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f1")
        fill(app, search="发票")
        await settle(pilot)
        assert app.screen.query_one(OptionList).option_count == 2
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"


async def test_staff_refund_with_a_reason_and_only_supervisors_may(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for name, password, may in (("张华", "Staff-1", False), ("林涛", "Super-1", True)):
            await press(pilot, "f6")
            assert "已叫工作人员" in text_of(app)
            await type_in(pilot, name, password)
            assert shown(app) == "StaffDeskScreen"
            assert app.screen.query_one("#refund").disabled is not may
            if not may:
                await press(pilot, "escape")
        await press_button(app, pilot, "refund")
        assert shown(app) == "ReasonScreen"
        await type_in(pilot, "重复付款")
        assert "退款中" in text_of(app)
    granted = kiosk.setup.bodies()[-1]
    assert isinstance(granted, RefundGranted)
    assert (granted.order, granted.reason, granted.by) == (order.reference, "重复付款", "林涛")


def _twins(kiosk: Kiosk) -> tuple[OrderView, str]:
    """An unpaid order, and the reference of a paid one of its number and another account."""
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    return order, kiosk.setup.paid_order("11000007", OrderKind.NEW, beside=order.reference)


async def test_of_two_orders_of_a_typed_number_staff_choose_by_account_and_time(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order, twin = _twins(kiosk)
    kiosk.setup.paid_order("11000008", OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(SUPERVISOR))
        app.screen.query_one("#number").focus()
        await pilot.pause()
        await type_in(pilot, order.order_number.replace("-", " "))
        assert "这个号有 2 笔订单：先问清账号和下单时间" in text_of(app)
        assert "11000008" not in text_of(app)
        rows = app.screen.query_one("#rows", OptionList)
        assert (rows.option_count, rows.highlighted, focused(app)) == (2, None, "rows")
        for verb in ("vouch", "refund", "abandon", "print"):
            await press_button(app, pilot, verb)
            assert shown(app) == "StaffDeskScreen"
            assert "请先在「订单」里选中一笔" in text_of(app)
        rows.highlighted = rows.get_option_index(order.reference)
        await press_button(app, pilot, "vouch")
        assert f"订单{order.order_number}（账号11000001，11-2214:05）" in sentence(app)
        await press_button(app, pilot, "yes")
        assert kiosk.order(order.reference).status is OrderStatus.PAID
        rows.highlighted = rows.get_option_index(twin)
        await press_button(app, pilot, "refund")
        assert "账号11000007" in sentence(app)
        await type_in(pilot, "买重了")
        assert [kiosk.order(each).status for each in (order.reference, twin)] == [
            OrderStatus.PAID,
            OrderStatus.REFUNDING,
        ]
        app.screen.query_one("#number", Input).value = ""
        app.screen.query_one("#number").focus()
        await press(pilot, "enter")
        assert "11000008" in text_of(app)


async def test_a_number_that_finds_nothing_or_is_none_is_said_and_the_list_stays(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        for typed, said in (("12", "这不是订单号"), ("9-0147-2", "校验位不对")):
            app.screen.query_one("#number").focus()
            await pilot.pause()
            await type_in(pilot, typed)
            assert said in text_of(app)
            assert order.order_number in text_of(app)
        app.screen.query_one("#number").focus()
        await pilot.pause()
        await type_in(pilot, "9-0147-1")
        assert "本机没有这个号的订单" in text_of(app)
        assert order.order_number not in text_of(app)


async def test_a_receipt_that_staff_scan_shows_its_own_order(app: KeydeskApp, kiosk: Kiosk) -> None:
    order, twin = _twins(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        kiosk.scanner.scan(order.link)
        await until(pilot, lambda: app.screen.query_one("#rows", OptionList).option_count == 1)
        await settle(pilot)
        rows = app.screen.query_one("#rows", OptionList)
        assert rows.get_option_at_index(0).id == order.reference
        assert twin not in [option.id for option in rows.options]


@pytest.mark.parametrize("route", [Route.SIGN_IN, Route.BIND])
async def test_an_order_number_in_place_of_the_account_is_explained_and_costs_no_try(
    app: KeydeskApp, kiosk: Kiosk, route: Route
) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, route)
        fill(app, account=order.order_number, password="Keydesk-1")
        await press_button(app, pilot, "bind" if route is Route.BIND else "next")
        assert "这是订单号，这里要填登录账号" in sentence(app)
        assert cut_off(app) == []
    with kiosk.setup.database.read() as tx:
        scopes = (f"account:{NEWCOMER}", f"account:{order.order_number}", "members")
        assert [tx.lockouts.failures(scope) for scope in scopes] == [[], [], []]


async def test_staff_read_matters_in_words(app: KeydeskApp, kiosk: Kiosk) -> None:
    with kiosk.setup.database.write() as tx:
        tx.feed.put_matter(MatterPublished("amount-differs", "3-0100-1", OWNER, 41))
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        app.screen.query_one("#view").focus()
        await press(pilot, "right")
        assert "第 41 条，账号 11000002：金额不符（3-0100-1）" in text_of(app)


async def test_a_question_about_an_order_goes_when_the_order_is_paid_and_help_stays(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        await press(pilot, "f8")
        assert shown(app) == "ConfirmScreen"
        await press(pilot, "f1")
        kiosk.setup.pay(order.reference)
        await until(pilot, lambda: type(app.step).__name__ == "DeliveryScreen")
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)
        await press(pilot, "escape")
        assert shown(app) == "DeliveryScreen"


async def test_what_was_said_changes_with_the_language(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, password="wrong")
        assert "账号或密码不对" in text_of(app)
        await press(pilot, "f2")
        assert "账号或密码不对" not in text_of(app)
        assert "Wrong account or password" in text_of(app)


async def test_a_question_changes_with_the_language(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_pay(app, pilot, kiosk)
        await press(pilot, "f8")
        assert "确定取消订单" in text_of(app)
        await press(pilot, "f2")
        assert shown(app) == "ConfirmScreen"
        assert "Keep it" in text_of(app)
        assert "不取消" not in text_of(app)


async def test_a_cancelled_order_shows_no_code_and_enter_leads_home(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        kiosk.service.cancel(kiosk.session(NEWCOMER), order.reference)
        await until(pilot, lambda: "请不要再付款" in text_of(app))
        assert "█" not in text_of(app)
        assert "请用微信扫" not in text_of(app)
        assert "剩余" not in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "HomeScreen"


async def test_a_long_refusal_keeps_its_telephone_number_on_the_pay_screen(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    answer_next(kiosk.service, "confirm_typed", Refused(Refusal.CLOCK_FAR_FROM_SERVER))
    async with app.run_test(size=SIZE) as pilot:
        await to_pay(app, pilot, kiosk)
        await press(pilot, "f2")
        fill(app, code="1234-5678-903")
        await press(pilot, "enter")
        assert "68085211" in text_of(app)
        assert app.screen.query_one("#message").region.bottom <= app.screen.query_one("#confirm").region.y


async def test_a_real_kiosk_has_neither_drawer_nor_way_out(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("f12", "ctrl+d", "ctrl+q", "ctrl+c", "ctrl+p", "ctrl+z", "ctrl+backslash"):
            await press(pilot, key)
            assert shown(app) == "HomeScreen"
        assert app.is_running


async def test_a_mouse_or_a_finger_is_enough(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
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


async def test_a_session_is_held_only_while_the_member_is_there(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot)
        assert app.visit.session is not None
        assert app.visit.session.account == NEWCOMER
        await press(pilot, "ctrl+s")
        assert app.visit.session is None
        assert app.visit.typed == {}
