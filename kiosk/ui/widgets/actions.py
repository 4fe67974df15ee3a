"""Buttons labelled with their key, in a row at the bottom of a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.widgets import Button

if TYPE_CHECKING:
    from typing import Self

    from textual.app import RenderResult


class Action(Button, inherit_bindings=False):
    """A button three rows high, or one line of text; the arrow keys move to its neighbours."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]
    DEFAULT_CSS = """
    Action, Action.-style-default {
        width: 1fr; height: 3; min-width: 8; border: round $secondary; background: $surface;
        color: $foreground; text-style: bold; tint: transparent;
    }
    Action:hover { background: $panel; border: round $primary; }
    Action.main { border: round $bar-line; background: $bar; color: $bar-text; }
    Action:focus, Action.main:focus {
        border: round $focus-line; background: $focus; color: $focus-text; text-style: bold; background-tint: transparent;
    }
    Action.line, Action.line:hover, Action.line:focus {
        height: 1; border: none; background: $background; color: $primary; text-style: underline;
        text-align: left; content-align: left middle;
    }
    Action.line:focus { background: $focus; color: $focus-text; text-style: bold underline; }
    Action:disabled { color: $muted; border: round $secondary; background: $background; text-style: none; text-opacity: 100%; }
    """

    def __init__(self, label: str, *, id: str, main: bool = False, line: bool = False) -> None:  # noqa: A002 - Textual's own name
        super().__init__(label, id=id, classes="main" if main else "line" if line else None)
        self.active_effect_duration = 0

    def watch_disabled(self, disabled: bool) -> None:  # noqa: FBT001 - Textual calls it so
        """Leave the focus nowhere when the focused button is disabled.

        Textual would pass it to the button beside it, which an Enter that comes a little late would press.
        """
        if disabled and self.has_focus:
            self.screen.set_focus(None)
        super().watch_disabled(disabled)

    def watch_flat(self, flat: bool) -> None:  # noqa: FBT001 - Textual calls it so
        """Set the style's class without applying styles, which happens when the button is mounted."""
        self.set_class(flat, "-style-flat", update=False)
        self.set_class(not flat, "-style-default", update=False)


class Offer(Action):
    """A line that is offered at times: its place stays empty meanwhile, so that nothing is laid out anew."""

    offered: reactive[bool] = reactive(default=False)
    DEFAULT_CSS = "Offer.-off, Offer.-off:hover { background: $background; text-style: none; }"

    def __init__(self, label: str, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(label, id=id, line=True)
        self.add_class("-off", update=False)

    def watch_offered(self, offered: bool) -> None:  # noqa: FBT001 - Textual calls it so
        """Leave the focus nowhere when what has it is not offered any more."""
        self.set_class(not offered, "-off")
        if not offered and self.has_focus:
            self.screen.set_focus(None)

    def allow_focus(self) -> bool:
        """Only while it is offered."""
        return self.offered and super().allow_focus()

    def render(self) -> RenderResult:
        """The label, or nothing."""
        return super().render() if self.offered else ""

    def press(self) -> Self:
        """Press it, if it is offered."""
        return super().press() if self.offered else self


class ActionRow(Horizontal):
    """Up to three buttons in a row."""

    DEFAULT_CSS = """
    ActionRow { height: 3; padding: 0 1; }
    ActionRow > Action { margin: 0 1; }
    """
