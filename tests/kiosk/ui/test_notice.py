from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.settings import Display, Exchange
from kiosk.ui.app import KeydeskApp
from tests.support.desk import DeskSetup
from tests.support.screens import settle, shown, text_of


@pytest.fixture
def unpriced(tmp_path: Path) -> Iterator[KeydeskApp]:
    """A kiosk that has not heard yet what its services cost."""
    setup = DeskSetup(tmp_path, priced=False)
    app = KeydeskApp(setup.open_service(), None, Display(), Exchange())
    yield app
    assert app.error_code == ""
    setup.close()


async def test_enter_never_leads_home_from_a_notice_without_prices(unpriced: KeydeskApp) -> None:
    async with unpriced.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("1")
        await settle(pilot)
        assert "本机还没有收费标准" in text_of(unpriced)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(unpriced) == "NoticeScreen"
        await pilot.press("tab", "enter")  # the button back is still there for who means it
        await settle(pilot)
        assert shown(unpriced) == "HomeScreen"
