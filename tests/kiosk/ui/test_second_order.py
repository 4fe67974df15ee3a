"""② when an order of the same kind is open at another kiosk: a question, or a supervisor's consent."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from kiosk.desk.views.orders import PaidElsewhere, WrongKind
from kiosk.domain.decisions import KeyState
from kiosk.domain.entries.orders import OrderPlaced, SecondOrder
from kiosk.domain.feed import OpenOrder, OpenOrdersPublished
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.fees import OrderKind
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.order.verify import VerifyScreen
from tests.support.desk import FIRM, STAFF, SUPERVISOR
from tests.support.kiosk import NEWCOMER, NOW, Kiosk, answer_next, go
from tests.support.screens import cut_off, fill, press, press_button, sentence, settle, shown, text_of

SMALLEST = (80, 24)
PASSWORD = "Keydesk-1"
UNPAID = OpenOrder("5-0002-1.a1b2c3d4e5f6", OrderKind.NEW, 5, NOW + 900)
PAID = replace(UNPAID, centre_holds_money=True)


def told(kiosk: Kiosk, *orders: OpenOrder) -> None:
    """Let the feed tell of the newcomer's open orders."""
    body = OpenOrdersPublished(NEWCOMER, orders)
    with kiosk.setup.database.write() as tx:
        tx.feed.rows.put(unsigned_row(MEMBERS, row_key_of(body), Version(1, 9), NO_VERSION, body))


async def verify(app: KeydeskApp, pilot: Pilot[None]) -> None:
    """To the answer of ②."""
    await go(app, pilot, Route.VERIFY, kind=OrderKind.NEW)
    fill(app, legal_person="王建国", enterprise=FIRM, account=NEWCOMER, operator="李晓梅", password=PASSWORD)
    await press_button(app, pilot, "next")


async def sign_in(app: KeydeskApp, pilot: Pilot[None], name: str, password: str) -> None:
    """As staff, where a supervisor is to sign in."""
    assert shown(app) == "SupervisorScreen"
    fill(app, staff_name=name, staff_password=password)
    await press_button(app, pilot, "enter")


def placed(kiosk: Kiosk) -> list[OrderPlaced]:
    return [body for body in kiosk.setup.bodies() if isinstance(body, OrderPlaced)]


