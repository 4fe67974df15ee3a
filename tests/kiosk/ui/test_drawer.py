"""The demo's drawer over the steps of an order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.widgets import OptionList

from hardware.ports import PrinterState
from kiosk.demo.drawer import DrawerScreen
from kiosk.desk.views import Network
from kiosk.domain.fees import OrderKind
from kiosk.settings import Display
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.demo import DemoDouble
from tests.support.desk import answered
from tests.support.kiosk import NEWCOMER, Kiosk, go, until
from tests.support.screens import press, press_button, settle, shown, text_of

SIZE = (80, 24)


@pytest.fixture
def demo(kiosk: Kiosk) -> DemoDouble:
    return DemoDouble(kiosk)


@pytest.fixture
def app(kiosk: Kiosk, demo: DemoDouble) -> Iterator[KeydeskApp]:
    """The demo's app."""
    app = KeydeskApp(kiosk.service, lambda: DrawerScreen(demo), Display(), monotonic=kiosk.ticker)
    yield app
    assert app.error_code == ""


def network(kiosk: Kiosk) -> Network:
    return answered(kiosk.service.status()).network


async def test_the_drawer_pays_inserts_and_cuts(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.PAY, kiosk.session(NEWCOMER), order)
        await press(pilot, "f12")
        things = app.screen.query_one(OptionList)

        async def do(identity: str) -> None:
            things.highlighted = things.get_option_index(identity)
            await press(pilot, "enter")

        await do("insert:A")
        await do("network")
        assert network(kiosk) is Network.OFFLINE
        await do("paper")
        assert kiosk.printer.state() is PrinterState.PAPER_OUT
        await do("pay")
        assert kiosk.setup.digits_for(order.reference) in text_of(app)
        await do("scan")
        await until(pilot, lambda: shown(app) == "DeliveryScreen")
        await settle(pilot)
        await press(pilot, "1")
        assert "key盘已插入" in text_of(app)


async def test_the_drawer_stays_open_over_the_next_step_and_esc_closes_only_the_drawer(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.PAY, kiosk.session(NEWCOMER), order)
        await press(pilot, "f12")
        kiosk.setup.pay(order.reference)
        await until(pilot, lambda: type(app.step).__name__ == "DeliveryScreen")
        await settle(pilot)
        assert shown(app) == "DrawerScreen"
        await press(pilot, "escape")
        assert shown(app) == "DeliveryScreen"
        await press(pilot, "1")
        assert shown(app) == "BindScreen"


async def test_letters_and_digits_work_the_drawer(app: KeydeskApp, kiosk: Kiosk, demo: DemoDouble) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f12")
        await press(pilot, "p")  # no order yet: nothing to pay
        assert shown(app) == "DrawerScreen"
        await press(pilot, "n")
        assert network(kiosk) is Network.OFFLINE
        assert "n 接上网络" in text_of(app)
        await press(pilot, "t")
        assert kiosk.printer.state() is PrinterState.PAPER_OUT
        await press(pilot, "1")
        assert demo.inserted() == demo.tokens()[0].name
        await press(pilot, "x")
        assert demo.inserted() is None
        await press(pilot, "end", "enter")
        assert "林涛" in text_of(app)
        assert "Super-1" in text_of(app)


async def test_the_demo_is_left_after_a_question(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "ctrl+q")
        assert shown(app) == "ConfirmScreen"
        await press_button(app, pilot, "yes")
    assert app.return_code == 0
