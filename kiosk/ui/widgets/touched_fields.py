"""Shows the on-screen keyboard over a screen while one of its fields is typed into by touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events, on
from textual.keys import _character_to_key
from textual.screen import Screen, ScreenResultType
from textual.widgets import Input

from kiosk.settings import TouchTyping
from kiosk.ui.widgets.fields import Field
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.qr_code import QrCode
from kiosk.ui.widgets.rows import StatusRow
from kiosk.ui.widgets.touch_boards import Board, Control, Stroke
from kiosk.ui.widgets.touch_keyboard import TouchKeyboard
from kiosk.ui.widgets.touch_place import Place, place

if TYPE_CHECKING:
    from textual.geometry import Region

_PRESSES = {
    Control.BACKSPACE: ("backspace",),
    Control.CLEAR: ("end", "ctrl+u"),
    Control.ENTER: ("enter",),
}
# What is said of an error stays in sight, and so does what is to be chosen from.
_SAID = ".alert, .problem, .bad, .offered"


class TouchedFields(Screen[ScreenResultType]):
    """A screen with the keyboard, whose keys come to it like those of a real one."""

    _keyboard: TouchKeyboard | None = None
    # Whether the field was entered by touch, and whether the keyboard was put away by hand.
    _by_touch = False
    _put_away = False
    _typed_into: Field | None = None
    _awaits_layout = False

    def touch_typing(self) -> TouchTyping:
        """When the keyboard is shown."""
        return TouchTyping.NEVER

    def t(self, message: str, /, **parameters: object) -> str:
        """The text in the current language."""
        del parameters
        return message

    def on_field_touched(self) -> None:
        """Show the keyboard for a field that was entered by touch."""
        self._by_touch, self._put_away = True, False
        self.update_keyboard()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow the cursor into another field."""
        if isinstance(event.widget, Field):
            self.update_keyboard()

    def on_descendant_blur(self) -> None:
        """Put the keyboard away where the cursor left the fields."""
        self.update_keyboard()

    @on(Input.Submitted)
    def _put_keyboard_away(self) -> None:
        """Put the keyboard away: what is answered stands where it was."""
        self._by_touch = False
        self.update_keyboard()

    def forget_keyboard(self) -> None:
        """Note that the screen's widgets were removed, and the keyboard with them."""
        self._keyboard = None

    def update_keyboard(self) -> None:
        """Show the keyboard where it is wanted now, or put it away."""
        field = self.focused
        if not isinstance(field, Field) or field.disabled or not self._keyboard_wanted():
            self._remove_keyboard()
        elif field.region:
            self._show_keyboard(field)
        elif not self._awaits_layout:
            self._awaits_layout = True
            self.call_after_refresh(self._show_laid_out)

    def _show_laid_out(self) -> None:
        """Try again, once, where the field had no place yet."""
        self.update_keyboard()
        self._awaits_layout = False

    def _keyboard_wanted(self) -> bool:
        match self.touch_typing():
            case TouchTyping.NEVER:
                return False
            case TouchTyping.ALWAYS:
                return not self._put_away
            case TouchTyping.AUTO:
                return self._by_touch

    def _remove_keyboard(self) -> None:
        keyboard, self._keyboard, self._typed_into = self._keyboard, None, None
        if not isinstance(self.focused, Field):
            self._by_touch = self._put_away = False
        if keyboard is not None:
            keyboard.remove()

    def _show_keyboard(self, field: Field) -> None:
        keyboard = self._keyboard
        same = keyboard is not None and self._typed_into is field
        board = keyboard.board if same and keyboard is not None else field.board
        self._typed_into = field
        where = self._keyboard_place(board, field)
        if keyboard is None:
            keyboard = self._keyboard = TouchKeyboard(self.t, board, where)
            self.mount(keyboard)
        keyboard.show(board, where, secret=field.password)

    def _keyboard_place(self, board: Board, field: Field) -> Place:
        rows = [row.region.y for row in self.query(StatusRow)]
        codes = [code.region.right for code in self.query(QrCode) if code.display]
        free = max((self.size.width // 2, *codes)), min((self.size.height, *rows))
        return place(board, self.size, free, field.region, self._in_sight())

    def _in_sight(self) -> list[Region]:
        """What should stay in sight: the other fields, and what is said of errors."""
        fields = [field for field in self.query(Field) if not field.disabled]
        said = [each for each in self.query(_SAID) if isinstance(each, Line | Prose)]
        return [each.region for each in (*fields, *said) if each.display]

    def on_touch_keyboard_touched(self, message: TouchKeyboard.Touched) -> None:
        """Press the key, or show another board."""
        message.stop()
        match message.stroke:
            case Board():
                self._change_keyboard(message.stroke)
            case Control.HIDE:
                self._by_touch, self._put_away = False, True
                self.update_keyboard()
            case _:
                self._press_touched(message.stroke)

    def _change_keyboard(self, board: Board) -> None:
        keyboard, field = self._keyboard, self._typed_into
        if keyboard is not None and field is not None:
            keyboard.show(board, self._keyboard_place(board, field), secret=field.password)

    def _press_touched(self, stroke: Stroke) -> None:
        if isinstance(stroke, Control) and stroke in _PRESSES:
            keys = [events.Key(key, None) for key in _PRESSES[stroke]]
        else:
            character = " " if stroke is Control.SPACE else str(stroke)
            keys = [events.Key(_character_to_key(character), character)]
        for key in keys:
            self.app.post_message(key.set_sender(self.app))  # as a driver does, so that it bubbles