async def test_beside_an_unpaid_order_elsewhere_another_is_placed_only_after_a_question(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    told(kiosk, UNPAID)
    async with app.run_test(size=SMALLEST) as pilot:
        await verify(app, pilot)
        assert "在5号终端机还有一笔没付款的同类订单5-0002-1" in sentence(app)
        await press_button(app, pilot, "no")
        assert placed(kiosk) == []
        await press_button(app, pilot, "next")
        await press_button(app, pilot, "yes")
        assert shown(app) == "PayScreen"
    assert [(each.order_kind, each.second) for each in placed(kiosk)] == [(OrderKind.NEW, None)]


async def test_a_paid_order_of_this_kiosk_that_its_data_has_no_more_sends_to_the_staff(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    told(kiosk, replace(PAID, order="3-0002-1.a1b2c3d4e5f6", kiosk=3))
    async with app.run_test(size=SMALLEST) as pilot:
        await verify(app, pilot)
        assert "3-0002-1已经付款，但本机没有它的记" in sentence(app)
        assert cut_off(app) == []
    assert placed(kiosk) == []


async def test_an_order_that_is_paid_by_its_kiosks_word_is_not_called_unpaid(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    told(kiosk, UNPAID, replace(UNPAID, order="7-0002-1.a1b2c3d4e5f6", kiosk=7, paid=True))
    async with app.run_test(size=SMALLEST) as pilot:
        await verify(app, pilot)
        assert "在7号终端机还有一笔已付款、没办完的同类订单" in sentence(app)
        assert "7-0002-1，请到那里接着办，不要再付一次" in sentence(app)
        assert cut_off(app) == []
        await press_button(app, pilot, "yes")
        assert shown(app) == "PayScreen"


async def test_beside_an_order_that_is_paid_elsewhere_a_supervisor_allows_another_with_a_reason(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    told(kiosk, PAID)
    async with app.run_test(size=SMALLEST) as pilot:
        await verify(app, pilot)
        assert "另有已付款的订单" in text_of(app)
        await press_button(app, pilot, "yes")
        await sign_in(app, pilot, STAFF.name, "Staff-1")
        assert "请主管登录" in text_of(app)
        assert placed(kiosk) == []
        await sign_in(app, pilot, SUPERVISOR.name, "Super-1")
        assert shown(app) == "ReasonScreen"
        fill(app, reason="五号机坏了")
        await press_button(app, pilot, "yes")
        assert shown(app) == "PayScreen"
    assert [each.second for each in placed(kiosk)] == [SecondOrder(SUPERVISOR.name, "五号机坏了")]


@pytest.mark.parametrize("steps", range(3))
async def test_whoever_gives_up_on_the_way_to_a_second_order_is_at_the_form_again(
    app: KeydeskApp, kiosk: Kiosk, steps: int
) -> None:
    told(kiosk, PAID)
    async with app.run_test(size=SMALLEST) as pilot:
        await verify(app, pilot)
        if steps > 0:
            await press_button(app, pilot, "yes")
        if steps > 1:
            await sign_in(app, pilot, SUPERVISOR.name, "Super-1")
        assert shown(app) == ("ConfirmScreen", "SupervisorScreen", "ReasonScreen")[steps]
        await press(pilot, "escape")
        assert shown(app) == "VerifyScreen"
        told(kiosk, UNPAID)
        await press_button(app, pilot, "next")
        assert "没付款" in text_of(app)
    assert placed(kiosk) == []


async def test_an_order_that_was_paid_elsewhere_meanwhile_asks_for_the_supervisor_too(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    told(kiosk, UNPAID)
    async with app.run_test(size=SMALLEST) as pilot:
        await verify(app, pilot)
        told(kiosk, PAID)
        await press_button(app, pilot, "yes")
        assert "另有已付款的订单" in text_of(app)
    assert placed(kiosk) == []


async def test_consent_for_one_kind_of_order_is_none_for_another(app: KeydeskApp, kiosk: Kiosk) -> None:
    told(kiosk, PAID)
    async with app.run_test(size=SMALLEST) as pilot:
        await verify(app, pilot)
        await press_button(app, pilot, "yes")
        await sign_in(app, pilot, SUPERVISOR.name, "Super-1")
        fill(app, reason="五号机坏了")
        session = kiosk.session(NEWCOMER)
        answer_next(
            kiosk.service,
            "quote",
            WrongKind(session, OrderKind.REPLACEMENT, KeyState.VALID),
            PaidElsewhere(session, PAID),
        )
        await press_button(app, pilot, "yes")
        await press_button(app, pilot, "yes")
        assert "另有已付款的订单" in text_of(app)
        assert isinstance(app.screen_stack[-2], VerifyScreen)
        assert app.screen_stack[-2].allowed is None
    assert placed(kiosk) == []


async def test_staff_who_were_called_are_there_once_a_supervisor_signed_in(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    told(kiosk, PAID)
    async with app.run_test(size=SMALLEST) as pilot:
        await verify(app, pilot)
        app.staff_called = True
        await press_button(app, pilot, "yes")
        await sign_in(app, pilot, SUPERVISOR.name, "Super-1")
        assert not app.staff_called


@pytest.mark.parametrize("language", list(Language))
async def test_the_questions_about_a_second_order_are_read_whole_in_the_smallest_window(
    kiosk: Kiosk, language: Language
) -> None:
    app = kiosk.app(language)
    told(kiosk, PAID)
    async with app.run_test(size=SMALLEST) as pilot:
        await verify(app, pilot)
        assert cut_off(app) == []
        await press_button(app, pilot, "yes")
        assert cut_off(app) == []
        await sign_in(app, pilot, SUPERVISOR.name, "Super-1")
        assert cut_off(app) == []
        await press(pilot, "escape")
        told(kiosk, UNPAID)
        await press_button(app, pilot, "next")
        await settle(pilot)
        assert cut_off(app) == []
    assert app.error_code == ""
