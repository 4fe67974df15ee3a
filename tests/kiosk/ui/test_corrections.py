"""An error beside a field goes with the first edit of what it is about, and with nothing else."""

from __future__ import annotations

from textual.widgets import Input

from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.key.change_pin import ChangePinScreen
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, go, lay, until
from tests.support.screens import fill, press, press_button, sentence, settle, text_of

SIZE = (80, 24)
TYPED = {"legal_person": "王建国", "account": NEWCOMER, "operator": "李晓梅", "password": "Keydesk-1"}


async def test_what_does_not_match_is_said_until_it_is_edited(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY)
        fill(app, **TYPED, enterprise="上海棉花公司")
        await press_button(app, pilot, "next")
        assert "与登记的资料不一致" in text_of(app)
        app.change_language()
        await settle(pilot)
        app.change_language()
        await settle(pilot)
        assert "与登记的资料不一致" in text_of(app), "another language is no edit"
        app.screen.query_one("#enterprise").focus()
        await press(pilot, "end", "backspace")
        assert "与登记的资料不一致" not in text_of(app)
        await app._tick()
        await settle(pilot)
        assert "与登记的资料不一致" not in text_of(app)
        fill(app, password="Keydesk-1")
        await press_button(app, pilot, "next")
        assert "与登记的资料不一致" in text_of(app), "it is judged anew"


async def test_only_the_error_of_the_field_that_is_edited_goes(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY, kind=OrderKind.RENEWAL)
        await press_button(app, pilot, "next")
        assert text_of(app).count("请填写") == 3
        app.screen.query_one("#account").focus()
        await press(pilot, "1")
        assert text_of(app).count("请填写") == 2
        assert not app.screen.query_one("#account", Input).has_class("-wrong")


async def test_a_refused_password_that_was_cleared_keeps_its_error_until_another_is_typed(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND, None, order)
        fill(app, account=NEWCOMER, password="wrong")
        await press_button(app, pilot, "bind")
        await until(pilot, lambda: "账号或密码不对" in sentence(app))
        assert app.screen.query_one("#password", Input).value == ""
        app.screen.query_one("#password").focus()
        await press(pilot, "K")
        assert "账号或密码不对" not in sentence(app)


async def test_the_error_of_a_new_pin_goes_with_the_first_edit(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, ChangePinScreen(kiosk.session(OWNER)))
        await press_button(app, pilot, "next")
        assert "请填写" in text_of(app)
        app.screen.query_one("#old").focus()
        await press(pilot, "1")
        assert "请填写" not in text_of(app)
        app.screen.update_content()  # type: ignore[attr-defined]  # as with whatever else changes
        assert "请填写" not in text_of(app)
