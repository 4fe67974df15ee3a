"""The on-screen keyboard: when it shows, where it stands, what its keys do, and what it must not tell."""

from __future__ import annotations

import string
from collections.abc import Iterator

import pytest
from textual import events
from textual.geometry import Region, Size
from textual.pilot import Pilot

from kiosk.domain.fees import OrderKind
from kiosk.settings import Display, TouchTyping
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.page import Overlay
from kiosk.ui.routes import Layer, Route
from kiosk.ui.screens.common.confirm import Question
from kiosk.ui.screens.common.reason import ReasonScreen
from kiosk.ui.screens.key.change_pin import ChangePinScreen
from kiosk.ui.screens.key.login_check import LoginCheckScreen
from kiosk.ui.widgets.fields import Field
from kiosk.ui.widgets.touch_boards import LAYOUTS, Board, Control
from kiosk.ui.widgets.touch_place import place
from tests.support.contrast import faint_in_any_theme
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, go
from tests.support.pictures import LANGUAGES, SIZES
from tests.support.screens import fill, focused, press, settle, shown, text_of
from tests.support.touching import keyboard_of, mouse, touch, touch_in, touch_key
from tests.support.walks import SIZE


def of(kiosk: Kiosk, keyboard: TouchTyping, language: Language = Language.CHINESE) -> KeydeskApp:
    display = Display(language, keyboard=keyboard)
    return KeydeskApp(kiosk.service, None, display, monotonic=kiosk.ticker)


def test_every_character_of_a_password_has_a_key() -> None:
    typed = {
        key.stroke
        for layout in LAYOUTS.values()
        for key in layout.keys
        if not isinstance(key.stroke, Control)
    }
    assert set(string.ascii_letters + string.digits + string.punctuation) | set(Board) == typed


@pytest.mark.parametrize("board", list(Board))
def test_a_board_has_one_key_a_place_and_leads_to_all_the_others(board: Board) -> None:
    layout = LAYOUTS[board]
    taken = [(key.row, key.column + unit) for key in layout.keys for unit in range(key.span)]
    assert len(taken) == len(set(taken))
    strokes = [key.stroke for key in layout.keys]
    assert len(strokes) == len(set(strokes))
    assert {each for each in strokes if isinstance(each, Board)} == set(Board) - {board}
    assert {Control.BACKSPACE, Control.CLEAR, Control.HIDE, Control.ENTER} <= set(strokes)


