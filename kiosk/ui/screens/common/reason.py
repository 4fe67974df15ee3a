"""A confirmation that requires a typed reason."""

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


class ReasonScreen(Overlay[str | None]):
    """Returns the reason, or None for no."""

    CSS_PATH = "reason.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, question: QuestionFactory) -> None:
        super().__init__()
        self._asked = question

    @property
    def question(self) -> Question:
        """The question in the current language."""
        return self._asked(self.t)

    def compose(self) -> ComposeResult:
        """The question, the reason, the answers."""
        with Vertical(id="box"):
            yield Line(self.question.title, classes="heading")
            yield Prose(self.question.text, id="text")
            yield FieldRow(self.t("*原因"), Field(id="reason"))
            with Horizontal(id="answers"):
                yield Action(self.question.no, id="no")
                yield Action(self.question.yes, id="yes", main=True)

    def on_mount(self) -> None:
        """Focus the reason."""
        self.focus_on("reason")

    @on(Button.Pressed, "#no")
    def give_none(self) -> None:
        """Close without a reason."""
        self.dismiss(None)

    @on(Button.Pressed, "#yes")
    @on(Input.Submitted)
    def give_reason(self) -> None:
        """Return the reason, unless the field is empty."""
        reason = self.query_one("#reason", Field).value.strip()
        self.query_one("#row-reason", FieldRow).show_error("" if reason else self.t("请填写"))
        if reason:
            self.dismiss(reason)
