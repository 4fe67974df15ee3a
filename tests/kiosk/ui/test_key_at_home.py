"""The key on the home screen: what it is, without a name, and what it offers with the account filled in."""

from __future__ import annotations

from itertools import product

import pytest
from textual.widgets import Input

from kiosk.desk.keys.views import IntroducedOutcome, KeyIntroduced
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import Language
from kiosk.text.key_wording import introduction
from kiosk.ui.app import KeydeskApp
from kiosk.ui.screens.order.home import HomeScreen
from kiosk.ui.widgets.actions import Offer
from kiosk.ui.widgets.lines import Prose
from tests.support.kiosk import NOW, OTHER_SERIAL, OWNER, OWNERS_FIRM, READERS, SERIAL, Kiosk, until
from tests.support.pictures import LANGUAGES
from tests.support.screens import cut_off, focused, press, settle, shown, text_of, type_in
from tests.support.walks import SIZE


def offered(app: KeydeskApp) -> list[str | None]:
    return [offer.id for offer in app.screen.query(Offer) if offer.focusable]


async def test_a_key_that_is_put_in_says_until_when_it_is_valid_and_no_name(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert offered(app) == []
        kiosk.source.insert(kiosk.owners_key())
        await until(pilot, lambda: "有效期至 2027-03-02，还有 100 天" in text_of(app))
        assert offered(app) == ["renew-it", "check-it", "change-its-pin"]
        for title in ("A  续期", "B  登录验证", "C  改PIN"):
            assert title in text_of(app)
        for secret in (SERIAL, OWNER, "陈静", OWNERS_FIRM[:4]):
            assert secret not in text_of(app)
        assert cut_off(app) == []
        kiosk.source.remove()
        await until(pilot, lambda: "有效期至" not in text_of(app))
        await settle(pilot)
        assert offered(app) == []
        assert "续期" not in text_of(app).replace("key盘续期", "")
        await press(pilot, "a", "b", "c")
        assert shown(app) == "HomeScreen"


async def test_renewing_it_asks_for_the_password_with_the_account_filled_in(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "a")
        assert shown(app) == "NoticeScreen"
        assert app.visit.kind is OrderKind.RENEWAL
        await press(pilot, "enter")
        assert app.screen.query_one("#account", Input).value == OWNER
        assert focused(app) == "password"
        await type_in(pilot, "Keydesk-2", OWNERS_FIRM)
        assert shown(app) == "PayScreen"


@pytest.mark.parametrize(("letter", "opens"), [("b", "LoginCheckScreen"), ("c", "ChangePinScreen")])
async def test_a_service_opens_after_the_password_alone(
    app: KeydeskApp, kiosk: Kiosk, letter: str, opens: str
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, letter)
        assert shown(app) == "SignInScreen"
        assert app.screen.query_one("#account", Input).value == OWNER
        assert focused(app) == "password"
        await type_in(pilot, "Keydesk-2")
        assert shown(app) == opens


async def test_the_offers_are_touched_and_walked_to(app: KeydeskApp, kiosk: Kiosk) -> None:
    card = kiosk.owners_key()
    kiosk.source.insert(card)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        walked = []
        for key in ("up", "right", "right", "down", "up", "up"):
            await press(pilot, key)
            walked.append(focused(app))
        assert walked == ["renew-it", "check-it", "change-its-pin", "replacement", "check-it", "adviser"]
        await press(pilot, "down")
        assert focused(app) == "check-it"
        kiosk.source.remove()
        await until(pilot, lambda: focused(app) is None)
        await press(pilot, "down")
        assert focused(app) == "new"
        kiosk.source.insert(card)
        await until(pilot, lambda: bool(offered(app)))
        await pilot.click("#change-its-pin")
        await settle(pilot)
        assert shown(app) == "SignInScreen"


async def test_an_expired_key_says_since_when_and_is_offered_its_renewal(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.clock.advance(110 * 86_400)
    kiosk.setup.contact()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "2027-03-02 到期，已过期 10 天" in text_of(app)
        assert "renew-it" in offered(app)


async def test_a_key_on_hold_or_blank_says_what_to_do_and_offers_nothing(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    key = kiosk.owners_key()
    kiosk.service.report_loss(kiosk.session(OWNER))
    kiosk.source.insert(key)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "已挂失" in text_of(app)
        assert offered(app) == []
        kiosk.source.swap(kiosk.blank(OTHER_SERIAL))
        await until(pilot, lambda: "空白，还没有绑定" in text_of(app))
        assert "已缴费请选「绑定key盘」" in text_of(app)
        assert offered(app) == []


async def test_of_several_keys_none_is_shown(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.source.insert(kiosk.blank(OTHER_SERIAL), READERS[1])
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "插了不止一把key盘" in text_of(app)
        assert offered(app) == []


def introductions() -> list[IntroducedOutcome]:
    """Everything that the desk may say of a key."""
    ends = [
        KeyIntroduced(status, OWNER, NOW, days)
        for status, days in product((KeyStatus.IN_USE, KeyStatus.OUT_OF_STEP), (None, -3000, 3000))
    ]
    refusals = [TokenRefused(each, found=SERIAL, expected=OTHER_SERIAL) for each in TokenRefusal]
    others = set(KeyStatus) - {KeyStatus.IN_USE, KeyStatus.OUT_OF_STEP}
    return [*map(KeyIntroduced, others), *ends, *refusals, Refused(Refusal.STORE_BUSY)]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whatever_a_key_is_has_room_in_its_place_and_no_serial(
    kiosk: Kiosk, language: Language
) -> None:
    app = kiosk.app(language)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)
        slot = app.screen.query_one("#key", Prose)
        for outcome in introductions():
            slot.say(introduction(app.text, outcome))
            needed = slot.get_content_height(slot.container_size, app.size, slot.content_size.width)
            assert needed <= slot.content_size.height, outcome
            assert not [each for each in (SERIAL, OTHER_SERIAL, OWNER) if each in slot.text], outcome
        slot.say(app.screen._of_key(left=True))
        assert slot.get_content_height(slot.container_size, app.size, slot.content_size.width) <= 2
