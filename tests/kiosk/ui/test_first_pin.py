"""The end of a visit with a bound key: the receipt, and the question for a PIN of the member's own."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.entries.keys import PinChanged, PinChangeSkipped
from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.desk import PIN
from tests.support.kiosk import NEWCOMER, OTHER_SERIAL, OWNER, SERIAL, Kiosk, answer_next, go, held, until
from tests.support.screens import (
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
from tests.support.walks import take_key

SIZE = (80, 24)
ASKED = "还是初始PIN码，人人都知道，请改成自己的"


async def to_binding(
    app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, kind: OrderKind = OrderKind.NEW
) -> None:
    """Where an order that was paid is bound."""
    account = NEWCOMER if kind is OrderKind.NEW else OWNER
    order = kiosk.place_paid(account, kind)
    await go(app, pilot, Route.BIND, kiosk.session(account), order)


async def bind(
    app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, kind: OrderKind = OrderKind.NEW, pin: str = ""
) -> None:
    await to_binding(app, pilot, kiosk, kind)
    fill(app, pin=pin)
    await press_button(app, pilot, "bind")
    assert shown(app) == "DoneScreen"


def pin_entries(kiosk: Kiosk) -> list[type]:
    return [type(body) for body in kiosk.setup.bodies() if isinstance(body, PinChanged | PinChangeSkipped)]


@pytest.mark.parametrize("kind", [OrderKind.NEW, OrderKind.REPLACEMENT])
async def test_after_a_first_binding_a_pin_of_ones_own_is_asked_for_and_the_old_one_is_not(
    app: KeydeskApp, kiosk: Kiosk, kind: OrderKind
) -> None:
    if kind is OrderKind.REPLACEMENT:
        kiosk.owners_key()
    kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
    async with app.run_test(size=SIZE) as pilot:
        await bind(app, pilot, kiosk, kind)
        assert ASKED in text_of(app)
        assert "凭条已打印" in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "ChangePinScreen"
        assert "原PIN码" not in text_of(app)
        await type_in(pilot, "234567", "234567")
        assert "PIN码已修改" in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "DoneScreen"
        assert ASKED not in text_of(app)
        await press(pilot, "enter")
        await take_key(app, pilot, kiosk)
    assert pin_entries(kiosk) == [PinChanged]
    assert len(kiosk.printer.receipts()) == 1


async def test_a_renewal_asks_for_no_new_pin(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await bind(app, pilot, kiosk, OrderKind.RENEWAL, PIN)
        assert ASKED not in text_of(app)
        await press(pilot, "enter")
        await take_key(app, pilot, kiosk)
    assert pin_entries(kiosk) == []


@pytest.mark.parametrize("way", ["escape", "f5", "nobody there"])
async def test_leaving_without_a_new_pin_is_noted_whichever_way(
    app: KeydeskApp, kiosk: Kiosk, way: str
) -> None:
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await bind(app, pilot, kiosk)
        if way == "nobody there":
            kiosk.ticker.seconds += 200
            app.call_later(app._tick)
            await settle(pilot)
        else:
            await press(pilot, way)
        await take_key(app, pilot, kiosk)
    assert pin_entries(kiosk) == [PinChangeSkipped]


async def test_a_question_that_was_opened_and_closed_is_still_asked(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await bind(app, pilot, kiosk)
        await press(pilot, "enter", "escape")
        assert shown(app) == "DoneScreen"
        assert ASKED in text_of(app)


async def test_where_the_factory_pin_is_not_the_one_on_the_key_the_old_one_is_asked_for(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.blank())
    asked = answer_next(kiosk.service, "change_pin", TokenRefused(TokenRefusal.PIN_WANTED, tries_left=5))
    async with app.run_test(size=SIZE) as pilot:
        await bind(app, pilot, kiosk)
        await press(pilot, "enter")
        await type_in(pilot, "234567", "234567")
        assert "原PIN码" in text_of(app)
        assert focused(app) == "old"
        fill(app, old="111111")
        await press(pilot, "enter", "enter", "enter")
        assert "PIN码已修改" in text_of(app)
    assert [given[1:3] for given in asked] == [(None, "234567"), ("111111", "234567")]


async def test_the_receipt_is_printed_while_the_pin_is_changed(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.blank())
    kiosk.hear_of_bindings()
    with held(kiosk.service, "registration") as gate:
        async with app.run_test(size=SIZE) as pilot:
            await to_binding(app, pilot, kiosk)
            app.screen.query_one("#bind").focus()
            await pilot.press("enter")
            await until(pilot, lambda: shown(app) == "DoneScreen")
            await until(pilot, lambda: focused(app) == "change")
            await pilot.press("enter")
            await until(pilot, lambda: shown(app) == "ChangePinScreen")
            assert kiosk.printer.receipts() == []
            gate.set()
            await settle(pilot)
            assert len(kiosk.printer.receipts()) == 1
            await press(pilot, "escape")
            assert "证书已登记" in text_of(app)
            assert "凭条已打印" in text_of(app)


async def test_of_several_keys_the_binding_asks_which_once_enter_is_pressed(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.blank(SERIAL), "Virtual reader")
    kiosk.source.insert(kiosk.blank(OTHER_SERIAL), "Other reader")
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        assert "办理时会问用哪一把" in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "KeyChoiceScreen"
        await press(pilot, "escape")
        assert "请选一把" in text_of(app)
        await press_button(app, pilot, "bind")
        await press(pilot, "2")
        assert shown(app) == "DoneScreen"
        assert OTHER_SERIAL in text_of(app)


async def test_a_card_that_is_no_key_is_told_on_the_bind_screen(app: KeydeskApp, kiosk: Kiosk) -> None:
    atr = "3B6A000080654601020304050607"
    refused = TokenRefused(TokenRefusal.NOT_RECOGNISED, detail=atr, card="security-key")
    answer_next(kiosk.service, "read_token", refused)
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        assert f"ATR {atr}" in text_of(app)
        said = sentence(app)
        assert "像是没有打开PIV功能的YubiKey" in said
        assert "打开它的PIV功能" in said
        assert "68085211" in said
