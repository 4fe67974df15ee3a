"""The demo's drawer: virtual keys, the payer's phone, network, paper, clock, example accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from kiosk.demo.ports import DemoAccount, DemoControls, DemoError, DemoStaff, PhonePage
from kiosk.desk.views.people import Field as VerifyField
from kiosk.text.catalogue import N_
from kiosk.text.money import yuan
from kiosk.ui.page import Overlay
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.text.wording import LazyText, Text

DAY = 24 * 3600
YEAR = 365 * DAY


_PHONE_STATES = {
    "payable": N_("未付款"),
    "paid": N_("支付成功"),
    "cancelled": N_("订单已取消"),
    "expired": N_("订单已过期"),
    "refunding": N_("退款中"),
    "refunded": N_("已退款"),
}


# The letter that runs each row; the virtual keys have digits.
_HOTKEYS = {
    "remove": "x",
    "swap": "s",
    "pay": "p",
    "decline": "d",
    "scan": "c",
    "messages": "m",
    "network": "n",
    "paper": "t",
    f"clock:{DAY}": "+",
    f"clock:{YEAR}": "y",
    f"clock:{-DAY}": "-",
    "clock:0": "0",
    "slow": "w",
    "leave": "q",
}
_DIGITS = "123456789"
# Textual's names of those keys.
_KEY_NAMES = {
    **{key: key for key in (*_HOTKEYS.values(), *_DIGITS) if key.isalnum()},
    "plus": "+",
    "equals_sign": "+",
    "minus": "-",
}


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
        *(Binding(key, f"press({name!r})", show=False) for key, name in _KEY_NAMES.items()),
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
        for title, rows in (
            (self.t("key盘"), self._keys()),
            (self.t("付款人的手机"), self._phone()),
            (self.t("网络、打印纸、时钟、快慢"), self._around()),
            (self.t("账号和密码"), self._accounts()),
            (self.t("工作人员"), self._staff()),
            (self.t("演示"), [("leave", self.t("退出演示"))]),
        ):
            things.add_option(Option(f"── {title} ──", disabled=True))
            for identity, text in rows:
                things.add_option(Option(f" {self._hotkey(identity)} {text}", id=identity))
        if marked is not None and marked < things.option_count:
            things.highlighted = marked
        self.query_one("#result", Prose).say(self.localized(self.result) or self._where())

    def _hotkey(self, identity: str) -> str:
        """The row's letter, registered as available; a space where there is none."""
        key = _HOTKEYS.get(identity, " ")
        if identity.startswith("insert:"):
            place = [f"insert:{token.name}" for token in self.demo.tokens()].index(identity)
            key = _DIGITS[place] if place < len(_DIGITS) else " "
        self._hotkeys[key] = identity
        return key

    def action_press(self, key: str) -> None:
        """Run the action of the row with that key, if it is listed."""
        if key in self._hotkeys:
            self._begin(self._hotkeys[key])

    def step_changed(self) -> None:
        """Update the list: the step may show another order."""
        self.update_content()

    def _keys(self) -> list[tuple[str, str]]:
        inserted = self.demo.inserted()
        rows = [
            (
                f"insert:{token.name}",
                ("* " if token.name == inserted else "  ") + f"{self.t(token.name)}  PIN {token.pin}",
            )
            for token in self.demo.tokens()
        ]
        if inserted is not None:
            rows.append(("remove", self.t("拔出key盘")))
            rows.append(("swap", self.t("换成下一把")))
        return rows

    def _phone(self) -> list[tuple[str, str]]:
        known = self.shell.visit.session is not None
        messages = [("messages", self.t("看会员手机的短信"))] if known else []
        if not self.link:
            return [*messages, ("no-order", self.t("（下单后才有付款码可扫）"))]
        rows = [*messages, ("pay", self.t("扫码并付款")), ("decline", self.t("扫码后不付"))]
        if self.page is not None and self.page.scan_text:
            rows.append(("scan", self.t("把手机上的确认码给扫码器扫")))
        return rows

    def _around(self) -> list[tuple[str, str]]:
        shift, slow = self.demo.clock_shift // DAY, self.demo.keys_are_slow
        return [
            ("network", self.t("接上网络") if self.demo.network_cut else self.t("断开网络")),
            ("paper", self.t("装上打印纸") if self.demo.paper_is_out else self.t("拿走打印纸")),
            (f"clock:{DAY}", self.t("时钟 +1 天（已移 {days} 天）", days=shift)),
            (f"clock:{YEAR}", self.t("时钟 +1 年")),
            (f"clock:{-DAY}", self.t("时钟 -1 天")),
            ("clock:0", self.t("时钟复位")),
            ("slow", self.t("key盘快起来") if slow else self.t("key盘慢下来，好在中途拔出")),
        ]

    def _accounts(self) -> list[tuple[str, str]]:
        return [
            (f"account:{index}", f"{account.account} {account.password} {self.t(account.remark)}")
            for index, account in enumerate(self.demo.accounts())
        ]

    def _staff(self) -> list[tuple[str, str]]:
        return [
            (
                f"staff:{index}",
                f"{one.name} {one.password} " + (self.t("主管") if one.supervisor else self.t("工作人员")),
            )
            for index, one in enumerate(self.demo.staff())
        ]

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
            case "remove":
                self._do(self.demo.remove, lambda t: t("拔出了key盘"))
            case "swap":
                self._do(self.demo.swap, lambda t: t("换了一把key盘"))
            case "pay" | "decline" | "scan" | "messages":
                self._use_phone(verb)
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
        """Fill the form beneath; where there is none, tell what would be filled in."""
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
