"""What becomes of a screen that nobody uses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from kiosk.desk.views.orders import OrderView, PrintOutcome
from kiosk.desk.views.people import Field
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.settings import Display
from kiosk.ui.app import KeydeskApp
from kiosk.ui.presence import Active, CountingDown, IdleTimer, TimedOut
from kiosk.ui.routes import Route
from tests.support.desk import PIN, answered
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, Ticker, go, held, until
from tests.support.screens import fill, focused, press, press_button, settle, shown, text_of

SIZE = (80, 24)
SECRETS = ("Keydesk-1", "王建国秘密")


def test_the_watch_counts_quietly_then_aloud_and_a_touch_begins_anew() -> None:
    ticker = Ticker()
    watch = IdleTimer(90, 20, ticker)
    start = ticker.seconds
    seen = []
    for second in (0, 89.9, 90, 109.5, 110):
        ticker.seconds = start + second
        seen.append(watch.state())
    assert seen == [Active(), Active(), CountingDown(20), CountingDown(1), TimedOut()]
    watch.touch()
    assert watch.state() == Active()


async def still(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, seconds: float) -> None:
    """Nobody touches anything for so long."""
    kiosk.ticker.seconds += seconds
    app.call_later(app._tick)
    await settle(pilot)


def everything_held(app: KeydeskApp) -> str:
    """All that the app's screens and its visit hold as text."""
    texts = [field.value for page in app.screen_stack for field in page.query(Input)]
    return " ".join((*texts, *map(str, app.visit.typed.values()), app.clipboard, str(app.visit.session)))


async def test_a_form_is_wiped_after_a_countdown_and_nothing_typed_can_be_reached(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY)
        fill(app, password=SECRETS[0], legal_person=SECRETS[1])
        await press(pilot, "escape")
        assert app.visit.typed[Field.LEGAL_PERSON] == SECRETS[1]
        await still(app, pilot, kiosk, 91)
        assert "19 秒后清屏" in text_of(app)
        await pilot.press("tab")
        await still(app, pilot, kiosk, 0)
        assert "秒后清屏" not in text_of(app)
        await still(app, pilot, kiosk, 111)
        assert shown(app) == "HomeScreen"
        assert not any(secret in everything_held(app) for secret in SECRETS)
        for key in ("1", "enter", "escape", "escape", "4", "escape", "7"):
            await press(pilot, key)
            assert not any(secret in everything_held(app) + text_of(app) for secret in SECRETS)


