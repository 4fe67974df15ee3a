"""Input fields and choices, with their errors beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from kiosk.text.cells import width
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult, RenderResult


class Field(Input, inherit_bindings=False):
    """A one-row input. Nothing can be copied from it, nor pasted from an earlier visit's clipboard."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor_left", show=False),
        Binding("right", "cursor_right", show=False),
        Binding("home", "home", show=False),
        Binding("end", "end", show=False),
        Binding("backspace", "delete_left", show=False),
        Binding("delete", "delete_right", show=False),
        Binding("ctrl+u", "delete_left_all", show=False),
        # Handled before the field's own queue, so that text typed right after Enter goes to the next field.
        Binding("enter", "next_or_submit", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    Field {
        height: 1; border: none; padding: 0 1; background: $field; color: $field-text; background-tint: transparent;
    }
    Field:focus {
        border: none; background: #ffffff; color: $field-text; text-style: bold; background-tint: transparent;
    }
    Field.-wrong { background: $field-wrong; }
    Field:focus.-wrong { background: #ffe3e0; }
    Field:disabled { color: $muted; background: $surface; text-opacity: 100%; }
    Field > .input--placeholder { color: $field-hint; text-style: none; }
    Field:disabled > .input--placeholder { color: $muted; }
    """

    class Corrected(Message):
        """Somebody began to correct what an error is shown of; a value that is cleared is no correction."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

    class Touched(Message):
        """Somebody entered the field by touch, or by the mouse."""

    _judged: str | None = None

    def __init__(
        self,
        value: str = "",
        *,
        id: str,  # noqa: A002 - Textual's own name
        password: bool = False,
        placeholder: str = "",
        maximum: int = 60,
        board: Board = Board.LETTERS,
        submits: bool = False,
    ) -> None:
        super().__init__(
            value,
            id=id,
            password=password,
            placeholder=placeholder,
            max_length=maximum,
            select_on_focus=False,
            validate_on=(),
        )
        self.cursor_blink = False
        self.board = board
        self._submits = submits

    def judge(self, *, wrong: bool) -> None:
        """Note that an error is shown of what stands in the field now, or none any more."""
        self._judged = self.value if wrong else None

    def on_input_changed(self) -> None:
        """Tell of the first edit after an error."""
        if self._judged is not None and self.value and self.value != self._judged:
            self._judged = None
            self.post_message(self.Corrected(self))

    def on_click(self) -> None:
        """Tell of the touch."""
        if not self.disabled:
            self.post_message(self.Touched())

    async def action_next_or_submit(self) -> None:
        """Go to the next field of the screen; from the last one, and from one after which no other is needed, submit."""
        fields = [field for field in self.screen.focus_chain if isinstance(field, Field)]
        after = fields[fields.index(self) + 1 :] if self in fields else []
        if after and not self._submits:
            self.screen.set_focus(after[0])
        else:
            await self.action_submit()

    @property
    def _value(self) -> Text:
        # Some terminals draw Textual's bullet two cells wide.
        return (
            Text("*" * len(self.value), no_wrap=True, overflow="ignore", end="")
            if self.password
            else super()._value
        )


def show_beside(problem: str, place: Prose, *fields: Field) -> None:
    """Show an error of what stands in these fields, in a place beside them; an empty text removes it."""
    if problem != place.text:
        place.say(problem)
        for field in fields:
            field.judge(wrong=bool(problem))


class FieldRow(Horizontal):
    """A label, a field, and at the right the field's error, or a hint while there is none."""

    DEFAULT_CSS = """
    FieldRow { height: 1; margin-bottom: 1; }
    FieldRow > .label { width: 22; text-align: right; padding-right: 1; color: $foreground; }
    FieldRow > Field { width: 30; }
    FieldRow > KeyHint { margin-left: 1; }
    FieldRow > .problem { width: 1fr; padding-left: 1; color: $error; height: auto; max-height: 2; }
    """

    def __init__(self, label: str, field: Field, hint: Widget | None = None) -> None:
        self._label = label
        self.field = field
        self._hint = hint
        super().__init__(id=f"row-{field.id}")

    def compose(self) -> ComposeResult:
        """The label, the field, the hint and the error."""
        yield Line(self._label, classes="label")
        yield self.field
        if self._hint is not None:
            yield self._hint
        yield Prose(classes="problem")

    def show_error(self, problem: str) -> None:
        """Show an error; an empty text removes it."""
        show_beside(problem, self.query_one(".problem", Prose), self.field)
        self.field.set_class(bool(problem), "-wrong")
        if self._hint is not None:
            self._hint.display = not problem

    def on_field_corrected(self) -> None:
        """Remove the error: it is about what stood there before."""
        self.show_error("")


class Choice(Widget, can_focus=True):
    """Radio buttons in a row; chosen with the arrow keys or by touch."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", show=False),
        Binding("right,space", "move(1)", show=False),
    ]
    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; }
    """
    chosen: reactive[int] = reactive(0)

    class Changed(Message):
        """Another option was chosen."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, options: tuple[str, ...], chosen: int, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.options = options
        self.set_reactive(Choice.chosen, chosen)

    def render(self) -> RenderResult:
        """The options, with the chosen one marked."""
        inner, outer = self._spaces()
        parts: list[Content | str | tuple[str, str]] = []
        for index, option in enumerate(self.options):
            on = index == self.chosen
            style = (
                "bold $accent reverse" if on and self.has_focus else "bold $accent" if on else "$foreground"
            )
            parts.extend([(f"({'*' if on else ' '}){inner}{option}", style), outer])
        return Content.assemble(*parts)

    def _spaces(self) -> tuple[str, str]:
        """What stands before an option's name and after it: less where all of them would not fit otherwise."""
        wanted = sum(width(f"( ) {option}  ") for option in self.options) - 2
        return (" ", "  ") if wanted <= self.content_size.width else ("", " ")

    def action_move(self, step: int) -> None:
        """Choose the next or previous option."""
        self.choose((self.chosen + step) % len(self.options))

    def choose(self, index: int) -> None:
        """Choose an option and post `Changed`."""
        if index != self.chosen and not self.disabled:
            self.chosen = index
            self.post_message(self.Changed(index))

    def on_click(self, event: events.Click) -> None:
        """Choose the option that was touched."""
        left, (inner, outer) = 0, self._spaces()
        for index, option in enumerate(self.options):
            right = left + width(f"( ){inner}{option}{outer}")
            if left <= event.x < right:
                self.choose(index)
            left = right
