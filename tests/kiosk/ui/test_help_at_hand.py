"""What members need at hand: the PIN under its field, the driver's way, the help that finds everyday words."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import OptionList

from hardware.virtual.piv.factory import blank_piv_key
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery
from kiosk.settings import Display, Exchange
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, go
from tests.support.screens import cut_off, fill, press, sentence, settle, shown

SIZE = (80, 24)


@pytest.mark.parametrize(
    ("language", "hint"),
    [(Language.CHINESE, "没改过的是{pin}"), (Language.ENGLISH, "{pin}unlessyouchangedit")],
)
async def test_a_renewal_tells_the_pin_of_a_key_whose_pin_nobody_changed(
    kiosk: Kiosk, tmp_path: Path, language: Language, hint: str
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    order = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    app = kiosk.app(language)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND, kiosk.session(OWNER), order)
        assert hint.format(pin="111111") in sentence(app)
        kiosk.source.swap(blank_piv_key(tmp_path / "piv.card", "17345678"))
        await go(app, pilot, Route.BIND)
        assert hint.format(pin="123456") in sentence(app)
        assert cut_off(app) == []


async def test_a_new_key_needs_no_pin_and_is_told_of_none(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND, kiosk.session(NEWCOMER), order)
        assert "111111" not in sentence(app)


async def test_the_notice_and_the_hint_tell_what_this_exchange_delivers_its_keys_with(kiosk: Kiosk) -> None:
    app = KeydeskApp(kiosk.service, None, Display(), Exchange(initial_pin="246810"), monotonic=kiosk.ticker)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.NOTICE, kind=OrderKind.RENEWAL)
        assert "没改过的是246810" in sentence(app)
        assert cut_off(app) == []
        await go(app, pilot, Route.BIND, kind=OrderKind.RENEWAL)
        assert "没改过的是246810" in sentence(app)
        app.screen.query_one("#pin").focus()
        await press(pilot, "f4")
        assert shown(app) == "ConfirmScreen"
        assert "没改过的是246810；改过又忘了" in sentence(app).replace("│", "")


@pytest.mark.parametrize("route", [Route.DELIVERY, Route.SLIP])
@pytest.mark.parametrize("language", Language)
async def test_who_binds_elsewhere_is_told_the_drivers_way_as_the_site_does(
    kiosk: Kiosk, route: Route, language: Language
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    app = kiosk.app(language)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.visit.delivery = Delivery.MAIL
        await go(app, pilot, route, kiosk.session(NEWCOMER), order)
        for word in ("用户登录", "下载安装", "以管理员身份运行"):
            assert word in sentence(app)
        assert cut_off(app) == []


@pytest.mark.parametrize("language", Language)
async def test_help_finds_what_is_typed_in_pinyin_and_shows_its_answer_whole(
    kiosk: Kiosk, language: Language
) -> None:
    app = kiosk.app(language)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f1")
        fill(app, search="qqq")
        await settle(pilot)
        assert app.screen.query_one(OptionList).option_count == 0
        fill(app, search="jyzc")
        await settle(pilot)
        assert "交易专场" in sentence(app)
        fill(app, search="tuiqian")
        await settle(pilot)
        assert app.screen.query_one(OptionList).option_count == 1
        assert "郑州华粮科技有限公司" in sentence(app)
        fill(app, search="fp")
        await settle(pilot)
        assert app.screen.query_one(OptionList).option_count == 2
        assert cut_off(app) == []
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"
