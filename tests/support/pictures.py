"""Pictures of the screens, compared with those that somebody looked at: in which sizes and languages, and what holds in each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
from textual.pilot import Pilot

from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from tests.support.contrast import faint_in_any_theme
from tests.support.kiosk import Kiosk
from tests.support.screens import cut_off, settle

SMALL, LARGE = (80, 24), (120, 36)
SIZES = [pytest.param(SMALL, id="80x24"), pytest.param(LARGE, id="120x36")]
LANGUAGES = [pytest.param(language, id=language.value) for language in Language]

Way: TypeAlias = Callable[[KeydeskApp, Pilot[None], Kiosk], Awaitable[None]]
"""What is done from the first screen to what a picture shows."""
Compare: TypeAlias = Callable[..., bool]
"""The fixture `snap_compare`."""


def looks_as_it_did(
    snap_compare: Compare, kiosk: Kiosk, size: tuple[int, int], language: Language, way: Way
) -> bool:
    """Whether the picture is as it was; nothing in it may be cut off, nor be faint in any theme."""

    async def prepare(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
        await way(app, pilot, kiosk)
        assert cut_off(app) == []
        if size == SMALL and language is Language.CHINESE:  # the colours are the same in every picture
            assert await faint_in_any_theme(app, pilot) == []

    return is_the_picture(snap_compare, kiosk, size, language, prepare)


def is_the_picture(
    snap_compare: Compare, kiosk: Kiosk, size: tuple[int, int], language: Language, way: Way
) -> bool:
    """Whether the picture is as it was, whatever is in it."""
    app = kiosk.app(language)

    async def prepare(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await way(app, pilot, kiosk)

    return snap_compare(app, terminal_size=size, run_before=prepare)
