"""What a screen had goes with it: objects are counted, not bytes."""

from __future__ import annotations

import gc

from textual._styles_cache import StylesCache
from textual.widget import Widget

from kiosk.ui.app import KeydeskApp
from tests.support.kiosk import Kiosk
from tests.support.screens import press, settle, shown
from tests.support.walks import SIZE


def kept(kind: type[object]) -> list[object]:
    """All objects of a kind that something still holds."""
    gc.collect()
    return [each for each in gc.get_objects() if type(each) is kind]


async def test_the_painted_lines_of_screens_that_went_are_not_kept(app: KeydeskApp, kiosk: Kiosk) -> None:
    before = {id(each) for each in kept(StylesCache)}
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for _ in range(2):
            await press(pilot, "1", "enter", "escape", "escape", "f1", "escape", "f2", "f2")
        assert shown(app) == "HomeScreen"
        alive = {id(each._styles_cache) for each in gc.get_objects() if isinstance(each, Widget)}
        orphans = [each for each in kept(StylesCache) if id(each) not in alive | before]
        assert alive
        assert not orphans


async def test_no_widget_stays_behind_a_screen_that_went(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        counts = []
        for _ in range(3):
            await press(pilot, "1", "enter", "escape", "escape", "f1", "escape", "f6", "escape", "f2", "f2")
            assert shown(app) == "HomeScreen"
            gc.collect()
            counts.append(sum(isinstance(each, Widget) for each in gc.get_objects()))
        assert counts[1] == counts[2]
