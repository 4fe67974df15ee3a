"""帮助: common questions with a search field, and the telephone numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from kiosk.domain.promises import PROMISED
from kiosk.text.help import QUESTIONS, Question, find
from kiosk.ui.page import Overlay
from kiosk.ui.widgets.fields import Field
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult


class HelpScreen(Overlay[None]):
    """A search field, the matching questions, and the answer to the highlighted one."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """Search, questions, answer."""
        yield self.title_row()
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(
                self.t("帮助：输几个字或拼音查找（「退钱」、fp），上下键选择，Esc 返回"), classes="muted"
            )
            yield Field(id="search")
            yield OptionList(id="questions", markup=False)
            yield Prose(id="answer")
            support = self.shell.settings.support_line
            yield Line(self.t("客服电话 {support}", support=support), id="support")
        yield from self.last_rows(("Esc", self.t("返回"), "screen.dismiss(None)"))

    def update_content(self) -> None:
        """Show the questions that are about the search text."""
        questions = self.query_one("#questions", OptionList)
        questions.clear_options()
        for question in find(self.query_one("#search", Field).value, self.t, **self._names()):
            questions.add_option(Option(self.t(question.asked), id=str(QUESTIONS.index(question))))
        questions.highlighted = 0 if questions.option_count else None
        if not questions.option_count:
            self._show(self.t("没有找到。换个词试试，或打客服电话。"))

    def _answer(self, question: Question) -> str:
        return self.t(question.answer, **self._names())

    def _names(self) -> dict[str, str]:
        settings = self.shell.settings
        return {
            "support": settings.support_line,
            "account": settings.official_account,
            "payee": settings.payee,
            "pin": settings.initial_pin,
            **PROMISED,
        }

    def _show(self, text: str) -> None:
        self.query_one("#answer", Prose).say(text)

    def on_input_changed(self) -> None:
        """Search as the text changes."""
        self.update_content()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the answer to the highlighted question."""
        self._show(self._answer(QUESTIONS[int(str(event.option.id))]))

    def action_move(self, step: int) -> None:
        """Highlight the next or previous question, wherever the focus is."""
        questions = self.query_one("#questions", OptionList)
        if step > 0:
            questions.action_cursor_down()
        else:
            questions.action_cursor_up()
