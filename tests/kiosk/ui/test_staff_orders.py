"""What staff do with orders: find them, refund them, read of matters."""

from __future__ import annotations

import pytest
from textual.widgets import Input, OptionList

from kiosk.desk.views.orders import OrderView
from kiosk.domain.entries.orders import RefundGranted
from kiosk.domain.feed import MatterPublished
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.ui.app import KeydeskApp
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from tests.support.desk import STAFF, SUPERVISOR, answered
from tests.support.kiosk import (
    NEWCOMER,
    OWNER,
    Kiosk,
    lay,
    until,
)
from tests.support.screens import (
    focused,
    press,
    press_button,
    sentence,
    settle,
    shown,
    text_of,
    type_in,
)
from tests.support.walks import SIZE


async def test_staff_refund_with_a_reason_and_only_supervisors_may(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for name, password, may in (("张华", "Staff-1", False), ("林涛", "Super-1", True)):
            await press(pilot, "f6")
            assert "已叫工作人员" in text_of(app)
            await type_in(pilot, name, password)
            assert shown(app) == "StaffDeskScreen"
            assert app.screen.query_one("#refund").disabled is not may
            if not may:
                await press(pilot, "escape")
        await press_button(app, pilot, "refund")
        assert shown(app) == "ReasonScreen"
        await type_in(pilot, "重复付款")
        assert "退款中" in text_of(app)
    granted = kiosk.setup.bodies()[-1]
    assert isinstance(granted, RefundGranted)
    assert (granted.order, granted.reason, granted.by) == (order.reference, "重复付款", "林涛")


def _twins(kiosk: Kiosk) -> tuple[OrderView, str]:
    """An unpaid order, and the reference of a paid one of its number and another account."""
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    return order, kiosk.setup.paid_order("11000007", OrderKind.NEW, beside=order.reference)


async def test_of_two_orders_of_a_typed_number_staff_choose_by_account_and_time(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order, twin = _twins(kiosk)
    kiosk.setup.paid_order("11000008", OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(SUPERVISOR))
        app.screen.query_one("#number").focus()
        await pilot.pause()
        await type_in(pilot, order.order_number.replace("-", " "))
        assert "这个号有 2 笔订单：先问清账号和下单时间" in text_of(app)
        assert "11000008" not in text_of(app)
        rows = app.screen.query_one("#rows", OptionList)
        assert (rows.option_count, rows.highlighted, focused(app)) == (2, None, "rows")
        for verb in ("vouch", "refund", "abandon", "print"):
            await press_button(app, pilot, verb)
            assert shown(app) == "StaffDeskScreen"
            assert "请先在「订单」里选中一笔" in text_of(app)
        rows.highlighted = rows.get_option_index(order.reference)
        await press_button(app, pilot, "vouch")
        assert f"订单{order.order_number}（账号11000001，11-2214:05）" in sentence(app)
        await press_button(app, pilot, "yes")
        assert kiosk.order(order.reference).status is OrderStatus.PAID
        rows.highlighted = rows.get_option_index(twin)
        await press_button(app, pilot, "refund")
        assert "账号11000007" in sentence(app)
        await type_in(pilot, "买重了")
        assert [kiosk.order(each).status for each in (order.reference, twin)] == [
            OrderStatus.PAID,
            OrderStatus.REFUNDING,
        ]
        app.screen.query_one("#number", Input).value = ""
        app.screen.query_one("#number").focus()
        await press(pilot, "enter")
        assert "11000008" in text_of(app)


async def test_a_number_that_finds_nothing_or_is_none_is_said_and_the_list_stays(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        for typed, said in (("12", "这不是订单号"), ("9-0147-2", "校验位不对")):
            app.screen.query_one("#number").focus()
            await pilot.pause()
            await type_in(pilot, typed)
            assert said in text_of(app)
            assert order.order_number in text_of(app)
        app.screen.query_one("#number").focus()
        await pilot.pause()
        await type_in(pilot, "9-0147-1")
        assert "本机没有这个号的订单" in text_of(app)
        assert order.order_number not in text_of(app)


async def test_a_receipt_that_staff_scan_shows_its_own_order(app: KeydeskApp, kiosk: Kiosk) -> None:
    order, twin = _twins(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        kiosk.scanner.scan(order.link)
        await until(pilot, lambda: app.screen.query_one("#rows", OptionList).option_count == 1)
        await settle(pilot)
        rows = app.screen.query_one("#rows", OptionList)
        assert rows.get_option_at_index(0).id == order.reference
        assert twin not in [option.id for option in rows.options]


async def test_staff_read_matters_in_words(app: KeydeskApp, kiosk: Kiosk) -> None:
    with kiosk.setup.database.write() as tx:
        tx.feed.put_matter(MatterPublished("amount-differs", "3-0100-1", OWNER, 41))
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        app.screen.query_one("#view").focus()
        await press(pilot, "right")
        assert "第 41 条，账号 11000002：金额不符（3-0100-1）" in text_of(app)


async def test_an_order_that_comes_meanwhile_is_shown_and_the_marked_one_stays_marked(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.owners_key()
    first = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(SUPERVISOR))
        rows = app.screen.query_one("#rows", OptionList)
        rows.highlighted = rows.get_option_index(first.reference)
        second = kiosk.place(OWNER, OrderKind.REPLACEMENT)
        await until(pilot, lambda: second.reference in {each.id for each in rows.options})
        assert rows.highlighted == rows.get_option_index(first.reference)
        kiosk.setup.pay(first.reference)
        await until(pilot, lambda: "待绑定" in text_of(app))
        answered(kiosk.service.cancel(kiosk.session(OWNER), second.reference))
        await until(pilot, lambda: second.reference not in {each.id for each in rows.options})
        assert rows.highlighted == rows.get_option_index(first.reference)


async def test_no_other_order_is_marked_in_place_of_one_that_is_gone(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    first, second = kiosk.place(NEWCOMER, OrderKind.NEW), kiosk.place(OWNER, OrderKind.REPLACEMENT)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(SUPERVISOR))
        rows = app.screen.query_one("#rows", OptionList)
        rows.highlighted = rows.get_option_index(first.reference)
        answered(kiosk.service.cancel(kiosk.session(NEWCOMER), first.reference))
        await until(pilot, lambda: [each.id for each in rows.options] == [second.reference])
        assert rows.highlighted is None


@pytest.mark.parametrize("size", [(120, 36), (90, 30)])
async def test_the_orders_are_read_in_the_other_language_and_in_a_window_of_another_size(
    app: KeydeskApp, kiosk: Kiosk, size: tuple[int, int]
) -> None:
    kiosk.owners_key()
    kiosk.place(OWNER, OrderKind.RENEWAL)
    kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        await press(pilot, "down")
        marked = app.screen.query_one("#rows", OptionList)
        second = marked.get_option_at_index(1).id
        assert marked.highlighted == 1
        await press(pilot, "f2")
        rows = app.screen.query_one("#rows", OptionList)
        assert rows is not marked
        assert "Paid, to be bound" in text_of(app)
        assert rows.highlighted_option is not None
        assert rows.highlighted_option.id == second
        await pilot.resize_terminal(*size)
        await settle(pilot)
        assert "李晓梅" in text_of(app)
        assert rows.highlighted_option.id == second
