"""设置登录密码: account, the code from the message, and the password twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, assert_never

from kiosk.desk.keys.first_password import FirstPasswordOutcome, FirstPasswordResult, FirstPasswordView
from kiosk.desk.views.refusals import Refused
from kiosk.domain.login_check import CODE_DIGITS
from kiosk.domain.password_rules import LONGEST_PASSWORD, SHORTEST_PASSWORD, PasswordFault
from kiosk.text.catalogue import N_
from kiosk.text.flows import FIRST_PASSWORD
from kiosk.ui.screens.common.key_page import KeyPage
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.fields import Field, FieldRow
from kiosk.ui.widgets.lines import Prose
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from kiosk.text.wording import LazyText

_FAULTS = {
    PasswordFault.SHORT: N_("太短，至少 {shortest} 个字符"),
    PasswordFault.LONG: N_("太长，最多 {longest} 个字符"),
    PasswordFault.CHARACTER: N_("只用字母、数字和符号，不能有空格"),
    PasswordFault.PLAIN: N_("字母、数字、符号至少用两种"),
    PasswordFault.ACCOUNT: N_("不能含有登录账号"),
}
_FIELDS = ("account", "code", "new", "again")


class FirstPasswordScreen(KeyPage):
    """Returns whether the password was set. It asks for no key and for no sign-in."""

    TITLE_TEXT = N_("设置登录密码")
    STEPS = (FIRST_PASSWORD, 1)
    SHOWS_KEY = False

    def content(self) -> ComposeResult:
        """What it is for, and the fields."""
        yield Prose(id="why")
        yield FieldRow(self.t("*登录账号"), Field(id="account", maximum=20, board=Board.DIGITS))
        yield FieldRow(self.t("*短信验证码"), Field(id="code", maximum=CODE_DIGITS, board=Board.DIGITS))
        yield FieldRow(self.t("*新密码"), Field(id="new", password=True, maximum=LONGEST_PASSWORD))
        yield FieldRow(self.t("*再输一遍新密码"), Field(id="again", password=True, maximum=LONGEST_PASSWORD))

    def actions(self) -> Iterable[Widget]:
        """The back and the confirm button."""
        yield Action(self.t("Esc  返回"), id="back")
        yield Action(self.t("Enter  设置"), id="next", main=True)

    def opened(self) -> None:
        """Focus the account."""
        self.focus_on("account")

    def update_content(self) -> None:
        """Show the rule and the fields, or what became of them."""
        super().update_content()
        self.show_form(self._why())

    def _why(self) -> str:
        return self.t(
            "新交易员凭审核通过的短信设置自己的密码，也可以打开短信里的链接在手机上设置。密码 {shortest} 至 {longest} 个字符，"
            "字母、数字、符号至少用两种。",
            shortest=SHORTEST_PASSWORD,
            longest=LONGEST_PASSWORD,
        )

    def begin(self) -> None:
        """Judge what can be judged here, then ask the desk; or close."""
        if self.finished:
            self.action_back()
            return
        typed = {name: self.typed(name) for name in _FIELDS}
        missing = next((name for name, text in typed.items() if not text.strip()), None)
        if missing is not None:
            self.show_error(missing, lambda t: t("请填写"))
            return
        if typed["new"] != typed["again"]:
            self.show_error("again", lambda t: t("两次输入的密码不一样"))
            return
        self.problems = {}
        self.say(None)
        choose = self.shell.service.choose_first_password
        self.ask(
            lambda: choose(typed["account"], typed["code"], typed["new"]),
            self._judged,
            self.t("正在核对，请稍候"),
        )

    def _judged(self, outcome: FirstPasswordOutcome) -> None:
        if isinstance(outcome, Refused):
            self.refused(outcome)
            return
        match outcome.result:
            case FirstPasswordResult.SET:
                self.empty(*_FIELDS)
                self.finished = True
                self.say(lambda t: t("密码已设置。一两分钟后就可以用它登录、缴费、绑定key盘。"), good=True)
                self.call_after_refresh(self.focus_on, "next")
            case FirstPasswordResult.FAULTY:
                self.empty("new", "again")
                self.show_error("new", _fault(outcome))
            case FirstPasswordResult.MALFORMED:
                self._again(lambda t: t("账号是数字，短信验证码是 6 位数字，请核对。"))
            case FirstPasswordResult.WRONG_CODE:
                left = outcome.tries_left
                self._again(lambda t: t("验证码不对，还可试 {tries} 次。", tries=left))
            case FirstPasswordResult.OVER:
                support = self.shell.settings.support_line
                self._again(
                    lambda t: t(
                        "账号或验证码不对，或已过期。已经设置好密码的，直接登录；没有的请致电 {support} 重发短信。",
                        support=support,
                    )
                )
            case FirstPasswordResult.NOT_HEARD:
                self.say(
                    lambda t: t("现在连不上中心，本机设置不了。请用手机打开短信里的链接设置，或稍后再试。")
                )
            case _:
                assert_never(outcome.result)

    def _again(self, message: LazyText) -> None:
        """Have the code typed again."""
        self.empty("code")
        self.say(message)
        self.focus_on("code")


def _fault(view: FirstPasswordView) -> LazyText:
    said = _FAULTS[view.fault or PasswordFault.SHORT]
    return lambda t: t(said, shortest=SHORTEST_PASSWORD, longest=LONGEST_PASSWORD)
