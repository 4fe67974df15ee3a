"""One instruction at a time: home, the pay page, what was forgotten, the line of steps, the bind page."""

from __future__ import annotations

import pytest
from textual.widgets import Button, Input, Static

from kiosk.desk.views.status import Network
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.text.cells import width
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.visit import KeyService
from kiosk.ui.widgets.lines import Prose
from kiosk.ui.widgets.rows import StepRow
from tests.support.kiosk import NEWCOMER, OWNER, SERIAL, Kiosk, go, until
from tests.support.screens import cut_off, focused, press, press_button, sentence, settle, shown, text_of
from tests.support.walks import SIZE, open_service, to_binding, to_pay

TO_TYPE = ("还可输错", "确认码", "扫码器", "Enter  确认", "____")
DOUBT = "手机已付，本屏没反应？"


def fields(app: KeydeskApp) -> list[Input]:
    """What somebody could type into."""
    return [field for field in app.screen.query(Input) if field in app.screen.focus_chain]


# Home


async def test_home_has_six_tiles_and_two_lines_and_each_number_leads_where_it_says(app: KeydeskApp) -> None:
    places = {
        "new": "NoticeScreen",
        "replacement": "NoticeScreen",
        "renewal": "NoticeScreen",
        "bind": "BindScreen",
        "query": "SignInScreen",
        "key-services": "KeyServicesScreen",
        "continue": "SignInScreen",
        "adviser": "AdviserScreen",
    }
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        buttons = [button for button in app.screen.query(Button) if button.focusable]
        assert [button.id for button in buttons] == list(places)
        assert [button.region.height for button in buttons] == [4] * 6 + [1, 1]
        for number, (name, place) in enumerate(places.items(), start=1):
            assert str(app.screen.query_one(f"#{name}", Button).label).startswith(f"{number} ")
            await press(pilot, str(number))
            assert shown(app) == place
            await press(pilot, "f5")


