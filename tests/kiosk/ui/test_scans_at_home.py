"""A receipt or a key's label at the home screen, by a scanner of its own or by one that acts as a keyboard."""

from __future__ import annotations

import pytest
from textual import events
from textual.keys import _character_to_key

from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.terminal.wedge import GAP_SECONDS
from tests.support.kiosk import NEWCOMER, OTHER_SERIAL, OWNER, SERIAL, Kiosk, go
from tests.support.screens import cut_off, press, sentence, settle, shown, text_of, type_in
from tests.support.walks import SIZE, take_key, to_binding


def wedge(app: KeydeskApp, text: str, *, ends: bool = True, gap: float = 0.004) -> float:
    """Type as a scanner does: each key a moment after the one before, and Enter at the end; the time of the last."""
    keys = [(_character_to_key(each), each) for each in text] + ([("enter", "\r")] if ends else [])
    time = events.Event().time
    for number, (name, character) in enumerate(keys):
        event = events.Key(name, character).set_sender(app)
        event.time = time + number * gap
        app.post_message(event)
    return event.time


@pytest.mark.parametrize("by_keyboard", [True, False])
@pytest.mark.parametrize("of", ["link", "order_number", "reference"])
async def test_a_scanned_receipt_opens_its_order_after_the_sign_in(
    app: KeydeskApp, kiosk: Kiosk, of: str, *, by_keyboard: bool
) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    text: str = getattr(order, of)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        if by_keyboard:
            wedge(app, text)
        else:
            kiosk.scanner.scan(text)
        await settle(pilot)
        assert shown(app) == "SignInScreen"
        assert f"已读到订单 {order.order_number}" in text_of(app)
        for fact in (order.account, order.enterprise, order.operator):
            assert fact not in text_of(app)
        await type_in(pilot, NEWCOMER, "Keydesk-1")
        assert shown(app) == "PayScreen"
        assert app.visit.order is not None
        assert app.visit.order.reference == order.reference


async def test_a_scanned_receipt_is_shown_to_no_other_account(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        wedge(app, order.link)
        await settle(pilot)
        await type_in(pilot, OWNER, "Keydesk-2")
        assert shown(app) == "SignInScreen"
        assert "扫到的订单不是这个账号的" in sentence(app)
        assert app.visit.session is None


async def test_a_scanned_label_opens_the_order_of_its_key(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        await press(pilot, "enter", "escape")
        await take_key(app, pilot, kiosk)
        wedge(app, OTHER_SERIAL)
        await settle(pilot)
        assert "已读到key盘的标签" in text_of(app)
        assert NEWCOMER not in text_of(app)
        await type_in(pilot, NEWCOMER, "Keydesk-1")
        assert shown(app) == "OrderPage"
        assert OTHER_SERIAL in text_of(app)


async def test_a_scanned_receipt_of_a_bound_order_opens_that_order_beside_another_that_is_open(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.blank())
    session, order = kiosk.session(NEWCOMER), kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    kiosk.service.bind(session, order.reference, None, False, lambda _: None)  # noqa: FBT003 - the contract
    kiosk.source.remove()
    kiosk.place(NEWCOMER, OrderKind.RENEWAL)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        wedge(app, order.link)
        await settle(pilot)
        assert f"已读到订单 {order.order_number}" in text_of(app)
        await type_in(pilot, NEWCOMER, "Keydesk-1")
        assert shown(app) == "OrderPage"
        for fact in (order.order_number, "已绑定", f"绑定完成，key盘 {SERIAL}", "再打一张凭条"):
            assert fact in text_of(app)
        await press(pilot, "escape")
        assert shown(app) == "UserCentreScreen"
        await press(pilot, "4", "escape")
        assert shown(app) == "UserCentreScreen"


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("text", ["HTTPS://EXAMPLE.COM/ELSEWHERE", "6901234567892", "KDESK1:ABCDEF"])
async def test_a_scan_without_an_order_says_so_and_opens_nothing(
    kiosk: Kiosk, language: Language, text: str
) -> None:
    app = kiosk.app(language)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        before = {widget: widget.region for widget in app.screen.query("*")}
        wedge(app, text)
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        words = ("确认码", "payment code") if text.startswith("KDESK1") else ("没有对应的订单", "no order")
        assert words[language is Language.ENGLISH].replace(" ", "") in sentence(app)
        assert cut_off(app) == []
        assert before == {widget: widget.region for widget in app.screen.query("*")}
    assert app.error_code == ""


async def test_a_key_that_a_person_presses_does_what_it_did(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert (shown(app), app.visit.kind) == ("NoticeScreen", OrderKind.RENEWAL)
        await go(app, pilot, Route.HOME)
        wedge(app, "2222222", ends=False, gap=0.0)
        await settle(pilot)
        assert (shown(app), app.visit.kind) == ("NoticeScreen", OrderKind.REPLACEMENT), "held down"
        await go(app, pilot, Route.HOME)
        wedge(app, "3", gap=0.01)
        await settle(pilot)
        assert (shown(app), app.visit.kind) == ("NoticeScreen", OrderKind.RENEWAL)


async def test_a_scan_that_breaks_off_presses_nothing(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        wedge(app, "3-0147-", ends=False)
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        wedge(app, "17")
        await settle(pilot)
        assert shown(app) == "HomeScreen"


async def test_the_end_of_a_scan_that_comes_late_presses_no_button(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        last = wedge(app, "6901234567892", ends=False)
        await settle(pilot)
        end = events.Key("enter", "\r").set_sender(app)
        end.time = last + 2 * GAP_SECONDS
        app.post_message(end)
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert "没有对应的订单" in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "NoticeScreen"


async def test_noise_on_the_line_takes_no_key_with_it(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        wedge(app, "\ufffd\ufffd(3", ends=False)
        await settle(pilot)
        assert (shown(app), app.visit.kind) == ("NoticeScreen", OrderKind.RENEWAL)


async def test_keys_with_a_while_between_them_are_no_scan(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        wedge(app, "1234567", gap=10 * GAP_SECONDS)
        await settle(pilot)
        assert shown(app) == "NoticeScreen"
        assert app.visit.kind is OrderKind.NEW


async def test_a_fast_typist_in_a_field_is_no_scanner(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        wedge(app, "3-0147-6")
        await settle(pilot)
        assert "3-0147-6" in text_of(app)
