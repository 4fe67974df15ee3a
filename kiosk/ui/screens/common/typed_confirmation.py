"""A confirmation that requires typing characters from the question."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input

from kiosk.ui.page import Overlay
from kiosk.ui.screens.common.confirm import Question, QuestionFactory
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.fields import Field, FieldRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult


class TypedConfirmationScreen(Overlay[bool]):
    """Returns True once `expected` was typed, in any case; False for no and Esc."""

    CSS_PATH = "reason.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(False)", show=False)]

    def __init__(self, question: QuestionFactory, expected: str) -> None:
        super().__init__()
        self._asked = question
        self._expected = expected

    @property
    def question(self) -> Question:
        """The question in the current language."""
        return self._asked(self.t)

    def compose(self) -> ComposeResult:
        """The question, the field, the answers."""
        with Vertical(id="box"):
            yield Line(self.question.title, classes="heading")
            yield Prose(self.question.text, id="text")
            yield FieldRow(self.t("*输入"), Field(id="typed", maximum=len(self._expected)))
            with Horizontal(id="answers"):
                yield Action(self.question.no, id="no", main=True)
                yield Action(self.question.yes, id="yes")

    def on_mount(self) -> None:
        """Focus the field."""
        self.focus_on("typed")

    @on(Button.Pressed, "#no")
    def decline(self) -> None:
        """Answer no."""
        self.dismiss(False)  # noqa: FBT003 - the screen's result

    @on(Button.Pressed, "#yes")
    @on(Input.Submitted)
    def compare(self) -> None:
        """Answer yes if the right characters were typed."""
        typed = self.query_one("#typed", Field).value.strip()
        right = typed.upper() == self._expected.upper()
        self.query_one("#row-typed", FieldRow).show_error("" if right else self.t("和序列号末四位不一样"))
        if right:
            self.dismiss(True)  # noqa: FBT003 - the screen's result
