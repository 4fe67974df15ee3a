from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Input

from kiosk.desk.views import Field, Session
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.ui.presence import Active, CountingDown, IdleTimer, TimedOut

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from kiosk.ui.app import KeydeskApp

FIRST = "3-0147-6"
SECRETS = ("Keydesk-1", "王建国秘密", "654321")


def test_the_watch_counts_quietly_then_aloud_and_a_touch_begins_anew(ticker: Any) -> None:
    watch = IdleTimer(90, 20, ticker)
    start = ticker.seconds
    seen = []
    for second in (0, 89.9, 90, 109.5, 110):
        ticker.seconds = start + second
        seen.append(watch.state())
    assert seen == [Active(), Active(), CountingDown(20), CountingDown(1), TimedOut()]
    watch.touch()
    assert watch.state() == Active()


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def still(app: KeydeskApp, pilot: Pilot[None], ticker: Any, seconds: float) -> None:
    """Nobody touches anything for so long."""
    ticker.seconds += seconds
    app.call_later(app._tick)
    await settle(pilot)


def text_of(app: KeydeskApp) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def shown(app: KeydeskApp) -> str:
    return type(app.screen).__name__


def everything_held(app: KeydeskApp) -> str:
    """All that the app's screens and its visit hold as text."""
    texts = [field.value for page in app.screen_stack for field in page.query(Input)]
    return " ".join((*texts, *map(str, app.visit.typed.values()), app.clipboard, str(app.visit.session)))


