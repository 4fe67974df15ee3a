"""The screen for an unexpected error: 「错误编号 7F3A」, the number under which it is logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.ui.page import Page
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult


class ErrorScreen(Page[None]):
    """The error number, the support line, and a button to the home screen."""

    CSS_PATH = "error.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def compose(self) -> ComposeResult:
        """The error number and the instructions."""
        support = self.shell.settings.support_line
        yield self.title_row()
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(self.t("错误编号 {code}", code=self.shell.error_code), id="code")
            yield Prose(
                self.t(
                    "对不起，刚才这一步出了意外，没有完成。已记录的付款和绑定都还在，可以用「继续办理」接着办。"
                )
            )
            yield Prose(self.t("再出现时请把错误编号告诉客服：{support}", support=support), classes="muted")
        with ActionRow():
            yield Action(self.t("Enter  回首页"), id="home", main=True)
        yield from self.last_rows()

    @on(Button.Pressed, "#home")
    def action_back(self) -> None:
        """Go home."""
        self.shell.go_home()
