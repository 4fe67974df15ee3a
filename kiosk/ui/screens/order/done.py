"""The end of a binding: what was bound, the receipt, and after a first binding the offer to change the PIN."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Button

from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import Network
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.feed import RegisteredState
from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad
from kiosk.text.flows import DONE, binding
from kiosk.text.times import day, period
from kiosk.text.wording import KINDS, LABEL, PRINTED, paper_printed, sentences
from kiosk.ui.page import Page
from kiosk.ui.screens.key.change_pin import ChangePinScreen
from kiosk.ui.screens.member.orders_on_phone import OrdersOnPhoneScreen
from kiosk.ui.visit import Party, Visit
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.service import DeskService

_NAME = 16
_ASK_STAFF = N_("证书暂时不能用来登录，请带凭条找工作人员。")
_REGISTRATIONS = {
    None: N_("联网登记后可登录"),
    RegisteredState.LISTED: N_("证书已登记，现在就可以登录。"),
    RegisteredState.HELD: N_("中心暂缓登记这张证书，请带凭条找工作人员。"),
    RegisteredState.REVOKED: _ASK_STAFF,
    RegisteredState.VOID: _ASK_STAFF,
}
# Online the centre lists a certificate within a second or two; the receipt waits no more than three for it.
_LOOKS = 12
_LOOK_SECONDS = 0.25


class Registered(Message):
    """The centre told where the certificate stands."""

    def __init__(self, state: RegisteredState) -> None:
        super().__init__()
        self.state = state


class Printed(Message):
    """The outcome of printing the receipt, and of the key's label where one was wanted."""

    def __init__(self, outcome: PrintOutcome, label: PrintOutcome | None = None) -> None:
        super().__init__()
        self.outcome = outcome
        self.label = label


def wait_until_registered(service: DeskService, reference: str) -> RegisteredState | None:
    """Check a few times where the order's certificate stands at the centre; blocks, so call it in a thread."""
    for look in range(_LOOKS):
        if look:
            time.sleep(_LOOK_SECONDS)
        state = service.registration(reference)
        if isinstance(state, RegisteredState):
            return state
    return None


def _outcome(printed: PrintOutcome | Refused) -> PrintOutcome:
    """What became of a paper; nothing is printed where the store refuses."""
    return PrintOutcome.NOT_PRINTED if isinstance(printed, Refused) else printed