async def test_a_form_is_wiped_after_a_countdown_and_nothing_typed_can_be_reached(
    app: KeydeskApp, ticker: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("1")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        app.screen.query_one("#password", Input).value = SECRETS[0]
        app.screen.query_one("#legal-person", Input).value = SECRETS[1]
        await pilot.press("escape")
        await settle(pilot)
        assert app.visit.typed[Field.LEGAL_PERSON] == SECRETS[1]
        await still(app, pilot, ticker, 91)
        assert "19 秒后清屏" in text_of(app)
        await pilot.press("tab")
        await still(app, pilot, ticker, 0)
        assert "秒后清屏" not in text_of(app)
        await still(app, pilot, ticker, 111)
        assert shown(app) == "HomeScreen"
        assert not any(secret in everything_held(app) for secret in SECRETS)
        for key in ("1", "enter", "escape", "escape", "4", "escape", "7"):
            await pilot.press(key)
            await settle(pilot)
            assert not any(secret in everything_held(app) + text_of(app) for secret in SECRETS)


async def test_a_password_cannot_be_copied(app: KeydeskApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("7")
        await settle(pilot)
        await pilot.press(*"Keydesk", "ctrl+a", "shift+home", "ctrl+c", "ctrl+x")
        assert app.clipboard == ""
        assert app.screen.query_one("#account", Input).value == "Keydesk"


async def test_the_language_of_a_former_member_is_forgotten(app: KeydeskApp, ticker: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f2", "7")
        await settle(pilot)
        assert "Continue" in text_of(app)
        await still(app, pilot, ticker, 200)
        assert "请选择要办理的业务" in text_of(app)


async def waiting_for_payment(app: KeydeskApp, pilot: Pilot[None], desk: Any) -> None:
    desk.add_order("11000001", OrderKind.NEW)
    await settle(pilot)
    await pilot.press("7")
    await settle(pilot)
    app.screen.query_one("#account", Input).value = "11000001"
    app.screen.query_one("#password", Input).value = "Keydesk-1"
    app.screen.query_one("#next").focus()
    await pilot.press("enter")
    await settle(pilot)
    assert shown(app) == "PayScreen"


async def sign_in_at_the_cover(app: KeydeskApp, pilot: Pilot[None], account: str) -> None:
    assert shown(app) == "PrivacyScreen"
    app.screen.query_one("#account", Input).value = account
    app.screen.query_one("#password", Input).value = f"Keydesk-{account[-1]}"
    app.screen.query_one("#next").focus()
    await pilot.press("enter")
    await settle(pilot)


async def test_an_order_that_waits_is_hidden_kept_and_shown_again_to_its_member(
    app: KeydeskApp, desk: Any, ticker: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await waiting_for_payment(app, pilot, desk)
        app.screen.query_one("#code", Input).value = "4821"
        await still(app, pilot, ticker, 200)
        assert "订单保留着" in text_of(app)
        assert "340.00" not in text_of(app)
        assert "11000001" not in text_of(app)
        await sign_in_at_the_cover(app, pilot, "11000001")
        assert shown(app) == "PayScreen"
        assert app.screen.query_one("#code", Input).value == ""
        assert desk.orders[FIRST].status is OrderStatus.PLACED


async def test_a_payment_beneath_the_cover_leads_on_once_it_is_lifted(
    app: KeydeskApp, desk: Any, ticker: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await waiting_for_payment(app, pilot, desk)
        await still(app, pilot, ticker, 200)
        desk.pay(FIRST)
        await pilot.pause(0.7)
        await settle(pilot)
        assert shown(app) == "PrivacyScreen"
        await sign_in_at_the_cover(app, pilot, "11000001")
        await settle(pilot)
        assert shown(app) == "DeliveryScreen"


async def test_another_member_at_the_cover_sees_only_their_own(
    app: KeydeskApp, desk: Any, ticker: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await waiting_for_payment(app, pilot, desk)
        desk.add_order("11000002", OrderKind.RENEWAL)
        await still(app, pilot, ticker, 200)
        await sign_in_at_the_cover(app, pilot, "11000002")
        await settle(pilot)
        assert shown(app) == "PayScreen"
        assert app.visit.session is not None
        assert app.visit.session.account == "11000002"
        assert "王" not in text_of(app)


async def test_what_was_half_typed_at_the_cover_is_wiped_too(app: KeydeskApp, desk: Any, ticker: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await waiting_for_payment(app, pilot, desk)
        await still(app, pilot, ticker, 200)
        await pilot.press(*"11000001", "enter", *"Keydesk")
        await still(app, pilot, ticker, 200)
        assert shown(app) == "PrivacyScreen"
        assert [field.value for field in app.screen.query(Input)] == ["", ""]


async def test_the_cover_can_be_left_for_home(app: KeydeskApp, desk: Any, ticker: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await waiting_for_payment(app, pilot, desk)
        await still(app, pilot, ticker, 200)
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert app.visit.session is None
        assert desk.orders[FIRST].status is OrderStatus.PLACED


@pytest.mark.parametrize("key", ["f1", "f6"])
async def test_an_overlay_does_not_keep_a_screen_from_being_wiped(
    app: KeydeskApp, ticker: Any, key: str
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("7")
        await settle(pilot)
        await pilot.press(*"123", key)
        await settle(pilot)
        await still(app, pilot, ticker, 200)
        assert shown(app) == "HomeScreen"
        assert "123" not in everything_held(app)


async def test_a_binding_that_runs_goes_on_beneath_the_cover(
    app: KeydeskApp, desk: Any, ticker: Any, blank: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        order = desk.add_order("11000001", OrderKind.RENEWAL, OrderStatus.PAID)
        desk.insert(blank)
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        await pilot.press("shift+tab", "right", "right")
        app.screen.query_one("#account", Input).value = "11000001"
        app.screen.query_one("#password", Input).value = "Keydesk-1"
        app.screen.query_one("#pin", Input).value = SECRETS[2]
        app.screen.query_one("#bind").focus()
        desk.binding_gate = threading.Event()
        await pilot.press("enter")
        for _ in range(20):
            await pilot.pause(0.02)
            if desk.binds:
                break
        ticker.seconds += 200
        app.call_later(app._tick)
        await pilot.pause(0.1)
        assert shown(app) == "PrivacyScreen"
        assert SECRETS[2] not in everything_held(app)
        desk.binding_gate.set()
        await settle(pilot)
        assert desk.orders[order.number].status is OrderStatus.BOUND
        await sign_in_at_the_cover(app, pilot, "11000001")
        await settle(pilot)
        assert shown(app) == "DoneScreen"


async def test_what_nobody_asks_for_is_done_meanwhile(app: KeydeskApp, desk: Any, ticker: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        order = desk.add_order("11000001", OrderKind.NEW, OrderStatus.PLACED)
        desk.now = order.deadline + 1
        desk.receipts_waiting = 2
        ticker.seconds += 30
        await pilot.pause(1.2)
        await settle(pilot)
        assert desk.orders[order.number].status is OrderStatus.EXPIRED
        assert desk.receipts_waiting == 0


async def test_nothing_is_printed_beside_a_member_who_is_there(
    app: KeydeskApp, desk: Any, ticker: Any
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.visit.session = Session("11000001", "李晓梅", "北京示例粮油贸易有限公司", desk.now)
        desk.receipts_waiting = 2
        ticker.seconds += 30
        await pilot.pause(1.2)
        await settle(pilot)
        assert desk.receipts_waiting == 2
