"""The keys that work on every screen: help, language, colours, set aside, staff, and in the demo its drawer and leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.screen import Screen, ScreenResultType

from kiosk.text.forgotten import Forgotten
from kiosk.ui.routes import Layer

if TYPE_CHECKING:
    from kiosk.ui.shell import Shell

# The fields that ask for something that is forgotten.
FIELDS = {
    "account": Forgotten.ACCOUNT,
    "password": Forgotten.PASSWORD,
    "pin": Forgotten.PIN,
    "old": Forgotten.PIN,
}


LANGUAGE_KEYS = ("f2", "ctrl+l")


class Keys(Screen[ScreenResultType], inherit_bindings=False):
    """A screen with those keys; each function key has a Ctrl alternative. Textual's own keys are disabled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Handled before the field's own queue, so that text typed right after Tab goes to the next field.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("f1,ctrl+g", "help_screen", show=False, priority=True),
        Binding(",".join(LANGUAGE_KEYS), "other_language", show=False, priority=True),
        Binding("f3,ctrl+o", "other_colours", show=False, priority=True),
        Binding("f4,ctrl+f", "forgotten", show=False, priority=True),
        Binding("f5,ctrl+s", "set_aside", show=False, priority=True),
        Binding("f6,ctrl+t", "call_staff", show=False, priority=True),
        Binding("f12,ctrl+d", "drawer", show=False, priority=True),
        Binding("ctrl+q", "leave_demo", show=False, priority=True),
    ]

    @property
    def shell(self) -> Shell:
        """The app that shows this screen."""
        return cast("Shell", self.app)  # Textual types it as any app

    def t(self, message: str, /, **parameters: object) -> str:
        """The text in the current language."""
        return self.shell.text(message, **parameters)

    def action_help_screen(self) -> None:
        """F1: show help over the step."""
        self.shell.show_layer(Layer.HELP)

    def action_other_language(self) -> None:
        """F2: switch the language, keeping the typed values."""
        self.shell.change_language()

    def action_other_colours(self) -> None:
        """F3: change between the usual colours and high contrast."""
        self.shell.change_theme()

    def action_forgotten(self, field: str = "") -> None:
        """F4: say what to do about the account, the password or the PIN of the field that is meant; by default the focused one."""
        if field not in FIELDS:
            field = self.focused.id or "" if self.focused is not None else ""
        if field not in FIELDS:
            field = next((each.id for each in self.focus_chain if each.id in FIELDS), "")
        if field:
            self.shell.explain_forgotten(FIELDS[field])

    def action_set_aside(self) -> None:
        """F5: leave without cancelling anything."""
        self.shell.set_aside()

    def action_call_staff(self) -> None:
        """F6: call the staff; they can sign in over the step."""
        self.shell.call_staff()
        self.shell.show_layer(Layer.STAFF)

    def action_drawer(self) -> None:
        """F12: open the demo's drawer, if there is one."""
        self.shell.open_drawer()

    def action_leave_demo(self) -> None:
        """Ctrl+Q: leave the demo, after a confirmation; a real kiosk has no such key."""
        self.shell.leave_demo()