async def test_the_arrows_walk_through_tiles_and_lines(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        walked = []
        for key in ("down", "down", "down", "right", "down", "up"):
            await press(pilot, key)
            walked.append(focused(app))
        assert walked == ["renewal", "query", "continue", "adviser", "replacement", "adviser"]


async def test_a_touch_on_a_line_of_home_is_enough(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.click("#adviser")
        await settle(pilot)
        assert shown(app) == "AdviserScreen"


# Pay


async def test_with_the_network_there_is_a_code_an_amount_and_nothing_to_type(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        screen = text_of(app)
        assert "█" in screen
        assert "应付 340.00 元" in screen
        assert "请用微信扫码" in screen
        assert "等待付款…" in screen
        assert [each for each in (*TO_TYPE, DOUBT) if each in screen] == []
        assert fields(app) == []
        await press(pilot, "enter")
        assert "还没有收到付款" in text_of(app)
        assert shown(app) == "PayScreen"
        kiosk.setup.pay(order.reference)
        await until(pilot, lambda: shown(app) == "DeliveryScreen")
        await settle(pilot)


@pytest.mark.parametrize("by", ["enter", "touch"])
async def test_a_payment_that_does_not_arrive_is_doubted_after_a_while_and_confirmed_by_its_code(
    app: KeydeskApp, kiosk: Kiosk, by: str
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        kiosk.ticker.seconds += 39
        app.screen.update_content()  # type: ignore[attr-defined] # as each look for the payment does
        await settle(pilot)
        assert DOUBT not in text_of(app)
        kiosk.ticker.seconds += 1
        await until(pilot, lambda: DOUBT in text_of(app))
        assert fields(app) == []
        if by == "enter":
            await press(pilot, "enter")
        else:
            await pilot.click("#doubt")
            await settle(pilot)
        assert focused(app) == "code"
        assert "还可输错5次" in text_of(app)
        assert DOUBT not in text_of(app)
        assert cut_off(app) == []
        await pilot.press(*kiosk.setup.digits_for(order.reference).replace("-", ""), "enter")
        await settle(pilot)
        assert shown(app) == "DeliveryScreen"


async def test_a_network_that_goes_offers_the_code_at_once_and_says_that_the_money_is_safe(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_pay(app, pilot, kiosk)
        kiosk.go_offline()
        app.call_later(app._tick)
        await until(pilot, lambda: DOUBT in text_of(app))
        assert app.status is not None
        assert app.status.network is Network.OFFLINE
        assert "[离线] 网络断了，付过的款照样有效" in text_of(app)
        assert "等待付款" not in text_of(app)
        assert fields(app) == []
        await press(pilot, "enter")
        assert "[离线] 本机暂无网络，仍可办理" in text_of(app)
        assert focused(app) == "code"


async def test_who_types_a_code_unasked_finds_it_in_the_field(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        await pilot.press(*kiosk.setup.digits_for(order.reference).replace("-", ""))
        assert app.screen.query_one("#code", Input).value == kiosk.setup.digits_for(order.reference)
        await press(pilot, "enter")
        assert kiosk.order(order.reference).status is OrderStatus.PAID


async def test_an_order_that_ended_has_no_line_that_opens_a_field(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        order = await to_pay(app, pilot, kiosk)
        kiosk.ticker.seconds += 41
        kiosk.service.cancel(kiosk.session(NEWCOMER), order.reference)
        await until(pilot, lambda: "请不要再付款" in text_of(app))
        await pilot.press("1")
        assert DOUBT not in text_of(app)
        assert fields(app) == []
        await press(pilot, "enter")
        assert shown(app) == "HomeScreen"


# Forgotten

ACCOUNT, PASSWORD, CODE = "「交易代表信息」", "重新设置", "没改过的是 111111"


@pytest.mark.parametrize(
    ("route", "field", "said"),
    [
        (Route.VERIFY, "account", ACCOUNT),
        (Route.VERIFY, "password", PASSWORD),
        (Route.SIGN_IN, "account", ACCOUNT),
        (Route.SIGN_IN, "password", PASSWORD),
        (Route.BIND, "account", ACCOUNT),
        (Route.BIND, "password", PASSWORD),
        (Route.BIND, "pin", CODE),
    ],
)
async def test_what_was_forgotten_is_one_sentence_and_leads_to_the_staff(
    app: KeydeskApp, route: Route, field: str, said: str
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, route)
        assert "忘了？" in text_of(app)
        app.screen.query_one(f"#{field}").focus()
        await press(pilot, "f4")
        assert shown(app) == "ConfirmScreen"
        assert said.replace(" ", "") in sentence(app).replace("│", "")
        await press(pilot, "escape", "ctrl+f")
        await press_button(app, pilot, "yes")
        assert app.staff_called
        assert shown(app) == "StaffScreen"


@pytest.mark.parametrize("service", [KeyService.CHANGE_PIN, KeyService.LOGIN_CHECK])
async def test_a_pin_that_was_forgotten_is_told_by_a_touch(
    app: KeydeskApp, kiosk: Kiosk, service: KeyService
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, service)
        (hint,) = [each for each in app.screen.query("KeyHint") if "忘了？" in str(each.render())]
        await pilot.click(hint)
        await settle(pilot)
        assert CODE in text_of(app)
        await press(pilot, "escape")
        assert not app.staff_called


async def test_where_nothing_is_asked_for_nothing_was_forgotten(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f4")
        assert shown(app) == "HomeScreen"


# Titles and steps


async def test_title_and_steps_stand_at_the_same_place_on_every_page(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    waits = kiosk.place(NEWCOMER, OrderKind.NEW)
    order = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    bound = BoundView(order, SERIAL, "0003000001000019", order.placed_at, order.ends_at)
    pages = set(Route) - {Route.HOME, Route.TAKE_KEY, Route.ERROR}
    async with app.run_test(size=SIZE) as pilot:
        for route in pages:
            app.visit.bound = bound
            at = waits if route is Route.PAY else order
            await go(app, pilot, route, kiosk.session(OWNER), at)
            (steps,) = [row for row in app.screen.query(StepRow) if row.region]
            assert (route, steps.region.offset) == (route, (42, 1))
            words = str(steps.render())
            assert words.startswith(("①", "④"))
            assert width(words) <= steps.region.width
            if route is not Route.PAY:  # the code has the rows at its left
                title = app.screen.query_one("#heading", Static)
                assert (route, title.region.offset, bool(str(title.render()))) == (route, (1, 1), True)
        for service in KeyService:
            await open_service(app, pilot, kiosk, service)
            assert app.screen.query_one(StepRow).region.offset == (42, 1)
            assert app.screen.query_one("#heading").region.offset == (1, 1)


async def test_the_steps_tell_where_the_flow_is(app: KeydeskApp, kiosk: Kiosk) -> None:
    def marked() -> str:
        content = app.screen.query_one(StepRow).render()
        (span,) = [span for span in content.spans if "bold" in str(span.style)]  # type: ignore[union-attr]
        return str(content)[span.start : span.end]

    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    renewal = kiosk.place(OWNER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        for route, step in ((Route.NOTICE, "① 缴费须知"), (Route.VERIFY, "② 验证信息")):
            await go(app, pilot, route)
            assert marked() == step
        for route, step in ((Route.DELIVERY, "④ 领取key盘"), (Route.BIND, "⑤ 绑定key盘")):
            await go(app, pilot, route, kiosk.session(NEWCOMER), order)
            assert marked() == step
        await go(app, pilot, Route.BIND, kind=OrderKind.RENEWAL)
        assert marked() == "④ 绑定key盘"
        for route, step in ((Route.USER_CENTRE, "② 查询结果"), (Route.ACCOUNT, "② 接着办理")):
            await go(app, pilot, route, kiosk.session(OWNER), renewal)
            assert marked() == step
        await go(app, pilot, Route.KEY_SERVICES)
        assert marked() == "① 选择服务"


# Bind


async def test_the_bind_page_speaks_in_whole_sentences(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.waste_tries(1)
    order = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND, kiosk.session(OWNER), order)
        screen = text_of(app)
        assert "请插好key盘，办完前不要拔出" in screen
        assert "还可输错5次" in screen
        assert "已付款的请勿重复支付" in app.screen.query_one("#resume", Prose).text
        assert "现到期日 2027-03-02，续期后至 2028-03-02" in screen
        assert "6 绑定完成" in screen
        assert "*密码" not in screen
        assert cut_off(app) == []


async def test_before_the_first_binding_the_bind_page_says_so(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        assert "首次绑定前为空" in text_of(app)
        blank = [row for row in text_of(app).split("\n")[1:] if not row.strip(" │")]
        assert len(blank) >= 2


async def test_what_hinders_a_binding_has_the_colour_of_errors(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        message = app.screen.query_one("#message")
        assert not message.has_class("alert")
        kiosk.source.insert(kiosk.owners_key())
        await until(pilot, lambda: "绑定在别的账号上" in text_of(app))
        assert message.has_class("alert")
