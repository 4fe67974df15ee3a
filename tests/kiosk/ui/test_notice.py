from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from kiosk.settings import Display, Exchange
from kiosk.ui.app import KeydeskApp
from kiosk.ui.screens.order import notice
from kiosk.ui.widgets.actions import Action
from tests.support.desk import SCHEDULE, DeskSetup
from tests.support.screens import settle, shown, text_of


@pytest.fixture
def setup(tmp_path: Path) -> DeskSetup:
    """A kiosk that has not heard yet what its services cost."""
    return DeskSetup(tmp_path, priced=False)


@pytest.fixture
def unpriced(setup: DeskSetup) -> Iterator[KeydeskApp]:
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


async def test_a_clock_that_is_wrong_is_named_and_not_the_missing_prices(
    unpriced: KeydeskApp, setup: DeskSetup
) -> None:
    with setup.database.write() as tx:
        tx.feed.put_schedule(replace(SCHEDULE, effective_from=setup.clock.now - 86_400))
    setup.clock.now = 0
    async with unpriced.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("1")
        await settle(pilot)
        assert "本机时钟比上一笔业务还早" in text_of(unpriced)
        assert "收费标准" not in text_of(unpriced)
        assert "时钟不准" in text_of(unpriced)


async def test_prices_that_arrive_while_the_notice_is_open_let_the_member_go_on(
    unpriced: KeydeskApp, setup: DeskSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice, "READ_AGAIN_SECONDS", 0.01)
    async with unpriced.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("1")
        await settle(pilot)
        with setup.database.write() as tx:
            tx.feed.put_schedule(SCHEDULE)
        while "340.00" not in text_of(unpriced):
            await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(unpriced) == "VerifyScreen"


async def test_a_button_that_is_disabled_passes_its_focus_to_no_other_button(unpriced: KeydeskApp) -> None:
    async with unpriced.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        button = unpriced.screen.query("#menu Action").first(Action)
        button.focus()
        await pilot.pause()
        button.disabled = True
        await settle(pilot)
        assert unpriced.screen.focused is None
