"""A finger on the screen: everything by clicks at cells, on whatever lies on top there."""

from __future__ import annotations

from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import OptionList

from kiosk.ui.widgets.touch_boards import LAYOUTS, Board, Control, Stroke
from kiosk.ui.widgets.touch_keyboard import TouchKeyboard
from tests.support.screens import settle


def keyboard_of(app: App[None]) -> TouchKeyboard | None:
    """The keyboard of the screen on top; None where there is none."""
    return next(iter(app.screen.query(TouchKeyboard)), None)


async def put_finger(pilot: Pilot[None], x: int, y: int) -> None:
    """Touch a cell and let go, as a terminal tells it."""
    mouse(pilot.app, events.MouseDown, x, y)
    await pilot.pause()
    mouse(pilot.app, events.MouseUp, x, y)
    await pilot.pause()


def mouse(app: App[None], kind: type[events.MouseEvent], x: int, y: int, button: int = 1) -> None:
    """Tell of the mouse, or of a finger, at a cell."""
    event = kind(None, x, y, 0, 0, button, shift=False, meta=False, ctrl=False, screen_x=x, screen_y=y)
    app.post_message(event.set_sender(app))


async def touch(pilot: Pilot[None], selector: str) -> None:
    """Touch the middle of a widget, which must be what lies on top there."""
    widget = pilot.app.screen.query_one(selector)
    x, y = widget.region.x + widget.region.width // 2, widget.region.y + widget.region.height // 2
    found, _ = pilot.app.screen.get_widget_at(x, y)
    assert found is widget or widget in found.ancestors, f"{found} covers {widget}"
    await put_finger(pilot, x, y)
    await settle(pilot)


async def touch_row(pilot: Pilot[None], row: int) -> None:
    """Touch a row of the list."""
    rows = pilot.app.screen.query_one(OptionList)
    await put_finger(pilot, rows.content_region.x + 4, rows.content_region.y + row)
    await settle(pilot)


async def touch_key(pilot: Pilot[None], stroke: Stroke) -> None:
    """Touch a key of the keyboard, after those that show its board."""
    keyboard = keyboard_of(pilot.app)
    assert keyboard is not None, "no keyboard"
    if not _has(keyboard.board, stroke):
        await touch_key(pilot, next(board for board in Board if _has(board, stroke)))
    await put_finger(pilot, *keyboard.centre_of(stroke))
    if isinstance(stroke, Control):
        await settle(pilot)


def _has(board: Board, stroke: Stroke) -> bool:
    return any(key.stroke == stroke for key in LAYOUTS[board].keys)


async def touch_in(pilot: Pilot[None], text: str) -> None:
    """Touch the key of each character."""
    for character in text:
        await touch_key(pilot, Control.SPACE if character == " " else character)
    await settle(pilot)
