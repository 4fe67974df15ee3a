"""邮寄和发票: what was asked for an order that staff chose, and what they can do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, OptionList
from textual.widgets.option_list import Option

from kiosk.desk.requests.forms import FormsOutcome, RequestAct, RequestForms
from kiosk.desk.requests.views import RequestsOutcome, RequestsView
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import StaffSession
from kiosk.desk.views.refusals import Refused
from kiosk.domain.promises import PROMISED, china_day, invoicing_goes_on
from kiosk.domain.working_days import USUAL
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad, wrap
from kiosk.text.request_wording import request_lines
from kiosk.text.wording import KINDS, REFUSALS, STATUSES
from kiosk.ui.page import Overlay
from kiosk.ui.screens.common.confirm import ConfirmScreen, Question
from kiosk.ui.screens.common.reason import ReasonScreen
from kiosk.ui.screens.staff.request_form import AddressForm, InvoiceForm, MailedForm, RequestForm
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.text.wording import LazyText, Text

_ROWS = {
    RequestAct.ADDRESS: (N_("登记收件地址"), N_("邮寄到哪里、谁收；登记过的可以改")),
    RequestAct.MAILED: (N_("登记已寄出"), N_("快递公司和单号；写错了再登记一次")),
    RequestAct.RETURNED: (N_("登记退回"), N_("寄出的key盘退回来了，写明原因")),
    RequestAct.INVOICE: (N_("登记发票"), N_("专票或普票，抬头和邮箱；登记过的可以改")),
    RequestAct.WITHDRAWAL: (N_("撤回发票"), N_("会员不要发票了")),
}
_PAUSED = N_("每月 {invoicing_closes} 日至次月 {invoicing_goes_on} 日暂停开票，现在登记的会顺延")
_FORMS: dict[RequestAct, Callable[[StaffSession, OrderView, RequestForms], RequestForm]] = {
    RequestAct.ADDRESS: AddressForm,
    RequestAct.MAILED: MailedForm,
    RequestAct.INVOICE: InvoiceForm,
}
_NAME_CELLS = 22
_BORDERS = 4


class RequestsScreen(Overlay[None]):
    """The state in words, then the acts; one that is refused says why."""

    CSS_PATH = "requests.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, staff: StaffSession, order: OrderView) -> None:
        super().__init__()
        self.staff = staff
        self.order = order
        self.forms: RequestForms | None = None
        self.message: LazyText | None = None
        self.good = False

    def compose(self) -> ComposeResult:
        """The order, where its requests stand, and the acts."""
        yield self.title_row()
        yield self.head_row(self.t("邮寄和发票"))
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(id="order", classes="strong")
            yield Prose(id="state")
            yield OptionList(id="acts", markup=False)
            yield Prose(id="message", classes="alert")
        with ActionRow():
            yield Action(self.t("Esc  返回"), id="back")
        yield from self.last_rows()

    def opened(self) -> None:
        """Read what was asked."""
        self.seen()
        self._gather()

    def _gather(self) -> None:
        forms, staff, order = self.shell.service.request_forms, self.staff, self.order.reference
        self.ask(lambda: forms(staff, order), self._arrived, self.t("正在查询，请稍候"))

    def _arrived(self, forms: FormsOutcome) -> None:
        if isinstance(forms, Refused):
            self._say(self.refusal(forms))
            self.focus_on("back")
            return
        self.forms = forms
        self.update_content()
        self.focus_on("acts")

    def status_changed(self) -> None:
        """Read it again once something was written, as where the centre's staff mailed the key."""
        if self.forms is not None:
            forms, staff, order = self.shell.service.request_forms, self.staff, self.order.reference
            self.look_again(lambda: forms(staff, order), self._looked)

    def _looked(self, forms: FormsOutcome) -> bool:
        if isinstance(forms, Refused):
            return False
        if forms != self.forms:
            self.forms = forms
            self.update_content()
        return True

    def update_content(self) -> None:
        """Show the order, the state, the acts and the message."""
        order, message = self.order, self.query_one("#message", Prose)
        facts = order.order_number, order.account, self.t(KINDS[order.kind]), self.t(STATUSES[order.status])
        self.query_one("#order", Line).update("  ".join(facts) + f"\n{order.enterprise}  {order.operator}")
        message.say(self.localized(self.message))
        message.set_class(self.good, "good")
        if self.forms is None:
            return
        lines = request_lines(self.t, self.forms.requests) or [self.t("还没有登记邮寄和发票")]
        self.query_one("#state", Prose).say("\n".join(lines))
        acts = self.query_one("#acts", OptionList)
        marked = acts.highlighted
        acts.clear_options()
        acts.add_options([self._option(act, self.forms) for act in RequestAct])
        acts.highlighted = marked
        if marked is None:
            acts.action_first()

    def _option(self, act: RequestAct, forms: RequestForms) -> Option:
        """A row, with the reason where the act is refused."""
        name, _ = _ROWS[act]
        refused = forms.refused.get(act)
        says = self._hint(act) if refused is None else self.t(REFUSALS[refused.reason])
        room = max(20, self.query_one("#acts").content_size.width - _NAME_CELLS - _BORDERS)
        first, *rest = wrap(says, room)
        lines = [pad(self.t(name), _NAME_CELLS) + first, *(" " * _NAME_CELLS + each for each in rest)]
        return Option("\n".join(lines), id=act.value, disabled=refused is not None)

    def _hint(self, act: RequestAct) -> str:
        """What an act is for; of an invoice that it waits, while invoicing pauses."""
        status = self.shell.status
        if (
            act is RequestAct.INVOICE
            and status is not None
            and invoicing_goes_on(china_day(status.now), USUAL)
        ):
            return self.t(_PAUSED, **PROMISED)
        return self.t(_ROWS[act][1])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the act's form, or ask what it needs."""
        if self.forms is None or self.busy:
            return
        act = RequestAct(str(event.option.id))
        self._say(None)
        if act in _FORMS:
            self.app.push_screen(_FORMS[act](self.staff, self.order, self.forms), self._noted)
        elif act is RequestAct.RETURNED:
            self._returned()
        else:
            self._withdraw()

    def _returned(self) -> None:
        def question(t: Text) -> Question:
            text = t("订单 {number} 寄出的key盘退回来了：为什么？", number=self.order.order_number)
            return Question(title=t("登记退回"), text=text, yes=t("登记"), no=t("返回"))

        def answered(reason: str | None) -> None:
            if reason:
                back, staff, order = self.shell.service.key_received_back, self.staff, self.order.reference
                self.ask(lambda: back(staff, order, reason), self._done, self.t("正在登记，请稍候"))

        self.app.push_screen(ReasonScreen(question), answered)

    def _withdraw(self) -> None:
        def question(t: Text) -> Question:
            text = t("订单 {number} 不要发票了？填过的抬头和邮箱会删掉。", number=self.order.order_number)
            return Question(title=t("撤回发票"), text=text, yes=t("撤回"), no=t("返回"))

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                withdraw, staff, order = self.shell.service.withdraw_invoice, self.staff, self.order.reference
                self.ask(lambda: withdraw(staff, order), self._done, self.t("正在登记，请稍候"))

        self.app.push_screen(ConfirmScreen(question), answered)

    def _noted(self, view: RequestsView | None) -> None:
        if view is not None:
            self._done(view)

    def _done(self, outcome: RequestsOutcome) -> None:
        if isinstance(outcome, Refused):
            self._say(self.refusal(outcome))
            return
        self._say(lambda t: t("已登记"), good=True)
        self._gather()

    def _say(self, message: LazyText | None, *, good: bool = False) -> None:
        self.message, self.good = message, good
        self.update_content()

    @on(Button.Pressed, "#back")
    def go_back(self) -> None:
        """Close."""
        self.dismiss(None)
