"""A store that is busy, full or unreadable is said on every screen, and none of them breaks."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from kiosk.desk.service import DeskService
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.page import Overlay
from kiosk.ui.routes import Route
from kiosk.ui.screens.key.change_pin import ChangePinScreen
from kiosk.ui.screens.key.key_status import KeyStatusScreen
from kiosk.ui.screens.key.report_loss import ReportLossScreen
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from tests.support.desk import SUPERVISOR
from tests.support.kiosk import NEWCOMER, Kiosk, answer_next, go, lay, until
from tests.support.screens import fill, press_button, sentence, settle, shown, text_of
from tests.support.walks import tick

SIZE = (80, 24)
REASONS = [Refusal.STORE_BUSY, Refusal.DISK_FULL, Refusal.STORE_UNREADABLE]
SAID = {
    Refusal.STORE_BUSY: "本机正忙",
    Refusal.DISK_FULL: "本机存储空间已满",
    Refusal.STORE_UNREADABLE: "本机数据暂时读不出来",
}


def fail(kiosk: Kiosk, reason: Refusal) -> None:
    """Let every verb that asks the store be refused from now on."""
    for name, _ in inspect.getmembers(DeskService, inspect.isfunction):
        if not name.startswith(("_", "watch_")):
            setattr(kiosk.service, name, lambda *_: Refused(reason))


def mend(kiosk: Kiosk) -> None:
    """Let the store work again."""
    for name in [name for name in vars(kiosk.service) if not name.startswith("_")]:
        delattr(kiosk.service, name)


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize(
    "route", [Route.NOTICE, Route.VERIFY, Route.PAY, Route.BIND, Route.ACCOUNT, Route.USER_CENTRE]
)
async def test_a_step_says_why_it_has_nothing_to_show(
    app: KeydeskApp, kiosk: Kiosk, route: Route, reason: Refusal
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW) if route is Route.BIND else None
    order = kiosk.place(NEWCOMER, OrderKind.NEW) if route is Route.PAY else order
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        fail(kiosk, reason)
        await go(app, pilot, route, kiosk.session(NEWCOMER), order)
        await until(pilot, lambda: SAID[reason] in sentence(app))
        await settle(pilot)


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize(
    "page",
    [
        lambda kiosk: KeyStatusScreen(kiosk.session(NEWCOMER)),
        lambda kiosk: ChangePinScreen(kiosk.session(NEWCOMER)),
        lambda kiosk: ReportLossScreen(kiosk.session(NEWCOMER)),
        lambda _: StaffDeskScreen(SUPERVISOR),
    ],
    ids=["status", "change-pin", "report-loss", "staff"],
)
async def test_a_page_over_the_step_says_so_too(
    app: KeydeskApp, kiosk: Kiosk, page: Callable[[Kiosk], Overlay[bool]], reason: Refusal
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        fail(kiosk, reason)
        await lay(app, pilot, page(kiosk))
        assert SAID[reason] in sentence(app)


@pytest.mark.parametrize("reason", REASONS)
async def test_signing_in_and_going_on_with_an_order_say_so(
    app: KeydeskApp, kiosk: Kiosk, reason: Refusal
) -> None:
    answer_next(kiosk.service, "open_orders", Refused(reason))
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        fill(app, account=NEWCOMER, password="Keydesk-1")
        await press_button(app, pilot, "next")
        assert shown(app) == "SignInScreen"
        assert SAID[reason] in sentence(app)


async def test_the_status_row_says_that_nothing_can_be_read_until_it_can(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await tick(app, pilot, kiosk)
        assert "打印机 正常" in text_of(app)
        fail(kiosk, Refusal.STORE_UNREADABLE)
        await tick(app, pilot, kiosk)
        assert SAID[Refusal.STORE_UNREADABLE] in text_of(app)
        mend(kiosk)
        await tick(app, pilot, kiosk)
        assert "打印机 正常" in text_of(app)


async def test_what_was_said_of_the_store_is_gone_once_the_order_can_be_read_again(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.PAY, kiosk.session(NEWCOMER), order)
        fail(kiosk, Refusal.STORE_BUSY)
        await until(pilot, lambda: SAID[Refusal.STORE_BUSY] in sentence(app))
        await settle(pilot)
        mend(kiosk)
        await until(pilot, lambda: SAID[Refusal.STORE_BUSY] not in sentence(app))
        await settle(pilot)
