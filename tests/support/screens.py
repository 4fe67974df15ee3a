"""Screens under a pilot: wait until they are settled, and read what they show."""

from __future__ import annotations

from textual.app import App
from textual.pilot import Pilot

SETTLING_ROUNDS = 4


async def settle(pilot: Pilot[None]) -> None:
    """Wait until the threads have answered and the screens have taken it in."""
    for _ in range(SETTLING_ROUNDS):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def shown(app: App[None]) -> str:
    """Name the class of the screen on top."""
    return type(app.screen).__name__


def text_of(app: App[None]) -> str:
    """Return what stands on the screen, row by row."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip)[: width * 2] for strip in strips[:height])


async def press_button(app: App[None], pilot: Pilot[None], name: str) -> None:
    """Give the named button the focus and press Enter."""
    app.screen.query_one(f"#{name}").focus()
    await pilot.press("enter")
    await settle(pilot)
