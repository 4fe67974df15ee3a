"""The demo's drawer over the steps of an order."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from hardware.ports import PrinterState
from kiosk.demo.drawer import DrawerScreen
from kiosk.demo.ports import DemoAccount, DemoError, ExchangeRefused, ExchangeUnreachable
from kiosk.demo.scenes import Scene
from kiosk.demo.stage import Stage
from kiosk.desk.views.status import Network
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.settings import Display
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.demo import DemoDouble
from tests.support.desk import answered
from tests.support.kiosk import NEWCOMER, SMS_CODE, Kiosk, LoginCentre, go, until
from tests.support.screens import press, press_button, sentence, settle, shown, text_of

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
        await press(pilot, "end", "up", "enter")
        assert "林涛" in text_of(app)
        assert "Super-1" in text_of(app)


async def test_the_demo_is_left_after_a_question(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "ctrl+q")
        assert shown(app) == "ConfirmScreen"
        await press_button(app, pilot, "yes")
    assert app.return_code == 0


async def choose(app: KeydeskApp, pilot: Pilot[None], identity: str) -> None:
    """Open the drawer and do one thing of its list."""
    await press(pilot, "f12")
    things = app.screen.query_one(OptionList)
    things.highlighted = things.get_option_index(identity)
    await press(pilot, "enter")


def values(app: KeydeskApp) -> dict[str | None, str]:
    return {field.id: field.value for field in app.screen.query(Input)}


async def test_enter_on_an_account_fills_the_form_and_the_next_enter_sends_it(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "1", "enter")
        await choose(app, pilot, "account:0")
        assert shown(app) == "VerifyScreen"
        assert values(app) == {
            "legal-person": "王建国",
            "enterprise": "北京示例粮油贸易有限公司",
            "account": "11000001",
            "operator": "李晓梅",
            "password": "Keydesk-1",
        }
        await press(pilot, "enter")
        assert shown(app) == "PayScreen"


async def test_accounts_and_staff_fill_whichever_form_is_beneath(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND)
        await choose(app, pilot, "account:1")
        assert values(app)["account"] == "11000002"
        assert values(app)["password"] == "Keydesk-2"
        await press(pilot, "f6")
        await choose(app, pilot, "staff:1")
        assert values(app) == {"staff-name": "林涛", "staff-password": "Super-1"}
        await press(pilot, "enter")
        assert shown(app) == "StaffDeskScreen"
        assert "林涛" in text_of(app)


async def test_where_there_is_no_form_the_account_is_told(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await choose(app, pilot, "account:0")
        assert shown(app) == "DrawerScreen"
        assert "法人 王建国  操作员 李晓梅" in text_of(app)
        assert "再按 Enter，就填好了" in text_of(app)


async def test_the_first_password_of_an_approved_trader_is_filled_in_with_the_code_from_the_phone(
    app: KeydeskApp, kiosk: Kiosk, demo: DemoDouble
) -> None:
    LoginCentre(kiosk)
    Stage(kiosk.service, demo).play(Scene.NEW_TRADER)
    trader = demo.approve_trader()
    added = f"account:{len(demo.accounts()) - 1}"
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await choose(app, pilot, added)
        assert f"短信里的验证码{SMS_CODE}" in sentence(app)
        await press(pilot, "escape")
        await go(app, pilot, Route.KEY_SERVICES)
        await press(pilot, "5")
        await choose(app, pilot, added)
        assert values(app) == {
            "account": trader.account,
            "code": SMS_CODE,
            "new": trader.password,
            "again": trader.password,
        }
        await press(pilot, "enter")
        assert "密码已设置" in text_of(app)


async def test_a_centre_without_a_console_is_said_to_be_that(
    app: KeydeskApp, demo: DemoDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[DemoError] = [ExchangeUnreachable("refused"), ExchangeRefused("HTTP 403")]

    def fail() -> DemoAccount:
        raise failures.pop(0)

    monkeypatch.setattr(demo, "approve_trader", fail)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f12", "a")
        assert "中心的控制台没有应答" in sentence(app)
        await press(pilot, "a")
        assert "控制台没有办成：HTTP403" in sentence(app)


async def test_the_clock_is_set_right_again(app: KeydeskApp, kiosk: Kiosk, demo: DemoDouble) -> None:
    now = kiosk.clock.now
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f12", "y", "plus", "plus")
        assert "已移 367 天" in text_of(app)
        await press(pilot, "0")
        assert "时钟准了" in text_of(app)
        assert "已移 0 天" in text_of(app)
    assert (demo.clock_shift, kiosk.clock.now) == (0, now)


async def test_the_keys_are_listed_with_their_pins(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f12")
        assert "A  PIN 111111" in text_of(app)


async def test_the_drawer_has_the_way_out(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await choose(app, pilot, "leave")
        assert shown(app) == "ConfirmScreen"
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"
        await press(pilot, "f12", "q")
        assert shown(app) == "ConfirmScreen"
        await press_button(app, pilot, "yes")
    assert app.return_code == 0


class Gate:
    """Holds a slow key at one of its commands."""

    def __init__(self) -> None:
        self.commands_left = 0
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _: float) -> None:
        self.commands_left -= 1
        if self.commands_left == 0:
            self.reached.set()
            self.opened.wait()


async def test_a_slow_key_is_pulled_in_the_middle_of_its_binding_and_goes_on_when_it_is_back(
    app: KeydeskApp, kiosk: Kiosk, demo: DemoDouble
) -> None:
    gate = kiosk.source._sleep = Gate()
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND, kiosk.session(NEWCOMER), order)
        await press(pilot, "f12", "w", "1", "escape")
        assert demo.keys_are_slow
        gate.commands_left = 12
        await pilot.press("enter")
        await until(pilot, gate.reached.is_set)
        await pilot.press("f12")
        await until(pilot, lambda: shown(app) == "DrawerScreen")
        await pilot.press("x")
        await until(pilot, lambda: kiosk.source.present() == ())
        gate.opened.set()
        await settle(pilot)
        await press(pilot, "escape")
        assert shown(app) == "BindScreen"
        assert kiosk.order(order.reference).binding_step is not None
        await press(pilot, "f12", "1")
        await until(pilot, lambda: type(app.step).__name__ == "DoneScreen")
        await settle(pilot)
    assert kiosk.order(order.reference).status is OrderStatus.BOUND
