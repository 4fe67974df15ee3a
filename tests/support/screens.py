"""Screens under a pilot: wait until they are settled, and read what they show."""

from __future__ import annotations

import asyncio
import contextlib

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import WorkerCancelled

from tests.support.waiting import LOOK_SECONDS, Patience

QUIET_ROUNDS = 2


_wait_for_screen = Pilot._wait_for_screen


def _was_left(screen: Screen[object]) -> bool:
    """Whether nothing that comes to a screen is answered any more."""
    return bool(getattr(screen, "_gone", False))


async def _wait_for_the_screen_that_hears(pilot: Pilot[None], timeout: float = 30.0) -> bool:  # noqa: ASYNC109 - Textual's own signature
    """Wait as Textual does; where the screen is left meanwhile, for the one that comes."""
    patience = Patience(timeout)
    while pilot.app._screen_stack and not patience.ended():
        screen = pilot.app.screen
        if _was_left(screen):
            await asyncio.sleep(LOOK_SECONDS)
            continue
        waiting = asyncio.ensure_future(_wait_for_screen(pilot, timeout))
        while not waiting.done() and not _was_left(screen):
            await asyncio.wait([waiting], timeout=LOOK_SECONDS)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        await asyncio.wait([waiting], timeout=LOOK_SECONDS)
    return False


Pilot._wait_for_screen = _wait_for_the_screen_that_hears  # type: ignore[assignment, method-assign]


async def settle(pilot: Pilot[None]) -> None:
    """Wait until the threads have answered and the screens have taken it in."""
    quiet = 0
    while quiet < QUIET_ROUNDS:
        busy = _is_asking(pilot.app)
        with contextlib.suppress(WorkerCancelled):  # a screen that went takes its questions along
            await pilot.app.workers.wait_for_complete()
        await pilot.pause(0 if quiet + 1 < QUIET_ROUNDS else None)
        quiet = 0 if busy or _is_asking(pilot.app) else quiet + 1


def _is_asking(app: App[None]) -> bool:
    """Whether a thread has not answered yet."""
    return any(not worker.is_finished for worker in app.workers)


def shown(app: App[None]) -> str:
    """Name the class of the screen on top."""
    return type(app.screen).__name__


def text_of(app: App[None]) -> str:
    """Return what stands on the screen, row by row."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip)[: width * 2] for strip in strips[:height])


def sentence(app: App[None]) -> str:
    """Return what stands on the screen without the breaks between the rows."""
    return "".join(text_of(app).replace("\n", "").split())


def cut_off(app: App[None]) -> list[str]:
    """Name what the screen on top shows only in part."""
    kinds = "Action, Field, Line, Prose, StatusRow, KeyHint, Choice, Static"
    shown = [widget for widget in app.screen.query(kinds) if widget.display and widget.size]
    places = [(widget, app.screen.find_widget(widget)) for widget in shown]
    return [repr(widget) for widget, place in places if place.visible_region != place.region]


def focused(app: App[None]) -> str | None:
    """Name the widget that has the cursor."""
    return app.focused.id if app.focused is not None else None


def fill(app: App[None], **values: str) -> None:
    """Put a value into each of these fields; an underscore stands for a hyphen."""
    for name, value in values.items():
        app.screen.query_one(f"#{name.replace('_', '-')}", Input).value = value


async def type_in(pilot: Pilot[None], *values: str) -> None:
    """Put each value into the field that has the cursor, and press Enter."""
    for value in values:
        field = pilot.app.focused
        assert isinstance(field, Input), field
        field.value = value
        await pilot.press("enter")
    await settle(pilot)


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press each key once what the one before did is settled."""
    for key in keys:
        await pilot.app._press_keys(
            [key]
        )  # without the wait of `Pilot.press` for the screen, which settling makes
        await settle(pilot)


async def press_button(app: App[None], pilot: Pilot[None], name: str) -> None:
    """Give the named button the focus and press Enter."""
    app.screen.query_one(f"#{name}").focus()
    await press(pilot, "enter")
