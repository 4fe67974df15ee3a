"""Binding at the screen: by itself, resumed, with another key, with a wrong PIN."""

from __future__ import annotations

from textual.widgets import Input

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from kiosk.desk.views.tokens import BindingProgress, TokenRefusal, TokenRefused
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.widgets.fields import Choice
from tests.support.desk import PIN
from tests.support.kiosk import (
    NEWCOMER,
    OTHER_SERIAL,
    OWNER,
    SERIAL,
    Kiosk,
    answer_next,
    go,
    held,
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
from tests.support.walks import SIZE, to_binding


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


async def test_one_enter_behind_the_password_is_enough_for_a_new_key(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND)
        await type_in(pilot, NEWCOMER, "Keydesk-1")
        assert shown(app) == "DoneScreen"


async def test_one_enter_behind_the_password_asks_for_the_pin_of_a_key_that_is_renewed(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND)
        await type_in(pilot, OWNER, "Keydesk-2")
        assert "请输入这把key盘的PIN" in text_of(app)
        assert focused(app) == "pin"
        await type_in(pilot, PIN)
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


async def test_a_key_that_another_program_holds_is_said_and_the_binding_goes_on_once_it_is_free(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    """The holder is another connection in the same reader; nothing is pressed after it has let go."""
    other = kiosk.source.open(kiosk.source.insert(kiosk.blank()))
    async with app.run_test(size=SIZE) as pilot:
        order = await to_binding(app, pilot, kiosk)
        assert text_of(app).count("key盘正被别的程序占用") == 2, "the message and the status line"
        await press(pilot, "enter")
        assert shown(app) == "BindScreen"
        assert "key盘正被别的程序占用，等它放开" in text_of(app)
        other.close()
        await until(pilot, lambda: shown(app) == "DoneScreen")
        await settle(pilot)
        assert kiosk.order(order.reference).status is OrderStatus.BOUND


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


async def test_the_kind_is_the_orders_and_stands_there_as_text(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    kiosk.place_paid(OWNER, OrderKind.REPLACEMENT)
    kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        assert "按已缴费的订单" in text_of(app)
        assert not app.screen.query(Choice)
        answer_next(kiosk.service, "bind", TokenRefused(TokenRefusal.FAULT, detail="6F00"))
        fill(app, account=OWNER, password="Keydesk-2")
        await press_button(app, pilot, "bind")
        assert "绑定类型  补办key盘(丢失已重新补办)  订单号" in text_of(app)
        assert "已缴费 340.00 元" in text_of(app)
        assert cut_off(app) == []


async def test_of_two_kinds_that_are_paid_the_member_chooses_the_order(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    kiosk.setup.paid_order(OWNER, OrderKind.REPLACEMENT)
    binds = answer_next(kiosk.service, "bind")
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND)
        fill(app, account=OWNER, password="Keydesk-2")
        await press_button(app, pilot, "bind")
        assert shown(app) == "AccountScreen"
    assert binds == []


async def test_whether_the_key_is_right_is_said_as_soon_as_it_is_in(app: KeydeskApp, kiosk: Kiosk) -> None:
    own = kiosk.owners_key()
    kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
    order = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    binds = answer_next(kiosk.service, "bind")
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND, kiosk.session(OWNER), order)
        assert f"这不是登记在您账号上的那把key盘（应为{SERIAL}）" in sentence(app)
        assert "插着的key盘不能用" in text_of(app)
        kiosk.source.swap(own)
        await until(pilot, lambda: "key盘已插入" in text_of(app))
        assert "这不是登记在您账号上" not in text_of(app)
    assert binds == []


async def test_a_binding_that_was_begun_says_which_key_it_wants_and_what_is_done(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    card, order = kiosk.blank(), kiosk.place_paid(NEWCOMER, OrderKind.NEW)

    def pull(progress: BindingProgress) -> None:
        if progress == BindingProgress(3, done=True):
            kiosk.source.remove()

    kiosk.source.insert(card)
    kiosk.service.bind(kiosk.session(NEWCOMER), order.reference, None, False, pull)  # noqa: FBT003 - the contract
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND, kiosk.session(NEWCOMER), kiosk.order(order.reference))
        assert f"请插入序列号 {SERIAL} 的key盘接着办" in text_of(app)
        marks = [mark for mark in ("[v]", "[>]", "[ ]") for _ in range(text_of(app).count(mark))]
        assert marks == ["[v]"] * 3 + ["[ ]"] * 3
        kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
        await until(pilot, lambda: f"应为 {SERIAL}" in text_of(app))
        kiosk.source.swap(card)
        await until(pilot, lambda: f"接着绑定序列号 {SERIAL} 的key盘" in text_of(app))
        assert cut_off(app) == []
        await press(pilot, "enter")
        assert shown(app) == "DoneScreen"


async def test_a_key_pulled_in_the_middle_of_a_binding_is_asked_for_by_its_serial(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    card = kiosk.blank()
    kiosk.source.insert(FaultyCard(card, Fault(FaultKind.PULLED_BEFORE, 1, instruction=0x70)))
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND, kiosk.session(NEWCOMER), order)
        await press(pilot, "enter")
        assert "被拔出了" in text_of(app)
        assert app.visit.order is not None
        assert app.visit.order.binding_serial == SERIAL
        await press(pilot, "f5")
        await go(app, pilot, Route.BIND, kiosk.session(NEWCOMER), kiosk.order(order.reference))
        assert f"请插入序列号 {SERIAL} 的key盘接着办" in text_of(app)
        assert text_of(app).count("[v]") == 1


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
        assert "PIN码不对，还可试 1 次" in text_of(app)
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
