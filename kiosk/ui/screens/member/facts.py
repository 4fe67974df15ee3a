"""The page of one operator, and of one who was proposed: facts and a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.text.proposals import proposal_details
from kiosk.text.user_centre import (
    operator_facts,
    own_key_facts,
    own_key_notes,
    proposal_facts,
)
from kiosk.ui.screens.member.member_page import MemberPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kiosk.desk.member.views import OperatorView, UserCentreView
    from kiosk.desk.requests.views import ProposalView
    from kiosk.text.user_centre import Fact


class OperatorPage(MemberPage):
    """An operator of the member's enterprise; of the member also the key itself."""

    def __init__(self, view: UserCentreView, account: str) -> None:
        super().__init__(view)
        self._account = account

    @property
    def _operator(self) -> OperatorView | None:
        """The operator, unless the centre took the row away meanwhile."""
        operators = self.view.enterprise.operators
        return next((each for each in operators if each.account == self._account), None)

    @property
    def _is_own(self) -> bool:
        return self._account == self.view.session.account

    def heading(self) -> str:
        """The page's title."""
        return self.t("key盘和有效期") if self._is_own else self.t("交易员")

    def facts(self) -> Sequence[Fact]:
        """The operator, and the member's own key."""
        operator = self._operator
        if operator is None:
            return ()
        own = own_key_facts(self.t, self.view.key) if self._is_own else []
        return [*operator_facts(self.t, operator), *own]

    def note(self) -> str:
        """What was renewed."""
        return own_key_notes(self.t, self.view.key) if self._is_own else ""


class ProposalPage(MemberPage):
    """An operator who was proposed, with the reason where the exchange refused."""

    def __init__(self, view: UserCentreView, proposal: str) -> None:
        super().__init__(view)
        self._name = proposal

    @property
    def _proposal(self) -> ProposalView | None:
        """The proposal, unless it was taken back meanwhile."""
        proposals = self.view.enterprise.proposals
        return next((each for each in proposals if each.proposal == self._name), None)

    def heading(self) -> str:
        """The page's title."""
        return self.t("申请添加的交易员")

    def facts(self) -> Sequence[Fact]:
        """The person, and what was decided."""
        proposal = self._proposal
        return () if proposal is None else proposal_facts(self.t, proposal)

    def note(self) -> str:
        """What that means."""
        proposal = self._proposal
        return "" if proposal is None else proposal_details(self.t, proposal)