class DoneScreen(Page[None]):
    """The end of a visit with a bound key."""

    CSS_PATH = "done.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("n", "next_operator", show=False),
        Binding("f7,ctrl+r", "on_phone", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._visit = Visit()
        self._label: PrintOutcome | None = None

    def compose(self) -> ComposeResult:
        """What was bound."""
        bound = self.shell.visit.bound
        yield self.title_row()
        yield self.head_row(self.t("绑定或更新key盘"), binding(self.shell.visit.kind), DONE)
        with Vertical(classes="body"), Vertical(classes="column"):
            if bound is not None:
                yield Line(self.t("绑定完成：{kind}", kind=self.t(KINDS[bound.order.kind])), id="title")
                yield Line("\n".join(self._facts(bound)), id="facts")
                yield Prose(id="registered")
                yield Prose(id="printed")
                yield Prose(id="pin")
                yield Prose(
                    self.t("请拔出key盘，收好。key盘收到并绑定之后不退款。"), id="keep", classes="muted"
                )
        with ActionRow():
            yield Action(self.t("Esc  以后再说"), id="later")
            yield Action(self.t("N  同企业下一位"), id="next-operator")
            yield Action(self.t("Enter  现在修改PIN码"), id="change", main=True)
            yield Action(self.t("F7  要发票"), id="phone")
            yield Action(self.t("Enter  回首页"), id="home", main=True)
        yield from self.last_rows()

    def _facts(self, bound: BoundView) -> list[str]:
        facts = [
            (self.t("账号"), bound.order.account),
            (self.t("企业"), bound.order.enterprise),
            (self.t("操作员"), bound.order.operator),
            (self.t("序列号"), bound.serial),
            (self.t("证书"), bound.certificate),
            (self.t("有效期"), period(bound.not_before, bound.not_after)),
        ]
        if bound.order.previous is not None:
            facts.append((self.t("原到期日"), day(bound.order.previous.not_after)))
        return [pad(name, _NAME) + value for name, value in facts]

    def opened(self) -> None:
        """Print the receipt and focus the next action."""
        self._visit = self.shell.visit
        self.focus_on("change" if self.asks_for_pin else "home")
        bound = self.shell.visit.bound
        if bound is not None and self.shell.visit.printed is None:
            self._print(bound)

    @property
    def asks_for_pin(self) -> bool:
        """Whether to offer a PIN change: after a first binding, until the member has answered."""
        visit = self.shell.visit
        first = visit.bound is not None and visit.bound.order.kind is not OrderKind.RENEWAL
        return first and visit.session is not None and not visit.pin_settled

    # The receipt is printed even if the member leaves the screen: its thread belongs to the app.

    def _print(self, bound: BoundView) -> None:
        """Print the receipt; online, wait a short time for the centre to list the certificate."""
        online = self.shell.status is not None and self.shell.status.network is Network.ONLINE
        service, reference = self.shell.service, bound.order.reference
        party = self.shell.visit.party
        labelled = party is not None and reference in party.orders
        waits = online and bound.registration is None

        def work() -> None:
            if waits and (state := wait_until_registered(service, reference)) is not None:
                self.post_message(Registered(state))
            printed = _outcome(service.print_receipt(reference))
            # The binding is valid even if its receipt was not recorded, so report only the receipt.
            self.post_message(
                Printed(printed, _outcome(service.print_label(reference)) if labelled else None)
            )

        self.shell.in_thread(work, "receipt")

    def on_registered(self, message: Registered) -> None:
        """Show whether the key works already."""
        if self._visit.bound is not None:
            self._visit.bound = replace(self._visit.bound, registration=message.state)
            self.update_content()

    def on_printed(self, message: Printed) -> None:
        """Show the outcome of printing the receipt and the label."""
        self._visit.printed, self._label = message.outcome, message.label
        self.update_content()

    def update_content(self) -> None:
        """Show whether the key works already, the receipt's outcome, and the offer to change the PIN."""
        bound, printed = self.shell.visit.bound, self.shell.visit.printed
        text = self.t(PRINTED[printed]) if printed is not None else self.t("正在打印凭条")
        label = "" if self._label is None else paper_printed(self.t, LABEL, self._label)
        text = sentences(text, label, self._of_party())
        for line in self.query("#printed").results(Prose):
            line.say(text)
        for line in self.query("#registered").results(Prose):
            state = None if bound is None else bound.registration
            line.say(self.t(_REGISTRATIONS[state]))
            line.set_class(state is None, "notable")
            line.set_class(state not in {None, RegisteredState.LISTED}, "alert")
        asks = self.asks_for_pin
        for line in self.query("#pin").results(Prose):
            line.say(self._pin_sentence(asks=asks))
            line.set_class(asks, "notable")
        for line in self.query("#keep").results(Prose):
            line.display = not asks
        for name, wanted in (("later", asks), ("change", asks), ("phone", not asks), ("home", not asks)):
            self.query_one(f"#{name}", Action).display = wanted

    def _pin_sentence(self, *, asks: bool) -> str:
        if asks:
            return self.t("key盘还是初始PIN码，人人都知道，请改成自己的。先不要拔出key盘。")
        return self.t("PIN码已改成您自己的。") if self.shell.visit.pin_settled else ""

    def _of_party(self) -> str:
        party = self.shell.visit.party
        if party is None or len(party.orders) == 1:
            return ""
        return self.t("同企业已办好 {count} 把，回首页时打印一张企业清单。", count=len(party.orders))

    @on(Button.Pressed, "#next-operator")
    def action_next_operator(self) -> None:
        """End the visit, and begin that of the next operator of the same enterprise; nothing but the enterprise stays."""
        visit, bound = self.shell.visit, self.shell.visit.bound
        if bound is None:
            return
        reference, enterprise = bound.order.reference, bound.order.enterprise
        party = visit.party
        if party is None or reference not in party.orders:
            self.end_party()  # another enterprise's, if any
            party = Party(enterprise, (reference,))
            service = self.shell.service
            self.shell.in_thread(lambda: service.print_label(reference), "receipt")
        visit.party = None
        self.shell.go_home(following=Visit(party=party))

    @on(Button.Pressed, "#phone")
    def action_on_phone(self) -> None:
        """F7: show the phone's way to the invoice."""
        self.app.push_screen(OrdersOnPhoneScreen())

    @on(Button.Pressed, "#later, #home")
    def action_back(self) -> None:
        """Go home."""
        self.shell.go_home()

    def visit_ended(self) -> None:
        """Record that the member kept the factory PIN, however the visit ended."""
        bound, session = self.shell.visit.bound, self.shell.visit.session
        if not self.asks_for_pin or bound is None or session is None:
            return
        skip = self.shell.service.skip_pin_change
        self.shell.in_thread(lambda: skip(session, bound.serial), "desk")

    @on(Button.Pressed, "#change")
    def change_pin(self) -> None:
        """Ask for a PIN of the member's own."""
        bound, session = self.shell.visit.bound, self.shell.visit.session
        if bound is None or session is None:
            return

        def answered(changed: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            del changed  # the visit has it
            self.update_content()
            self.focus_on("change" if self.asks_for_pin else "home")

        self.app.push_screen(ChangePinScreen(session, bound.serial), answered)
