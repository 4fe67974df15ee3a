"""登录验证: the PIN, each check with its result, the SMS code, and a large verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical

from kiosk.desk.keys.views import Check, CheckResult, LoginCheckView
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenRefused
from kiosk.text.catalogue import N_
from kiosk.text.flows import KEY_SERVICE
from kiosk.text.key_wording import results_of, verdict, verdict_reason
from kiosk.text.times import duration
from kiosk.ui.screens.common.key_page import KEY_PAGE_CSS, KeyPage
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.check_list import CheckList
from kiosk.ui.widgets.fields import Field
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.types import CSSPathType
    from textual.widget import Widget

LONGEST_PIN = 16
CODE_DIGITS = 6


class LoginCheckScreen(KeyPage):
    """Runs the checks of the web site's login, so that the member leaves with a working key."""

    CSS_PATH: ClassVar[CSSPathType | None] = [KEY_PAGE_CSS, "login_check.tcss"]
    TITLE_TEXT = N_("登录验证")
    STEPS = (KEY_SERVICE, 2)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.view: LoginCheckView | None = None

    def content(self) -> ComposeResult:
        """The checks at the left, the input at the right, the verdict below."""
        with Horizontal(id="middle"):
            yield CheckList(id="checks")
            with Vertical(id="side"):
                yield Line(id="ask")
                yield Field(id="pin", password=True, maximum=LONGEST_PIN, board=Board.DIGITS)
                yield self.forgotten_hint("pin", id="forgotten")
                yield Field(id="code", maximum=CODE_DIGITS, board=Board.DIGITS)
                yield Prose(id="sent", classes="muted")
        yield Line(id="verdict")

    def actions(self) -> Iterable[Widget]:
        """The back and the confirm button."""
        yield Action(self.t("Esc  返回"), id="back")
        yield Action("", id="next", main=True)

    def opened(self) -> None:
        """Focus the PIN."""
        super().opened()
        self.focus_on("pin")
        self.every(1.0, self._tick)

    def _tick(self) -> None:
        if self.waits:
            self.update_content()

    @property
    def waits(self) -> bool:
        """Whether an SMS code is expected: until it was right or no try is left."""
        return self.view is not None and bool(self.view.check) and not self.finished

    def _seconds_left(self) -> int:
        status = self.shell.status
        return self.view.code_expires - status.now if self.view is not None and status is not None else 0

    def update_content(self) -> None:
        """Show the checks, the current input, and the verdict."""
        super().update_content()
        view = self.view
        self.query_one("#checks", CheckList).show(self.t, results_of(view), working=self.busy)
        self.query_one("#pin", Field).display = view is None
        self.query_one("#forgotten").display = view is None
        self.query_one("#code", Field).display = self.waits
        ask, sent = "", ""
        if view is None:
            ask = self.t("请输入key盘的PIN码")
        elif self.waits:
            ask = self.t("请输入短信验证码")
            sent = self._sent(view)
        self.query_one("#ask", Line).update(ask)
        self.query_one("#sent", Prose).say(sent)
        self._update_verdict()
        on = self.t("Enter  验证") if view is None or self.waits else self.t("Enter  完成")
        self.query_one("#next", Action).label = on

    def _sent(self, view: LoginCheckView) -> str:
        left = duration(self._seconds_left())
        return "\n".join(
            (
                self.t("已发到 {phone}", phone=view.phone),
                self.t("还可试 {tries} 次，剩余 {left}", tries=view.tries_left, left=left),
            )
        )

    def _update_verdict(self) -> None:
        large = self.query_one("#verdict", Line)
        words = verdict(self.t, self.view) if self.view is not None and self.finished else ""
        large.update(words)
        large.display = bool(words)
        usable = self.view is not None and self.view.usable
        registered = results_of(self.view).get(Check.REGISTER) is CheckResult.PASSED
        large.set_class(usable and registered, "good")
        large.set_class(usable and not registered, "partly")

    def show_busy(self, text: str) -> None:
        """Mark the checks that are running."""
        super().show_busy(text)
        if self.is_mounted:
            self.query_one("#checks", CheckList).show(self.t, results_of(self.view), working=self.busy)

    def token_changed(self) -> None:
        """Ignore the key once there is a result: it may be removed."""
        if self.view is None:
            super().token_changed()

    def begin(self) -> None:
        """Run the checks, send the SMS code, or close."""
        if self.view is None:
            self._check()
        elif self.waits:
            self._send_code(self.view)
        else:
            self.action_back()

    def _check(self) -> None:
        pin = self.typed("pin")
        if not pin:
            self.say(lambda t: t("请输入这把key盘的PIN码。"))
            self.focus_on("pin")
            return
        service, session = self.shell.service, self.session

        def check(serial: str | None, *, confirmed: bool) -> LoginCheckView | TokenRefused | Refused:
            return service.login_check(session, pin, confirmed, serial)

        self.use_key(check, self._checked, self.t("正在验证，请不要拔出key盘"))

    def _checked(self, view: LoginCheckView) -> None:
        self.view = view
        self.empty("pin")
        if self.waits:
            self.say(None)
            self.call_after_refresh(self.focus_on, "code")
            return
        self._conclude(view)

    def _conclude(self, view: LoginCheckView) -> None:
        support = self.shell.settings.support_line
        self.finished = True
        self.say(lambda t: verdict_reason(t, view, support), good=view.complete)
        self.call_after_refresh(self.focus_on, "next")

    def _send_code(self, view: LoginCheckView) -> None:
        code = self.typed("code").strip()
        if len(code) != CODE_DIGITS or not code.isdigit():
            self.say(lambda t: t("请输入手机收到的 6 位短信验证码。"))
            self.focus_on("code")
            return
        login_code = self.shell.service.login_code
        self.ask(lambda: login_code(view, code), self._code_judged, self.t("正在核对，请稍候"))

    def _code_judged(self, view: LoginCheckView | Refused) -> None:
        if isinstance(view, Refused):
            self.refused(view)
            self.focus_on("code")
            return
        self.view = view
        if not self.waits:
            self.empty("code")
            self._conclude(view)
        elif results_of(view).get(Check.SMS) is CheckResult.NOT_CHECKED:
            self.say(lambda t: t("中心没有应答，验证码还没有核对。请按 Enter 再试，或按 Esc 返回。"))
        else:
            self.empty("code")
            self.say(lambda t: t("验证码不对，还可试 {tries} 次。", tries=view.tries_left))
        if self.waits:
            self.focus_on("code")

    def key_refused(self, refused: TokenRefused) -> None:
        """Ask for the PIN again."""
        super().key_refused(refused)
        self.focus_on("pin")