async def test_a_password_cannot_be_copied(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        await pilot.press(*"Keydesk", "ctrl+a", "shift+home", "ctrl+c", "ctrl+x")
        assert app.clipboard == ""
        assert app.screen.query_one("#account", Input).value == "Keydesk"


async def test_the_language_of_a_former_member_is_forgotten(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        await press(pilot, "f2")
        assert "Continue" in text_of(app)
        await still(app, pilot, kiosk, 200)
        assert "请选择要办理的业务" in text_of(app)


async def waiting_for_payment(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> OrderView:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    await go(app, pilot, Route.PAY, kiosk.session(NEWCOMER), order)
    assert shown(app) == "PayScreen"
    return order


async def sign_in_at_the_cover(app: KeydeskApp, pilot: Pilot[None], account: str) -> None:
    assert shown(app) == "PrivacyScreen"
    fill(app, account=account, password=f"Keydesk-{account[-1]}")
    await press_button(app, pilot, "next")


async def test_an_order_that_waits_is_hidden_kept_and_shown_again_to_its_member(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await waiting_for_payment(app, pilot, kiosk)
        fill(app, code="4821")
        await still(app, pilot, kiosk, 200)
        assert "订单保留着" in text_of(app)
        assert "340.00" not in text_of(app)
        assert NEWCOMER not in text_of(app)
        await sign_in_at_the_cover(app, pilot, NEWCOMER)
        assert shown(app) == "PayScreen"
        assert "340.00" in text_of(app)
        assert app.screen.query_one("#code", Input).value == ""
        assert kiosk.order(order.reference).status is OrderStatus.PLACED


async def test_a_payment_beneath_the_cover_leads_on_once_it_is_lifted(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await waiting_for_payment(app, pilot, kiosk)
        await still(app, pilot, kiosk, 200)
        kiosk.setup.pay(order.reference)
        await until(pilot, lambda: app._route_once_shown is not None)
        assert shown(app) == "PrivacyScreen"
        await sign_in_at_the_cover(app, pilot, NEWCOMER)
        assert shown(app) == "DeliveryScreen"


async def test_another_member_at_the_cover_sees_only_their_own(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    async with app.run_test(size=SIZE) as pilot:
        await waiting_for_payment(app, pilot, kiosk)
        kiosk.place(OWNER, OrderKind.RENEWAL)
        await still(app, pilot, kiosk, 200)
        await sign_in_at_the_cover(app, pilot, OWNER)
        assert shown(app) == "PayScreen"
        assert app.visit.session is not None
        assert app.visit.session.account == OWNER
        assert "王" not in text_of(app)


async def test_what_was_half_typed_at_the_cover_is_wiped_too(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await waiting_for_payment(app, pilot, kiosk)
        await still(app, pilot, kiosk, 200)
        fill(app, account=NEWCOMER, password="Keydesk")
        await still(app, pilot, kiosk, 200)
        assert shown(app) == "PrivacyScreen"
        assert [field.value for field in app.screen.query(Input)] == ["", ""]


async def test_the_cover_can_be_left_for_home(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await waiting_for_payment(app, pilot, kiosk)
        await still(app, pilot, kiosk, 200)
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"
        assert app.visit.session is None
        assert kiosk.order(order.reference).status is OrderStatus.PLACED


@pytest.mark.parametrize("key", ["f1", "f6"])
async def test_an_overlay_does_not_keep_a_screen_from_being_wiped(
    app: KeydeskApp, kiosk: Kiosk, key: str
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        fill(app, account="123")
        await press(pilot, key)
        await still(app, pilot, kiosk, 200)
        assert shown(app) == "HomeScreen"
        assert "123" not in everything_held(app)


async def test_a_binding_that_runs_goes_on_beneath_the_cover(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    order = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    with held(kiosk.service, "bind") as gate:
        async with app.run_test(size=SIZE) as pilot:
            await go(app, pilot, Route.BIND, kiosk.session(OWNER), order)
            assert focused(app) == "pin"
            fill(app, pin=PIN)
            await pilot.press("enter")
            kiosk.ticker.seconds += 200
            app.call_later(app._tick)
            await until(pilot, lambda: shown(app) == "PrivacyScreen")
            assert PIN not in everything_held(app)
            gate.set()
            await settle(pilot)
            assert kiosk.order(order.reference).status is OrderStatus.BOUND
            await sign_in_at_the_cover(app, pilot, OWNER)
            assert shown(app) == "DoneScreen"


async def test_what_nobody_asks_for_is_done_meanwhile(app: KeydeskApp, kiosk: Kiosk) -> None:
    order, waiting = kiosk.place(NEWCOMER, OrderKind.NEW), _receipt_that_waits(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        kiosk.let_orders_fall_due()
        await still(app, pilot, kiosk, 30)
        assert kiosk.order(order.reference).status is OrderStatus.EXPIRED
        assert waiting() == 0


async def test_nothing_is_printed_beside_a_member_who_is_there(app: KeydeskApp, kiosk: Kiosk) -> None:
    waiting = _receipt_that_waits(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.visit.session = kiosk.session(NEWCOMER)
        await still(app, pilot, kiosk, 30)
        assert waiting() == 1


def _receipt_that_waits(kiosk: Kiosk) -> Callable[[], int]:
    """Leave a receipt without paper, and put the paper back in; how many wait can be asked then."""
    kiosk.owners_key()
    order = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    kiosk.printer.set_paper(present=False)
    assert kiosk.service.print_receipt(order.reference) is PrintOutcome.PAPER_OUT
    kiosk.printer.set_paper(present=True)
    return lambda: answered(kiosk.service.status()).receipts_waiting


async def test_how_long_a_screen_waits_and_counts_is_a_setting(kiosk: Kiosk) -> None:
    display = Display(idle=30, countdown=7)
    app = KeydeskApp(kiosk.service, None, display, monotonic=kiosk.ticker)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY)
        await still(app, pilot, kiosk, 29)
        assert "秒后清屏" not in text_of(app)
        await still(app, pilot, kiosk, 2)
        assert "6 秒后清屏" in text_of(app)
        await still(app, pilot, kiosk, 5)
        assert "1 秒后清屏" in text_of(app)
        await still(app, pilot, kiosk, 1)
        assert shown(app) == "HomeScreen"
