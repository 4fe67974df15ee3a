"""The two themes: every cell of every step stands out from its ground, also where something is wrong.

The pictures of the key screens are looked at in the same way.
"""

from __future__ import annotations

import pytest
from rich.color import Color
from textual.color import Color as TextualColor

from kiosk.desk.views.people import FieldRefusal, FieldsRefused, WrongCredentials, fields_of
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.fees import OrderKind
from kiosk.settings import Colours, Display
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Layer, Route
from kiosk.ui.screens.order.verify import VerifyScreen
from kiosk.ui.theme import THEMES
from tests.support.contrast import CONTROL, TEXT, contrast, faint, faint_in_any_theme
from tests.support.kiosk import NEWCOMER, OWNER, SERIAL, Kiosk, go
from tests.support.screens import press, press_button, settle
from tests.support.walks import SIZE

THEME_NAMES = [pytest.param(theme, id=theme.value) for theme in Colours]


def is_like(one: TextualColor, other: TextualColor) -> bool:
    """Whether two colours differ by no more than rounding."""
    return all(abs(a - b) <= 1 for a, b in zip(one.rgb, other.rgb, strict=True))


def of(kiosk: Kiosk, theme: Colours) -> KeydeskApp:
    return KeydeskApp(kiosk.service, None, Display(theme=theme), monotonic=kiosk.ticker)


async def test_every_cell_of_every_step_stands_out(kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    app = kiosk.app()
    faint_at = {}
    waits = kiosk.place(NEWCOMER, OrderKind.NEW)
    paid = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    async with app.run_test(size=SIZE) as pilot:
        for route in Route:
            app.visit.bound = BoundView(paid, SERIAL, "0003000001000019", paid.placed_at, paid.ends_at)
            await go(app, pilot, route, kiosk.session(OWNER), waits if route is Route.PAY else paid)
            faint_at[route.name] = await faint_in_any_theme(app, pilot)
        for layer in (Layer.HELP, Layer.STAFF, Layer.PRIVACY):
            app.show_layer(layer)
            await settle(pilot)
            faint_at[layer.name] = await faint_in_any_theme(app, pilot)
            await press(pilot, "escape")
    assert {name: found for name, found in faint_at.items() if found} == {}


async def test_a_key_that_was_left_stands_out_in_either_half_of_its_flash(kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    app = kiosk.app()
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.TAKE_KEY)
        await press(pilot, "enter")
        assert await faint_in_any_theme(app, pilot) == []
        kiosk.ticker.seconds += 60
        for _ in range(2):
            app.call_later(app._tick)
            await settle(pilot)
        halves = set()
        for _ in range(2):
            kiosk.ticker.seconds += 1
            app.call_later(app._tick)
            await settle(pilot)
            halves.add(app.screen.query_one("#key").has_class("bright"))
            assert await faint_in_any_theme(app, pilot) == []
        assert halves == {True, False}


@pytest.mark.parametrize("theme", THEME_NAMES)
async def test_what_is_wrong_stands_out_in_the_colour_of_errors(kiosk: Kiosk, theme: Colours) -> None:
    app = of(kiosk, theme)
    red = TextualColor.parse(THEMES[theme].error or "")
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY)
        assert isinstance(app.screen, VerifyScreen)
        app.screen._verified(
            FieldsRefused(dict.fromkeys(fields_of(OrderKind.NEW), FieldRefusal.DOES_NOT_MATCH), 0)
        )
        await settle(pilot)
        assert faint(app) == []
        app.screen._verified(WrongCredentials(4, 0))
        await settle(pilot)
        assert faint(app) == []
        assert is_like(app.screen.query_one("#message").styles.color, red)
        await go(app, pilot, Route.BIND)
        await press_button(app, pilot, "bind")
        assert faint(app) == []
        assert is_like(app.screen.query_one("#password-problem").styles.color, red)
    own = THEMES[theme]
    assert own.error not in {own.accent, own.foreground, own.primary, own.success}


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_scrollbars_and_the_marked_row_of_a_list_stand_out(theme: Colours) -> None:
    of_theme = THEMES[theme].variables

    def ratio(one: str, other: str) -> float:
        return contrast(Color.parse(of_theme[one]), Color.parse(of_theme[other]))

    assert ratio("scrollbar", "scrollbar-background") >= CONTROL
    assert ratio("block-cursor-background", "well") >= CONTROL
    assert ratio("block-cursor-background", "block-cursor-foreground") >= TEXT


async def test_a_member_chooses_high_contrast_with_f3_and_the_next_one_has_the_usual_colours(
    kiosk: Kiosk,
) -> None:
    app = kiosk.app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f3")
        assert app.theme == Colours.HIGH_CONTRAST
        assert str(app.screen.styles.background.hex) == "#000000"
        await go(app, pilot, Route.SIGN_IN)
        assert app.theme == Colours.HIGH_CONTRAST
        kiosk.ticker.seconds += 200
        await app._tick()
        await settle(pilot)
        assert app.theme == Colours.STANDARD
        await press(pilot, "ctrl+o", "f3")
        assert app.theme == Colours.STANDARD