@pytest.mark.parametrize("board", list(Board))
@pytest.mark.parametrize("size", SIZES)
def test_wherever_the_field_is_the_keyboard_leaves_it_free_and_its_keys_are_large_enough(
    board: Board, size: tuple[int, int]
) -> None:
    screen = Size(*size)
    for bottom in (screen.height, screen.height - 2):
        for row in range(bottom):
            field = Region(24, row, 30, 1)
            where = place(board, screen, (screen.width // 2, bottom), field, [])
            assert not where.region.overlaps(field), row
            assert screen.region.contains_region(where.region)
            assert where.region.bottom <= bottom
            assert (where.key_width, where.key_height) >= (6, 1)
            assert LAYOUTS[board].units * where.key_width <= where.width


def test_keys_are_larger_where_there_is_room() -> None:
    small = place(Board.LETTERS, Size(80, 24), (40, 22), Region(24, 13, 30, 1), [])
    large = place(Board.LETTERS, Size(120, 36), (60, 34), Region(24, 13, 30, 1), [])
    assert (small.key_width, small.key_height) == (6, 1)
    assert (large.key_width, large.key_height) == (10, 3)


async def test_it_shows_for_a_field_that_is_touched_and_not_for_one_that_is_typed_into(
    app: KeydeskApp,
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        assert focused(app) == "account"
        assert keyboard_of(app) is None
        await press(pilot, "1", "tab", "tab")
        assert keyboard_of(app) is None
        await touch(pilot, "#account")
        assert keyboard_of(app) is not None
        await touch_key(pilot, Control.HIDE)
        assert keyboard_of(app) is None
        assert focused(app) == "account"
        await touch(pilot, "#account")
        await touch(pilot, "#back")
        assert shown(app) == "HomeScreen"


async def test_it_goes_once_the_form_is_sent_so_that_the_answer_is_read(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        await touch(pilot, "#account")
        await touch_in(pilot, NEWCOMER)
        await touch_key(pilot, Control.ENTER)
        assert focused(app) == "password"
        await touch_in(pilot, "wrong")
        await touch_key(pilot, Control.ENTER)
        assert keyboard_of(app) is None
        assert "账号或密码不对" in text_of(app)


async def test_never_is_never_and_always_needs_no_touch(kiosk: Kiosk) -> None:
    never, always = of(kiosk, TouchTyping.NEVER), of(kiosk, TouchTyping.ALWAYS)
    async with never.run_test(size=SIZE) as pilot:
        await go(never, pilot, Route.SIGN_IN)
        await touch(pilot, "#account")
        assert keyboard_of(never) is None
    async with always.run_test(size=SIZE) as pilot:
        await go(always, pilot, Route.SIGN_IN)
        assert keyboard_of(always) is not None
        await touch_in(pilot, NEWCOMER)
        await touch_key(pilot, Control.ENTER)
        await touch_in(pilot, "wrong")
        await touch_key(pilot, Control.ENTER)
        assert keyboard_of(always) is not None
        assert "账号或密码不对" in text_of(always)
        await touch_key(pilot, Control.HIDE)
        assert keyboard_of(always) is None
        await go(always, pilot, Route.NOTICE)
        assert keyboard_of(always) is None
    assert never.error_code == always.error_code == ""


async def test_controls_correct_what_was_typed_and_a_space_is_one(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY)
        await touch(pilot, "#operator")
        await touch_in(pilot, "Li Xm")
        field = app.screen.query_one("#operator", Field)
        assert field.value == "Li Xm"
        await touch_key(pilot, Control.BACKSPACE)
        assert field.value == "Li X"
        await press(pilot, "left", "left")
        await touch_key(pilot, Control.CLEAR)
        assert field.value == ""


async def hold(app: KeydeskApp, pilot: Pilot[None], stroke: str) -> tuple[int, int]:
    """Put a finger on a key and leave it there."""
    keyboard = keyboard_of(app)
    assert keyboard is not None
    at = keyboard.centre_of(stroke)
    mouse(app, events.MouseDown, *at)
    await settle(pilot)
    return at


async def test_a_key_that_is_held_down_types_once(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY)
        await touch(pilot, "#operator")
        at = await hold(app, pilot, "q")
        for _ in range(5):
            mouse(app, events.MouseDown, *at)
            mouse(app, events.MouseMove, *at)
        await settle(pilot)
        field = app.screen.query_one("#operator", Field)
        assert field.value == "q"
        mouse(app, events.MouseUp, *at)
        mouse(app, events.MouseDown, *at)
        await settle(pilot)
        assert field.value == "qq"
        mouse(app, events.MouseMove, *at, button=0)
        mouse(app, events.MouseDown, *at)
        await settle(pilot)
        assert field.value == "qqq", "a finger whose lifting was not told"


def styles_at(app: KeydeskApp) -> list[list[tuple[str, str]]]:
    strips = app.screen._compositor.render_strips()
    return [[(segment.text, str(segment.style)) for segment in strip] for strip in strips]


@pytest.mark.parametrize(("field", "lit"), [("operator", True), ("password", False)])
async def test_the_key_under_the_finger_is_lit_but_never_for_a_secret(
    app: KeydeskApp, field: str, *, lit: bool
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY)
        await touch(pilot, f"#{field}")
        rows = slice(16, 22)
        before = styles_at(app)[rows]
        at = await hold(app, pilot, "q")
        assert (styles_at(app)[rows] != before) == lit
        mouse(app, events.MouseUp, *at)
        await settle(pilot)
        assert styles_at(app)[rows] == before
        assert ("*" if field == "password" else "q") in text_of(app).splitlines()[
            app.screen.query_one(f"#{field}").region.y
        ]


def forms(kiosk: Kiosk) -> Iterator[tuple[Route, Overlay[bool] | Overlay[str | None] | None]]:
    def question(_: object) -> Question:
        return Question("退款", "退给谁？", "是", "否")

    for route in (Route.VERIFY, Route.PAY, Route.BIND, Route.SIGN_IN):
        yield route, None
    yield Route.KEY_SERVICES, ChangePinScreen(kiosk.session(OWNER))
    yield Route.KEY_SERVICES, LoginCheckScreen(kiosk.session(OWNER))
    yield Route.HOME, ReasonScreen(question)


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
async def test_no_field_is_covered_by_its_keyboard_and_every_key_stands_out_in_both_themes(
    kiosk: Kiosk, size: tuple[int, int], language: Language
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    kiosk.go_offline()
    app = kiosk.app(language)
    faint = []
    async with app.run_test(size=size) as pilot:
        for route, over in forms(kiosk):
            session = None if route in {Route.BIND, Route.VERIFY} else kiosk.session(NEWCOMER)
            await go(app, pilot, route, session, order if route is Route.PAY else None)
            if over is not None:
                app.push_screen(over)
                await settle(pilot)
            weighed = set[Board]()
            for field in [each for each in app.screen.query(Field) if each.region and not each.disabled]:
                await touch(pilot, f"#{field.id}")
                for board in (field.board, *(set(Board) - {field.board})):
                    keyboard = keyboard_of(app)
                    assert keyboard is not None
                    if keyboard.board is not board:
                        await touch_key(pilot, board)
                    assert not keyboard.region.overlaps(field.region), (route, field.id, board)
                    assert app.screen.region.contains_region(keyboard.region)
                    # Each field with its own board, and each other board once a screen: below another field it looks the same.
                    is_new = board is field.board or board not in weighed
                    if is_new and (not field.password or field.id == "password"):
                        weighed.add(board)
                        faint += await faint_in_any_theme(app, pilot)
                await touch_key(pilot, Control.HIDE)
            if over is not None:
                over.dismiss(None)
                await settle(pilot)
        for layer in (Layer.HELP, Layer.STAFF, Layer.PRIVACY):
            app.show_layer(layer)
            await settle(pilot)
            field = app.screen.query(Field).first()
            await touch(pilot, f"#{field.id}")
            keyboard = keyboard_of(app)
            assert keyboard is not None
            assert not keyboard.region.overlaps(field.region), layer
            await press(pilot, "escape")
    assert faint == []
    assert app.error_code == ""


async def test_showing_it_and_each_of_its_changes_lay_the_screen_out_once(app: KeydeskApp) -> None:
    layouts = 0

    def count(_: object) -> None:
        nonlocal layouts
        layouts += 1

    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        app.screen.screen_layout_refresh_signal.subscribe(app.screen, count, immediate=True)
        await touch(pilot, "#account")
        assert layouts == 1
        await touch_key(pilot, Control.ENTER)
        assert layouts == 2
        await touch_key(pilot, Board.DIGITS)
        assert layouts == 3
        await touch_key(pilot, Control.HIDE)
        assert layouts == 4
        await touch(pilot, "#password")
        await touch_key(pilot, Board.CAPITALS)
        assert layouts == 5, "a board of the same size"


async def test_it_stays_through_a_change_of_the_language_and_a_window_that_grows(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        await touch(pilot, "#account")
        assert "退格" in text_of(app)
        await press(pilot, "f2")
        assert "退格" not in text_of(app)
        assert keyboard_of(app) is not None
        await pilot.resize_terminal(120, 36)
        await settle(pilot)
        keyboard = keyboard_of(app)
        assert keyboard is not None
        assert keyboard.place.key_height == 3
        fill(app, account="")
        await touch_in(pilot, "12")
        assert app.screen.query_one("#account", Field).value == "12"
