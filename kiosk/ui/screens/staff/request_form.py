"""What staff type for a member after the payment: where the key is mailed, that it was, and to whom the invoice goes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, Input

from kiosk.desk.requests.views import RequestsOutcome, RequestsView
from kiosk.desk.views.refusals import Refused
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails
from kiosk.domain.request_facts import FactFaults, judged_delivery, judged_invoice
from kiosk.text.catalogue import N_
from kiosk.text.divisions import meant_by
from kiosk.text.request_wording import FACT_FAULTS, INVOICE_KINDS, carriers_for
from kiosk.ui.page import Overlay
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.fields import Choice, Field, FieldRow
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.picking import Offered, PickField

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.requests.forms import RequestForms
    from kiosk.desk.views.orders import OrderView
    from kiosk.desk.views.people import StaffSession
    from kiosk.text.wording import LazyText

_FORM_CSS = Path(__file__).with_name("request_form.tcss")
_KINDS = tuple(INVOICE_KINDS)
_EMPTY = N_("请填写")
_CHOOSE = N_("请按数字选一个")
_LETTERS = N_("没有这样的省市区")


def _worded(faults: FactFaults) -> dict[str, str]:
    return {field.replace("_", "-"): FACT_FAULTS[fault] for field, fault in faults.items()}


class RequestForm(Overlay[RequestsView]):
    """One form for one order; closes with what was noted."""

    CSS_PATH = _FORM_CSS
    TITLE_TEXT: ClassVar[str] = ""
    FIRST: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, staff: StaffSession, order: OrderView, forms: RequestForms) -> None:
        super().__init__()
        self.staff = staff
        self.order = order
        self.forms = forms
        self.message: LazyText | None = None
        self.problems: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """The order, the fields, the message and the buttons."""
        yield self.title_row()
        yield self.head_row(self.t(self.TITLE_TEXT))
        with Vertical(classes="body"), Vertical(classes="column"):
            order = self.order
            yield Line(
                f"{order.order_number}  {order.account}  {order.enterprise}", id="order", classes="muted"
            )
            yield from self.fields()
            yield Prose(id="message", classes="alert")
        with ActionRow():
            yield Action(self.t("Esc  返回"), id="back")
            yield Action(self.t("Enter  登记"), id="next", main=True)
        yield from self.last_rows()

    @abstractmethod
    def fields(self) -> ComposeResult:
        """The form's own fields."""

    @abstractmethod
    def faults(self) -> dict[str, str]:
        """What is wrong, by field, in Chinese of the catalogue."""

    @abstractmethod
    def noting(self) -> Callable[[], RequestsOutcome]:
        """What notes the typed values as they are now, to be called in a thread."""

    def opened(self) -> None:
        """Focus the first field."""
        self.focus_on(self.FIRST)

    def update_content(self) -> None:
        """Show the message, the error of each field, and what the typed letters may mean."""
        self.query_one("#message", Prose).say(self.localized(self.message))
        for row in self.query(FieldRow):
            problem = self.problems.get(str(row.field.id), "")
            row.show_error(self.t(problem) if problem else "")
        self._offer()

    def typed(self, field: str) -> str:
        """The value of a field, without blanks around it."""
        return self.query_one(f"#{field}", Field).value.strip()

    @on(Input.Changed)
    def _offer(self) -> None:
        for offered in self.query(Offered):
            offered.show(next((each.offered for each in self.query(PickField)), ()))

    def on_field_corrected(self, message: Field.Corrected) -> None:
        """Forget the error of a field that is being corrected."""
        self.problems = {name: each for name, each in self.problems.items() if name != message.field.id}

    @on(Button.Pressed, "#back")
    def go_back(self) -> None:
        """Close without noting anything."""
        self.dismiss(None)

    @on(Button.Pressed, "#next")
    @on(Input.Submitted)
    def note(self) -> None:
        """Judge what was typed, then note it."""
        if self.busy:
            return
        self.problems, self.message = self.faults(), None
        self.update_content()
        if self.problems:
            names = [str(row.field.id) for row in self.query(FieldRow)]
            self.focus_on(next(name for name in names if name in self.problems))
            return
        self.ask(self.noting(), self._noted, self.t("正在登记，请稍候"))

    def _noted(self, outcome: RequestsOutcome) -> None:
        if isinstance(outcome, Refused):
            self.message = self.refusal(outcome)
            self.update_content()
            return
        self.dismiss(outcome)


