from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import structlog
from textual import events
from textual.screen import Screen
from textual.widgets import Input

from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.page import Answered, Page
from kiosk.ui.routes import Layer, Route
from kiosk.ui.screen_table import layer_of, screen_of
from kiosk.ui.screens.common.confirm import ConfirmScreen, Question
from kiosk.ui.shell import Scanned, TokensChanged
from kiosk.ui.terminal.driver import KeyboardLost
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, answer_next, go
from tests.support.screens import fill, focused, press, press_button, settle, shown, text_of

if TYPE_CHECKING:
    from textual.widget import Widget

SIZE = (80, 24)


async def test_changing_the_language_keeps_what_was_typed_and_the_cursor(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY)
        fill(app, enterprise="bjslly")
        app.screen.query_one("#operator", Input).focus()
        await press(pilot, "f2")
        assert "Legal person" in text_of(app)
        assert app.screen.query_one("#enterprise", Input).value == "bjslly"
        assert focused(app) == "operator"
        await pilot.click(app.screen.query("KeyRow KeyHint")[1])
        await settle(pilot)
        assert "企业法人姓名" in text_of(app)
        assert app.screen.query_one("#enterprise", Input).value == "bjslly"


async def test_what_comes_while_the_language_changes_waits_until_the_screen_is_whole(
    app: KeydeskApp, kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[object] = []
    recompose = Screen.recompose

    async def slowly(screen: Screen[object]) -> None:
        await screen.query("*").remove()
        assert isinstance(screen, Page)
        answer = Answered(
            lambda: answered.append(screen.query_one("#code")), screen.shell.visit, ends_busy=False
        )
        screen.post_message(answer)
        app.post_message(TokensChanged())
        app.post_message(Scanned("not a confirmation"))
        for key in ("enter", "f2"):
            app.post_message(events.Key(key, None))
        await asyncio.sleep(0.1)
        monkeypatch.setattr(Screen, "recompose", recompose)
        await recompose(screen)

    async with app.run_test(size=(80, 24)) as pilot:
        await go(app, pilot, Route.PAY, order=kiosk.place(NEWCOMER, OrderKind.NEW))
        monkeypatch.setattr(Screen, "recompose", slowly)
        await pilot.press("f2")
        await asyncio.sleep(0.3)
        await settle(pilot)
        assert app.error_code == ""
        assert len(answered) == 1
        assert app.language is Language.CHINESE, "the second F2 was not lost"
        assert "应付 340.00 元" in text_of(app)


@pytest.mark.parametrize(
    ("keys", "turns"), [(("f2", "f1", "f5"), 0), (("f1", "f2", "f5"), 0), (("f1", "f2", "f5"), 3)]
)
async def test_help_that_closes_while_the_language_changes_is_no_error(
    app: KeydeskApp, keys: tuple[str, ...], turns: int
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in keys:
            app.post_message(events.Key(key, None))
            for _ in range(turns):
                await asyncio.sleep(0)
        await settle(pilot)
        assert shown(app) != "ErrorScreen"


@pytest.mark.parametrize("onward", ["tab", "enter"])
async def test_what_is_typed_right_behind_a_key_that_goes_on_lands_in_the_next_field(
    app: KeydeskApp, onward: str
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        # All at once, as a terminal hands over what was typed while the machine was busy.
        for key in (*"11000002", onward, *"Keydesk", "shift+tab", "9"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await settle(pilot)
        assert app.screen.query_one("#account", Input).value == "110000029"
        assert app.screen.query_one("#password", Input).value == "Keydesk"


async def test_the_cursor_of_a_new_screen_is_never_on_the_way_back_for_a_moment(
    app: KeydeskApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str | None]] = []
    set_focus = Screen.set_focus

    def recorded(screen: Screen[object], widget: Widget | None, *given: bool, **named: bool) -> None:
        seen.append((type(screen).__name__, widget.id if widget is not None else None))
        set_focus(screen, widget, *given, **named)

    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        monkeypatch.setattr(Screen, "set_focus", recorded)
        await press(pilot, "1")
        asked = ConfirmScreen(lambda _t: Question("?", "", yes="yes", no="no", prefer_yes=True))
        await app.push_screen(asked)
        await settle(pilot)
    shown = {screen: [at for of, at in seen if of == screen and at] for screen, _ in seen}
    assert shown["NoticeScreen"] == ["next"]
    assert shown["ConfirmScreen"] == ["yes"]


@pytest.mark.parametrize(("width", "height"), [(78, 22), (80, 23), (79, 40)])
async def test_a_small_window_says_its_size_and_a_larger_one_goes_on(
    app: KeydeskApp, width: int, height: int
) -> None:
    async with app.run_test(size=(width, height)) as pilot:
        await settle(pilot)
        await pilot.press("f1", "f6")
        await settle(pilot)
        assert f"窗口太小：现在 {width}×{height}，需要 80×24" in text_of(app)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "请选择要办理的业务" in text_of(app)


async def test_what_comes_up_in_a_small_window_is_covered_until_it_grows(app: KeydeskApp) -> None:
    async with app.run_test(size=(78, 22)) as pilot:
        await settle(pilot)
        await app.push_screen(layer_of(Layer.HELP))
        await settle(pilot)
        assert "窗口太小：现在 78×22，需要 80×24" in text_of(app)
        await pilot.resize_terminal(79, 22)
        await settle(pilot)
        assert "窗口太小：现在 79×22，需要 80×24" in text_of(app)
        app.go(Route.ADVISER)
        await settle(pilot)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert [type(page).__name__ for page in app.pages] == ["AdviserScreen", "HelpScreen"]


async def test_an_unexpected_error_is_a_number_on_screen_and_a_traceback_in_the_log(kiosk: Kiosk) -> None:
    app = kiosk.app()
    with structlog.testing.capture_logs() as logs:
        async with app.run_test(size=SIZE) as pilot:
            await go(app, pilot, Route.SIGN_IN)
            answer_next(kiosk.service, "sign_in", RuntimeError("the disk melted"))
            fill(app, account=NEWCOMER, password="Keydesk-1")
            await press_button(app, pilot, "next")
            screen = text_of(app)
            assert f"错误编号 {app.error_code}" in screen
            assert "melted" not in screen
            assert "Traceback" not in screen
            await pilot.press("enter")
            await settle(pilot)
            assert "请选择要办理的业务" in text_of(app)
    (entry,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert entry["code"] == app.error_code
    assert "melted" in repr(entry["exc_info"].__cause__ or entry["exc_info"])


async def test_an_error_in_a_handler_or_while_composing_is_a_number_too(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = kiosk.app()
    with structlog.testing.capture_logs():
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            monkeypatch.setattr("kiosk.ui.screens.order.home.HomeScreen._choose", None)
            await pilot.press("tab", "enter")
            await settle(pilot)
            first = app.error_code
            assert f"错误编号 {first}" in text_of(app)
            app.visit.order = None
            app.go(Route.PAY)
            await settle(pilot)
            assert app.error_code != first
            assert f"错误编号 {app.error_code}" in text_of(app)


async def test_errors_without_end_stop_the_app_with_the_number_alone(
    kiosk: Kiosk, capsys: pytest.CaptureFixture[str]
) -> None:
    app = kiosk.app()
    with structlog.testing.capture_logs():
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            for _ in range(6):
                app.report(RuntimeError("again"))
            await pilot.pause()
    assert app.return_code == 70
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("end", "status", "by"),
    [
        (
            lambda app: app.post_message(KeyboardLost("end of file")),
            74,
            "a terminal that is gone: end of file",
        ),
        (lambda app: app.panic("the keyboard's thread failed"), 70, "error "),
        (lambda app: app.exit(), 70, "nobody knows"),
        (lambda app: app.end(143, "SIGTERM"), 143, "SIGTERM"),
    ],
    ids=["terminal", "panic", "exit", "signal"],
)
async def test_whatever_ends_the_app_is_a_status_and_a_line_in_the_log(
    kiosk: Kiosk, end: Callable[[KeydeskApp], object], status: int, by: str
) -> None:
    app = kiosk.app()
    with structlog.testing.capture_logs() as logs:
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            end(app)
            await pilot.pause()
        assert app.ended() == status
    assert logs[-1]["event"] == "the app ended"
    assert logs[-1]["by"].startswith(by)
    assert logs[-1]["status"] == status


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=["small", "large"])
async def test_nothing_has_to_be_scrolled_and_every_button_is_whole(
    kiosk: Kiosk, language: Language, size: tuple[int, int]
) -> None:
    app = kiosk.app(language)
    kiosk.owners_key()
    order = kiosk.place(OWNER, OrderKind.REPLACEMENT)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        app.visit.session = kiosk.session(OWNER)
        app.visit.order = order
        for route in Route:
            app.show_status()
            await app.switch_screen(screen_of(route))
            await settle(pilot)
            app.visit.order = order
            for widget in app.screen.query("Action, Field, Line, Prose, StatusRow, KeyHint, Choice"):
                if widget.display and widget.size:
                    region = widget.region
                    assert app.screen.region.contains_region(region), (route, widget)
                    assert widget.container_viewport.contains_region(region), (route, widget)
            for button in [action for action in app.screen.query("Action") if action.display]:
                for label in str(button.render()).splitlines():
                    assert label.strip() in text_of(app), (route, label)


def test_starting_loads_no_screen_but_the_first() -> None:
    program = (
        "import sys, kiosk.ui.app, kiosk.ui.screens.order.home\n"
        "late = ('kiosk.ui.screens.order.pay', 'kiosk.ui.screens.binding.bind', 'qrcode', 'cn2an', 'pypinyin')\n"
        "print([name for name in late if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
