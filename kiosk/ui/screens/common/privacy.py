"""The privacy screen: hides an idle step and keeps its order until the member signs in again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.ui.page import Overlay
from kiosk.ui.screens.common.credentials import CredentialsPage
from kiosk.ui.visit import Visit
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views.people import Session


class PrivacyScreen(CredentialsPage[None], Overlay[None]):
    """Covers the step completely."""

    CSS_PATH = "privacy.tcss"
    ENDS_WITH_STEP = True
    NEVER_IDLE = True
    # Another member, who waits until the key of the one before is taken.
    _next: Session | None = None

    def compose(self) -> ComposeResult:
        """The explanation and the sign-in fields."""
        yield self.title_row()
        yield self.head_row(self.t("屏幕已隐藏，订单保留着"))
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Prose(
                self.t(
                    "久未操作，已把内容隐藏。输入账号和密码可回到刚才那一步；其他人办理请按 Esc 回首页，订单不会取消。"
                ),
                id="why",
            )
            yield from self.credentials()
        with ActionRow():
            yield Action(self.t("Esc  回首页"), id="back")
            yield Action(self.t("Enter  继续办理"), id="next", main=True)
        yield from self.last_rows()

    def welcome(self, session: Session) -> None:
        """Show the hidden step to its own member; take anyone else to their own order."""
        hidden = self.shell.visit.session
        if hidden is not None and hidden.account == session.account:
            self.shell.show_hidden_step()
            return
        if self._binding_runs():
            self.say(lambda t: t("正在发放证书，请稍候再试。"))
            return
        if self._key_in():
            self._next = session
            self.say(lambda t: t("请先取走读卡器里的key盘，取走后自动接着办。"))
            return
        self._change_to(session)

    def _change_to(self, session: Session) -> None:
        self._next = None
        self.end_party()
        self.shell.visit = Visit()
        self.shell.discard_hidden_step()
        self.continue_with(session)

    def _key_in(self) -> bool:
        """Whether a key is in, which may be that of the member whose step is hidden."""
        return self.shell.status is not None and self.shell.status.key_to_take

    def status_changed(self) -> None:
        """Go on with the other member once the key was taken."""
        if self._next is not None and not self._key_in():
            self._change_to(self._next)

    def wipe(self) -> None:
        """Clear every field, and forget the other member."""
        super().wipe()
        if self._next is not None:
            self._next = None
            self.say(None)

    def _binding_runs(self) -> bool:
        step = self.shell.step
        return step is not None and step.blocks_leaving()

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go home, unless a binding is running in the hidden step."""
        if self._binding_runs():
            self.say(lambda t: t("正在发放证书，请稍候再试。"))
        else:
            self.shell.go_home()
