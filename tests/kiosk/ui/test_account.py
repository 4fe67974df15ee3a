"""查询 shows what comes while the member looks."""

from __future__ import annotations

from textual.widgets import OptionList

from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.kiosk import NEWCOMER, Kiosk, go, until
from tests.support.screens import press, text_of

SIZE = (80, 24)


async def test_a_payment_that_comes_while_the_member_looks_is_shown(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER))
        assert "待付款" in text_of(app)
        orders = app.screen.query_one("#orders", OptionList)
        assert orders.highlighted == orders.get_option_index(order.reference)
        kiosk.setup.pay(order.reference)
        await until(pilot, lambda: "待绑定" in text_of(app))
        assert orders.highlighted == orders.get_option_index(order.reference)


async def test_the_marked_order_stays_marked_in_the_other_language(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER))
        await press(pilot, "f2")
        orders = app.screen.query_one("#orders", OptionList)
        assert orders.highlighted == orders.get_option_index(order.reference)
