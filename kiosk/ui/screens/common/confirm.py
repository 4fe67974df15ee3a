"""A modal question with two answers: the page of it, and the plain one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ScreenResultType
from textual.widgets import Button

from kiosk.text.forgotten import FORGOTTEN, Forgotten
from kiosk.text.wording import Text
from kiosk.ui.page import Overlay
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Question(msgspec.Struct, frozen=True):
    """The wording of a question; "no" has the focus unless `prefer_yes`."""

    title: str
    text: str
    yes: str
    no: str
    prefer_yes: bool = False


QuestionFactory = Callable[[Text], Question]


class QuestionPage(Overlay[ScreenResultType]):
    """A question in a box, with the buttons "no" and "yes", and what there is to type between."""

    def __init__(self, question: QuestionFactory) -> None:
        super().__init__()
        self._asked = question

    @property
    def question(self) -> Question:
        """The question in the current language."""
        return self._asked(self.t)

    @property
    def prefers_yes(self) -> bool:
        """Whether "yes" is the button that counts."""
        return self.question.prefer_yes

    def compose(self) -> ComposeResult:
        """The question in a box."""
        with Vertical(id="box"):
            yield Line(self.question.title, classes="heading")
            yield Prose(self.question.text, id="text")
            yield from self.typing()
            with Horizontal(id="answers"):
                yield Action(self.question.no, id="no", main=not self.prefers_yes)
                yield Action(self.question.yes, id="yes", main=self.prefers_yes)

    def typing(self) -> ComposeResult:
        """What there is to type; nothing by default."""
        return ()


class ConfirmScreen(QuestionPage[bool]):
    """Returns True for yes, False for no and Esc, None when it was `about_keys` and they changed."""

    CSS_PATH = "confirm.tcss"
    # Focus the safer answer from the start, so that a quick Enter cannot give the other one.
    AUTO_FOCUS = ".main"
    ENDS_WITH_STEP = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "no", show=False)]

    def __init__(self, question: QuestionFactory, *, about_keys: bool = False) -> None:
        super().__init__(question)
        self.about_keys = about_keys

    @on(Button.Pressed, "#no")
    def action_no(self) -> None:
        """Answer no, with Esc too."""
        self.dismiss(False)  # noqa: FBT003 - the screen's result

    @on(Button.Pressed, "#yes")
    def agree(self) -> None:
        """Answer yes."""
        self.dismiss(True)  # noqa: FBT003 - the screen's result


def last_try_question(t: Text) -> Question:
    """Ask whether to use the last PIN try."""
    return Question(
        title=t("最后一次机会"),
        text=t("PIN码再输错一次，这把key盘就会锁死，不能再用。确定刚才输入的PIN码没有错吗？"),
        yes=t("确定，再试一次"),
        no=t("不试，重新输入"),
    )


def forgotten_question(t: Text, what: Forgotten, pin: str) -> Question:
    """Say what to do about something forgotten, and ask whether to call staff; `pin` is what keys come with."""
    title, text = FORGOTTEN[what]
    return Question(title=t(title), text=t(text, pin=pin), yes=t("叫工作人员"), no=t("返回"))


def leave_question(t: Text) -> Question:
    """Ask whether to leave the demo."""
    return Question(
        title=t("退出演示"),
        text=t("要退出演示吗？数据会保留，下次接着用。"),
        yes=t("退出"),
        no=t("不退出"),
    )
