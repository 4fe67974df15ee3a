"""「不知道选哪个？」: a few questions that lead to the right service."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import N_
from kiosk.text.flows import ADVISING
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.visit import Purpose
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Answer(msgspec.Struct, frozen=True):
    """An answer and the question or service it leads to."""

    text: str
    leads_to: str


class AdviserQuestion(msgspec.Struct, frozen=True):
    """A question with its answers."""

    text: str
    answers: tuple[Answer, ...]


QUESTIONS = {
    "paid": AdviserQuestion(
        N_("这次要办的业务，您缴过费了吗？"),
        (
            Answer(N_("还没有缴费"), "had"),
            Answer(N_("已缴费，key盘在手里"), "bind"),
            Answer(N_("已缴费，但不记得办到哪一步"), "continue"),
            Answer(N_("只想看看key盘什么时候到期"), "query"),
        ),
    ),
    "had": AdviserQuestion(
        N_("这个账号以前绑定过key盘吗？"),
        (
            Answer(N_("没有，第一次办"), "new"),
            Answer(N_("绑定过，key盘还在"), "renewal"),
            Answer(N_("绑定过，key盘丢了或坏了"), "replacement"),
            Answer(N_("不清楚，先查一下"), "query"),
        ),
    ),
}
FIRST = "paid"


class AdviserScreen(Page[None]):
    """Asks one question after another until the service is known."""

    CSS_PATH = "adviser.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(1, 5)),
    ]
    question = FIRST

    def compose(self) -> ComposeResult:
        """The question and its answers."""
        question = QUESTIONS[self.question]
        yield self.title_row()
        yield self.head_row(self.t("不知道选哪个？"), ADVISING, list(QUESTIONS).index(self.question))
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(self.t(question.text), id="question")
            for number, answer in enumerate(question.answers, start=1):
                yield Action(f" {number}  {self.t(answer.text)}", id=f"answer-{number}")
        with ActionRow():
            yield Action(self.t("Esc  上一步"), id="back")
        yield from self.last_rows()

    async def action_pick(self, index: int) -> None:
        """Answer by number."""
        answers = QUESTIONS[self.question].answers
        if index < len(answers):
            await self._follow(answers[index].leads_to)

    @on(Button.Pressed, ".column Action")
    async def pick_pressed(self, event: Button.Pressed) -> None:
        """Answer by Enter or touch."""
        await self.action_pick(int(str(event.button.id).removeprefix("answer-")) - 1)

    async def _follow(self, leads_to: str) -> None:
        visit = self.shell.visit
        match leads_to:
            case "bind":
                self.shell.go(Route.BIND)
            case "continue" | "query":
                visit.purpose = Purpose(leads_to)
                self.shell.go(Route.SIGN_IN)
            case "new" | "replacement" | "renewal":
                visit.kind = OrderKind(leads_to)
                self.shell.go(Route.NOTICE)
            case _:
                self.question = leads_to
                await self.rebuild()
                self.focus_on("answer-1")

    @on(Button.Pressed, "#back")
    async def action_back(self) -> None:
        """Go to the previous question, or home."""
        if self.question == FIRST:
            self.shell.go_home()
        else:
            await self._follow(FIRST)
