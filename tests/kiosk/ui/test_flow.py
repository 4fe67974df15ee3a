"""An order from home until it is placed: a whole visit by keyboard, and every step by itself."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from kiosk.domain.entries.keys import PinChangeSkipped
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.kiosk import (
    CERTIFICATE,
    NEWCOMER,
    OWNER,
    OWNERS_FIRM,
    Kiosk,
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
from tests.support.walks import SIZE, TYPED, take_key, verify

SIZES = [(80, 24), (120, 36)]
OWNERS = {
    "legal_person": "赵志强",
    "enterprise": OWNERS_FIRM,
    "account": OWNER,
    "operator": "陈静",
    "password": "Keydesk-2",
}


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
        await take_key(app, pilot, kiosk)
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


@pytest.mark.parametrize("yes", [True, False])
async def test_an_operator_who_cannot_type_the_name_picks_it(
    app: KeydeskApp, kiosk: Kiosk, *, yes: bool
) -> None:
    with kiosk.setup.database.write() as tx:
        operator = tx.members.operator(NEWCOMER)
        assert operator is not None
        tx.members.put_operator(replace(operator, name="程𠮷林"))
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, operator="cjzl")
        assert shown(app) == "ConfirmScreen"
        assert "这个账号登记的操作员是「程𠮷林」" in text_of(app)
        await press_button(app, pilot, "yes" if yes else "no")
        assert shown(app) == ("PayScreen" if yes else "VerifyScreen")
    assert len(placed(kiosk)) == int(yes)


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
        assert "现到期日 2027-03-02，续期后至" in text_of(app)


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


async def test_the_key_and_the_orders_are_shown_after_the_password(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    order = kiosk.place(OWNER, OrderKind.RENEWAL)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        await type_in(pilot, OWNER, "Keydesk-2")
        await press(pilot, "2")
        assert CERTIFICATE in text_of(app)
        await press(pilot, "escape", "4")
        assert order.order_number in text_of(app)
        await press(pilot, "enter", "enter")
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
