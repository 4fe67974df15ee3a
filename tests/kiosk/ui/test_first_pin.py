from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from textual.widgets import Input

from kiosk.desk.views import TokenRefused, TokenTrouble
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from kiosk.ui.app import KeydeskApp

# The fake desk of conftest.py, which cannot be imported by name.
Desk = Any
ASKED = "还是初始PIN码，人人都知道，请改成自己的"


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def shown(app: KeydeskApp) -> str:
    return type(app.screen).__name__


def text_of(app: KeydeskApp) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def type_in(pilot: Pilot[None], *values: str) -> None:
    for value in values:
        await pilot.press(*value, "enter")
    await settle(pilot)


async def to_binding(app: KeydeskApp, pilot: Pilot[None], desk: Desk, kind: OrderKind) -> None:
    """「继续办理」 to the binding of an order that is paid."""
    account = "11000001" if kind is OrderKind.NEW else "11000002"
    order = desk.add_order(account, kind, OrderStatus.PAID)
    desk.change(order.number, binding_step="started")
    await settle(pilot)
    await pilot.press("7")
    await settle(pilot)
    await type_in(pilot, account, f"Keydesk-{account[-1]}")
    assert shown(app) == "BindScreen"


async def bind(app: KeydeskApp, pilot: Pilot[None], desk: Desk, kind: OrderKind) -> None:
    await to_binding(app, pilot, desk, kind)
    if kind is OrderKind.RENEWAL:
        app.screen.query_one("#pin", Input).value = "654321"
    app.screen.query_one("#bind").focus()
    await pilot.press("enter")
    await settle(pilot)
    assert shown(app) == "DoneScreen"


@pytest.mark.parametrize("kind", [OrderKind.NEW, OrderKind.REPLACEMENT])
async def test_after_a_first_binding_a_pin_of_ones_own_is_asked_for_and_the_old_one_is_not(
    app: KeydeskApp, desk: Desk, blank: Any, kind: OrderKind
) -> None:
    desk.token = blank
    async with app.run_test(size=(80, 24)) as pilot:
        await bind(app, pilot, desk, kind)
        assert ASKED in text_of(app)
        assert "凭条已打印" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "ChangePinScreen"
        assert "原PIN码" not in text_of(app)
        await type_in(pilot, "234567", "234567")
        assert desk.calls == [("change_pin", None, "234567", False, blank.serial)]
        assert "PIN码已修改" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "DoneScreen"
        assert ASKED not in text_of(app)
        assert len(desk.printed) == 1
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert len(desk.calls) == 1


async def test_a_renewal_asks_for_no_new_pin(app: KeydeskApp, desk: Desk, blank: Any) -> None:
    desk.token = blank
    async with app.run_test(size=(80, 24)) as pilot:
        await bind(app, pilot, desk, OrderKind.RENEWAL)
        assert ASKED not in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert desk.calls == []


@pytest.mark.parametrize("way", ["escape", "f5", "nobody there"])
async def test_leaving_without_a_new_pin_is_noted_whichever_way(
    app: KeydeskApp, desk: Desk, blank: Any, ticker: Any, way: str
) -> None:
    desk.token = blank
    async with app.run_test(size=(80, 24)) as pilot:
        await bind(app, pilot, desk, OrderKind.NEW)
        if way == "nobody there":
            ticker.seconds += 200
            app.call_later(app._tick)
        else:
            await pilot.press(way)
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert desk.calls == [("skip_pin_change", "11000001", blank.serial)]


async def test_a_question_that_was_opened_and_closed_is_still_asked(
    app: KeydeskApp, desk: Desk, blank: Any
) -> None:
    desk.token = blank
    async with app.run_test(size=(80, 24)) as pilot:
        await bind(app, pilot, desk, OrderKind.NEW)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == "DoneScreen"
        assert ASKED in text_of(app)


async def test_where_the_factory_pin_is_not_the_one_on_the_key_the_old_one_is_asked_for(
    app: KeydeskApp, desk: Desk, blank: Any
) -> None:
    desk.token = blank
    desk.outcomes["change_pin"] = [TokenRefused(TokenTrouble.PIN_WANTED, tries_left=5)]
    async with app.run_test(size=(80, 24)) as pilot:
        await bind(app, pilot, desk, OrderKind.NEW)
        await pilot.press("enter")
        await settle(pilot)
        await type_in(pilot, "234567", "234567")
        assert "原PIN码" in text_of(app)
        assert app.focused is not None
        assert app.focused.id == "old"
        await type_in(pilot, "888888", "", "")
        assert desk.calls[-1][1:3] == ("888888", "234567")
        assert "PIN码已修改" in text_of(app)


async def test_the_receipt_is_printed_while_the_pin_is_changed(
    app: KeydeskApp, desk: Desk, blank: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.token, listed = blank, threading.Event()

    def registered(number: str) -> bool:
        listed.wait(5)
        return True

    monkeypatch.setattr(desk, "registered", registered)
    async with app.run_test(size=(80, 24)) as pilot:
        await to_binding(app, pilot, desk, OrderKind.NEW)
        app.screen.query_one("#bind").focus()
        await pilot.press("enter")
        for _ in range(100):
            await pilot.pause(0.02)
            if shown(app) == "DoneScreen":
                break
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert shown(app) == "ChangePinScreen"
        assert desk.printed == []
        listed.set()
        await settle(pilot)
        assert len(desk.printed) == 1
        await pilot.press("escape")
        await settle(pilot)
        assert "证书已登记" in text_of(app)
        assert "凭条已打印" in text_of(app)


async def test_of_several_keys_the_binding_asks_which_once_enter_is_pressed(
    app: KeydeskApp, desk: Desk, blank: Any
) -> None:
    second = msgspec.structs.replace(blank, serial="E8AD652202221F09", reader="Other reader")
    desk.token = TokenRefused(TokenTrouble.SEVERAL, candidates=(blank, second))
    async with app.run_test(size=(80, 24)) as pilot:
        await to_binding(app, pilot, desk, OrderKind.NEW)
        assert "办理时会问用哪一把" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "KeyChoiceScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert "请选一把" in text_of(app)
        app.screen.query_one("#bind").focus()
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        assert shown(app) == "DoneScreen"
        assert "E8AD652202221F09" in text_of(app)


async def test_a_card_that_is_no_key_is_told_on_the_bind_screen(app: KeydeskApp, desk: Desk) -> None:
    atr = "3B6A000080654601020304050607"
    desk.token = TokenRefused(TokenTrouble.NOT_RECOGNISED, detail=atr, card="security-key")
    async with app.run_test(size=(80, 24)) as pilot:
        await to_binding(app, pilot, desk, OrderKind.NEW)
        assert f"ATR {atr}" in text_of(app)
        said = "".join(text_of(app).replace("\n", "").split())
        assert "像是没有打开PIV功能的YubiKey" in said
        assert "打开它的PIV功能" in said
        assert "68085211" in said
