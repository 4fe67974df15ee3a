"""What lies over the step while the step changes beneath.

Help, the staff's view or the drawer stay when the step moves on by itself: were they taken away, the Esc that is to
close them would leave the new step. Textual can only change the topmost screen, so they are lifted for a moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual import events

from kiosk.ui.page import Overlay

if TYPE_CHECKING:
    from textual.screen import Screen


def lift(stack: list[Screen[Any]], step: Screen[Any] | None) -> list[Overlay[object]]:
    """Take what lies over the step off the stack, all but what the step itself had asked."""
    place = stack.index(step) + 1 if step is not None else len(stack)
    while place < len(stack) and cast("Overlay[object]", stack[place]).ENDS_WITH_STEP:
        place += 1
    lifted = cast("list[Overlay[object]]", stack[place:])
    del stack[place:]
    return lifted


def lay_back(stack: list[Screen[Any]], lifted: list[Overlay[object]]) -> None:
    """Put it over the new step."""
    stack.extend(lifted)
    stack[-1].post_message(events.ScreenResume())
    for screen in lifted:
        screen.step_changed()
