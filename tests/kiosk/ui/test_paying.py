"""An order that waits for its payment: confirmations, leaving, cancelling, expiring, taking the key later."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.base32 import check_digit
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery, OrderStatus
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.common.help import HelpScreen
from tests.support.kiosk import (
    NEWCOMER,
    Kiosk,
    answer_next,
    go,
    until,
)
from tests.support.screens import (
    fill,
    press,
    press_button,
    settle,
    shown,
    text_of,
    type_in,
)
from tests.support.walks import SIZE, to_pay

WRONG = "0000000000" + check_digit("0000000000")


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
        await press(pilot, "f2", *"12345678903")
        await press(pilot, "enter")
        assert "68085211" in text_of(app)
        assert app.screen.query_one("#message").region.bottom <= app.screen.query_one("#confirm").region.y
