"""企业账户信息: the enterprise, its operators, and those who wait for the exchange's review."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Button
from textual.widgets.option_list import Option

from kiosk.domain.members import Review
from kiosk.text.cells import columns
from kiosk.text.user_centre import REVIEWS, operator_row, proposal_row
from kiosk.ui.screens.member.add_operator import AddOperatorScreen
from kiosk.ui.screens.member.facts import OperatorPage, ProposalPage
from kiosk.ui.screens.member.member_page import MemberPage
from kiosk.ui.widgets.actions import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from kiosk.text.user_centre import Fact

_OPERATOR, _PROPOSAL = "operator-", "proposal-"


class EnterprisePage(MemberPage):
    """The enterprise's own facts and the list of its people, to which one may be added."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "add_operator", show=False)]

    def heading(self) -> str:
        """As on the web site."""
        return self.t("企业账户信息")

    def facts(self) -> Sequence[Fact]:
        """Name, code and review."""
        enterprise = self.view.enterprise
        return [
            (self.t("企业名称"), enterprise.name),
            (self.t("统一社会信用代码"), enterprise.code),
            (self.t("审核"), self.t(REVIEWS[enterprise.review])),
        ]

    def note(self) -> str:
        """What 审核中 means."""
        if self.view.enterprise.review is Review.UNDER_REVIEW:
            return self.t("企业审核中，不能交易；已通过的交易员照常缴费、绑定、续期。")
        return ""

    def label(self) -> str:
        """How to go on."""
        count = len(self.view.enterprise.operators)
        return self.t("交易员 {count} 位（选中按 Enter 查看）", count=count)

    def rows(self) -> Sequence[Option]:
        """The operators by account, then those who were proposed."""
        enterprise, own = self.view.enterprise, self.view.session.account
        table = [operator_row(self.t, each, own) for each in enterprise.operators]
        lines = columns(table, self.room, gap=2)
        return [
            *(
                Option(line, id=f"{_OPERATOR}{each.account}")
                for line, each in zip(lines, enterprise.operators, strict=True)
            ),
            *(
                Option(proposal_row(self.t, each), id=f"{_PROPOSAL}{each.proposal}")
                for each in enterprise.proposals
            ),
        ]

    def actions(self) -> Iterable[Widget]:
        """One more operator."""
        yield Action(self.t("A  添加交易员"), id="add-operator")

    @on(Button.Pressed, "#add-operator")
    def action_add_operator(self) -> None:
        """Open 添加交易员; what was proposed there stands here at the next status."""
        self.app.push_screen(AddOperatorScreen(self.view.session))

    def choose(self, option: str) -> None:
        """Open that person's page."""
        if option.startswith(_OPERATOR):
            self.app.push_screen(OperatorPage(self.view, option.removeprefix(_OPERATOR)))
        else:
            self.app.push_screen(ProposalPage(self.view, option.removeprefix(_PROPOSAL)))
