"""The scenes that the demo may start in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.demo.drawer import DrawerScreen
from kiosk.demo.ports import DemoAccount, NothingWaits, PhonePage, PhoneRefused, PhoneUnreachable
from kiosk.demo.scenes import SCENES, Scene
from kiosk.demo.stage import Opening, SceneUsedUp, Stage
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.status import Network
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import BindingStep, OrderStatus
from kiosk.domain.requests import DeliveryState, InvoiceState
from kiosk.settings import Display
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.demo import NEW_ACCOUNT, DemoDouble
from tests.support.desk import answered
from tests.support.kiosk import NEWCOMER, OWNER, SMS_CODE, Kiosk, until
from tests.support.screens import press, press_button, sentence, settle, shown, text_of


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    kiosk = Kiosk(tmp_path)
    yield kiosk
    kiosk.setup.close()


@pytest.fixture
def demo(kiosk: Kiosk) -> DemoDouble:
    return DemoDouble(kiosk)


@pytest.fixture
def stage(kiosk: Kiosk, demo: DemoDouble) -> Stage:
    return Stage(kiosk.service, demo, sleep=lambda _: None)


def order_of(opening: Opening) -> OrderView:
    """The order that the scene is about."""
    assert opening.order is not None
    return opening.order


def test_every_scene_has_a_sentence() -> None:
    assert set(SCENES) == set(Scene)


@pytest.mark.parametrize(
    ("scene", "route", "status"),
    [
        (Scene.NEW_ORDER, Route.PAY, OrderStatus.PLACED),
        (Scene.OFFLINE, Route.PAY, OrderStatus.PLACED),
        (Scene.PAID_ORDER, Route.DELIVERY, OrderStatus.PAID),
    ],
)
def test_a_scene_is_a_real_order_at_its_step_and_the_same_one_the_next_time(
    stage: Stage, kiosk: Kiosk, scene: Scene, route: Route, status: OrderStatus
) -> None:
    opening = stage.play(scene)
    order = order_of(opening)
    assert (opening.route, order.status, order.account) == (route, status, NEWCOMER)
    assert answered(kiosk.service.status()).network is (
        Network.OFFLINE if scene is Scene.OFFLINE else Network.ONLINE
    )
    assert stage.play(scene) == opening._replace(session=stage.play(scene).session)


def test_a_pulled_key_stands_between_its_certificate_and_the_writing_of_it(
    stage: Stage, kiosk: Kiosk
) -> None:
    opening = stage.play(Scene.PULLED_KEY)
    assert (opening.route, order_of(opening).binding_step) == (Route.BIND, BindingStep.ISSUED)
    assert kiosk.source.present() == ()
    assert stage.play(Scene.PULLED_KEY).order == opening.order


def test_a_renewal_waits_for_the_pin(stage: Stage, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    opening = stage.play(Scene.RENEWAL)
    order = order_of(opening)
    assert (opening.route, order.account) == (Route.BIND, OWNER)
    assert (order.kind, order.status) == (OrderKind.RENEWAL, OrderStatus.PAID)


async def test_a_trader_who_was_proposed_is_shown_waiting_and_the_drawer_decides(
    stage: Stage, kiosk: Kiosk, demo: DemoDouble
) -> None:
    opening = stage.play(Scene.NEW_TRADER)
    assert stage.play(Scene.NEW_TRADER).session.account == opening.session.account
    (proposal,) = answered(kiosk.service.proposals(opening.session))
    app = KeydeskApp(
        kiosk.service,
        lambda: DrawerScreen(demo),
        Display(),
        monotonic=kiosk.ticker,
        opening=opening.show,
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: shown(app) == "AddOperatorScreen")
        await settle(pilot)
        assert proposal.name in text_of(app)
        assert "审核中" in text_of(app)
        await press(pilot, "f12", "r")
        assert shown(app) == "ReasonScreen"
        await press(pilot, "enter")
        assert "王晓芳：没有通过" in text_of(app)
        await press(pilot, "a")
        assert "没有在等审核的申请" in sentence(app)
        await press(pilot, "escape")
        await until(pilot, lambda: "授权书没有盖章" in text_of(app))
        stage.play(Scene.NEW_TRADER)
        await press(pilot, "f12", "a")
        assert f"新账号{NEW_ACCOUNT}" in sentence(app)
        assert SMS_CODE in sentence(app)
        await press(pilot, "escape")
        await until(pilot, lambda: NEW_ACCOUNT in text_of(app))
        await press(pilot, "escape")
        assert shown(app) == "UserCentreScreen"
    assert app.error_code == ""


def test_the_user_centre_has_orders_at_several_steps_after_paying(
    stage: Stage, kiosk: Kiosk, demo: DemoDouble
) -> None:
    opening = stage.play(Scene.USER_CENTRE)
    assert (opening.route, opening.order) == (Route.USER_CENTRE, None)
    view = answered(kiosk.service.user_centre(opening.session))
    states = [
        (
            each.order.kind,
            each.order.status,
            each.requests.delivery and each.requests.delivery.state,
            each.requests.invoice and each.requests.invoice.state,
        )
        for each in view.orders
    ]
    assert states == [
        (OrderKind.REPLACEMENT, OrderStatus.PAID, DeliveryState.ASKED, InvoiceState.ASKED),
        (OrderKind.RENEWAL, OrderStatus.BOUND, None, InvoiceState.WITHDRAWN),
        (OrderKind.NEW, OrderStatus.BOUND, DeliveryState.MAILED, InvoiceState.ISSUED),
    ]
    assert kiosk.source.present() == ()
    stage.play(Scene.USER_CENTRE)
    assert answered(kiosk.service.user_centre(opening.session)) == view


def test_an_invoice_that_the_centre_does_not_know_yet_is_waited_for_and_given_up_in_the_end(
    kiosk: Kiosk, demo: DemoDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()

    def unknown(order: str) -> None:
        asked.append(order)
        raise NothingWaits

    def wait(seconds: float) -> None:
        kiosk.ticker.seconds += 100 * seconds

    monkeypatch.setattr(demo, "issue_invoice", unknown)
    opening = Stage(kiosk.service, demo, wait, kiosk.ticker).play(Scene.USER_CENTRE)
    assert len(asked) > 1
    invoices = [each.invoice for each in answered(kiosk.service.requests_of(opening.session))]
    assert sorted(each.state for each in invoices if each is not None) == [
        InvoiceState.ASKED,
        InvoiceState.ASKED,
        InvoiceState.WITHDRAWN,
    ]


def test_a_centre_that_is_still_starting_is_waited_for(
    kiosk: Kiosk, demo: DemoDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay, waits = demo.phone_pay, list[float]()

    def late(link: str) -> PhonePage:
        if len(waits) < 3:
            raise PhoneUnreachable("refused")
        return pay(link)

    monkeypatch.setattr(demo, "phone_pay", late)
    assert Stage(kiosk.service, demo, sleep=waits.append).play(Scene.PAID_ORDER).route is Route.DELIVERY
    assert len(waits) == 3


def test_a_centre_that_never_comes_is_given_up(
    kiosk: Kiosk, demo: DemoDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(link: str) -> PhonePage:
        raise PhoneUnreachable(link)

    monkeypatch.setattr(demo, "phone_pay", never)
    stage = Stage(kiosk.service, demo, sleep=lambda _: None, monotonic=kiosk.ticker)
    with pytest.raises(PhoneUnreachable):
        _ending(stage, kiosk)


def _ending(stage: Stage, kiosk: Kiosk) -> None:
    stage._sleep = lambda seconds: setattr(kiosk.ticker, "seconds", kiosk.ticker.seconds + 10 * seconds)
    stage.play(Scene.PAID_ORDER)


def test_accounts_that_cannot_be_led_there_are_said_to_be_used_up(
    stage: Stage, demo: DemoDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers = tuple(
        DemoAccount(each.account, "wrong", each.enterprise, each.legal_person, each.operator, each.remark)
        for each in demo.accounts()
    )
    monkeypatch.setattr(demo, "accounts", lambda: strangers)
    with pytest.raises(SceneUsedUp):
        stage.play(Scene.NEW_ORDER)


def test_a_payment_that_is_refused_ends_the_scene(
    stage: Stage, demo: DemoDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> PhonePage:
        raise PhoneRefused("HTTP 409")

    monkeypatch.setattr(demo, "phone_pay", refuse)
    with pytest.raises(SceneUsedUp):
        stage.play(Scene.PAID_ORDER)


async def test_the_app_begins_in_the_scene_and_the_binding_goes_on(
    stage: Stage, kiosk: Kiosk, demo: DemoDouble
) -> None:
    opening = stage.play(Scene.PULLED_KEY)
    app = KeydeskApp(kiosk.service, None, Display(), monotonic=kiosk.ticker, opening=opening.show)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: shown(app) == "BindScreen")
        await settle(pilot)
        assert order_of(opening).order_number in text_of(app)
        demo.insert("A")
        await settle(pilot)
        await press_button(app, pilot, "bind")
        await until(pilot, lambda: shown(app) == "DoneScreen")
        await press(pilot, "escape")
    assert app.error_code == ""
