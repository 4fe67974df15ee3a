"""添加交易员: the operators that the account proposed, what became of them, and one more."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, OptionList
from textual.widgets.option_list import Option

from kiosk.desk.requests.views import ProposalOutcome, ProposalsOutcome, ProposalView
from kiosk.desk.views.refusals import Refused
from kiosk.domain.requests import ProposalState
from kiosk.text.flows import PROPOSING
from kiosk.text.proposals import ELSEWHERE, in_order, proposal_details, proposal_row
from kiosk.ui.page import Overlay
from kiosk.ui.screens.common.confirm import ConfirmScreen, Question
from kiosk.ui.screens.member.operator_form import OperatorFormScreen
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.rows import StepRow

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views.people import Session
    from kiosk.text.wording import LazyText, Text

_FORM, _REVIEW, _RESULT = range(3)


class AddOperatorScreen(Overlay[None]):
    """Shown over the page that opened it, whose member is signed in."""

    CSS_PATH = "member.tcss"
    ENDS_WITH_STEP = True
    AUTO_FOCUS = "#add"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("w", "withdraw", show=False),
        Binding("n", "add", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.proposals: tuple[ProposalView, ...] | None = None
        self.message: LazyText | None = None
        self.good = False

    def compose(self) -> ComposeResult:
        """The proposals, what becomes of the one that is marked, and what is done elsewhere."""
        yield self.title_row()
        yield self.head_row(self.t("添加交易员"), PROPOSING, _FORM)
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Prose(
                self.t(
                    "一把key盘同一时间只能进一个「交易专场」：要同时进几个，先为企业添加交易员，审核通过后各自缴费、绑定。"
                ),
                id="why",
                classes="muted",
            )
            yield Line(self.t("已提交的申请"), id="label", classes="strong")
            yield OptionList(id="proposals", markup=False)
            yield Prose(id="details")
            yield Prose(id="message", classes="alert")
            yield Prose(self.t(ELSEWHERE), id="elsewhere", classes="muted")
        with ActionRow():
            yield Action(self.t("Esc  返回"), id="back")
            yield Action(self.t("W  撤回申请"), id="withdraw")
            yield Action(self.t("N  添加一位"), id="add", main=True)
        yield from self.last_rows()

    def opened(self) -> None:
        """Read the proposals."""
        self.seen()
        proposals, session = self.shell.service.proposals, self.session
        self.ask(lambda: proposals(session), self._arrived, self.t("正在查询，请稍候"))

    def status_changed(self) -> None:
        """Read them again once something was written, as where the exchange decided."""
        proposals, session = self.shell.service.proposals, self.session
        if self.proposals is not None:
            self.look_again(lambda: proposals(session), self._looked)

    def _arrived(self, outcome: ProposalsOutcome) -> None:
        if isinstance(outcome, Refused):
            self._say(self.refusal(outcome))
            return
        self.proposals = in_order(outcome)
        self.update_content()

    def _looked(self, outcome: ProposalsOutcome) -> bool:
        """Show what changed; the proposal that was marked stays so."""
        if isinstance(outcome, Refused):
            return False
        if in_order(outcome) != self.proposals:
            self.proposals = in_order(outcome)
            self.update_content()
        return True

    @property
    def marked(self) -> ProposalView | None:
        """The proposal that is marked."""
        rows = self.query_one("#proposals", OptionList)
        if rows.highlighted is None or not self.proposals:
            return None
        return self._named(rows.get_option_at_index(rows.highlighted).id)

    def _named(self, proposal: str | None) -> ProposalView | None:
        return next((each for each in self.proposals or () if each.proposal == proposal), None)

    def update_content(self) -> None:
        """Show the proposals, and what is to be said."""
        message = self.query_one("#message", Prose)
        message.say(self.localized(self.message))
        message.set_class(self.good, "good")
        if self.proposals is None:
            self._show_marked()
            return
        marked = self.marked
        rows = self.query_one("#proposals", OptionList)
        rows.clear_options()
        if not self.proposals:
            rows.add_option(Option(self.t("还没有申请"), disabled=True))
        rows.add_options([Option(proposal_row(self.t, each), id=each.proposal) for each in self.proposals])
        self._mark(None if marked is None else marked.proposal)

    def _mark(self, proposal: str | None) -> None:
        rows = self.query_one("#proposals", OptionList)
        found = (place for place, each in enumerate(self.proposals or ()) if each.proposal == proposal)
        rows.highlighted = next(found, 0) if self.proposals else None
        self._show_marked()

    def _show_marked(self) -> None:
        """What became of the one that is marked; it can be taken back while it waits."""
        view = self.marked
        self.query_one("#details", Prose).say("" if view is None else proposal_details(self.t, view))
        waits = view is not None and view.state is ProposalState.UNDER_REVIEW
        self.query_one("#withdraw", Action).disabled = not waits
        step = _FORM if view is None else _REVIEW if waits else _RESULT
        self.query_one(StepRow).show(self.t, PROPOSING, step)

    def on_option_list_option_highlighted(self) -> None:
        """Tell of the one that is marked now."""
        self._show_marked()

    @on(Button.Pressed, "#add")
    def action_add(self) -> None:
        """Ask who it is."""
        if not self.busy:
            self._say(None)
            self.app.push_screen(OperatorFormScreen(self.session), self._added)

    def _added(self, view: ProposalView | None) -> None:
        if view is not None:
            self._put(view)
            self._say(lambda t: t("已提交，审核中。"), good=True)

    def _put(self, view: ProposalView) -> None:
        """Show the proposal as it stands now, and mark it."""
        others = (each for each in self.proposals or () if each.proposal != view.proposal)
        self.proposals = in_order((*others, view))
        self.update_content()
        self._mark(view.proposal)

    @on(Button.Pressed, "#withdraw")
    def action_withdraw(self) -> None:
        """Ask whether to take the marked one back."""
        view = self.marked
        if view is None or view.state is not ProposalState.UNDER_REVIEW or self.busy:
            return

        def question(t: Text) -> Question:
            return Question(
                title=t("撤回申请"),
                text=t("撤回后交易所不再审核，填的资料会从本机删除。要撤回吗？"),
                yes=t("撤回"),
                no=t("不撤回"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                self._withdraw(view)

        self.app.push_screen(ConfirmScreen(question), answered)

    def _withdraw(self, view: ProposalView) -> None:
        withdraw, session = self.shell.service.withdraw_operator, self.session
        self.ask(lambda: withdraw(session, view.proposal), self._withdrawn, self.t("正在撤回，请稍候"))

    def _withdrawn(self, outcome: ProposalOutcome) -> None:
        if isinstance(outcome, Refused):
            self._say(self.refusal(outcome))
            return
        self._put(outcome)
        self._say(lambda t: t("已撤回。"), good=True)

    def _say(self, message: LazyText | None, *, good: bool = False) -> None:
        self.message, self.good = message, good
        self.update_content()

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Close."""
        if not self.busy:
            self.dismiss(None)
