"""挂失: explains and confirms the report, shows whether it reached the centre, and offers a replacement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.timer import Timer

from kiosk.desk.keys.views import LossOutcome
from kiosk.desk.views.orders import AccountView
from kiosk.desk.views.people import Field, Session
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import Network
from kiosk.domain.decisions import KeyOnRecord, KeyState
from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad
from kiosk.text.flows import KEY_SERVICE
from kiosk.text.times import day
from kiosk.text.wording import KEY_STATES
from kiosk.ui.routes import Route
from kiosk.ui.screens.common.confirm import ConfirmScreen, Question
from kiosk.ui.screens.common.key_page import KeyPage
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from kiosk.text.wording import Text

_NAME = 14
_LOOK_SECONDS = 0.5
# Online the centre has the report within a tenth of a second; after this many checks say that it takes longer.
_LOOKS = 4


class ReportLossScreen(KeyPage):
    """Once the loss is reported, the button starts 补办."""

    TITLE_TEXT = N_("挂失（key盘丢失）")
    STEPS = (KEY_SERVICE, 2)
    SHOWS_KEY = False

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.account: AccountView | None = None
        self.registered: bool | None = None
        self.looks_left = 0
        self._timer: Timer | None = None

    def content(self) -> ComposeResult:
        """The key and the explanation."""
        yield Line(id="facts")
        yield Prose(id="why")

    def actions(self) -> Iterable[Widget]:
        """The back and the confirm button."""
        yield Action(self.t("Esc  返回"), id="back")
        yield Action("", id="next", main=True)

    def opened(self) -> None:
        """Read the account's key."""
        super().opened()
        account, session = self.shell.service.account, self.session
        self.ask(lambda: account(session), self._account_arrived, self.t("正在查询，请稍候"))

    def _account_arrived(self, account: AccountView | Refused) -> None:
        if isinstance(account, Refused):
            self.refused(account)
            self.focus_on("back")
            return
        self.account = account
        self.finished = account.key_state is KeyState.LOST
        self.update_content()
        self.focus_on("next" if account.key is not None else "back")

    def update_content(self) -> None:
        """Show the key, the explanation or the result, and the button's label."""
        super().update_content()
        account = self.account
        key = account.key if account is not None else None
        self.query_one("#facts", Line).update(self._facts(account, key) if account is not None else "")
        if account is None:
            why = ""
        elif key is None:
            why = self.t("这个账号还没有绑定过key盘，不用挂失。")
        else:
            why = self._result() if self.finished else self._explanation()
        self.query_one("#why", Prose).say(why)
        on = self.query_one("#next", Action)
        on.label = self.t("Enter  现在补办key盘") if self.finished else self.t("Enter  挂失")
        on.disabled = key is None

    def _facts(self, account: AccountView, key: KeyOnRecord | None) -> str:
        session = self.session
        state = KeyState.LOST if self.finished else account.key_state
        facts = [
            (self.t("账号"), f"{session.account}  {session.operator}  {session.enterprise}"),
            (self.t("key盘状态"), self.t(KEY_STATES[state])),
        ]
        if key is not None:
            facts += [
                (self.t("序列号"), key.token_serial),
                (self.t("证书"), key.number),
                (self.t("有效期"), self.t("至 {day}", day=day(key.not_after))),
            ]
        return "\n".join(pad(name, _NAME) + value for name, value in facts)

    def _explanation(self) -> str:
        return "\n".join(
            (
                self.t("1 挂失马上生效，不收费，这把key盘不能再登录。"),
                self.t("2 本机没有网络时先记在本机，联网后生效。"),
                self.t("3 接着可办「补办key盘」，剩下的有效期累计到新key盘。"),
                self.t("4 找到了，请带上key盘和PIN码到窗口解除挂失。"),
            )
        )

    def _result(self) -> str:
        key = self.account.key if self.account is not None else None
        if key is not None and key.revoked:
            return self.t("这把key盘的证书已作废，不能再用。要继续交易请办「补办key盘」。")
        if self.looks_left:
            effect = self.t("已挂失，正在告诉中心。")
        elif self.registered is None:
            effect = self.t("已经挂失，不能再登录。")
        elif self.registered:
            effect = self.t("已挂失，中心已登记，现在起不能再登录。")
        else:
            effect = self.t(
                "已挂失，记在本机，联网后生效。急需停用请打客服电话 {support}。", support=self._support
            )
        later = self.t("要继续交易请办「补办key盘」。找到了，请带上key盘到窗口解除挂失。")
        return f"{effect}\n{later}"

    @property
    def _support(self) -> str:
        return self.shell.settings.support_line

    def begin(self) -> None:
        """Ask for confirmation, or start the replacement."""
        if self.busy or self.account is None or self.account.key is None:
            return
        if self.finished:
            self._replace()
            return
        ends = day(self.account.key.not_after)

        def question(t: Text) -> Question:
            return Question(
                title=t("确认挂失"),
                text=t("有效期到 {ends} 的key盘将马上停用。确定丢失了吗？", ends=ends),
                yes=t("确定挂失"),
                no=t("返回"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                report, session = self.shell.service.report_loss, self.session
                self.ask(lambda: report(session), self._reported, self.t("正在挂失，请稍候"))

        self.app.push_screen(ConfirmScreen(question), answered)

    def _reported(self, outcome: LossOutcome) -> None:
        if isinstance(outcome, Refused):
            self.refused(outcome)
            return
        self.finished = True
        self.registered = outcome.registered
        online = self.shell.status is not None and self.shell.status.network is Network.ONLINE
        self.looks_left = _LOOKS if online and not outcome.registered else 0
        self.say(None)
        self.focus_on("next")
        if not outcome.registered:
            self._timer = self.every(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Check whether the report has reached the centre."""
        registered, account = self.shell.service.loss_registered, self.session.account
        self.fetch(lambda: registered(account), self._looked)

    def _looked(self, answer: bool | Refused) -> None:  # noqa: FBT001 - the desk's own answer
        registered = answer is True  # after a refusal check again
        self.looks_left = 0 if registered else max(0, self.looks_left - 1)
        if registered and self._timer is not None:
            self._timer.stop()
            self._timer = None
            self.registered = True
        self.update_content()

    def _replace(self) -> None:
        visit = self.shell.visit
        visit.kind = OrderKind.REPLACEMENT
        visit.typed.update({Field.ACCOUNT: self.session.account, Field.ENTERPRISE: self.session.enterprise})
        self.shell.go(Route.NOTICE)
