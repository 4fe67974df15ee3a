"""The demo's drawer: virtual keys, the payer's phone, the exchange's staff, network, paper, clock, example accounts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from kiosk.demo.ports import (
    DemoAccount,
    DemoControls,
    DemoError,
    DemoStaff,
    ExchangeRefused,
    ExchangeUnreachable,
    NothingWaits,
    PhonePage,
)
from kiosk.demo.rows import KEY_NAMES, Offered, key_of, sections
from kiosk.desk.views.people import Field as VerifyField
from kiosk.text.catalogue import N_
from kiosk.text.money import yuan
from kiosk.ui.page import Overlay
from kiosk.ui.screens.common.confirm import Question
from kiosk.ui.screens.common.reason import ReasonScreen
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.text.wording import LazyText, Text

_PHONE_STATES = {
    "payable": N_("未付款"),
    "paid": N_("支付成功"),
    "cancelled": N_("订单已取消"),
    "expired": N_("订单已过期"),
    "refunding": N_("退款中"),
    "refunded": N_("已退款"),
}


# No input method is needed to see what a member reads then.
_REASON = N_("授权书没有盖章")


def _exchange_failed(error: DemoError) -> LazyText:
    """Why the exchange's staff decided nothing."""
    match error:
        case NothingWaits():
            return lambda t: t("没有在等审核的申请。刚提交的，过几秒再试；断网时提交的，联网后才送到。")
        case ExchangeUnreachable():
            return lambda t: t("中心的控制台没有应答，请过一会儿再试")
        case ExchangeRefused():
            return lambda t: t("控制台没有办成：{detail}", detail=error.detail)
        case _:
            return lambda _: error.detail


def _phone_says(t: Text, page: PhonePage) -> str:
    """The phone's text; an unknown state is shown as received."""
    state = t(_PHONE_STATES[page.state]) if page.state in _PHONE_STATES else page.state
    lines = [t("手机：{state}  {amount} 元", state=state, amount=yuan(page.amount))]
    if page.confirmation:
        lines.append(t("确认码 {code}", code=page.confirmation))
    return "\n".join((*lines, page.address))


