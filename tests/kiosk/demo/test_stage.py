"""The scenes that the demo may start in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.demo.ports import DemoAccount, PhonePage, PhoneRefused, PhoneUnreachable
from kiosk.demo.scenes import SCENES, Scene
from kiosk.demo.stage import SceneUsedUp, Stage
from kiosk.desk.views.status import Network
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import BindingStep, OrderStatus
from kiosk.settings import Display
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.demo import DemoDouble
from tests.support.desk import answered
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, until
from tests.support.screens import press, press_button, settle, shown, text_of


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
    assert (opening.route, opening.order.status, opening.order.account) == (route, status, NEWCOMER)
    assert answered(kiosk.service.status()).network is (
        Network.OFFLINE if scene is Scene.OFFLINE else Network.ONLINE
    )
    assert stage.play(scene) == opening._replace(session=stage.play(scene).session)


def test_a_pulled_key_stands_between_its_certificate_and_the_writing_of_it(
    stage: Stage, kiosk: Kiosk
) -> None:
    opening = stage.play(Scene.PULLED_KEY)
    assert (opening.route, opening.order.binding_step) == (Route.BIND, BindingStep.ISSUED)
    assert kiosk.source.present() == ()
    assert stage.play(Scene.PULLED_KEY).order == opening.order


def test_a_renewal_waits_for_the_pin(stage: Stage, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    opening = stage.play(Scene.RENEWAL)
    assert (opening.route, opening.order.account) == (Route.BIND, OWNER)
    assert (opening.order.kind, opening.order.status) == (OrderKind.RENEWAL, OrderStatus.PAID)


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
        assert opening.order.order_number in text_of(app)
        demo.insert("A")
        await settle(pilot)
        await press_button(app, pilot, "bind")
        await until(pilot, lambda: shown(app) == "DoneScreen")
        await press(pilot, "escape")
    assert app.error_code == ""
