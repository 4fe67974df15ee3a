"""「请取走key盘」: after a visit, until the key that is in is pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from textual import on
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.desk.views.status import KeyAnswer
from kiosk.text.flows import FOLLOWING
from kiosk.ui.page import Page
from kiosk.ui.routes import beginning
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.text.wording import LazyText


class TakeKeyScreen(Page[None]):
    """Shows nothing of the key nor of the visit that ended; the app leads on once the key is gone, or after a minute."""

    CSS_PATH = "take_key.tcss"
    NEVER_IDLE = True

    def __init__(self) -> None:
        super().__init__()
        self.message: LazyText | None = None

    def compose(self) -> ComposeResult:
        """The one thing to do."""
        yield self.title_row()
        yield self.head_row(self.t("办理结束"), () if self.shell.visit.party is None else FOLLOWING)
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(self.t("请取走key盘"), id="take")
            yield Prose(self._why())
            yield Prose(id="message", classes="alert")
        with ActionRow():
            yield Action(self.t("Enter  已取走"), id="taken", main=True)
        yield from self.last_rows()

    def _why(self) -> str:
        if self.shell.visit.party is not None:
            return self.t("请上一位把key盘从读卡器里拔出来，贴好标签，收好凭条；拔出后轮到同企业的下一位。")
        return self.t("请把key盘从读卡器里拔出来收好，拔出后自动回首页。有凭条的也请收好。")

    def opened(self) -> None:
        """Wait from now on."""
        self.shell.await_key()

    def update_content(self) -> None:
        """Say why the page is still there."""
        self.query_one("#message", Prose).say(self.localized(self.message))

    def blocks_leaving(self) -> bool:
        """There is nothing to leave but the key."""
        return True

    @on(Button.Pressed, "#taken")
    def ask_key(self) -> None:
        """Whoever says that it is taken is believed unless the key answers, so that no fault of a reader holds the page."""
        self.ask(self.shell.service.key_answer, self._told, self.t("正在看key盘还在不在"))

    def _told(self, answer: KeyAnswer) -> None:
        match answer:
            case KeyAnswer.GONE:
                self.shell.go(beginning(self.shell.visit))
            case KeyAnswer.UNKNOWN:
                self.shell.leave_key()
            case KeyAnswer.IN:
                self.message = lambda t: t("key盘还插着，请拔出来。")
                self.update_content()
            case _:
                assert_never(answer)
