"""添加交易员, 「① 填写资料」: who it is, until the exchange is asked for a review."""

from __future__ import annotations

import enum
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input

from kiosk.desk.requests.views import ProposalOutcome, ProposalView
from kiosk.desk.views.people import StaffSession
from kiosk.desk.views.refusals import Refused
from kiosk.domain.personal import OperatorDetails
from kiosk.domain.promises import china_day
from kiosk.domain.request_facts import judged_operator
from kiosk.text.catalogue import N_
from kiosk.text.flows import PROPOSING
from kiosk.text.pinyin import meant_by
from kiosk.text.proposals import DOCUMENTS, OPERATOR_FAULTS
from kiosk.ui.page import Overlay
from kiosk.ui.screens.common.staff_sign_in import StaffSignIn
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.fields import Choice, Field, FieldRow
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.name_field import NameField, NameRow
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views.people import Session
    from kiosk.domain.request_facts import OperatorFault, OperatorFaults
    from kiosk.text.wording import LazyText

_KINDS = tuple(DOCUMENTS)
# Those of the record, by the screen's.
_FIELDS = {"name": "name", "number": "document_number", "phone": "phone"}
_LONGEST_NUMBER = 30
_LONGEST_PHONE = 24


class Authorisation(enum.IntEnum):
    """What becomes of the enterprise's written authorisation, in the order in which the form asks."""

    NONE_YET = 0
    HANDED_IN = 1
    """The member hands it in: the exchange approves nobody before it came."""
    SEEN = 2
    """Staff have it before them, and sign in to say so."""


_AUTHORISATIONS = {
    Authorisation.NONE_YET: N_("还没有"),
    Authorisation.HANDED_IN: N_("有，交到窗口"),
    Authorisation.SEEN: N_("工作人员已看过"),
}


class WitnessScreen(StaffSignIn[StaffSession | None]):
    """Returns the member of the staff who saw the authorisation, or None."""

    CSS_PATH = "../common/staff_sign_in.tcss"

    def banner(self) -> str:
        """What the member reads."""
        return self.t("请看过法人授权书的工作人员登录")

    def welcome(self, staff: StaffSession) -> None:
        """Return whoever signed in."""
        self.dismiss(staff)


class OperatorFormScreen(Overlay[ProposalView]):
    """Returns the proposal that waits for the review, or None; Esc leaves without one."""

    CSS_PATH = "member.tcss"
    ENDS_WITH_STEP = True
    TAKES_SCANS = True
    AUTO_FOCUS = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("enter", "submit", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.document = _KINDS[0]
        self.authorisation = Authorisation.NONE_YET
        self.problems: dict[str, LazyText] = {}
        self.message: LazyText | None = None

    def compose(self) -> ComposeResult:
        """The fields, and what becomes of the authorisation."""
        yield self.title_row()
        yield self.head_row(self.t("添加交易员"), PROPOSING, 0)
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Prose(
                self.t("按证件填写；港澳台居民居住证选「中国居民身份证」，外文姓名用大写字母。"),
                classes="muted how",
            )
            with Horizontal(classes="choice"):
                yield Line(self.t("*有效证件类型"), classes="label")
                yield Choice(
                    tuple(self.t(each) for each in DOCUMENTS.values()),
                    _KINDS.index(self.document),
                    id="document",
                )
            yield NameRow(self.t("*姓名"), NameField(id="name", maximum=64), self.t)
            yield FieldRow(
                self.t("*有效证件号码"),
                Field(id="number", maximum=_LONGEST_NUMBER, board=Board.DIGITS),
            )
            yield FieldRow(self.t("*绑定手机"), Field(id="phone", maximum=_LONGEST_PHONE, board=Board.DIGITS))
            with Horizontal(classes="choice"):
                yield Line(self.t("*法人授权书"), classes="label")
                yield Choice(
                    tuple(self.t(each) for each in _AUTHORISATIONS.values()),
                    self.authorisation,
                    id="authorised",
                )
            yield Prose(id="message", classes="alert")
        with ActionRow():
            yield Action(self.t("Esc  返回"), id="back")
            yield Action(self.t("Enter  提交审核"), id="next", main=True)
        yield from self.last_rows()

    def opened(self) -> None:
        """Have the readings of characters at hand, which takes a moment the first time."""
        self.fetch(lambda: meant_by("a"), lambda _: None)

    def update_content(self) -> None:
        """Show the error of each field, and the message."""
        for name in _FIELDS:
            self.query_one(f"#row-{name}", FieldRow).show_error(self.localized(self.problems.get(name)))
        self.query_one("#message", Prose).say(self.localized(self.message))

    def on_choice_changed(self) -> None:
        """Note what is chosen, and forget what was said of another choice."""
        document = _KINDS[self.query_one("#document", Choice).chosen]
        if document is not self.document:
            self.problems = {name: each for name, each in self.problems.items() if name == "phone"}
        self.document = document
        self.authorisation = Authorisation(self.query_one("#authorised", Choice).chosen)
        self.message = None
        self.update_content()

    def on_field_corrected(self, message: Field.Corrected) -> None:
        """Forget the error of a field that is being corrected."""
        self.problems = {name: each for name, each in self.problems.items() if name != message.field.id}

    def scanned(self, text: str) -> None:
        """Take what was scanned for what the cursor is in, be it from a phone or a document."""
        if isinstance(self.focused, Field):
            self.focused.value = text.strip()[: self.focused.max_length]

    def _judged(self) -> tuple[OperatorDetails, OperatorFaults]:
        """What was typed as it is kept, and all that is wrong with it."""
        typed = {record: self.query_one(f"#{field}", Field).value for field, record in _FIELDS.items()}
        today = date.max if self.shell.status is None else china_day(self.shell.status.now)
        return judged_operator(OperatorDetails(document=self.document, **typed), today)

    @on(Button.Pressed, "#next")
    @on(Input.Submitted)
    def action_submit(self) -> None:
        """Ask for the review, unless something is wrong or nobody has the authorisation."""
        details, faults = self._judged()
        self.problems = {
            field: _said(faults[record]) for field, record in _FIELDS.items() if record in faults
        }
        self.message = None
        if self.problems:
            self.update_content()
            self.focus_on(next(name for name in _FIELDS if name in self.problems))
        elif self.authorisation is Authorisation.NONE_YET:
            self.message = lambda t: t(
                "添加交易员要有盖章的法人授权书：请选「有，交到窗口」或「工作人员已看过」。"
            )
            self.update_content()
            self.focus_on("authorised")
        elif self.authorisation is Authorisation.SEEN:
            self.update_content()
            self.app.push_screen(WitnessScreen(), lambda staff: self._witnessed(details, staff))
        else:
            self._propose(details, None)

    def _witnessed(self, details: OperatorDetails, staff: StaffSession | None) -> None:
        if staff is not None:
            self._propose(details, staff)

    def _propose(self, details: OperatorDetails, staff: StaffSession | None) -> None:
        self.update_content()
        propose, session = self.shell.service.propose_operator, self.session
        self.ask(
            lambda: propose(session, details, True, staff),  # noqa: FBT003 - the verb's own signature
            self._proposed,
            self.t("正在提交，请稍候"),
        )

    def _proposed(self, outcome: ProposalOutcome) -> None:
        if isinstance(outcome, Refused):
            self.message = self.refusal(outcome)
            self.update_content()
            return
        self.wipe()
        self.dismiss(outcome)

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Leave, unless the review is being asked for."""
        if not self.busy:
            self.dismiss(None)


def _said(fault: OperatorFault) -> LazyText:
    return lambda t: t(OPERATOR_FAULTS[fault])