class AddressForm(RequestForm):
    """收件地址: recipient, region, address, phone and postcode."""

    TITLE_TEXT = N_("登记收件地址")
    FIRST = "recipient"

    def fields(self) -> ComposeResult:
        """With what is known of them."""
        known = self.forms.address
        yield FieldRow(self.t("*收件人"), Field(known.recipient, id="recipient"))
        region = PickField(
            meant_by, known.region, id="region", placeholder=self.t("拼音首字母，如 hnzz，再接着写区县")
        )
        yield FieldRow(self.t("*省市区"), region)
        yield Offered()
        yield FieldRow(self.t("*详细地址"), Field(known.address, id="address", maximum=120))
        yield FieldRow(
            self.t("电话"),
            Field(known.phone, id="phone", maximum=20, placeholder=self.t("空着就用绑定的手机")),
        )
        yield FieldRow(self.t("邮编"), Field(known.postcode, id="postcode", maximum=6))

    def _judged(self) -> tuple[DeliveryAddress, FactFaults]:
        return judged_delivery(
            DeliveryAddress(
                recipient=self.typed("recipient"),
                region=self.typed("region"),
                address=self.typed("address"),
                phone=self.typed("phone"),
                postcode=self.typed("postcode"),
            )
        )

    def faults(self) -> dict[str, str]:
        """What is wrong, or letters alone in the region, whether they mean one or not."""
        found, region = _worded(self._judged()[1]), self.typed("region")
        if region and region.isascii():
            found["region"] = _CHOOSE if self.query_one("#region", PickField).offered else _LETTERS
        return found

    def noting(self) -> Callable[[], RequestsOutcome]:
        """Have the key mailed there."""
        ask, staff, order = self.shell.service.ask_delivery, self.staff, self.order.reference
        address, _ = self._judged()
        return lambda: ask(staff, order, address)


class InvoiceForm(RequestForm):
    """发票: its kind, to whom it is made out and where it is sent."""

    TITLE_TEXT = N_("登记发票")
    FIRST = "title"

    def __init__(self, staff: StaffSession, order: OrderView, forms: RequestForms) -> None:
        super().__init__(staff, order, forms)
        self.kind = forms.invoice

    def fields(self) -> ComposeResult:
        """With what is known of them; the kind as it is chosen by now."""
        known = self.forms.details
        yield Choice(
            tuple(self.t(INVOICE_KINDS[each]) for each in _KINDS), _KINDS.index(self.kind), id="kind"
        )
        yield FieldRow(self.t("*抬头"), Field(known.title, id="title", maximum=100))
        yield FieldRow(self.t("信用代码"), Field(known.credit_code, id="credit-code", maximum=30))
        yield FieldRow(self.t("*邮箱"), Field(known.email, id="email", maximum=80))
        yield Line(self.t("以下可不填"), id="optional", classes="muted")
        yield FieldRow(self.t("地址"), Field(known.address, id="address", maximum=120))
        yield FieldRow(self.t("电话"), Field(known.phone, id="phone", maximum=20))
        yield FieldRow(self.t("开户行"), Field(known.bank, id="bank"))
        yield FieldRow(self.t("银行账号"), Field(known.bank_account, id="bank-account", maximum=40))

    def on_choice_changed(self, message: Choice.Changed) -> None:
        """Note the kind, which a change of the language keeps."""
        self.kind = _KINDS[message.index]

    def _kind(self) -> InvoiceKind:
        return _KINDS[self.query_one("#kind", Choice).chosen]

    def _judged(self) -> tuple[InvoiceDetails, FactFaults]:
        details = InvoiceDetails(
            title=self.typed("title"),
            credit_code=self.typed("credit-code"),
            email=self.typed("email"),
            address=self.typed("address"),
            phone=self.typed("phone"),
            bank=self.typed("bank"),
            bank_account=self.typed("bank-account"),
        )
        return judged_invoice(self._kind(), details)

    def faults(self) -> dict[str, str]:
        """What is wrong."""
        return _worded(self._judged()[1])

    def noting(self) -> Callable[[], RequestsOutcome]:
        """Ask for that invoice."""
        ask, staff, order, kind = (
            self.shell.service.ask_invoice,
            self.staff,
            self.order.reference,
            self._kind(),
        )
        details, _ = self._judged()
        return lambda: ask(staff, order, kind, details)


class MailedForm(RequestForm):
    """已寄出: with which carrier, under which number."""

    TITLE_TEXT = N_("登记已寄出")
    FIRST = "carrier"

    def fields(self) -> ComposeResult:
        """As they were noted before, to be corrected."""
        known = self.forms.requests.delivery
        carrier = PickField(
            carriers_for,
            "" if known is None else known.carrier,
            id="carrier",
            placeholder=self.t("拼音首字母，如 sf"),
        )
        yield FieldRow(self.t("*快递公司"), carrier)
        yield Offered()
        tracking = "" if known is None else known.tracking
        yield FieldRow(self.t("*快递单号"), Field(tracking, id="tracking", maximum=40))

    def faults(self) -> dict[str, str]:
        """What is empty, or letters that mean a carrier."""
        found = {name: _EMPTY for name in ("carrier", "tracking") if not self.typed(name)}
        if self.query_one("#carrier", PickField).offered:
            found["carrier"] = _CHOOSE
        return found

    def noting(self) -> Callable[[], RequestsOutcome]:
        """The key was mailed so."""
        mailed, staff, order = self.shell.service.key_mailed, self.staff, self.order.reference
        carrier, tracking = self.typed("carrier"), self.typed("tracking")
        return lambda: mailed(staff, order, carrier, tracking)
