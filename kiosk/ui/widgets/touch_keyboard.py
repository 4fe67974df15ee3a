"""The on-screen keyboard: painted as one widget, which says which key was touched and never has the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widget import Widget

from kiosk.text.catalogue import N_
from kiosk.text.cells import pad, truncate
from kiosk.ui.widgets.touch_boards import LAYOUTS, Board, Control, Stroke, TouchKey

if TYPE_CHECKING:
    from typing import Self

    from textual import events
    from textual.geometry import Region

    from kiosk.text.wording import Text
    from kiosk.ui.widgets.touch_place import Place

_FACES = {
    Control.BACKSPACE: N_("退格"),
    Control.CLEAR: N_("全删"),
    Control.HIDE: N_("收起"),
    Control.ENTER: "Enter",
    Control.SPACE: N_("空格"),
}
_EDGES = 2
# By the rows of a key, each row's edges and the line between them, which is empty where the face stands.
_SHAPES = {
    1: (("[", "", "]"),),
    2: (("┌", "", "┐"), ("└", "─", "┘")),
    3: (("╭", "─", "╮"), ("│", "", "│"), ("╰", "─", "╯")),
}


class TouchKeyboard(Widget, can_focus=False):
    """The keys of one board, in brackets one row high, in corners or boxes where there is room."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"touch--key", "touch--control", "touch--touched"}
    DEFAULT_CSS = """
    TouchKeyboard { layer: touch; position: absolute; background: $surface; color: $muted; }
    TouchKeyboard > .touch--key { background: $surface; color: $foreground; text-style: bold; }
    TouchKeyboard > .touch--control { background: $surface; color: $primary; text-style: bold; }
    TouchKeyboard > .touch--touched { background: $focus; color: $focus-text; text-style: bold; }
    """

    # Set only by a layout. As Textual declares it, setting it requests another layout.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0))

    _moves = False

    class Touched(Message):
        """A key was touched."""

        def __init__(self, stroke: Stroke) -> None:
            super().__init__()
            self.stroke = stroke

    def __init__(self, t: Text, board: Board, place: Place) -> None:
        super().__init__()
        self._t = t
        self._board = board
        self._secret = False
        self._down: TouchKey | None = None
        self._place = place
        self._stand(place)

    @property
    def board(self) -> Board:
        """The board on display."""
        return self._board

    def show(self, board: Board, place: Place, *, secret: bool) -> None:
        """Show a board there; of a secret no key is lit while it is touched."""
        self._secret = secret
        if (board, place) != (self._board, self._place):
            self._board, self._place, self._down = board, place, None
            self._moves = True
            self._stand(place)
            self._moves = False
            self.refresh()

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Repaint; a layout is requested where it moves, since its mounting is one already."""
        return super().refresh(*regions, repaint=repaint, layout=layout and self._moves, recompose=recompose)

    def _stand(self, place: Place) -> None:
        self.styles.offset = (place.x, place.y)
        self.styles.width = place.width
        self.styles.height = place.height

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self._place

    def centre_of(self, stroke: Stroke) -> tuple[int, int]:
        """The cell of the screen in the middle of a key. Raises StopIteration where the board has no such key."""
        key = next(each for each in LAYOUTS[self._board].keys if each.stroke == stroke)
        place = self._place
        column = self._margin() + key.column * place.key_width + key.span * place.key_width // 2
        row = int(place.ruled) + key.row * place.key_height + place.key_height // 2
        return place.x + column, place.y + row

    def _margin(self) -> int:
        return (self._place.width - LAYOUTS[self._board].units * self._place.key_width) // 2

    def _key_at(self, x: int, y: int) -> TouchKey | None:
        place, layout = self._place, LAYOUTS[self._board]
        across, down = x - self._margin(), y - int(place.ruled)
        if across < 0 or down < 0:
            return None
        return layout.at(down // place.key_height, across // place.key_width)

    # Touching

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Tell of the key, once until the finger is off it."""
        event.stop()
        key = self._key_at(event.x, event.y)
        if key is None or key == self._down:
            return
        self._hold(key)
        self.post_message(self.Touched(key.stroke))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Let go of the key where the finger came off unnoticed."""
        if not event.button:
            self._hold(None)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of the key."""
        event.stop()
        self._hold(None)

    def on_leave(self) -> None:
        """Let go of the key."""
        self._hold(None)

    def on_click(self, event: events.Click) -> None:
        """Keep it from what lies beneath."""
        event.stop()

    def _hold(self, key: TouchKey | None) -> None:
        if key != self._down:
            self._down = key
            if not self._secret:
                self.refresh()

    # Painting

    def render_line(self, y: int) -> Strip:
        """One row: the line above, or a row of the keys."""
        ground, place = self.rich_style, self._place
        if place.ruled and y == 0:
            return Strip([Segment("─" * place.width, ground)], place.width)
        row, within = divmod(y - int(place.ruled), place.key_height)
        left = self._margin()
        segments, column = [Segment(" " * left, ground)], left
        for key in LAYOUTS[self._board].keys:
            if key.row == row:
                segments += self._painted(key, within)
                column += key.span * place.key_width
        segments.append(Segment(" " * (place.width - column), ground))
        return Strip(segments, place.width)

    def _painted(self, key: TouchKey, within: int) -> list[Segment]:
        """One row of a key: its edges, with its face between them or a line."""
        cells = key.span * self._place.key_width - _EDGES
        lit = key == self._down and not self._secret
        control = "touch--control" if isinstance(key.stroke, Control | Board) else "touch--key"
        face = self.get_component_rich_style("touch--touched" if lit else control)
        edge = face if lit else self.rich_style
        left, line, right = _SHAPES[self._place.key_height][within]
        middle = Segment(line * cells, edge) if line else Segment(self._face(key.stroke, cells), face)
        return [Segment(left, edge), middle, Segment(right, edge)]

    def _face(self, stroke: Stroke, cells: int) -> str:
        """The key's sign in the middle of so many cells."""
        text = self._t(_FACES[stroke]) if isinstance(stroke, Control) else str(stroke)
        return pad(truncate(text, cells), cells, "centre")