class DrawerScreen(Overlay[None]):
    """A list of the demo's actions at the right of the screen, with their result below."""

    CSS_PATH = "drawer.tcss"
    NEVER_IDLE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f12,ctrl+d", "close", show=False, priority=True),
        *(Binding(key, f"press({name!r})", show=False) for key, name in KEY_NAMES.items()),
    ]

    def __init__(self, demo: DemoControls) -> None:
        super().__init__()
        self.demo = demo
        self._hotkeys: dict[str, str] = {}
        self.result: LazyText | None = None
        self.page: PhonePage | None = None

    def compose(self) -> ComposeResult:
        """The list and the result."""
        with Vertical(id="drawer"):
            yield Line(self.t("演示抽屉（Esc 关上）"), classes="heading")
            yield OptionList(id="things", markup=False)
            yield Prose(id="result")

    def opened(self) -> None:
        """Highlight the first row."""
        things = self.query_one("#things", OptionList)
        things.focus()
        things.action_first()

    def action_close(self) -> None:
        """Close the drawer."""
        self.dismiss(None)

    @property
    def link(self) -> str:
        """The payment link of the order on the screen."""
        order = self.shell.visit.order
        return order.link if order is not None else ""

    def update_content(self) -> None:
        """List the available actions."""
        things = self.query_one("#things", OptionList)
        marked = things.highlighted
        things.clear_options()
        self._hotkeys = {}
        scanned = "" if self.page is None else self.page.scan_text
        offered = Offered(self.link, knows_member=self.shell.visit.session is not None, scan=scanned)
        for title, rows in sections(self.t, self.demo, offered):
            things.add_option(Option(f"── {title} ──", disabled=True))
            for identity, text in rows:
                things.add_option(Option(f" {self._hotkey(identity)} {text}", id=identity))
        if marked is not None and marked < things.option_count:
            things.highlighted = marked
        self.query_one("#result", Prose).say(self.localized(self.result) or self._where())

    def _hotkey(self, identity: str) -> str:
        """The row's letter, registered as available; a space where there is none."""
        key = key_of(identity, self.demo)
        self._hotkeys[key] = identity
        return key

    def action_press(self, key: str) -> None:
        """Run the action of the row with that key, if it is listed."""
        if key in self._hotkeys:
            self._begin(self._hotkeys[key])

    def step_changed(self) -> None:
        """Update the list: the step may show another order."""
        self.update_content()

    def _where(self) -> str:
        return self.t(
            "凭条图片：{folder}  中心：{address}",
            folder=self.demo.receipts_folder,
            address=self.demo.centre_address,
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Run the action of the chosen row."""
        self._begin(str(event.option.id))

    def _begin(self, identity: str) -> None:
        verb, _, argument = identity.partition(":")
        match verb:
            case "insert":
                self._do(lambda: self.demo.insert(argument), lambda t: t("插入了 {name}", name=t(argument)))
            case "remove" | "swap":
                self._take_out(verb)
            case "pay" | "decline" | "scan" | "messages":
                self._use_phone(verb)
            case "approve" | "refuse":
                self._review(verb)
            case "network" | "paper" | "slow":
                self._switch(verb)
            case "clock":
                self._shift_clock(int(argument))
            case "account":
                self._use_account(self.demo.accounts()[int(argument)])
            case "staff":
                self._use_staff(self.demo.staff()[int(argument)])
            case "leave":
                self.dismiss(None)
                self.shell.leave_demo()
            case _:
                pass

    def _take_out(self, verb: str) -> None:
        """Pull the key; by `swap` put the next one in."""
        if verb == "swap":
            self._do(self.demo.swap, lambda t: t("换了一把key盘"))
        else:
            self._do(self.demo.remove, lambda t: t("拔出了key盘"))

    def _shift_clock(self, seconds: int) -> None:
        """Move the clock by so many seconds; none of them sets it right."""
        if seconds:
            self._do(lambda: self.demo.shift_clock(seconds), lambda t: t("时钟拨好了"))
        else:
            self._do(self.demo.reset_clock, lambda t: t("时钟准了"))

    def _switch(self, what: str) -> None:
        demo = self.demo
        match what:
            case "network":
                cut = demo.network_cut
                self._do(
                    demo.restore_network if cut else demo.cut_network,
                    lambda t: t("网络接上了") if cut else t("网络断开了，手机仍可付款"),
                )
            case "paper":
                out = demo.paper_is_out
                self._do(
                    demo.paper_in if out else demo.paper_out,
                    lambda t: t("装上了打印纸") if out else t("拿走了打印纸"),
                )
            case _:
                slow = not demo.keys_are_slow
                self._do(
                    lambda: demo.be_slow(slow=slow),
                    lambda t: t("key盘慢了，绑定时可以拔出") if slow else t("key盘快了"),
                )

    def _review(self, verb: str) -> None:
        if verb == "approve":
            self._approve()
        else:
            self._ask_reason()

    def _approve(self) -> None:
        """Have the exchange approve a trader, and tell what the message to the new phone says."""
        approve, code_of = self.demo.approve_trader, self.demo.first_code

        def work() -> LazyText:
            try:
                trader = approve()
            except DemoError as error:
                return _exchange_failed(error)
            return _approved(trader, code_of(trader.account))

        self.ask(work, self._did, self.t("交易所正在审核"))

    def _ask_reason(self) -> None:
        def question(t: Text) -> Question:
            return Question(
                title=t("不通过"),
                text=t("为什么不通过？申请的会员会看到这句话，也会收到短信。"),
                yes=t("不通过"),
                no=t("返回"),
            )

        def answered(reason: str | None) -> None:
            if reason:
                self._refuse(reason)

        self.app.push_screen(ReasonScreen(question, self.t(_REASON)), answered)

    def _refuse(self, reason: str) -> None:
        refuse = self.demo.refuse_trader

        def work() -> LazyText:
            try:
                name = refuse(reason)
            except DemoError as error:
                return _exchange_failed(error)
            return lambda t: t("{name}：没有通过，已告诉申请的会员", name=name)

        self.ask(work, self._did, self.t("交易所正在审核"))

    def _do(self, act: Callable[[], None], said: LazyText) -> None:
        def work() -> LazyText:
            try:
                act()
            except DemoError as error:
                detail = error.detail
                return lambda _: detail
            return said

        self.ask(work, self._did, self.t("请稍候"))

    def _did(self, said: LazyText) -> None:
        self.result = said
        self.update_content()

    def _use_phone(self, verb: str) -> None:
        if verb == "scan":
            self._scan()
        elif verb == "messages":
            self._read_messages()
        else:
            self._open_page(verb)

    def _open_page(self, verb: str) -> None:
        link = self.link
        phone = self.demo.phone_pay if verb == "pay" else self.demo.phone_decline

        def work() -> PhonePage | str:
            try:
                return phone(link)
            except DemoError as error:
                return error.detail

        self.ask(work, self._phone_answered, self.t("手机正在付款"))

    def _phone_answered(self, page: PhonePage | str) -> None:
        if isinstance(page, str):
            self.result = lambda t: t("手机：{detail}", detail=page)
        else:
            self.page = page
            self.result = lambda t: _phone_says(t, page)
        self.update_content()

    def _read_messages(self) -> None:
        session, messages = self.shell.visit.session, self.demo.phone_messages
        if session is not None:
            self.ask(lambda: messages(session.account), self._messages_arrived, self.t("请稍候"))

    def _messages_arrived(self, messages: tuple[str, ...]) -> None:
        self.result = lambda t: messages[0] if messages else t("手机上没有短信")
        self.update_content()

    def _scan(self) -> None:
        if self.page is not None:
            text = self.page.scan_text
            self.dismiss(None)
            self.demo.scan(text)

    def _use_account(self, account: DemoAccount) -> None:
        """Fill the form beneath, for a first password with the code from the phone; where there is none, tell what would be filled in."""
        code_of = self.demo.first_code
        if account.added or self._is_asked({"code", "again"}):
            self.ask(
                lambda: code_of(account.account),
                lambda code: self._fill_account(account, code),
                self.t("请稍候"),
            )
        else:
            self._fill_account(account, "")

    def _fill_account(self, account: DemoAccount, code: str) -> None:
        first = {"code": code, "new": account.password, "again": account.password}
        if self._is_asked(first.keys()) and self._filled({"account": account.account, **first}):
            return
        values = {
            VerifyField.ACCOUNT: account.account,
            VerifyField.PASSWORD: account.password,
            VerifyField.ENTERPRISE: account.enterprise,
            VerifyField.LEGAL_PERSON: account.legal_person,
            VerifyField.OPERATOR: account.operator,
        }
        if self._filled({field.value: value for field, value in values.items()}):
            return
        self.result = lambda t: "\n".join(
            (
                f"{account.account}  {account.password}",
                account.enterprise,
                t("法人 {legal}  操作员 {operator}", legal=account.legal_person, operator=account.operator),
                *([t("短信里的验证码 {code}", code=code)] if code else []),
                t("到了要填的那一屏再按 Enter，就填好了"),
            )
        )
        self.update_content()

    def _use_staff(self, one: DemoStaff) -> None:
        """The same for the staff's sign-in."""
        if self._filled({"staff-name": one.name, "staff-password": one.password}):
            return
        self.result = lambda t: t(
            "按 F6 登录：姓名 {name}（也可输拼音首字母），密码 {password}",
            name=one.name,
            password=one.password,
        )
        self.update_content()

    def _is_asked(self, wanted: Collection[str]) -> bool:
        """Whether a screen beneath has all of these fields."""
        stack = self.app.screen_stack[:-1]
        return any(set(wanted) <= {str(field.id) for field in screen.query(Input)} for screen in stack)

    def _filled(self, values: dict[str, str]) -> bool:
        """Fill the topmost form beneath that has such fields, and close; whether there is one."""
        for screen in reversed(self.app.screen_stack[:-1]):
            fields = [field for field in screen.query(Input) if field.id in values and not field.disabled]
            if fields:
                for field in fields:
                    field.value = values[str(field.id)]
                screen.set_focus(fields[-1])
                self.dismiss(None)
                return True
        return False


def _approved(trader: DemoAccount, code: str) -> LazyText:
    """The new account, the code, and where it is used."""
    return lambda t: t(
        "{name} 通过了：新账号 {account}，短信里的验证码 {code}。到「key盘服务」-「设置登录密码」，在抽屉里选这个账号，就填好了。",
        name=trader.operator,
        account=trader.account,
        code=code,
    )
