"""Confirmations that require something typed: a reason, or characters from the question."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Button, Input

from kiosk.ui.screens.common.confirm import QuestionFactory, QuestionPage
from kiosk.ui.widgets.fields import Field, FieldRow

if TYPE_CHECKING:
    from textual.app import ComposeResult


class ReasonScreen(QuestionPage[str | None]):
    """Returns the reason, or None for no; the field begins with `reason`."""

    CSS_PATH = "reason.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]
    prefers_yes = True

    def __init__(self, question: QuestionFactory, reason: str = "") -> None:
        super().__init__(question)
        self._reason = reason

    def typing(self) -> ComposeResult:
        """The reason."""
        yield FieldRow(self.t("*原因"), Field(self._reason, id="reason"))

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


class TypedConfirmationScreen(QuestionPage[bool]):
    """Returns True once `expected` was typed, in any case; False for no and Esc."""

    CSS_PATH = "reason.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(False)", show=False)]

    def __init__(self, question: QuestionFactory, expected: str) -> None:
        super().__init__(question)
        self._expected = expected

    def typing(self) -> ComposeResult:
        """The field."""
        yield FieldRow(self.t("*输入"), Field(id="typed", maximum=len(self._expected)))

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
